"""Prewhitening: autoregressive residuals of a series, and the Ljung-Box test that they are uncorrelated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.dependence import autocovariance

MIN_AR_LENGTH = 50
MAX_ORDER = 30
MAX_LAGS = 10


@dataclass(frozen=True, slots=True)
class LjungBox(Record):
    """Ljung-Box test on the residuals of an autoregression."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Q = n (n + 2) sum_k r_k^2 / (n - k) over `lags` autocorrelations of the residuals."""
    pvalue: float
    """P-value of chi-squared with lags - order degrees of freedom."""
    lags: int
    """Number of autocorrelations: the order plus min(10, n/5)."""
    order: int
    """Order p of the autoregression."""
    predictability: float
    """Share of the variance that the autoregression explains, in sample."""
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


def prewhiten(x: ArrayLike | Series, *, order: int | None = None) -> Series:
    """Return the residuals of an autoregression fitted by least squares with an intercept.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.
    order : int, optional
        Order p, 0 to 30; default: the order of least BIC up to min(30, 10 log10 n, n/10), by the
        Levinson-Durbin recursion on the autocovariances.

    Returns
    -------
    Series
        The n - p residuals, in the units of `x`; or a status and a reason for a series that is unusable, has
        fewer than 50 values or is predicted without error.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Durbin (1960), Rev. Inst. Int. Stat. 28:233; Schwarz (1978), Ann. Statist. 6:461.
    """
    if order is not None and (int(order) != order or not 0 <= order <= MAX_ORDER):
        raise bad_argument("order", order, f"must be a whole number from 0 to {MAX_ORDER}")
    series = as_series(x)
    refused = series.refusal(MIN_AR_LENGTH)
    if refused:
        return replace(series, values=np.empty(0), status=refused[0], reason=refused[1])
    residuals = ar_residuals(series.values, ar_order(series.values) if order is None else int(order))
    if float(np.ptp(residuals)) <= 1e-9 * float(np.ptp(series.values)):
        why = "the autoregression predicts the series without error"
        if series.status == "divergent":
            return replace(series, values=np.empty(0), reason=f"{series.reason}; {why} before")
        return replace(series, values=np.empty(0), status="degenerate", reason=why)
    return replace(series, values=residuals, n_epochs=None, points_per_epoch=None, epoch_start=0)


def ljung_box(x: ArrayLike | Series) -> LjungBox:
    """Test that an autoregression explains all serial correlation of a series.

    Null: the residuals of the autoregression chosen by BIC are uncorrelated. Alternative: they are not
    (long memory, moving averages, periods, epoch profiles). On the raw series the test would only show that
    training traces are dependent. Assumes finite variance; with changing variance it rejects too often
    (GARCH: .09 with 200 values, .18 with 1,000).

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    LjungBox

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Ljung and Box (1978), Biometrika 65:297.
    """
    series = as_series(x)
    known = {
        "null": "the residuals of the autoregression are uncorrelated",
        "alternative": "the residuals of the autoregression are correlated",
    }
    refused = series.refusal(MIN_AR_LENGTH)
    if refused:
        return unavailable(LjungBox, series, refused, **known)
    values = series.values
    order = ar_order(values)
    whitened = prewhiten(series, order=order)
    if whitened.refusal():
        return unavailable(LjungBox, series, (whitened.status, whitened.reason), **known)
    residuals = whitened.values
    n = residuals.size
    lags = order + min(MAX_LAGS, n // 5)
    covariance = autocovariance(residuals)[: lags + 1]
    squared = (covariance[1:] / covariance[0]) ** 2
    statistic = float(n * (n + 2.0) * np.sum(squared / (n - np.arange(1, lags + 1))))
    return LjungBox(
        **known,
        statistic=statistic,
        pvalue=float(scipy.special.chdtrc(lags - order, statistic)),
        lags=lags,
        order=order,
        predictability=1.0 - float(residuals.var() / values.var()),
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def ar_order(values: FloatArray) -> int:
    """Return the order of least BIC, from the innovation variances of the Levinson-Durbin recursion."""
    n = values.size
    largest = min(MAX_ORDER, int(10.0 * math.log10(n)), n // 10)
    covariance = autocovariance(values)
    best, best_order = math.log(covariance[0]), 0
    coefficients, variance = np.empty(0), float(covariance[0])
    for order in range(1, largest + 1):
        reflection = float(covariance[order] - coefficients @ covariance[order - 1 : 0 : -1]) / variance
        coefficients = np.append(coefficients - reflection * coefficients[::-1], reflection)
        variance *= 1.0 - reflection * reflection
        if variance <= 1e-14 * covariance[0]:
            break
        criterion = math.log(variance) + order * math.log(n) / n
        if criterion < best:
            best, best_order = criterion, order
    return best_order


def ar_residuals(values: FloatArray, order: int) -> FloatArray:
    """Return the n - p least-squares residuals of an autoregression of order p with an intercept."""
    n = values.size
    centred = values - values.mean()
    if order == 0:
        return centred
    design = np.column_stack([np.ones(n - order), *(centred[order - k : n - k] for k in range(1, order + 1))])
    coefficients = np.linalg.lstsq(design, centred[order:], rcond=None)[0]
    return np.asarray(centred[order:] - design @ coefficients)


@column_group(
    "full",
    "dependence.md#prewhitening-and-ljung-box",
    {
        "ar_order": "order of the autoregression of least BIC",
        "predictability": "share of the variance that the autoregression of least BIC explains",
        "ljung_box_pvalue": "Ljung-Box p-value of autoregression residuals; null: uncorrelated",
    },
)
def prewhitening_columns(series: Series) -> Cells:
    """Compute the prewhitening columns."""
    test = ljung_box(series)
    values = {
        "ar_order": test.order,
        "predictability": test.predictability,
        "ljung_box_pvalue": test.pvalue,
    }
    return Cells(values, (("Ljung-Box", test),))
