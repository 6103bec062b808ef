"""Detrended fluctuation analysis (DFA) as a descriptive feature, without interval or test.

The DFA exponent indicates long memory for any strong short-range dependence: AR(0.9) gives 1.18, .99 and .79
at 200, 1,000 and 10,000 values. For inference use `tracekit_analysis.statistics.long_memory`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable

MIN_DFA_LENGTH = 100
SMALLEST_WINDOW = 10
N_WINDOWS = 12


@dataclass(frozen=True, slots=True)
class Fluctuation(Record):
    """Exponent of detrended fluctuation analysis."""

    exponent: float
    """Slope of log fluctuation on log window length; about .5 for independent values. It has no interval: the
    nominal 95 % interval of the regression covers 47 to 62 %."""
    n_windows: int
    """Number of window lengths, from 10 to n/4."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the exponent could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def dfa(x: ArrayLike | Series) -> Fluctuation:
    """Compute the DFA exponent, by linear detrending of the cumulated series in windows of 10 to n/4 values.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    Fluctuation

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Peng et al. (1994), Phys. Rev. E 49:1685.
    """
    series = as_series(x)
    refused = series.refusal(MIN_DFA_LENGTH)
    if refused:
        return unavailable(Fluctuation, series, refused)
    n = series.n_used
    centred = series.values - series.values.mean()
    profile = np.cumsum(centred / np.abs(centred).max())
    largest = max(n // 4, 2 * SMALLEST_WINDOW)
    lengths = np.unique(np.geomspace(SMALLEST_WINDOW, largest, N_WINDOWS).round().astype(int))
    squares = np.array([_mean_square(profile, int(length)) for length in lengths])
    if not squares.min() > 1e-24 * n * n:
        return unavailable(
            Fluctuation, series, ("inconclusive", "the series does not fluctuate within windows")
        )
    exponent = float(np.polyfit(np.log(lengths), 0.5 * np.log(squares), 1)[0])
    return Fluctuation(exponent, lengths.size, series.n, n, series.status, series.reason, series.notes)


def _mean_square(profile: FloatArray, length: int) -> float:
    """Return the mean squared residual of straight lines fitted to windows of the profile."""
    windows = profile[: profile.size // length * length].reshape(-1, length)
    time = np.arange(length) - (length - 1) / 2.0
    centred = windows - windows.mean(axis=1, keepdims=True)
    slopes = centred @ time / (time @ time)
    residuals = centred - slopes[:, None] * time
    return float(np.mean(residuals * residuals)) if residuals.size else math.nan


@column_group(
    "full",
    "dependence.md#dfa-exponent",
    {
        "dfa_exponent": "DFA exponent, descriptive only; about .5 for independent values",
    },
)
def fluctuation_columns(series: Series) -> Cells:
    """Compute the DFA columns."""
    found = dfa(series)
    return Cells({"dfa_exponent": found.exponent}, (("fluctuation", found),))
