"""Shape of the autocorrelation function: where it first falls, vanishes and turns; and split R-hat."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.dependence import autocovariance


@dataclass(frozen=True, slots=True)
class CorrelationShape(Record):
    """Where the autocorrelation function of a series first falls, vanishes and turns."""

    decay: float
    """First lag at which it falls below 1/e, interpolated between lags; NaN if it never does."""
    first_zero: float
    """First lag at which it is not positive; NaN if it never is."""
    first_minimum: float
    """First lag at which it is smaller than at both neighbours; NaN if it never is."""
    split_rhat: float
    """Split R-hat of the two halves, descriptive only: above 1 where their levels differ."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the function could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def correlation_shape(x: ArrayLike | Series) -> CorrelationShape:
    """Describe the autocorrelation function: first lags at which it falls below 1/e, vanishes and turns.

    Descriptive: no test is attached. A trend keeps the function high at all short lags.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    CorrelationShape

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Lubba et al. (2019), catch22, Data Min. Knowl. Discov. 33:1821; split R-hat of one chain: Gelman et
    al. (2013), Bayesian Data Analysis, 11.4.
    """
    series = as_series(x)
    refused = series.refusal()
    if refused:
        return unavailable(CorrelationShape, series, refused)
    covariance = autocovariance(series.values)
    rho = covariance / covariance[0]
    decay = _first(rho < 1.0 / math.e)
    if not math.isnan(decay):
        after = int(decay)
        decay = after - 1 + (rho[after - 1] - 1.0 / math.e) / (rho[after - 1] - rho[after])
    return CorrelationShape(
        decay=float(decay),
        first_zero=_first(rho <= 0.0),
        first_minimum=_first((rho[1:-1] < rho[:-2]) & (rho[1:-1] < rho[2:])) + 1.0,
        split_rhat=_split_rhat(series.values),
        n=series.n,
        n_used=series.n_used,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _first(condition: NDArray[np.bool_]) -> float:
    """Return the index of the first True; NaN if there is none."""
    return float(np.argmax(condition)) if condition.any() else math.nan


def _split_rhat(values: FloatArray) -> float:
    """Return split R-hat of the two halves; infinite if both are constant at different levels."""
    half = values.size // 2
    halves = values[: 2 * half].reshape(2, half)
    within = float(halves.var(axis=1, ddof=1).mean())
    between = half * float(halves.mean(axis=1).var(ddof=1))
    if within <= 0.0:
        return math.inf if between > 0.0 else 1.0
    return math.sqrt((half - 1) / half + between / within / half)


@column_group(
    "full",
    "dependence.md#autocorrelation-function",
    {
        "acf_decay": "first lag at which the autocorrelation falls below 1/e, interpolated",
        "acf_first_zero": "first lag at which the autocorrelation is not positive",
        "acf_first_minimum": "first lag at which the autocorrelation turns upwards",
        "split_rhat": Column(
            "split R-hat of the two halves, descriptive; above 1 where their levels differ",
            method="dependence.md#split-r-hat",
        ),
    },
)
def shape_columns(series: Series) -> Cells:
    """Compute the autocorrelation-shape columns."""
    shape = correlation_shape(series)
    values = {
        "acf_decay": shape.decay,
        "acf_first_zero": shape.first_zero,
        "acf_first_minimum": shape.first_minimum,
        "split_rhat": shape.split_rhat,
    }
    return Cells(values, (("correlation shape", shape),))
