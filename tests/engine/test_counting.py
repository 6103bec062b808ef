"""Histograms by size and place: compiled, in NumPy, and number by number, they are the same."""

import numpy as np
import pytest

from tracekit.engine.kernels import counting, parallel
from tracekit.engine.kernels.counting import N_SIZES, count, count_products

SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-45, -3e38, 1.0], np.float32)


@pytest.fixture(params=["compiled", "numpy"])
def loops(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(counting, "compiled", lambda module: None)
    else:
        pytest.importorskip("numba", reason="the compiled loops need numba; `pip install .[dev]` brings it")


def one_by_one(values, cells, places, n_cells):
    counts = [0] * n_cells
    for row in np.asarray(values, np.float32):
        for value, place in zip(row, places, strict=True):
            exponent = 0 if value == 0 or abs(value) < 2**-126 else int(np.frexp(value)[1]) + 126
            exponent = exponent if np.isfinite(value) else 255
            counts[cells[256 * int(np.signbit(value)) + exponent] + place] += 1
    return counts


def drawn(n, d):
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(n, d)) * 10.0 ** rng.integers(-30, 30, size=(n, d))).astype(np.float32)
    values.flat[: SPECIAL.size] = SPECIAL
    cells = rng.integers(5, size=N_SIZES, dtype=np.int32) * 3
    cells[256] = cells[0]
    return values, cells, rng.integers(3, size=d, dtype=np.int32)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_number_is_counted_in_its_cell(loops, threads, monkeypatch):
    monkeypatch.setattr(parallel, "_WORTH_SHARING", 1)
    values, cells, places = drawn(19, 11)
    with parallel.use_threads(threads):
        found = count(values, cells, places, 15)
    assert found.tolist() == one_by_one(values, cells, places, 15)
    assert count(values.astype(np.float64), cells, places, 15).tolist() == found.tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_are_counted_as_if_they_were_written_out(loops, dtype):
    left, cells, _ = drawn(7, 5)
    right = drawn(7, 6)[0]
    right[5:] = 1.5  # rows without infinities, beside zeros
    left[6, :3] = 0
    left, right = left.astype(dtype), right.astype(dtype)
    places = np.random.default_rng(1).integers(3, size=(5, 6), dtype=np.int32)
    with np.errstate(all="ignore"):
        products = (left[:, :, None] * right[:, None, :]).reshape(7, -1)
        expected = one_by_one(products.astype(np.float32), cells, places.ravel(), 15)
        found = count_products(left, right, cells, places, 15)
    assert found.tolist() == expected
