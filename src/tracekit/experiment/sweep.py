"""Sweep: all runs of a grid in one experiment folder; `run_sweep` starts one, `resume_sweep` continues it."""

from __future__ import annotations

import datetime
import logging
import shutil
from pathlib import Path

from tracekit import __version__
from tracekit.data import Dataset, load_dataset
from tracekit.errors import ArgumentError, OutputExistsError, StoreError, argument_sentence
from tracekit.experiment.checkpointing import Interrupted
from tracekit.experiment.config import Sweep
from tracekit.experiment.environment import check_continuation
from tracekit.experiment.execution import ProgressListener, Task, execute_tasks
from tracekit.experiment.run import check_run
from tracekit.traces import SCHEMA_VERSION, Experiment, make_folder, open_experiment, write_json
from tracekit.traces.files import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    EXPERIMENT_FILE,
    META_FILE,
    STATUS_FILE,
    read_json,
)
from tracekit.traces.lock import RunLock

_log = logging.getLogger("tracekit.experiment")


def run_sweep(
    sweep: Sweep,
    out: str | Path,
    *,
    data_dir: str | Path | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    flush_seconds: float = 5.0,
    overwrite: bool = False,
    progress: ProgressListener | None = None,
) -> Experiment:
    """Train and record every run of a sweep.

    A run that diverges or fails is recorded as such, and the others continue.

    Parameters
    ----------
    sweep : Sweep
        What to run.
    out : str or Path
        The experiment's folder; created.
    data_dir : str or Path, optional
        Folder of the data set's files; see `tracekit.data.load_dataset`.
    jobs : int, optional
        Number of worker processes; by default the number of processors. Traces do not depend on it.
    threads : int, optional
        Threads per worker; by default the workers share the processors equally. Traces do not depend on it.
    flush_seconds : float
        Write to disk every this many seconds; a killed process loses at most that much of each run.
    overwrite : bool
        Replace an experiment in `out`; anything else in it is never removed.
    progress : callable, optional
        Receives `RunProgress`.

    Returns
    -------
    Experiment
        The finished store.

    Raises
    ------
    OutputExistsError
        `out` is not empty.
    ArgumentError, DataError, StoreError
        The sweep cannot be run; raised before the first run, and before anything is removed.
    Interrupted
        Ctrl-C; the recorded values are kept, and `resume_sweep` continues the sweep.
    """
    _check_numbers(jobs=jobs, threads=threads, flush_seconds=flush_seconds)
    folder = Path(out)
    dataset = load_dataset(sweep.dataset, data_dir=data_dir)
    tasks = [
        Task(name, config, folder / name, threads, flush_seconds, resume=False)
        for name, config in sweep.named_runs()
    ]
    for note in dict.fromkeys(check_run(task.config, dataset) for task in tasks):
        if note:
            _log.warning(note)
    _claim(folder, overwrite)
    write_json(
        folder / EXPERIMENT_FILE,
        {
            "name": folder.resolve().name,
            "schema_version": SCHEMA_VERSION,
            "tracekit_version": __version__,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": sweep.command(f"runs/{folder.resolve().name}"),
            "threads": threads,
            "configuration": sweep.model_dump(mode="json"),
        },
    )
    _execute(tasks, folder, dataset, data_dir, jobs, progress)
    return open_experiment(folder)


