"""Initial transient of a series: where it ends, and the part after it that analyses use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH, constancy_pvalue

CUTS = tuple(step / 20 for step in range(11))
"""Shares of a series that may be cut off: 0, .05, ..., .5."""
BATCH = 5


@dataclass(frozen=True, slots=True)
class BurnIn(Record):
    """Number of values at the start of a series that belong to its transient."""

    start: int
    """First usable value after the transient; 0 if none was found or if the series never settles."""
    fraction: float
    """Share of the usable values that is cut off."""
    settled: bool
    """False if the level still moves after each cut up to one half ("still transient")."""
    mser_fraction: float
    """Cut by MSER-5: the cut with the smallest standard error of the mean of the rest."""
    level_fraction: float
    """Smallest cut whose rest passes `kpss_cosine`; NaN if none does."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values after the transient."""
    status: Status
    """Whether the search could be made."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def burn_in(x: ArrayLike | Series, *, alpha: float = 0.05) -> BurnIn:
    """Find the initial transient: the larger of the MSER-5 cut and the smallest cut that leaves a constant level.

    MSER-5 alone stops too early on slow exponential approaches; the level test alone may cut nothing. A cut
    chosen by a test makes the same test on the rest no evidence of stationarity; use the interval of the
    stability index.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    alpha : float
        Level of the test for a constant level.

    Returns
    -------
    BurnIn

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    White (1997), Simulation 69:323 (MSER); Spratt (1998) for batches of five.
    """
    require_between("alpha", alpha, 0.0, 1.0)
    series = as_series(x)
    refused = series.refusal(2 * MIN_TEST_LENGTH)
    if refused:
        nan = math.nan
        return BurnIn(0, 0.0, True, nan, nan, series.n, series.n_used, *refused, series.notes)
    values = series.values
    n = values.size
    mser = _mser_start(values) / n
    level = next((cut for cut in CUTS if _is_level(series.since(round(cut * n)), alpha)), math.nan)
    settled = not math.isnan(level)
    start = round(max(mser, level) * n) if settled else 0
    return BurnIn(
        start=start,
        fraction=start / n,
        settled=settled,
        mser_fraction=mser,
        level_fraction=level,
        n=series.n,
        n_used=n - start,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _is_level(series: Series, alpha: float) -> bool:
    """Return whether `kpss_cosine` does not reject a constant level; a constant series counts as level."""
    if not series.n_used:
        return True
    return constancy_pvalue(series.values, series.n_epochs) >= alpha


def _mser_start(values: FloatArray) -> int:
    """Return the MSER-5 truncation point, at most one half of the series."""
    batches = values[: values.size // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    centred = batches - batches.mean()
    counts = np.arange(centred.size, 0, -1)
    sums = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum(centred[::-1] ** 2)[::-1]
    squared_errors = (squares - sums**2 / counts) / counts**2
    return BATCH * int(np.argmin(squared_errors[: centred.size // 2 + 1]))
