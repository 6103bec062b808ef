"""CIFAR-10 (Krizhevsky 2009), read from its official files: the binary records or the Python pickles."""

from __future__ import annotations

import codecs
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from tracekit.data.dataset import Dataset, dataset
from tracekit.errors import DataError

DATA_DIR_VARIABLE = "TRACEKIT_DATA_DIR"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_PIXELS = 3 * 32 * 32
_RECORD_BYTES = 1 + _PIXELS  # one label byte, then the red, green and blue planes of 1,024 bytes

_TRAIN_STEMS = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST_STEM = "test_batch"
PICKLE_FILES = (*_TRAIN_STEMS, _TEST_STEM)
BINARY_FILES = tuple(f"{stem}.bin" for stem in (*_TRAIN_STEMS, _TEST_STEM))


def cache_folder() -> Path:
    """Return the folder to which `tracekit data fetch` downloads data sets."""
    return Path(platformdirs.user_cache_dir("tracekit"))


@dataset("cifar10")
def load_cifar10(data_dir: Path | None = None) -> Dataset:
    """60,000 colour images of 32x32 pixels in 10 classes; pixels are divided by 255.

    The files are looked for in `data_dir` if it is given; else in the folder that TRACEKIT_DATA_DIR names, then in
    the cache folder; in each also in the folders that the official archives unpack to. All six files must be
    present; each may hold any whole number of records, so that a subset is a data set too.
    """
    folder, suffix = _find(data_dir)
    read: Callable[[Path], tuple[np.ndarray, np.ndarray]] = read_binary if suffix else read_pickle
    paths = [folder / name for name in (BINARY_FILES if suffix else PICKLE_FILES)]
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}; put all six official CIFAR-10 files into it.")
    *train, (test_images, test_labels) = (read(path) for path in paths)
    images, labels = zip(*train, strict=True)
    return Dataset(
        name="cifar10",
        train_images=np.concatenate(images),
        train_labels=np.concatenate(labels),
        test_images=test_images,
        test_labels=test_labels,
        classes=CLASSES,
    )


def _find(data_dir: Path | None) -> tuple[Path, str]:
    """Return the first folder that holds the first training file, and the suffix of its form."""
    if data_dir is not None:
        roots = [data_dir]
    else:
        named = os.environ.get(DATA_DIR_VARIABLE)
        roots = ([Path(named)] if named else []) + [cache_folder()]
    for root in roots:
        for folder in (root, root / "cifar10", root / "cifar-10-batches-bin", root / "cifar-10-batches-py"):
            for suffix in (".bin", ""):
                if (folder / f"{_TRAIN_STEMS[0]}{suffix}").is_file():
                    return folder, suffix
    looked = " or ".join(str(root) for root in roots)
    raise DataError(
        f"no CIFAR-10 files (data_batch_1.bin or data_batch_1) in {looked}; pass --data-dir, "
        f"set {DATA_DIR_VARIABLE}, or run `tracekit data fetch cifar10`."
    )


def read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one file of binary records.

    Returns
    -------
    images : ndarray of float32, (n, 32, 32, 3), in [0, 1]
    labels : ndarray of int64, (n,)

    Raises
    ------
    DataError
        The file is empty, truncated, or has labels above 9.
    """
    content = _bytes_of(path)
    n_records, remainder = divmod(len(content), _RECORD_BYTES)
    if remainder or not n_records:
        raise DataError(
            f"{path} is truncated: its {len(content)} bytes are {n_records} whole records of {_RECORD_BYTES} bytes "
            f"and {remainder} bytes left over; fetch it again."
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(n_records, _RECORD_BYTES)
    return _decoded(path, records[:, 1:], records[:, 0])


def read_pickle(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read one pickle of the Python form, through an unpickler that admits plain data only.

    Returns and raises as `read_binary`. A pickle that asks for anything but arrays, lists, dicts,
    strings and numbers raises DataError, and none of its code runs.
    """
    try:
        content = _PlainDataUnpickler(io.BytesIO(_bytes_of(path)), encoding="bytes").load()
        pixels, labels = content[b"data"], content[b"labels"]
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
            raise ValueError("its `data` is no 2-d uint8 array")
        if pixels.shape != (len(labels), _PIXELS) or not len(labels):
            raise ValueError(f"its `data` has shape {pixels.shape} for {len(labels)} labels")
        codes = np.asarray(labels, dtype=np.int64)
    except DataError:
        raise
    except Exception as error:
        # A damaged pickle can raise nearly any error; each means that the file is not usable.
        raise DataError(
            f"{path} is not a CIFAR-10 batch in the Python form ({error}); fetch it again."
        ) from error
    return _decoded(path, pixels, codes)


#: NumPy's function that builds arrays from pickles; its module is private and differs between versions.
_RECONSTRUCT = np.empty(0).__reduce__()[0]

#: The names that pickles of arrays and strings ask for, in old and new modules, and what they get.
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,  # how Python 3 writes bytes in a pickle that Python 2 can read
}


class _PlainDataUnpickler(pickle.Unpickler):
    """Admits the builders of NumPy arrays and of byte strings, and nothing else that has a name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ADMITTED:
            raise DataError(
                f"the pickle asks for {module}.{name}, which CIFAR-10 batches never need; "
                "it was not loaded: fetch the official file."
            )
        return _ADMITTED[module, name]


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from error


def _decoded(path: Path, pixels: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert planes of bytes to channels-last float32 in [0, 1], and checked labels to int64."""
    if labels.min() < 0 or labels.max() >= len(CLASSES):
        wrong = int(np.flatnonzero((labels < 0) | (labels >= len(CLASSES)))[0])
        raise DataError(
            f"{path} has the label {int(labels[wrong])} in record {wrong}, but labels run from 0 to 9; fetch it "
            "again."
        )
    planes = pixels.reshape(-1, 3, 32, 32)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1)).astype(np.float32) / np.float32(255.0)
    return images, labels.astype(np.int64)
