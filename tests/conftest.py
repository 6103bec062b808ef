"""Settings and fixtures that all tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=25, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_collection_finish() -> None:
    """Look for garbage rarely, and not among what the libraries keep: that takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


@pytest.fixture(scope="module")
def strict_floats() -> Iterator[None]:
    """Make overflow, underflow, division by zero and invalid operations raise in a module's tests."""
    with np.errstate(all="raise"):
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recorded data beside the checkout; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not here")
    return folder


@pytest.fixture(scope="session")
def real_cifar10(shared_data: Path) -> Path:
    """Folder with 6,000 real CIFAR-10 records in the official binary form."""
    return shared_data / "cifar10-mini"