def resume_sweep(
    path: str | Path,
    *,
    data_dir: str | Path | None = None,
    jobs: int | None = None,
    threads: int | None = None,
    flush_seconds: float = 5.0,
    failed: bool = False,
    progress: ProgressListener | None = None,
) -> Experiment:
    """Continue an experiment that was stopped: interrupted runs from their checkpoints, the others from the start.

    The traces become those of an experiment that was never stopped, bit for bit; only the run id in the
    files differs.

    Parameters
    ----------
    path : str or Path
        The experiment's folder.
    failed : bool
        Also train failed runs again.
    threads : int, optional
        Threads per worker; by default as when the experiment was begun.
    data_dir, jobs, flush_seconds, progress
        As in `run_sweep`.

    Raises
    ------
    StoreError
        The folder holds no experiment, another process is writing one of its runs, or a run was recorded
        with compiled loops that are not used now, or the reverse.
    Interrupted
        Ctrl-C, again.
    """
    _check_numbers(jobs=jobs, threads=threads, flush_seconds=flush_seconds)
    folder = Path(path)
    unfinished = unfinished_runs(folder, failed=failed)
    record = read_json(folder / EXPERIMENT_FILE)
    sweep = Sweep(**record.get("configuration", {}))
    dataset = load_dataset(sweep.dataset, data_dir=data_dir)
    threads = threads or record.get("threads")
    tasks = []
    for name, config in sweep.named_runs():
        if name in unfinished:
            begun = _status(folder / name) is not None
            if not begun and (folder / name).exists():
                # The process ended while it made the folder, before it wrote anything worth keeping.
                shutil.rmtree(folder / name)
            tasks.append(Task(name, config, folder / name, threads, flush_seconds, resume=begun))
    _check_circumstances([task.folder for task in tasks if task.resume])
    if tasks:
        _execute(tasks, folder, dataset, data_dir, jobs, progress)
    return open_experiment(folder)


def unfinished_runs(path: str | Path, *, failed: bool = False) -> list[str]:
    """Return the names of the runs that `resume_sweep` would continue; raise StoreError without an experiment."""
    folder = Path(path)
    if not (folder / EXPERIMENT_FILE).exists():
        raise StoreError(
            f"{folder} holds no experiment to resume; give the folder that `tracekit run --out` wrote."
        )
    sweep = Sweep(**read_json(folder / EXPERIMENT_FILE).get("configuration", {}))
    ended = ("finished", "diverged") if failed else ("finished", "diverged", "failed")
    return [name for name, _ in sweep.named_runs() if _status(folder / name) not in ended]


def _execute(
    tasks: list[Task],
    folder: Path,
    dataset: Dataset,
    data_dir: str | Path | None,
    jobs: int | None,
    progress: ProgressListener | None,
) -> None:
    try:
        execute_tasks(tasks, dataset, data_dir=data_dir, jobs=jobs, tell=progress or (lambda news: None))
    except (Interrupted, KeyboardInterrupt):
        raise Interrupted(
            f"stopped; the recorded values are kept in {folder}; `tracekit resume {folder}` continues."
        ) from None


def _check_circumstances(runs: list[Path]) -> None:
    """Warn if runs continue with other versions; raise StoreError if they would continue with other values."""
    begun = [run for run in runs if (run / CHECKPOINT_FILE).exists()]  # the others start from the beginning
    changes = [change for run in begun for change in check_continuation(run, read_json(run / META_FILE))]
    if changes:
        _log.warning(
            "interrupted runs continue with %s; their values may differ in the last digits from those of "
            "uninterrupted runs.",
            ", ".join(dict.fromkeys(changes)),
        )


def _status(run: Path) -> str | None:
    """Return the status of a run; None if it has not begun."""
    return str(read_json(run / STATUS_FILE).get("status")) if (run / CONFIG_FILE).exists() else None


def _check_numbers(**numbers: float | None) -> None:
    for name, value in numbers.items():
        if value is not None and not value > 0:
            need = "must be positive" if name == "flush_seconds" else "must be at least 1"
            raise ArgumentError(argument_sentence(name, value, need))


def _claim(folder: Path, overwrite: bool) -> None:
    """Create the folder, or empty it of the experiment that it holds if overwriting was asked for."""
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; choose another --out.")
    try:
        # A process that was killed at its start leaves nothing but a temporary file.
        occupied = folder.is_dir() and any(child.suffix != ".tmp" for child in folder.iterdir())
        if occupied and not overwrite:
            raise OutputExistsError(f"{folder} is not empty; choose another --out or pass --overwrite.")
        if occupied and not (folder / EXPERIMENT_FILE).exists():
            raise OutputExistsError(
                f"{folder} holds files that are not a tracekit experiment, so it is not overwritten; choose another "
                "--out."
            )
        if occupied:
            for run in folder.iterdir():
                if (run / STATUS_FILE).exists():
                    RunLock(run).release()  # raises if another process is writing the run
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(
            f"cannot use {folder} ({error.strerror or error}); choose a writable folder."
        ) from error
    make_folder(folder)
