"""Figures that describe an array: moments, quantiles and extremes, from one sort, in float64."""

from __future__ import annotations

import functools
import math

import numpy as np

#: Skewness is the third standardized moment, kurtosis the fourth minus 3, the normal distribution's.
SUMMARY = ("mean", "std", "skewness", "kurtosis", "min", "q05", "q25", "q50", "q75", "q95", "max")
_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
#: Elements that are converted to float64 at a time: they stay in a processor's cache.
_BLOCK = 32_768


def summarize(values: np.ndarray) -> list[float]:
    """Moments, quantiles and extremes over all elements, as `SUMMARY` names them.

    The standard deviation is the population's. Quantiles interpolate linearly (Hyndman & Fan 1996, type 7). A
    non-finite element makes every figure non-finite, so that it cannot be overlooked; where all elements are
    equal, skewness and kurtosis are NaN.
    """
    flat = np.sort(values, axis=None).astype(np.float64)
    mean = float(np.add.reduce(flat)) / flat.size
    if not math.isfinite(mean):
        return [mean] * len(SUMMARY)
    quantiles = sorted_quantiles(flat, _QUANTILES)
    deviations = flat - mean
    std = math.sqrt(float(deviations @ deviations) / flat.size)
    skewness = kurtosis = math.nan
    if std > 0:
        # Divided first: powers of the deviations themselves could leave the range of float64.
        deviations /= std
        squares = deviations * deviations
        skewness = float(squares @ deviations) / flat.size
        kurtosis = float(squares @ squares) / flat.size - 3.0
    return [mean, std, skewness, kurtosis, float(flat[0]), *quantiles, float(flat[-1])]


def sorted_quantiles(ordered: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Quantiles of values that are sorted already; np.quantile would partition anew and costs several times more."""
    low, high, share = _positions(shares, ordered.size)
    return (ordered[low] + share * (ordered[high] - ordered[low])).tolist()


@functools.lru_cache(maxsize=64)
def _positions(shares: tuple[float, ...], size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours of each quantile in `size` sorted values, and how far it is from the lower to the higher one."""
    positions = np.multiply(shares, size - 1)
    low = positions.astype(np.intp)
    return low, np.minimum(low + 1, size - 1), positions - low


def mean_and_std(values: np.ndarray) -> tuple[float, float]:
    """Mean and population standard deviation of a large array, in float64 without a copy of it.

    Moments are taken about the first element, so that a mean far from zero costs no digits.
    """
    flat = values.reshape(-1)
    origin = float(flat[0])
    block = np.empty(min(_BLOCK, flat.size))
    total = squares = 0.0
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        wide = block[: part.size]
        np.subtract(part, origin, out=wide, dtype=np.float64)
        total += float(wide.sum())
        squares += float(wide @ wide)
    mean = total / flat.size
    return origin + mean, math.sqrt(max(squares / flat.size - mean * mean, 0.0))
