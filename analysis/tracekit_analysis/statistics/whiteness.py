"""Whiteness test: is a series white noise? A portmanteau test on ranks, which heavy tails do not mislead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import ArrayLike

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


COLUMNS: dict[str, str] = {
    "whiteness_pvalue": "p-value of a portmanteau test on ranks; null: no serial correlation",
    "correlation_sum": "sum of the first 10 autocorrelations of the ranks' normal scores; above 0 is red, below blue",
}


def columns(series: Series) -> dict[str, Any]:
    """Return the columns of this topic for one series."""
    test = whiteness_test(series)
    return {"whiteness_pvalue": test.pvalue, "correlation_sum": test.sum_of_correlations}
