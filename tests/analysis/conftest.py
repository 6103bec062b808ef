"""Settings for the tests of the analysis layer."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import loky
import pytest

from tracekit_analysis.tables.parallel import one_blas_thread, stop_workers


@pytest.fixture(scope="session", autouse=True)
def blas_on_one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: the regressions of ADF are tiny, and threads on busy cores cost ten times their gain."""
    with one_blas_thread():
        yield


@pytest.fixture(scope="session", autouse=True)
def workers_stay() -> Iterator[None]:
    """Keep idle worker processes until the tests end: else each test that comes later pays seconds for new ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            loky, "get_reusable_executor", functools.partial(loky.get_reusable_executor, timeout=3600)
        )
        yield
        stop_workers()
