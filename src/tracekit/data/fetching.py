"""Download of data sets: checked by hash, unpacked member by member into the cache folder."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from tracekit.data.cifar10 import BINARY_FILES, cache_folder
from tracekit.errors import DataError
from tracekit.registry import Registry


class ProgressBar(Protocol):
    """Interface that pooch calls while it downloads (the part of tqdm's that it uses)."""

    total: int | float

    def update(self, n: int) -> object:
        """Advance by `n` bytes."""

    def reset(self) -> object:
        """Set the bar back to zero."""

    def close(self) -> object:
        """Close the bar: the download has ended."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A published archive and the files to unpack from it."""

    url: str
    hash: str  #: "md5:..." or "sha256:...", as its publisher states it
    folder: str  #: folder in the cache that the files go to
    files: tuple[str, ...]  #: base names of the members to unpack


ARCHIVES: Registry[Archive] = Registry("downloadable data set")
ARCHIVES.add(
    "cifar10",
    Archive(
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        hash="md5:c32a1d4ab5d03f1284b67883e8d87530",
        folder="cifar-10-batches-bin",
        files=BINARY_FILES,
    ),
)


def fetch(
    name: str,
    *,
    destination: str | Path | None = None,
    url: str | None = None,
    known_hash: str | None = None,
    progress: ProgressBar | None = None,
) -> Path:
    """Download a data set and unpack it; leave a folder that is already complete as it is.

    Parameters
    ----------
    name : str
        A downloadable data set, e.g. ``cifar10``.
    destination : str or Path, optional
        Folder to unpack into; the cache folder by default.
    url : str, optional
        A mirror of the archive.
    known_hash : str, optional
        ``"md5:..."`` or ``"sha256:..."`` of the archive at `url`; the published one by default.
    progress : ProgressBar, optional
        Told the total and each chunk, in bytes.

    Returns
    -------
    Path
        The folder that holds the files.

    Raises
    ------
    DataError
        No network, wrong hash, or an archive without the expected files.
    """
    archive = ARCHIVES[name]
    root = cache_folder() if destination is None else Path(destination)
    folder = root / archive.folder
    if all((folder / file).is_file() for file in archive.files):
        return folder
    source = url or archive.url
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".fetch-") as scratch:
            downloaded = _download(source, known_hash or archive.hash, Path(scratch), progress)
            unpacked = Path(scratch) / "unpacked"
            unpacked.mkdir()
            _unpack(downloaded, archive.files, unpacked)
            if folder.exists():
                shutil.rmtree(folder)
            unpacked.replace(folder)
    except OSError as error:
        raise DataError(f"cannot write to {root} ({error.strerror or error}); pass --data-dir.") from error
    return folder


def _download(url: str, known_hash: str, scratch: Path, progress: ProgressBar | None) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    try:
        path = pooch.retrieve(
            url,
            known_hash=known_hash,
            fname="archive.tar.gz",
            path=scratch,
            downloader=pooch.HTTPDownloader(progressbar=progress or False, timeout=30),
        )
    except requests.exceptions.RequestException as error:
        raise DataError(
            f"cannot download {url} ({type(error).__name__}); connect to the network, or download the archive "
            "elsewhere, unpack it, and pass its folder as --data-dir."
        ) from error
    except ValueError as error:
        # pooch reports a wrong hash as a ValueError, and has removed the file by then.
        raise DataError(
            f"the download from {url} does not have the expected hash {known_hash}; try again or use another mirror."
        ) from error
    return Path(path)


def _unpack(archive: Path, files: tuple[str, ...], destination: Path) -> None:
    """Copy the wanted regular files by base name: no path, link or device of the archive is followed."""
    found: set[str] = set()
    try:
        with tarfile.open(archive, "r:*") as members:
            for member in members:
                base = PurePosixPath(member.name).name
                if member.isfile() and base in files and base not in found:
                    content = members.extractfile(member)
                    if content is not None:
                        with content, (destination / base).open("wb") as out:
                            shutil.copyfileobj(content, out)
                        found.add(base)
    except (tarfile.TarError, EOFError) as error:
        detail = str(error).splitlines()[0].rstrip(":")
        raise DataError(f"the downloaded archive cannot be unpacked ({detail}); fetch it again.") from error
    missing = [name for name in files if name not in found]
    if missing:
        raise DataError(f"the downloaded archive lacks {', '.join(missing)}; use the official archive.")
