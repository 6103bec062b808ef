"""Compiled loops for histograms. Loading this module loads numba; each function is compiled once per machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracekit.engine.arrays import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")


@_loops
def count(bits: Array, cells: Array, places: Array, counts: Array) -> None:
    """Add one to the cell of each number."""
    for row in range(bits.shape[0]):
        for column in range(bits.shape[1]):
            counts[cells[bits[row, column] >> 23] + places[column]] += 1


@_loops
def count_products(left: Array, right: Array, cells: Array, places: Array, counts: Array) -> None:
    """Add one to the cell of each product; rows of zeros are counted together at the end."""
    products = np.empty(right.shape[1], np.float32)
    bits = products.view(np.uint32)
    n_zero = np.zeros(left.shape[1], np.int64)
    for row in range(left.shape[0]):
        is_finite = np.all(np.isfinite(right[row]))
        for i in range(left.shape[1]):
            factor = left[row, i]
            if factor == 0 and is_finite:
                n_zero[i] += 1
                continue
            for j in range(right.shape[1]):
                products[j] = factor * right[row, j]
            for j in range(right.shape[1]):
                counts[cells[bits[j] >> 23] + places[i, j]] += 1
    for i in range(left.shape[1]):
        for j in range(right.shape[1]):
            counts[cells[0] + places[i, j]] += n_zero[i]
