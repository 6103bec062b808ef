"""A sweep: all runs of a grid, on several processes, with the same bytes for any number of them."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import queue
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracekit import __version__
from tracekit.data import Dataset, load_dataset
from tracekit.engine.training import Observer, Step
from tracekit.errors import ArgumentError, OutputExistsError, StoreError, TracekitError, bad_argument
from tracekit.experiment.config import RunConfig, Sweep
from tracekit.experiment.run import check_run, execute_run
from tracekit.traces import SCHEMA_VERSION, Experiment, make_folder, open_experiment, write_json
from tracekit.traces.files import EXPERIMENT_FILE


@dataclass(frozen=True, slots=True)
class RunProgress:
    """News of one run of a sweep."""

    run: str  #: name of the run
    status: Literal["running", "finished", "diverged", "failed"]
    step: int  #: updates made so far
    n_updates: int  #: updates that the run is to make
    loss: float  #: latest training loss, nats; NaN before the first
    reason: str | None = None  #: why it diverged or failed


#: Called in the sweep's own process with each piece of news.
ProgressListener = Callable[[RunProgress], None]

_NEWS_SECONDS = 0.25  # a run reports this often; more would only cost time


class Interrupted(TracekitError):
    """The sweep was stopped by the user; finished runs are whole, the current ones kept up to the stop."""


class _Reporter(Observer):
    """Tells how far a run is, and stops it when asked to."""

    def __init__(self, run: str, n_updates: int, tell: ProgressListener, stopped: Callable[[], bool]) -> None:
        self.run, self.n_updates = run, n_updates
        self.tell, self.stopped = tell, stopped
        self.step, self.loss = 0, float("nan")
        self.next_news = 0.0

    def on_step(self, step: Step) -> None:
        self.step, self.loss = step.step, step.loss
        now = time.monotonic()
        if now >= self.next_news:
            self.next_news = now + _NEWS_SECONDS
            if self.stopped():
                raise Interrupted(f"interrupted at step {step.step}")
            self.tell(RunProgress(self.run, "running", self.step, self.n_updates, self.loss))


def run_sweep(
    sweep: Sweep,
    out: str | Path,
    *,
    data_dir: str | Path | None = None,
    jobs: int | None = None,
    threads: int = 1,
    overwrite: bool = False,
    progress: ProgressListener | None = None,
) -> Experiment:
    """Train and record every run of a sweep.

    A run that diverges, or fails for a reason of its own, is recorded as such and the others go on.

    Parameters
    ----------
    sweep : Sweep
        What to run.
    out : str or Path
        The experiment's folder; created.
    data_dir : str or Path, optional
        Where the data set's files are; see `tracekit.data.load_dataset`.
    jobs : int, optional
        Worker processes; by default as many as there are processors. Traces do not depend on it.
    threads : int
        BLAS threads of each worker.
    overwrite : bool
        Replace an experiment that is in `out`; anything else there is never removed.
    progress : callable, optional
        Receives `RunProgress`.

    Returns
    -------
    Experiment
        The finished store.

    Raises
    ------
    OutputExistsError
        `out` is taken.
    ArgumentError, DataError, StoreError
        Something that no run could do without: raised before the first run, and before anything is removed.
    Interrupted
        Ctrl-C; what was recorded is kept.
    """
    for name, value in (("jobs", jobs), ("threads", threads)):
        if value is not None and value < 1:
            raise ArgumentError(bad_argument(name, value, "must be at least 1"))
    folder = Path(out)
    dataset = load_dataset(sweep.dataset, data_dir=data_dir)
    tasks = [_Task(name, config, folder / name, threads) for name, config in sweep.named_runs()]
    for task in tasks:
        check_run(task.config, dataset)
    _claim(folder, overwrite)
    write_json(
        folder / EXPERIMENT_FILE,
        {
            "name": folder.resolve().name,
            "schema_version": SCHEMA_VERSION,
            "tracekit_version": __version__,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": sweep.command(f"runs/{folder.resolve().name}"),
            "configuration": sweep.model_dump(mode="json"),
        },
    )
    n_jobs = min(jobs or _processors(), len(tasks))
    tell = progress or (lambda news: None)
    if n_jobs == 1:
        _run_here(tasks, dataset, tell)
    else:
        _run_on_processes(tasks, sweep.dataset, data_dir, n_jobs, tell)
    return open_experiment(folder)


def _processors() -> int:
    """Count the processors that this process may use; containers often allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    config: RunConfig
    folder: Path
    threads: int


