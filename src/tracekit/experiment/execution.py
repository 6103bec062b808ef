"""Execution of runs, one after the other or on several processes, with progress reports and a clean stop."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracekit.data import Dataset, load_dataset
from tracekit.engine.kernels.parallel import processors
from tracekit.engine.training.loop import Observer, Step
from tracekit.engine.warm_up import compile_ahead
from tracekit.errors import TracekitError
from tracekit.experiment.checkpointing import Interrupted
from tracekit.experiment.config import RunConfig
from tracekit.experiment.run import execute_run

_NEWS_SECONDS = 0.25  # a run reports this often; more would only cost time


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Progress of one run of a sweep."""

    run: str  #: name of the run
    status: Literal["running", "finished", "diverged", "failed"]
    step: int  #: updates made so far
    n_updates: int  #: updates that the run will make in all
    loss: float  #: latest training loss, nats; NaN before the first
    reason: str | None = None  #: why it diverged or failed


#: Called in the sweep's own process with each report of progress.
ProgressListener = Callable[[RunProgress], None]


@dataclass(frozen=True, slots=True)
class Task:
    """A run to execute."""

    name: str
    config: RunConfig
    folder: Path
    threads: int | None  #: number of threads that compute it; None for its share of the processors
    flush_seconds: float
    resume: bool


class _Reporter(Observer):
    """Observer that reports the progress of a run."""

    def __init__(self, run: str, n_updates: int, tell: ProgressListener) -> None:
        self.run, self.n_updates, self.tell = run, n_updates, tell
        self.step, self.loss = 0, float("nan")
        self.next_news = 0.0

    def on_step(self, step: Step) -> None:
        self.step, self.loss = step.step, step.loss
        now = time.monotonic()
        if now >= self.next_news:
            self.next_news = now + _NEWS_SECONDS
            self.tell(RunProgress(self.run, "running", self.step, self.n_updates, self.loss))


def execute_tasks(
    tasks: list[Task],
    dataset: Dataset,
    *,
    data_dir: str | Path | None,
    jobs: int | None,
    tell: ProgressListener,
) -> None:
    """Execute runs; a run's own failure is reported and recorded, and does not end the others.

    Raises
    ------
    Interrupted
        Ctrl-C: every run has stopped after an update, and can be resumed.
    TracekitError
        A worker process was killed.
    """
    n_jobs = min(jobs or processors(), len(tasks))
    share = max(1, processors() // n_jobs)
    tasks = [dataclasses.replace(task, threads=task.threads or share) for task in tasks]
    if n_jobs > 1:
        compile_ahead()  # once here, not in each of the processes at the same time
        _on_processes(tasks, dataset.name, data_dir, n_jobs, tell)
        return
    with _interruptible() as stopped:
        for task in tasks:
            _execute(task, dataset, tell, stopped)


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a request to stop after the current update; the second stops at once."""
    wished = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wished.is_set  # Only the main thread may receive signals.
        return
    before = signal.getsignal(signal.SIGINT)

    def wish(number: int, frame: Any) -> None:
        wished.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, wish)
    try:
        yield wished.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def _execute(task: Task, dataset: Dataset, tell: ProgressListener, stopped: Callable[[], bool]) -> None:
    reporter = _Reporter(task.name, task.config.n_updates(len(dataset.train_labels)), tell)
    status: Literal["finished", "diverged", "failed"]
    try:
        result = execute_run(
            task.config,
            dataset,
            task.folder,
            threads=task.threads,
            observers=[reporter],
            resume=task.resume,
            flush_seconds=task.flush_seconds,
            stopped=stopped,
        )
        status, reason = result.status, result.reason
    except Interrupted:
        raise
    except Exception as error:
        # A failed run does not end the sweep: the writer has recorded the failure, and the sweep reports it.
        status, reason = "failed", f"{type(error).__name__}: {error}"
    tell(RunProgress(task.name, status, reporter.step, reporter.n_updates, reporter.loss, reason))


_worker: dict[str, Any] = {}


def _start_worker(dataset: str, data_dir: str | Path | None, news: Any, stop: Any) -> None:
    # Ctrl-C reaches the whole process group; the parent handles it, and asks the workers through `stop`.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The sweep's own process has logged the engine's warnings about the installation; do not repeat them per worker.
    logging.getLogger("tracekit.engine").setLevel(logging.ERROR)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    _worker.update(dataset=load_dataset(dataset, data_dir=data_dir), news=news, stop=stop)


def _die_with_parent() -> None:
    """End this worker when the sweep's process has ended; the store survives that."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(task: Task) -> None:
    _execute(task, _worker["dataset"], _worker["news"].put, _worker["stop"].is_set)


def _on_processes(
    tasks: list[Task], dataset: str, data_dir: str | Path | None, jobs: int, tell: ProgressListener
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
        futures = [pool.submit(_work, task) for task in tasks]
        try:
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise Interrupted("interrupted by the user") from None
        except BrokenProcessPool:
            raise TracekitError(
                "a worker process ended too early: a script must start sweeps below "
                '`if __name__ == "__main__":`; if it does, memory ran out: continue with `tracekit resume` and a '
                "smaller --jobs."
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
