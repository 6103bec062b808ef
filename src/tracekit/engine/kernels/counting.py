"""Two-dimensional histograms of many numbers at once: one axis by a number's size, the other given by its place.

Size means the leading nine bits of a float32, its sign and its exponent of two: cells have edges at powers of two.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import compiled

#: Values of sign and exponent together.
N_SIZES = 1 << 9
_PIECE_ELEMENTS = 2**16


def count(values: Array, cells: Array, places: Array, n_cells: int) -> Array:
    """Count numbers by cell: of each number its size's cell plus its place.

    Parameters
    ----------
    values : ndarray, (n, d)
        The numbers; rounded to float32 unless they are.
    cells : ndarray of int32, (512,)
        Cell by sign and exponent, the bits of a float32 from the 23rd on. Those of the zeros, 0 and 256, must be
        the same.
    places : ndarray of int32, (d,)
        Added to the cell, by column.
    n_cells : int
        Cells in all; none is beyond.

    Returns
    -------
    ndarray of int64, (n_cells,)
    """
    bits = _bits(values)
    loops = compiled("tracekit.engine.kernels.counting_loops")

    def counted(part: slice) -> Array:
        if loops is None:
            return _counted_in_pieces(bits[part], cells, places, n_cells)
        counts = np.zeros(n_cells, np.int64)
        loops.count(bits[part], cells, places, counts)
        return counts

    return _sum(counted, len(values), values.size, n_cells)


def count_products(left: Array, right: Array, cells: Array, places: Array, n_cells: int) -> Array:
    """Count all products of a number of `left` and one of `right` in the same row, as :func:`count` does.

    Parameters
    ----------
    left, right : ndarray, (n, p) and (n, q)
        Factors; products are taken in their own type and then rounded to float32.
    cells, n_cells
        As in :func:`count`.
    places : ndarray of int32, (p, q)

    Returns
    -------
    ndarray of int64, (n_cells,)
    """
    loops = compiled("tracekit.engine.kernels.counting_loops")
    if left.dtype != np.float32 or right.dtype != np.float32:
        loops = None

    def counted(part: slice) -> Array:
        counts = np.zeros(n_cells, np.int64)
        if loops is None:
            for a, b in zip(left[part], right[part], strict=True):
                products = np.multiply.outer(a, b).reshape(1, -1)
                counts += _counted_in_pieces(_bits(products), cells, places.reshape(-1), n_cells)
        else:
            loops.count_products(left[part], right[part], cells, places, counts)
        return counts

    return _sum(counted, len(left), left.size * right.shape[1], n_cells)


def _bits(values: Array) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        return np.ascontiguousarray(values, np.float32).view(np.uint32)


def _counted_in_pieces(bits: Array, cells: Array, places: Array, n_cells: int) -> Array:
    """Count in NumPy, a few rows at a time."""
    counts = np.zeros(n_cells, np.int64)
    for rows in parallel.pieces(slice(0, len(bits)), max(1, _PIECE_ELEMENTS // max(1, places.size))):
        numbers = cells[bits[rows] >> 23] + places
        counts += np.bincount(numbers.ravel().astype(np.intp), minlength=n_cells)
    return counts


def _sum(counted: Callable[[slice], Array], length: int, n_elements: int, n_cells: int) -> Array:
    total, lock = np.zeros(n_cells, np.int64), threading.Lock()

    def work(part: slice) -> None:
        counts = counted(part)
        with lock:  # whole numbers: their sum is the same in any order
            np.add(total, counts, out=total)

    parallel.over(length, n_elements, work)
    return total
