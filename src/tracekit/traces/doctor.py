"""Store examination: find damaged, missing and foreign files, and move damaged ones to a quarantine folder."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracekit.errors import StoreError
from tracekit.traces.files import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    EXPERIMENT_FILE,
    META_FILE,
    QUARANTINE_FOLDER,
    STATUS_FILE,
    TRACES_FOLDER,
    checksum,
    make_folder,
    read_json,
    write_json,
)
from tracekit.traces.lock import RunLock, is_held
from tracekit.traces.parts import PartRecord, check_version, read_part
from tracekit.traces.schema import ENDED_STATUSES, SCHEMA_VERSION, STATUSES


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem of a store."""

    run: str  #: name of the run; empty for the experiment itself
    path: Path  #: the file or folder
    problem: str  #: what is wrong, as a clause
    loss: Literal["none", "values", "run"]  #: what cannot be read because of it
    movable: bool  #: whether the file can be set aside, so that the rest is readable


def examine(path: str | Path, *, planned: Mapping[str, Mapping[str, Any]] | None = None) -> list[Finding]:
    """Check every record, part, checksum and count of an experiment or of one run.

    Parameters
    ----------
    path : str or Path
        The experiment's folder, or one run's.
    planned : mapping of str to mapping, optional
        The runs that the experiment consists of, in the order in which they begin, each with its configuration;
        missing, foreign and differently configured runs are found only if this is given.

    Returns
    -------
    list of Finding
        Empty if there is no problem; findings on the experiment come first, then by run and file.

    Raises
    ------
    StoreError
        The path is no folder, or there is no run in it.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a folder; give the folder that `tracekit run --out` wrote.")
    if _is_run(folder):
        return list(_run(folder))
    runs = [child for child in sorted(folder.iterdir()) if child.is_dir() and _is_run(child)]
    if not runs:
        raise StoreError(f"{folder} holds no runs; give the folder that `tracekit run --out` wrote.")
    findings = [*_experiment(folder, runs), *_copies(runs, planned or {})]
    if planned:
        findings += _against_plan(folder, runs, planned)
    for run in runs:
        findings += _run(run)
    return findings


def _experiment(folder: Path, runs: list[Path]) -> Iterator[Finding]:
    """Check the experiment's own record; runs that no sweep has made need none."""
    path = folder / EXPERIMENT_FILE
    if not path.exists():
        if any(_TRAINED in _quietly(run / CONFIG_FILE).get("configuration", {}) for run in runs):
            clause = "is missing: the sweep cannot be resumed, and which runs it should have is unknown"
            yield Finding("", path, clause, "none", movable=False)
        return
    unreadable = list(_record(path, "", "none"))
    yield from unreadable
    if not unreadable:
        try:
            check_version(path, read_json(path).get("schema_version", SCHEMA_VERSION))
        except StoreError as error:
            clause = str(error).removeprefix(f"{path} ").rstrip(".")
            yield Finding("", path, clause, "none", movable=False)


#: A setting in the configuration of every run that tracekit itself trained.
_TRAINED = "dataset_sha256"


def _quietly(path: Path) -> dict[str, Any]:
    """Read a record for comparisons; return {} if it cannot be read, which is a finding of its own."""
    try:
        return read_json(path)
    except StoreError:
        return {}


