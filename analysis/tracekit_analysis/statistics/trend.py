"""Monotone trend: Mann-Kendall test on means of blocks that are long compared with the autocorrelation time.

On the values themselves the test rejects a stationary AR(0.9) in two of three cases, and the usual corrections
for autocorrelation do not keep their size.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.dependence import autocovariance, geyer_tau, short_note

MIN_TREND_BLOCKS = 6
MAX_TREND_BLOCKS = 50
TAUS_PER_BLOCK = 5.0
NULL = "the level has no monotone trend"
ALTERNATIVE = "the level rises or falls over the series"


@dataclass(frozen=True, slots=True)
class TrendTest(Record):
    """Monotone trend of the level of one series."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Kendall's tau of the block means against time; 1 if they only rise."""
    pvalue: float
    """Two-sided Mann-Kendall p-value; null: no monotone trend of the level."""
    slope: float
    """Theil-Sen change of the level over the whole series, in units of the series."""
    slope_ci_low: float
    """Lower end of its confidence interval."""
    slope_ci_high: float
    """Upper end of its confidence interval."""
    level: float
    """Confidence level of the interval."""
    n_blocks: int
    """Number of blocks m."""
    block_length: int
    """Number of values per block; at least 5 autocorrelation times."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values in the blocks."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def mann_kendall(x: ArrayLike | Series, *, level: float = 0.95) -> TrendTest:
    """Test for a monotone trend of the level on means of blocks of at least 5 autocorrelation times.

    Null: the level has no monotone trend. Alternative: it rises or falls. There are at most 50 blocks; fewer
    than 6 are not tested. The autocorrelation time is computed around the least-squares line, so that the trend
    itself does not count as dependence.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    level : float
        Confidence level of the interval of the slope.

    Returns
    -------
    TrendTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Mann (1945), Econometrica 13:245; Sen (1968), J. Amer. Statist. Assoc. 63:1379.
    """
    require_between("level", level, 0.0, 1.0)
    series = as_series(x)
    refused = series.refusal(8 * MIN_TREND_BLOCKS)
    if refused:
        return _no_trend_test(series, level, *refused)
    values = series.values
    tau = detrended_tau(values)
    m = min(MAX_TREND_BLOCKS, int(values.size // (TAUS_PER_BLOCK * tau)))
    if m < MIN_TREND_BLOCKS:
        why = f"fewer than {MIN_TREND_BLOCKS} stretches of 5 autocorrelation times ({tau:.1f} values each)"
        return _no_trend_test(series, level, "inconclusive", why)
    length = values.size // m
    means = values[: m * length].reshape(m, length).mean(axis=1)
    if means.min() == means.max():
        return _no_trend_test(series, level, "degenerate", "the block means are constant")
    kendall = scipy.stats.kendalltau(np.arange(m), means)
    slope = scipy.stats.theilslopes(means, alpha=level)
    over_run = values.size / length * series.scale
    return TrendTest(
        null=NULL,
        alternative=ALTERNATIVE,
        statistic=float(kendall.statistic),
        pvalue=float(kendall.pvalue),
        slope=float(slope[0]) * over_run,
        slope_ci_low=float(slope[2]) * over_run,
        slope_ci_high=float(slope[3]) * over_run,
        level=level,
        n_blocks=m,
        block_length=length,
        n=series.n,
        n_used=m * length,
        status=series.status,
        reason=series.reason,
        notes=series.notes + short_note(series),
    )


def detrended_tau(values: FloatArray) -> float:
    """Return the integrated autocorrelation time around the least-squares line; at least 1."""
    time = np.arange(values.size) - (values.size - 1) / 2.0
    centred = values - values.mean()
    residuals = centred - time * float(time @ centred) / float(time @ time)
    return max(1.0, geyer_tau(autocovariance(residuals)))


def _no_trend_test(series: Series, level: float, status: Status, reason: str) -> TrendTest:
    if series.status == "divergent":
        status, reason = series.status, series.reason
    nan = math.nan
    return TrendTest(
        NULL, ALTERNATIVE, nan, nan, nan, nan, nan, level, 0, 0, series.n, 0, status, reason, series.notes
    )


MAX_EXACT = 33
"""Values up to which Kendall's p-value is exact, as in scipy."""


def kendall_pvalue(values: FloatArray) -> float:
    """Return the two-sided p-value of Kendall's test against a trend; exact for a few values without ties.

    References
    ----------
    Kendall (1938), Biometrika 30:81; Mann (1945), Econometrica 13:245.
    """
    m = values.size
    later, earlier = np.tril_indices(m, -1)
    change = values[later] - values[earlier]
    if m > MAX_EXACT or not change.all():
        return float(scipy.stats.kendalltau(np.arange(m), values).pvalue)
    falls = int(np.count_nonzero(change < 0.0))
    return min(1.0, 2.0 * float(_inversions(m)[: min(falls, change.size - falls) + 1].sum()))


def theil_sen(values: FloatArray, level: float) -> tuple[float, float, float]:
    """Return the median slope per position, with Sen's interval.

    References
    ----------
    Sen (1968), J. Amer. Statist. Assoc. 63:1379.
    """
    m = values.size
    later, earlier = np.tril_indices(m, -1)
    change = values[later] - values[earlier]
    if not change.all():
        slope = scipy.stats.theilslopes(values, alpha=level)
        return float(slope[0]), float(slope[2]), float(slope[3])
    slopes = np.sort(change / (later - earlier))
    half = float(scipy.special.ndtri(0.5 + level / 2.0)) * math.sqrt(m * (m - 1) * (2 * m + 5) / 18.0)
    low = max(round((slopes.size - half) / 2.0) - 1, 0)
    high = min(round((slopes.size + half) / 2.0), slopes.size - 1)
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])


@functools.cache
def _inversions(m: int) -> FloatArray:
    """Return the probability of each number of inversions in a random order of m values."""
    law = np.ones(1)
    for k in range(2, m + 1):
        law = np.convolve(law, np.full(k, 1.0 / k))
    return law


@column_group(
    "standard",
    "stationarity.md#trend-of-the-level",
    {
        "level_trend": Column("Theil-Sen change of the level over the series", "units of the series"),
        "level_trend_pvalue": "Mann-Kendall p-value on long block means; null: no monotone trend of the level",
    },
)
def trend_columns(series: Series) -> Cells:
    """Compute the trend columns."""
    trend = mann_kendall(series)
    values = {"level_trend": trend.slope, "level_trend_pvalue": trend.pvalue}
    return Cells(values, (("level trend", trend),))
