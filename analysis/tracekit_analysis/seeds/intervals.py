"""Confidence intervals over seeds: for a share (Wilson), and for a positive number on the log scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import scipy.special


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson interval of a share; (NaN, NaN) for n = 0.

    References
    ----------
    Wilson (1927), J. Amer. Statist. Assoc. 22:209.
    """
    if n == 0:
        return math.nan, math.nan
    z2 = float(scipy.special.ndtri(0.5 + level / 2.0)) ** 2
    centre = (successes + z2 / 2.0) / (n + z2)
    half = math.sqrt(z2 * (successes * (n - successes) / n + z2 / 4.0)) / (n + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def log_interval(indices: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Return the geometric mean of the seeds' indices, and its t interval on the log scale.

    Indices are positive and differ by factors, so their logarithms are closer to normal. Below 3 seeds the ends
    of the interval are NaN; without seeds everything is NaN.
    """
    logs = np.log(np.maximum(np.asarray(indices, dtype=np.float64), 1e-12))
    n = logs.size
    if n == 0:
        return math.nan, math.nan, math.nan
    centre = float(logs.mean())
    if n < 3:
        return math.exp(centre), math.nan, math.nan
    half = float(scipy.special.stdtrit(n - 1, 0.5 + level / 2.0)) * float(logs.std(ddof=1)) / math.sqrt(n)
    return math.exp(centre), math.exp(centre - half), math.exp(min(centre + half, 700.0))
