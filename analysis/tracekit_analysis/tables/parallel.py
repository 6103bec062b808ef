"""Worker processes: tasks spread over them, with results in order and the same for any number of processes."""

from __future__ import annotations

import gc
import importlib
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from tracekit_analysis.errors import bad_argument

Result = TypeVar("Result")


def map_in_order(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], *, jobs: int
) -> Iterator[Result]:
    """Yield ``function(*task)`` for every task, in order, BLAS on one thread.

    This process is one of the `jobs`: it works while the others start, which takes them seconds of imports.
    """
    if jobs == 1:
        with one_blas_thread():
            for task in tasks:
                yield function(*task)
        return
    shared = _Shared(function, tasks, jobs)
    try:
        position = 0
        while (future := shared.result(position)) is not None:
            yield future.result()
            position += 1
    finally:
        shared.close()


class _Shared:
    """Tasks that worker processes and this one draw from, each a next one as soon as it is done with the last."""

    def __init__(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]], jobs: int) -> None:
        self._function = function
        self._tasks = iter(tasks)
        self._n_drawn = 0
        # Reentrant: a worker that is done at once hands out the next task in the same call.
        self._lock = threading.RLock()
        self._futures: dict[int, Future[Any]] = {}
        self._executor = _workers.executor(jobs)
        for _ in range(jobs - 1):
            self._hand_out()

    def result(self, position: int) -> Future[Any] | None:
        """Return what becomes of a task, and work on others until it is done; None if there are fewer tasks."""
        while True:
            with self._lock:
                future = self._futures.get(position)
                if future is not None and future.done():
                    return self._futures.pop(position)
                number, task = self._draw()
            if task is None:
                return self._futures.pop(position, None)
            own: Future[Any] = Future()
            self._futures[number] = own
            try:
                own.set_result(_on_one_thread(self._function, task))
            except Exception as error:
                own.set_exception(error)

    def close(self) -> None:
        """Hand out no more tasks."""
        with self._lock:
            self._tasks = iter(())

    def _hand_out(self, before: object = None) -> None:
        with self._lock:
            number = self._n_drawn
            try:
                number, task = self._draw()
                if task is None:
                    return
                future = self._executor.submit(_on_one_thread, self._function, task)
            except Exception as error:  # raised in its turn: nobody sees what this thread raises
                future = Future()
                future.set_exception(error)
                self.close()
            self._futures[number] = future
            future.add_done_callback(self._hand_out)

    def _draw(self) -> tuple[int, tuple[Any, ...] | None]:
        number, task = self._n_drawn, next(self._tasks, None)
        self._n_drawn += task is not None
        return number, task


def start_workers(jobs: int, module: str) -> None:
    """Let the processes beside this one start and import a module, for tasks that come later."""
    for _ in range(jobs - 1):
        _workers.executor(jobs).submit(_import, module)


def stop_workers() -> None:
    """End the processes beside this one; left alone, they end when they have been idle for a while."""
    _workers.stop()


def collect_rarely() -> None:
    """Let this process look for garbage more rarely: that takes a tenth of the time where objects live briefly."""
    gc.set_threshold(50_000, 10, 10)


def _import(module: str) -> None:
    collect_rarely()
    importlib.import_module(module)


class _Workers:
    """The processes beside this one, the same ones for one piece of work after the other."""

    def __init__(self) -> None:
        self._executor: Any = None

    def executor(self, jobs: int) -> Any:
        from loky import get_reusable_executor  # type: ignore[import-untyped]

        # A worker that has read much is replaced by a fresh one, which is nobody's concern.
        warnings.filterwarnings("ignore", "A worker was restarted", UserWarning)
        # loky starts its workers without importing the caller's script again, which needs no __main__ guard.
        self._executor = get_reusable_executor(max_workers=jobs - 1)
        return self._executor

    def stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown()
            self._executor = None


_workers = _Workers()


def require_jobs(jobs: int) -> None:
    """Raise AnalysisError unless `jobs` is a positive whole number."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise bad_argument("jobs", jobs, "must be a whole number of at least 1")


def one_blas_thread() -> AbstractContextManager[None]:
    """Hold BLAS to one thread: for regressions on a few columns, threads cost up to fifty times their gain.

    It also makes sums, and with them the bytes of a table, independent of the number of cores.
    """
    return _holding


class _Holding:
    """The hold on BLAS, which is the process's: taken by the first that wants it, let go by the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_holders = 0

    def __enter__(self) -> None:
        from threadpoolctl import threadpool_limits

        with self._lock:
            if self._n_holders == 0:  # asking every library takes milliseconds
                self._limits = threadpool_limits(1, user_api="blas")
            self._n_holders += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._n_holders -= 1
            if self._n_holders == 0:
                self._limits.restore_original_limits()


_holding = _Holding()


def _on_one_thread(function: Callable[..., Result], task: tuple[Any, ...]) -> Result:
    with one_blas_thread():
        return function(*task)