def _copies(runs: list[Path], planned: Mapping[str, Any]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    # A run that is in the plan is the original, its copy has another name.
    for run in sorted(runs, key=lambda run: run.name not in planned):
        run_id = _quietly(run / CONFIG_FILE).get("run_id")
        if run_id is None:
            continue
        original = first.setdefault(str(run_id), run)
        if original != run:
            clause = f"is a copy of {original.name} (the same run id): its values would count twice"
            yield Finding(run.name, run, clause, "none", movable=False)


def _against_plan(
    folder: Path, runs: list[Path], planned: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    found = {run.name for run in runs}
    waiting = set(not_begun(runs, list(planned)))
    for name, configuration in planned.items():
        if name not in found and name not in waiting:
            clause = "is missing, though it was planned; `tracekit resume` trains it"
            yield Finding(name, folder / name, clause, "run", movable=False)
        if name in found:
            recorded = _quietly(folder / name / CONFIG_FILE).get("configuration", {})
            other = sorted(
                key for key in configuration if key in recorded and recorded[key] != configuration[key]
            )
            if other:
                clause = f"was trained with another {', '.join(other)} than planned"
                yield Finding(name, folder / name / CONFIG_FILE, clause, "none", movable=False)
    for name in sorted(found - set(planned)):
        yield Finding(name, folder / name, "is not a run of this sweep", "none", movable=False)


def not_begun(runs: list[Path], planned: list[str]) -> list[str]:
    """Return the planned runs that still wait for their turn: those after the last begun run of an unended sweep."""
    statuses = {run.name: _quietly(run / STATUS_FILE).get("status") for run in runs}
    if not {"running", "interrupted"} & set(statuses.values()):
        return []
    last = max((number for number, name in enumerate(planned) if name in statuses), default=-1)
    return planned[last + 1 :]


def _is_run(folder: Path) -> bool:
    return any((folder / name).exists() for name in (CONFIG_FILE, STATUS_FILE, TRACES_FOLDER))


def _record(path: Path, run: str, loss: Literal["none", "run"]) -> Iterator[Finding]:
    try:
        read_json(path)
    except StoreError as error:
        clause = str(error).removeprefix(f"{path} ").rstrip(".").partition(";")[0]
        # A run without its record is moved aside whole; an experiment's own record is only information.
        yield Finding(run, path, clause, loss, movable=loss == "run")


def _run(folder: Path) -> Iterator[Finding]:
    name = folder.name
    unreadable = [
        finding
        for file in (CONFIG_FILE, META_FILE, STATUS_FILE)
        for finding in _record(folder / file, name, "run")
    ]
    yield from unreadable
    if unreadable:
        return
    config, status = read_json(folder / CONFIG_FILE), read_json(folder / STATUS_FILE)
    if status.get("status") not in STATUSES:
        yield Finding(name, folder / STATUS_FILE, f"has the status {status.get('status')!r}", "run", True)
    parts: list[PartRecord] = status.get("parts", [])
    for part in parts:
        yield from _part(folder, part, str(config.get("run_id", "")))
    for part in status.get("lost", []):
        span = f"{part['n_rows']} values of updates {part['first_step']} to {part['last_step']}"
        way_out = (
            "move the run's folder away and `tracekit resume` trains it again"
            if status.get("status") in ENDED_STATUSES
            else f"`tracekit resume{' --failed' if status.get('status') == 'failed' else ''}` records them again"
        )
        clause = f"was removed from the run's parts, with {span}; {way_out}"
        yield Finding(name, folder / TRACES_FOLDER / part["file"], clause, "values", movable=False)
    yield from _counts(folder, status, parts)
    yield from _strangers(folder, parts)
    yield from _checkpoint(folder)


def _part(folder: Path, part: PartRecord, run_id: str) -> Iterator[Finding]:
    path = folder / TRACES_FOLDER / part["file"]
    name = folder.name
    if not path.exists():
        yield Finding(name, path, f"is missing, with {part['n_rows']} values", "values", movable=True)
        return
    try:
        table = read_part(path, columns=["step"], run_id=run_id)
    except StoreError as error:
        clause = str(error).removeprefix(f"{path} ").partition(";")[0].rstrip(".")
        yield Finding(name, path, f"{clause}; it held {part['n_rows']} values", "values", movable=True)
        return
    if table.num_rows != part["n_rows"]:
        clause = f"holds {table.num_rows} values, but {part['n_rows']} were written"
        yield Finding(name, path, clause, "values", movable=True)
    elif checksum(path) != part["sha256"]:
        yield Finding(name, path, "does not have the checksum it was written with", "values", movable=True)


def _counts(folder: Path, status: dict[str, Any], parts: list[PartRecord]) -> Iterator[Finding]:
    expected = sum(part["n_rows"] for part in parts)
    if status.get("n_rows") != expected:
        clause = f"counts {status.get('n_rows')} values, but its parts hold {expected}"
        yield Finding(folder.name, folder / STATUS_FILE, clause, "none", movable=False)


def _strangers(folder: Path, parts: list[PartRecord]) -> Iterator[Finding]:
    """Find files that no record names: leftovers of a killed writer, or parts put there by hand.

    A run that is being written is not checked: its writer makes such files all the time.
    """
    if is_held(folder):
        return
    listed = {part["file"] for part in parts}
    for path in sorted((folder / TRACES_FOLDER).glob("*")):
        if path.name not in listed:
            kind = (
                "is a leftover of an interrupted write"
                if path.name[0] == "."
                else "is not a part of this run"
            )
            yield Finding(folder.name, path, kind, "none", movable=True)


def _checkpoint(folder: Path) -> Iterator[Finding]:
    path = folder / CHECKPOINT_FILE
    if path.exists() and not zipfile.is_zipfile(path):
        clause = "cannot be read; without it the run starts again from the beginning"
        yield Finding(folder.name, path, clause, "none", movable=True)


def quarantine(findings: list[Finding]) -> list[Path]:
    """Move damaged files into their run's quarantine folder and remove them from its list of parts.

    A run whose own records cannot be read moves as a whole, into the experiment's quarantine folder. Nothing is
    deleted. The run's status keeps naming the parts that it has lost, and so does `examine`. Values that a finished
    run has lost are not recorded again: to get them, move the run's folder away and resume the experiment.

    For a run that has not ended, the later parts and the checkpoint move too: `tracekit resume` then records the
    run again from before the gap, and does not continue after it.

    Returns
    -------
    list of Path
        Where the files are now.

    Raises
    ------
    StoreError
        A run is being written by another process, or its folder cannot be written to.
    """
    moved = []
    for finding in findings:
        if not finding.movable:
            continue
        if finding.loss == "run":
            if finding.path.parent.exists():
                moved.append(_set_aside(finding.path.parent, finding.path.parents[1] / QUARANTINE_FOLDER))
            continue
        run = finding.path.parent if finding.path.name == CHECKPOINT_FILE else finding.path.parents[1]
        lock = RunLock(run)
        try:
            if finding.path.exists():
                moved.append(_set_aside(finding.path, run / QUARANTINE_FOLDER))
            moved += _strike_off(run, finding.path.name)
        finally:
            lock.release()
    return moved


def _set_aside(path: Path, folder: Path) -> Path:
    make_folder(folder)
    target = folder / path.name
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{path.name}.{number}"
    try:
        return path.rename(target)
    except OSError as error:
        raise StoreError(f"cannot move {path} to {target} ({error.strerror or error}).") from error


def _strike_off(run: Path, file: str) -> list[Path]:
    """Remove a part from the run's list, and for an unfinished run all later parts; return the moved files."""
    status = read_json(run / STATUS_FILE)
    parts: list[PartRecord] = status.get("parts", [])
    struck = [part for part in parts if part["file"] == file]
    if not struck:
        return []
    moved: list[Path] = []
    step = status.get("step", 0)
    if status.get("status") not in ENDED_STATUSES:
        first = struck[0]["first_step"]
        later = [part for part in parts if part["file"] != file and part["last_step"] >= first]
        # The checkpoint first: a process killed in between must not leave a checkpoint from after the gap.
        paths = [run / CHECKPOINT_FILE, *(run / TRACES_FOLDER / part["file"] for part in later)]
        moved = [_set_aside(path, run / QUARANTINE_FOLDER) for path in paths if path.exists()]
        struck += later
        step = max((part["last_step"] for part in parts if part not in struck), default=0)
    kept = [part for part in parts if part not in struck]
    changes = {"step": step, "parts": kept, "n_rows": sum(part["n_rows"] for part in kept)}
    write_json(run / STATUS_FILE, status | changes | {"lost": [*status.get("lost", []), *struck]})
    return moved
