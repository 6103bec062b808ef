"""Lock of a run's folder: one writer per run; the system releases the lock when its process ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO

from tracekit.errors import StoreError
from tracekit.traces.files import LOCK_FILE

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class RunLock:
    """Exclusive lock on a run's folder, held while the run is written.

    Raises
    ------
    StoreError
        Another process is writing the run, or the folder cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._path = folder / LOCK_FILE
            self._file = self._path.open("ab")
        except OSError as error:
            raise StoreError(
                f"cannot write {folder / LOCK_FILE} ({error.strerror or error}); choose a writable folder."
            ) from error
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise StoreError(
                f"{folder} is being written by another process; wait for it, or write to another folder."
            ) from None

    def release(self) -> None:
        """Release the lock, so that others can write the run."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def is_held(folder: Path) -> bool:
    """Return whether a run is being written; this check writes nothing."""
    try:
        with (folder / LOCK_FILE).open("rb") as file:
            try:
                _lock(file)
            except OSError:
                return True
    except OSError:
        pass  # no lock file, or no permission to read it
    return False
