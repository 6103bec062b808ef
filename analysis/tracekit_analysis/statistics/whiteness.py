"""Whiteness test: is a series white noise? A portmanteau test on ranks, which heavy tails do not mislead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.results import Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.dependence import autocovariance
from tracekit_analysis.statistics.prewhitening import MAX_LAGS, MIN_AR_LENGTH


@dataclass(frozen=True, slots=True)
class WhitenessTest(Record):
    """Ljung-Box test on the normal scores of a series."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Q = n (n + 2) sum_k r_k^2 / (n - k) over the autocorrelations of the normal scores."""
    pvalue: float
    """P-value of chi-squared with `lags` degrees of freedom."""
    lags: int
    """Number of autocorrelations: min(10, n/5)."""
    sum_of_correlations: float
    """Sum of these autocorrelations: above 0 for red noise, below 0 for blue noise."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def whiteness_test(x: ArrayLike | Series) -> WhitenessTest:
    """Test that the values of a series are serially uncorrelated.

    Null: the normal scores ``Phi^-1((rank - 1/2) / n)`` are uncorrelated. Alternative: they are not. With ranks
    the distribution of the values does not matter; with changing variance the test rejects a little too often.
    It also rejects if the level moves: read the sign of `sum_of_correlations` and the change points with it.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    WhitenessTest

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Ljung and Box (1978), Biometrika 65:297; on ranks: Dufour and Roy (1986), Commun. Statist. Theory Meth.
    15:2953.
    """
    series = as_series(x)
    known: dict[str, Any] = {
        "null": "the ranks of the values are uncorrelated",
        "alternative": "the ranks of the values are correlated",
    }
    refused = series.refusal(MIN_AR_LENGTH)
    if refused:
        return unavailable(WhitenessTest, series, refused, **known)
    n = series.n_used
    scores = scipy.special.ndtri((scipy.stats.rankdata(series.values) - 0.5) / n)
    covariance = autocovariance(scores)
    if not covariance[0] > 0.0:
        return unavailable(WhitenessTest, series, ("degenerate", "all values are equal"), **known)
    lags = min(MAX_LAGS, n // 5)
    correlation = covariance[1 : lags + 1] / covariance[0]
    statistic = float(n * (n + 2.0) * np.sum(correlation**2 / (n - np.arange(1, lags + 1))))
    return WhitenessTest(
        **known,
        statistic=statistic,
        pvalue=float(scipy.special.chdtrc(lags, statistic)),
        lags=lags,
        sum_of_correlations=float(correlation.sum()),
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


@column_group(
    "standard",
    "spectral.md#whiteness",
    {
        "whiteness_pvalue": "p-value of a portmanteau test on ranks; null: no serial correlation",
        "correlation_sum": "sum of the first 10 autocorrelations of the ranks' normal scores; "
        "above 0 is red, below blue",
    },
)
def whiteness_columns(series: Series) -> Cells:
    """Compute the whiteness columns."""
    test = whiteness_test(series)
    values = {"whiteness_pvalue": test.pvalue, "correlation_sum": test.sum_of_correlations}
    return Cells(values, (("whiteness", test),))


@dataclass(frozen=True, slots=True)
class TurningPoints(Record):
    """Turning point test of a series."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    count: int
    """Values that are larger, or smaller, than both neighbours."""
    ratio: float
    """Count over its mean for independent values, 2 (n - 2) / 3: below 1 if smooth, above 1 if jagged."""
    statistic: float
    """Count less its mean, in its standard deviations, sqrt((16 n - 29) / 90)."""
    pvalue: float
    """Two-sided p-value of the normal law."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


MAX_TIED_NEIGHBOURS = 0.01
"""Share of equal neighbours up to which the test is made: its law presumes that values do not repeat."""


def turning_point_test(x: ArrayLike | Series) -> TurningPoints:
    """Test whether neighbouring values are independent, by counting peaks and troughs.

    Null: the values are independent draws of one continuous law. Alternative: the series is smoother than that (fewer
    turning points) or alternates (more). Only order counts, so that tails and units are irrelevant, and a slow drift
    hardly shows: the test sees what happens from one update to the next.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    TurningPoints

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Kendall, M. G. (1973), Time-Series, Griffin, 2.4: mean and variance of the count.
    """
    series = as_series(x)
    known = {
        "null": "neighbouring values are independent draws of one law",
        "alternative": "the series is smoother than independent values, or alternates",
    }
    refused = series.refusal(MIN_AR_LENGTH)
    if refused:
        return unavailable(TurningPoints, series, refused, **known)
    changes = np.diff(series.values)
    tied = float(np.mean(changes == 0.0))
    if tied > MAX_TIED_NEIGHBOURS:
        why = f"{tied:.0%} of neighbouring values are equal; at most {MAX_TIED_NEIGHBOURS:.0%} may be"
        return unavailable(TurningPoints, series, ("inconclusive", why), **known)
    n = series.n_used
    count = int(np.sum(np.sign(changes[1:]) * np.sign(changes[:-1]) < 0.0))
    mean, deviation = 2.0 * (n - 2.0) / 3.0, np.sqrt((16.0 * n - 29.0) / 90.0)
    statistic = float((count - mean) / deviation)
    return TurningPoints(
        **known,
        count=count,
        ratio=count / mean,
        statistic=statistic,
        pvalue=float(2.0 * scipy.special.ndtr(-abs(statistic))),
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


@column_group(
    "full",
    "spectral.md#turning-points",
    {
        "turning_ratio": "turning points over their mean for independent values; below 1 is smooth, above 1 jagged",
        "turning_pvalue": "p-value of the turning point test; null: neighbouring values are independent",
    },
)
def turning_columns(series: Series) -> Cells:
    """Compute the turning-point columns."""
    found = turning_point_test(series)
    return Cells({"turning_ratio": found.ratio, "turning_pvalue": found.pvalue}, (("turning points", found),))
