"""File names of a store, and atomic writes: a file is whole or absent.

Layout::

    EXPERIMENT/experiment.json          name, schema version, resolved configuration, command
    EXPERIMENT/index.json               copy of the runs' records; written again when it is out of date
    EXPERIMENT/RUN/config.json          attributes (columns joined to the table) and configuration
    EXPERIMENT/RUN/meta.json            versions, git commit, processor; no name of a person or machine
    EXPERIMENT/RUN/status.json          status of the run, and its parts with their checksums
    EXPERIMENT/RUN/checkpoint.npz       state from which an interrupted run continues; removed when it has ended
    EXPERIMENT/RUN/traces/part-*.parquet
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracekit.errors import StoreError

EXPERIMENT_FILE = "experiment.json"
INDEX_FILE = "index.json"
CONFIG_FILE = "config.json"
META_FILE = "meta.json"
STATUS_FILE = "status.json"
CHECKPOINT_FILE = "checkpoint.npz"
LOCK_FILE = ".lock"
TRACES_FOLDER = "traces"
QUARANTINE_FOLDER = "quarantine"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it: readers see the whole file or none.

    Raises
    ------
    StoreError
        The folder cannot be written to or the disk is full; `path` is then as it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # a file system that has become read-only keeps the leftover
            temporary.unlink(missing_ok=True)
        # Arrow's errors name the temporary file at length.
        cause = os.strerror(error.errno) if error.errno else error
        raise StoreError(
            f"cannot write {path} ({cause}); choose a writable folder with free space."
        ) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, whole or not at all; raise ValueError for NaN, which JSON does not have."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; raise StoreError if the file is missing, unreadable or not an object."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            f"{path} is missing; `tracekit doctor --quarantine` sets incomplete runs aside."
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(
            f"{path} cannot be read as JSON ({error}); `tracekit doctor --quarantine` sets its run aside."
        ) from None
    if not isinstance(content, dict):
        raise StoreError(
            f"{path} must hold a JSON object; `tracekit doctor --quarantine` sets its run aside."
        )
    return content


def make_folder(path: Path) -> None:
    """Create a folder with its parents; raise StoreError where that is impossible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot create the folder {path} ({error.strerror or error}); choose a writable folder."
        ) from error


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
