"""Tasks spread over processes, their results in order and the same, byte for byte, for any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from tracekit_analysis.errors import bad_argument

Result = TypeVar("Result")


def map_in_order(
    function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], *, jobs: int
) -> Iterator[Result]:
    """Yield ``function(*task)`` for every task, in order and as early as they are there, BLAS on one thread."""
    if jobs == 1:
        with one_blas_thread():
            for task in tasks:
                yield function(*task)
        return
    import joblib  # type: ignore[import-untyped]

    # loky starts its workers without importing the caller's script again, which needs no __main__ guard.
    parallel = joblib.Parallel(
        n_jobs=jobs, backend="loky", return_as="generator", batch_size=1, max_nbytes=None
    )
    yield from parallel(joblib.delayed(_in_worker)(function, task) for task in tasks)


def require_jobs(jobs: int) -> None:
    """Raise AnalysisError unless `jobs` is a positive whole number."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs < 1:
        raise bad_argument("jobs", jobs, "must be a whole number of at least 1")


def one_blas_thread() -> AbstractContextManager[Any]:
    """Hold BLAS to one thread: for regressions on a few columns, threads cost up to fifty times their gain.

    It also makes sums, and with them the bytes of a table, independent of the number of cores.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def _in_worker(function: Callable[..., Result], task: tuple[Any, ...]) -> Result:
    with one_blas_thread():
        return function(*task)
