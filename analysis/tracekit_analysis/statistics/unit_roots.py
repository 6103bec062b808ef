"""ADF and KPSS, the tests behind the stationarity verdict, with lag rules and fallbacks for minibatch noise."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.errors import require_choice
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH, SHORT_LENGTH, kpss_cosine
from tracekit_analysis.statistics.dependence import short_note

MAX_UNIT_ROOT_LENGTH = 20_000
UNIT_ROOT = "the series has a unit root"
ALIKE = 1e-4
"""Smallest share of a regressor's length orthogonal to the others for which cross-products keep enough digits."""

Trend = Literal["c", "ct"]


@dataclass(frozen=True, slots=True)
class UnitRootTest(Record):
    """Outcome of one unit-root or stationarity test."""

    name: str
    """``adf``, ``kpss``, ``phillips_perron``, ``dfgls`` or ``zivot_andrews``."""
    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Test statistic."""
    pvalue: float
    """P-value from published tables and response surfaces."""
    lags: int
    """Lags used."""
    trend: str
    """``c`` (constant) or ``ct`` (constant and linear trend)."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values (or of block means, see `notes`) tested."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Deviations from the standard procedure, and when not to trust the test."""


def adf(x: ArrayLike | Series, *, lags: int | None = None, trend: Trend = "c") -> UnitRootTest:
    """Run the augmented Dickey-Fuller test with a lag rule for series with minibatch noise.

    Null: unit root. Alternative: stationary (around a trend for "ct"). There are floor(12 (n/100)^(1/4)) lags
    from 500 values on; below, this is the upper limit of a choice by AIC. With fewer lags a slowly wandering
    level under observation noise is called stationary in half of all cases.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order. Beyond 20,000 values, block means are tested.
    lags : int, optional
        A fixed number of lags instead of the rule.
    trend : {"c", "ct"}
        Deterministic part of the regression.

    Returns
    -------
    UnitRootTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Said and Dickey (1984), Biometrika 71:599; p-values: MacKinnon (2010).
    """
    require_choice("trend", trend, ("c", "ct"))
    series = as_series(x)
    if series.refusal(MIN_TEST_LENGTH) is None:
        values, notes = block_means(series.values, MAX_UNIT_ROOT_LENGTH)
        fixed, _ = lag_rule(lags, values.size)
        found = None if fixed is None else _dickey_fuller(values, fixed, trend)
        if fixed is not None and found is not None:
            words = (UNIT_ROOT, alternative_to_unit_root(trend))
            return _outcome("adf", *words, trend, series, values, *found, fixed, notes)

    def build(values: FloatArray) -> Any:
        from arch.unitroot import ADF

        fixed, limit = lag_rule(lags, values.size)
        return ADF(values, lags=fixed, trend=trend, max_lags=limit, method="aic")

    return unit_root_test("adf", series, trend, build)


def _dickey_fuller(values: FloatArray, lags: int, trend: Trend) -> tuple[float, float] | None:
    """Return ADF's statistic and p-value for a fixed number of lags, from the cross-products of its regression.

    This takes a tenth of arch's time and avoids its import. Return None if the columns are too collinear for it;
    arch's singular value decomposition is more accurate.
    """
    from statsmodels.tsa.adfvalues import mackinnonp

    windows = np.lib.stride_tricks.sliding_window_view(np.diff(values), lags + 1)
    columns = np.column_stack(
        [windows[:, :lags], values[lags:-1], windows[:, lags]]
    )  # the response comes last
    columns -= columns.mean(axis=0)
    n = len(columns)
    if trend == "ct":
        time = np.arange(n) - (n - 1) / 2.0
        columns -= np.outer(time, time @ columns / (time @ time))
    lengths = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    degrees = n - lags - (2 if trend == "c" else 3)
    if degrees < 1 or not lengths.min() > 0.0:
        return None
    columns /= lengths
    try:
        factor = np.linalg.cholesky(columns.T @ columns)
    except np.linalg.LinAlgError:
        return None
    if factor.diagonal().min() < ALIKE:
        return None
    # The last row of the factor holds the response's part along each column, given those before, and the residual.
    statistic = factor[-1, -2] / factor[-1, -1] * math.sqrt(degrees)
    return float(statistic), float(mackinnonp(statistic, regression=trend, N=1))


def kpss(x: ArrayLike | Series, *, lags: int | None = None, trend: Trend = "c") -> UnitRootTest:
    """Run the KPSS test with the automatic lag of Hobijn, Franses and Ooms.

    Null: level-stationary (trend-stationary for "ct"). Alternative: unit root. If the automatic lag fails, as
    on anti-persistent series, `kpss_cosine` is used instead and a note says so.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order. Beyond 20,000 values, block means are tested.
    lags : int, optional
        A fixed number of lags instead of the automatic one.
    trend : {"c", "ct"}
        Deterministic part.

    Returns
    -------
    UnitRootTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Kwiatkowski et al. (1992), J. Econometrics 54:159; Hobijn, Franses and Ooms (2004), Stat. Neerl. 58:483.
    """
    require_choice("trend", trend, ("c", "ct"))
    series = as_series(x)
    null = "the series is stationary around a " + ("constant" if trend == "c" else "linear trend")
    alternative = "the series has a unit root"
    refused = series.refusal(MIN_TEST_LENGTH)
    if refused:
        return _no_unit_root_test("kpss", null, alternative, trend, series, *refused)

    from arch.unitroot import KPSS
    from arch.utility.exceptions import InfeasibleTestException

    values, notes = block_means(series.values, MAX_UNIT_ROOT_LENGTH)
    try:
        with warnings.catch_warnings():
            # arch warns on every call that lags=None has become data-dependent, which we want here.
            warnings.simplefilter("ignore", DeprecationWarning)
            test = KPSS(values, lags=lags, trend=trend)
        statistic, pvalue, used_lags = float(test.stat), float(test.pvalue), int(test.lags)
    except InfeasibleTestException:
        cosine = kpss_cosine(series)
        statistic, pvalue, used_lags = cosine.statistic, cosine.pvalue, 0
        notes = (*notes, "the automatic lag failed; kpss_cosine was used instead")
    notes += short_note(series)
    return _outcome("kpss", null, alternative, trend, series, values, statistic, pvalue, used_lags, notes)


def block_means(values: FloatArray, max_length: int) -> tuple[FloatArray, tuple[str, ...]]:
    """Return block means of a very long series, with a note; the cost of a test grows with n times lags squared."""
    block = math.ceil(values.size / max_length)
    if block == 1:
        return values, ()
    means = values[: values.size // block * block].reshape(-1, block).mean(axis=1)
    return means, (f"tested on means of {block} values",)


def lag_rule(lags: int | None, n: int) -> tuple[int | None, int | None]:
    """Return the fixed number of lags or None, and the limit for AIC or None."""
    limit = math.floor(12.0 * (n / 100.0) ** 0.25)
    if lags is not None:
        return lags, None
    return (limit, None) if n >= SHORT_LENGTH else (None, limit)


def alternative_to_unit_root(trend: str) -> str:
    """Return the alternative to a unit root, in words."""
    return "the series is stationary" + ("" if trend == "c" else " around a trend")


def unit_root_test(
    name: str,
    x: ArrayLike | Series,
    trend: str,
    build: Callable[[FloatArray], Any],
    *,
    trends: tuple[str, ...] = ("c", "ct"),
    max_length: int = MAX_UNIT_ROOT_LENGTH,
    null: str = UNIT_ROOT,
    alternative: str | None = None,
    notes: tuple[str, ...] = (),
) -> UnitRootTest:
    """Run one test of arch whose null is a unit root; a result without numbers says why it could not be run."""
    require_choice("trend", trend, trends)
    if alternative is None:
        alternative = alternative_to_unit_root(trend)
    series = as_series(x)
    refused = series.refusal(MIN_TEST_LENGTH)
    if refused:
        return _no_unit_root_test(name, null, alternative, trend, series, *refused)

    from arch.utility.exceptions import InfeasibleTestException
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    values, shortened = block_means(series.values, max_length)
    singular = (
        InfeasibleTestException,
        SingularMatrixWarning,
        RuntimeWarning,
        ValueError,
        np.linalg.LinAlgError,
    )  # the errors of arch for a series without noise: a ramp, an alternation
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SingularMatrixWarning)
            warnings.simplefilter("error", RuntimeWarning)
            test = build(values)
            statistic, pvalue, used_lags = float(test.stat), float(test.pvalue), int(test.lags)
    except singular:
        statistic = math.nan
    if not math.isfinite(statistic):
        why = "the test regression is singular: the series is predictable from its own past"
        return _no_unit_root_test(name, null, alternative, trend, series, "inconclusive", why)
    return _outcome(
        name, null, alternative, trend, series, values, statistic, pvalue, used_lags, shortened + notes
    )


def _outcome(
    name: str,
    null: str,
    alternative: str,
    trend: str,
    series: Series,
    values: FloatArray,
    statistic: float,
    pvalue: float,
    lags: int,
    notes: tuple[str, ...],
) -> UnitRootTest:
    return UnitRootTest(
        name=name,
        null=null,
        alternative=alternative,
        statistic=statistic,
        pvalue=pvalue,
        lags=lags,
        trend=trend,
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=series.notes + notes,
    )


def _no_unit_root_test(
    name: str, null: str, alternative: str, trend: str, series: Series, status: Status, reason: str
) -> UnitRootTest:
    nan = math.nan
    if series.status == "divergent":
        status, reason = series.status, series.reason
    return UnitRootTest(
        name, null, alternative, nan, nan, 0, trend, series.n, 0, status, reason, series.notes
    )
