"""Settings for the tests of the analysis layer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tracekit_analysis.tables.parallel import one_blas_thread


@pytest.fixture(scope="session", autouse=True)
def blas_on_one_thread() -> Iterator[None]:
    """Hold BLAS to one thread: the regressions of ADF are tiny, and threads on busy cores cost ten times their gain."""
    with one_blas_thread():
        yield
