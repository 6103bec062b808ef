"""Index of an experiment: a cached copy of the records of all its runs.

Opening three small files per run takes seconds for thousands of runs. The index holds their contents, each
entry with the size and modification time of the run's status file. An entry that does not match is read
again from the run. An index that is missing, damaged or not writable costs time and nothing else.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tracekit.errors import StoreError
from tracekit.traces.files import (
    CONFIG_FILE,
    INDEX_FILE,
    META_FILE,
    STATUS_FILE,
    read_json,
    write_whole,
)

#: Names of a run's records, and the files that hold them.
_RECORDS = {"config": CONFIG_FILE, "meta": META_FILE, "status": STATUS_FILE}


def read_records(
    folder: Path, names: list[str] | None = None, *, keep: bool = True
) -> dict[str, dict[str, Any]]:
    """Return the contents of each run's config, meta and status file, by run.

    Parameters
    ----------
    folder : Path
        The experiment's folder.
    names : list of str, optional
        Runs to read; by default every folder in it that holds a run.
    keep : bool
        Bring the index up to date.

    Raises
    ------
    StoreError
        A run's record is missing or damaged.
    """
    if names is None:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and entry.name[0] != ".")
    known = _load(folder / INDEX_FILE) if keep else {}
    found: dict[str, dict[str, Any]] = {}
    fresh = False
    for name in names:
        stamp = _stamp(folder / name)
        if stamp is None:
            continue
        entry = known.get(name)
        if entry is None or entry.get("stamp") != stamp:
            fresh = True
            entry = {"stamp": stamp}
            entry |= {key: read_json(folder / name / file) for key, file in _RECORDS.items()}
        found[name] = entry
    if keep and (fresh or found.keys() != known.keys()):
        _save(folder / INDEX_FILE, found)
    return found


def _stamp(run: Path) -> list[int] | None:
    """Return size and modification time of the run's status file; None for a folder that holds no run."""
    try:
        status = (run / STATUS_FILE).stat()
    except OSError:
        if (run / CONFIG_FILE).exists():
            raise StoreError(
                f"{run / STATUS_FILE} is missing; `tracekit doctor --quarantine` sets incomplete runs aside."
            ) from None
        return None
    return [status.st_size, status.st_mtime_ns]


def _load(path: Path) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # The index is a copy: without it everything is read from the runs.
    entries = content.get("runs", {}) if isinstance(content, dict) else {}
    return {
        name: entry
        for name, entry in entries.items()
        if isinstance(entry, dict) and {"stamp", *_RECORDS} <= entry.keys()
    }


def _save(path: Path, entries: dict[str, dict[str, Any]]) -> None:
    text = json.dumps({"note": "a copy of the runs' records; may be deleted", "runs": entries})
    try:
        write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    except StoreError:
        return  # Reading a store must not need permission to write to it.
