"""Compiled loops for moments and quantiles of float32 arrays, in one or two passes where NumPy makes ten.

Sums are in float64, in as many partial sums as the processor has lanes. Loading this module loads numba, and
the first call of each function compiles it, once per machine. Arrays are contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracekit.engine.arrays import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")
#: Sums may be reordered, which partial sums need; NaN and infinity keep their meaning.
_sums: Any = njit(nogil=True, cache=True, error_model="numpy", fastmath={"reassoc", "nsz"})

_MAGNITUDE = np.int32(0x7FFFFFFF)
_N_CODES, _N_FINE = 1 << 16, 1 << 8


@_loops
def magnitudes(bits: Array) -> tuple[Any, Any]:
    """Return the bits of the largest magnitude, with NaN above all numbers, and the number of zeros."""
    largest, n_zeros = np.int32(0), np.int32(0)
    for i in range(bits.size):
        magnitude = bits[i] & _MAGNITUDE
        largest = max(largest, magnitude)
        n_zeros += np.int32(magnitude == 0)
    return largest, n_zeros


@_sums
def product(first: Array, second: Array) -> float:
    """Return the inner product."""
    total = 0.0
    for i in range(first.size):
        total += np.float64(first[i]) * np.float64(second[i])
    return total


@_sums
def sums_about(values: Array, origin: float) -> tuple[float, float]:
    """Return the sum, and the sum of squares, of the distances from a number."""
    total, square = 0.0, 0.0
    for i in range(values.size):
        distance = np.float64(values[i]) - origin
        total += distance
        square += distance * distance
    return total, square


@_sums
def power_sums(values: Array, mean: float, scale: float) -> tuple[float, float]:
    """Return the sums of the third and of the fourth power of (value - mean) / scale."""
    third, fourth = 0.0, 0.0
    for i in range(values.size):
        distance = (np.float64(values[i]) - mean) / scale
        square = distance * distance
        third += square * distance
        fourth += square * square
    return third, fourth


@_loops
def ratios(
    numerators: Array, denominators: Array, factor: float, wide: Array, narrow: Array
) -> tuple[int, float, float]:
    """Write |numerator / (factor x denominator)| where the denominator is not zero, in float64 and in float32.

    Returns the number of ratios, and the smallest positive and the largest one; NaN counts as neither.
    """
    n, low, high = 0, np.inf, 0.0
    for i in range(numerators.size):
        divisor = np.float64(denominators[i]) * factor
        ratio = abs(np.float64(numerators[i]) / divisor)
        wide[n], narrow[n] = ratio, ratio
        if divisor != 0:
            n += 1
            if ratio > high:
                high = ratio
            if 0 < ratio < low:
                low = ratio
    return n, low, high


@_loops
def order_statistics(bits: Array, ranks: Array, found: Array) -> None:
    """Write the bits of the elements at some ranks, ascending, of an array without NaN.

    Elements are counted by the leading half of an integer with the same order; those that share it with a wanted
    element are sorted. Zeros, most of the outputs of a layer of silent units, are only counted.
    """
    others = np.empty(bits.size + 1, np.int32)
    n = 0
    for i in range(bits.size):
        others[n] = _ordered(bits[i])
        n += (bits[i] & _MAGNITUDE) != 0
    n_zeros = bits.size - n
    counts = np.zeros(_N_CODES, np.int32)
    for i in range(n):
        counts[(others[i] >> 16) + _N_CODES // 2] += 1
    coarse = np.zeros(_N_CODES // _N_FINE, np.int32)
    for block in range(coarse.size):
        for code in range(block * _N_FINE, (block + 1) * _N_FINE):
            coarse[block] += counts[code]
    n_below = coarse[: coarse.size // 2].sum()

    slots = np.full(_N_CODES, -1, np.int16)
    slot_of = np.full(ranks.size, -1, np.int16)
    places = np.zeros(ranks.size, np.int32)  # of the wanted elements among those of their slot
    starts = np.zeros(
        ranks.size + 1, np.int32
    )  # where the elements of a slot begin among those that are sorted
    n_slots, block, n_smaller = 0, 0, 0
    for number in range(ranks.size):
        rank = ranks[number]
        if rank >= n_below:
            if rank < n_below + n_zeros:
                continue
            rank -= n_zeros
        while n_smaller + coarse[block] <= rank:
            n_smaller += coarse[block]
            block += 1
        code, before = block * _N_FINE, n_smaller
        while before + counts[code] <= rank:
            before += counts[code]
            code += 1
        if slots[code] < 0:
            slots[code] = n_slots
            starts[n_slots + 1] = starts[n_slots] + counts[code]
            n_slots += 1
        slot_of[number], places[number] = slots[code], rank - before

    chosen = np.empty(starts[n_slots], np.int32)
    filled = starts[:n_slots].copy()
    for i in range(n):
        slot = slots[(others[i] >> 16) + _N_CODES // 2]
        if slot >= 0:
            chosen[filled[slot]] = others[i]
            filled[slot] += 1
    for slot in range(n_slots):
        chosen[starts[slot] : starts[slot + 1]].sort()
    for number in range(ranks.size):
        slot = slot_of[number]
        found[number] = 0 if slot < 0 else _ordered(chosen[starts[slot] + places[number]])


@njit(nogil=True, inline="always")
def _ordered(bits: Any) -> Any:
    """Swap bits of a float32 for an integer with the same order, and back."""
    return bits ^ ((bits >> np.int32(31)) & _MAGNITUDE)


@_loops
def count_active(rows: Array, active: Array) -> int:
    """Count the elements that are not zero, and mark the columns that have one."""
    n, width = rows.shape
    total = 0
    for row in range(n):
        line = rows[row]
        n_here: Any = np.int32(0)  # narrow, so that the loop is fast
        for column in range(width):
            is_active = line[column] != 0
            n_here += np.int32(is_active)
            active[column] |= is_active
        total += n_here
    return total
