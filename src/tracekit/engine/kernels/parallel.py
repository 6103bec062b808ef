"""Worker threads of the engine, and the setting of how many processors an op may use.

Ops cut a batch into pieces and hand them to :func:`run`. NumPy and compiled loops let go of Python's lock, so
that the pieces are computed side by side; BLAS is held to one thread meanwhile, since threads inside of threads
only hinder each other. How a batch is cut, and in which order sums over the pieces are taken, never depends on
the number of threads, and so neither do the results.
"""

from __future__ import annotations

import contextvars
import itertools
import operator
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from tracekit.engine.kernels.compiled import compiled
from tracekit.errors import ArgumentError, argument_sentence


@dataclass(frozen=True, slots=True)
class _Workers:
    n_threads: int
    helpers: ThreadPoolExecutor | None  #: the threads besides the calling one


#: Parts that ops cut a batch into, each of whose sums are taken apart and then added in order.
N_PARTS = 8

#: Elements of an array below which passing over it takes less time than waking another thread.
_WORTH_SHARING = 2**18

_workers: contextvars.ContextVar[_Workers | None] = contextvars.ContextVar("workers", default=None)


def processors() -> int:
    """Count the processors that this process may use; containers often allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def use_threads(threads: int | None = None) -> Iterator[int]:
    """Let ops use several processors inside the block, and hold BLAS to one thread there.

    Parameters
    ----------
    threads : int, optional
        How many threads compute, the calling one included. Unless given, what a surrounding block says, or
        else as many as there are processors that this process may use.

    Yields
    ------
    int
        The number of threads.
    """
    surrounding = _workers.get()
    if surrounding is not None and threads in (None, surrounding.n_threads):
        yield surrounding.n_threads
        return
    n_threads = processors() if threads is None else operator.index(threads)
    if n_threads < 1:
        raise ArgumentError(argument_sentence("threads", threads, "must be at least 1"))
    # The compiled loops bring a BLAS of their own, SciPy's: it must be there to be held.
    compiled("tracekit.engine.kernels.winograd_loops")
    with threadpool_limits(1, user_api="blas"):
        helpers = ThreadPoolExecutor(n_threads - 1, "tracekit") if n_threads > 1 else None
        token = _workers.set(_Workers(n_threads, helpers))
        try:
            yield n_threads
        finally:
            _workers.reset(token)
            if helpers is not None:
                helpers.shutdown()


def run(work: Callable[[int], None], n_pieces: int) -> None:
    """Call ``work(0)`` to ``work(n_pieces - 1)``, each once, on the threads that there are, in any order.

    Outside :func:`use_threads` the calling thread does it all.
    """
    workers = _workers.get()
    if workers is None or workers.helpers is None or n_pieces <= 1:
        for piece in range(n_pieces):
            work(piece)
        return
    pieces = itertools.count()  # drawing from it is atomic, which hands the pieces out as threads get free

    def work_through() -> None:
        while (piece := next(pieces)) < n_pieces:
            work(piece)

    # Each helper gets a copy of the context, in which NumPy keeps how floating-point errors are treated.
    others = [
        workers.helpers.submit(contextvars.copy_context().run, work_through)
        for _ in range(min(workers.n_threads, n_pieces) - 1)
    ]
    try:
        work_through()
    finally:
        for other in others:
            other.result()


def over(length: int, n_elements: int, work: Callable[[slice], None]) -> None:
    """Call `work` on slices that make up ``range(length)``: on one, if all of it has few elements only."""
    if n_elements < _WORTH_SHARING:
        work(slice(0, length))
        return
    parts = cut(length, N_PARTS)
    run(lambda number: work(parts[number]), len(parts))


def cut(length: int, n_parts: int) -> list[slice]:
    """Cut ``range(length)`` into at most `n_parts` slices that differ in length by one at most."""
    n_parts = max(1, min(n_parts, length))
    if n_parts == 1:
        return [slice(0, length)]
    bounds = [length * part // n_parts for part in range(n_parts + 1)]
    return [slice(start, stop) for start, stop in itertools.pairwise(bounds)]


def pieces(part: slice, length: int) -> Iterator[slice]:
    """Cut a slice into slices of a length, the last one of what remains."""
    for start in range(part.start, part.stop, length):
        yield slice(start, min(start + length, part.stop))