def _claim(folder: Path, overwrite: bool) -> None:
    """Make the folder ours: create it, or remove the experiment that it holds if that was asked for."""
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError(f"{folder} is a file; choose another --out.")
    try:
        occupied = folder.is_dir() and any(folder.iterdir())
        if occupied and not overwrite:
            raise OutputExistsError(f"{folder} is not empty; choose another --out or pass --overwrite.")
        if occupied and not (folder / EXPERIMENT_FILE).exists():
            raise OutputExistsError(
                f"{folder} holds something other than a tracekit experiment and is left alone; choose another --out."
            )
        if occupied:
            shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(
            f"cannot use {folder} ({error.strerror or error}); choose a writable place."
        ) from error
    make_folder(folder)


def _execute(task: _Task, dataset: Dataset, tell: ProgressListener, stopped: Callable[[], bool]) -> None:
    reporter = _Reporter(task.name, task.config.n_updates(len(dataset.train_labels)), tell, stopped)
    status: Literal["finished", "diverged", "failed"]
    try:
        result = execute_run(task.config, dataset, task.folder, threads=task.threads, observers=[reporter])
        status, reason = result.status, result.reason
    except Interrupted:
        raise
    except Exception as error:
        # One run's failure is its own: the writer has recorded it, the sweep goes on and reports it.
        status, reason = "failed", f"{type(error).__name__}: {error}"
    tell(RunProgress(task.name, status, reporter.step, reporter.n_updates, reporter.loss, reason))


def _run_here(tasks: list[_Task], dataset: Dataset, tell: ProgressListener) -> None:
    try:
        for task in tasks:
            _execute(task, dataset, tell, lambda: False)
    except KeyboardInterrupt:
        raise Interrupted(_interrupted(tasks)) from None


def _interrupted(tasks: list[_Task]) -> str:
    return f"stopped; what was recorded is kept in {tasks[0].folder.parent}, and is readable."


_worker: dict[str, Any] = {}


def _start_worker(dataset: str, data_dir: str | Path | None, news: Any, stop: Any) -> None:
    # Ctrl-C goes to the whole process group; the parent decides, and asks the workers through `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker.update(dataset=load_dataset(dataset, data_dir=data_dir), news=news, stop=stop)


def _work(task: _Task) -> None:
    _execute(task, _worker["dataset"], _worker["news"].put, _worker["stop"].is_set)


def _run_on_processes(
    tasks: list[_Task], dataset: str, data_dir: str | Path | None, jobs: int, tell: ProgressListener
) -> None:
    # spawn, not fork: BLAS and Arrow keep threads, which a forked child would inherit in an unknown state.
    context = multiprocessing.get_context("spawn")
    news, stop = context.Queue(), context.Event()
    done = threading.Event()
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_start_worker, initargs=(dataset, data_dir, news, stop)
    ) as pool:
        listener = threading.Thread(target=_listen, args=(news, tell, done), daemon=True)
        listener.start()
        futures: list[Future[None]] = [pool.submit(_work, task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise Interrupted(_interrupted(tasks)) from None
        except BrokenProcessPool:
            raise TracekitError(
                "a worker process was killed, most likely for want of memory; use fewer --jobs or a smaller model."
            ) from None
        finally:
            done.set()
            listener.join()


def _listen(news: Any, tell: ProgressListener, done: threading.Event) -> None:
    while True:
        try:
            tell(news.get(timeout=0.1))
        except queue.Empty:
            if done.is_set():
                return
