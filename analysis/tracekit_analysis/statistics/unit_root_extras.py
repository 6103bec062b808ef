"""Unit-root tests that are reported next to ADF and KPSS but do not enter the verdict.

Phillips-Perron, DF-GLS, Zivot-Andrews and the variance ratio; the notes of each name its weakness.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.statistics.unit_roots import Trend, UnitRootTest, lag_rule, unit_root_test

MAX_BREAK_LENGTH = 500
NOISE_NOTE = (
    "unreliable under observation noise: a level that wanders under minibatch noise passes as stationary"
)


@dataclass(frozen=True, slots=True)
class VarianceRatio(Record):
    """Variance ratio test: do changes over several values add up like those of a random walk?"""

    ratio: float
    """Variance of a change over `lags` values over `lags` times that of a change over one; 1 for a random walk,
    near 1 / lags for independent values, above 1 for a trend that persists."""
    statistic: float
    """Its distance from 1 in heteroscedasticity-robust standard errors."""
    pvalue: float
    """Two-sided normal p-value; null: random walk with uncorrelated steps."""
    lags: int
    """Values over which the long change is taken."""
    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the ratio could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """When not to trust the test."""


def phillips_perron(x: ArrayLike | Series, *, lags: int | None = None, trend: Trend = "c") -> UnitRootTest:
    """Run the Phillips-Perron test; its note says why it does not enter the verdict.

    Null: unit root. Alternative: stationary. The correction for short-range dependence fails under a negative
    moving average, such as minibatch noise on a slowly wandering level: a random walk under noise of ten times
    its step is called stationary in every run.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order. Beyond 20,000 values, block means are tested.
    lags : int, optional
        Lags in the long-run variance; default ceil(12 (n/100)^(1/4)).
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
    Phillips and Perron (1988), Biometrika 75:335; p-values: MacKinnon (2010).
    """

    def build(values: FloatArray) -> Any:
        from arch.unitroot import PhillipsPerron

        return PhillipsPerron(values, lags=lags, trend=trend)

    return unit_root_test("phillips_perron", x, trend, build, notes=(NOISE_NOTE,))


def dfgls(x: ArrayLike | Series, *, lags: int | None = None, trend: Trend = "c") -> UnitRootTest:
    """Run the Dickey-Fuller test after GLS detrending, with the lag rule of `adf`.

    Null: unit root. Alternative: stationary (around a trend for "ct"). It has more power than `adf` near a
    unit root and less far from one: with these lags it does not reject white noise in about half of all series of
    1,000 values. So a p-value above .05 says little if `adf` rejects.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order. Beyond 20,000 values, block means are tested.
    lags : int, optional
        A fixed number of lags instead of the rule.
    trend : {"c", "ct"}
        Deterministic part to remove.

    Returns
    -------
    UnitRootTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Elliott, Rothenberg and Stock (1996), Econometrica 64:813.
    """

    def build(values: FloatArray) -> Any:
        from arch.unitroot import DFGLS

        fixed, limit = lag_rule(lags, values.size)
        return DFGLS(values, lags=fixed, trend=trend, max_lags=limit, method="aic")

    return unit_root_test("dfgls", x, trend, build)


def zivot_andrews(
    x: ArrayLike | Series, *, lags: int | None = None, trend: Literal["c", "t", "ct"] = "c"
) -> UnitRootTest:
    """Run the Zivot-Andrews test for a unit root that allows one break at an unknown time.

    Null: unit root without a break. Alternative: stationary around a level (for "t" a slope, for "ct" both)
    that breaks once. The search over break times is quadratic in the length, so above 500 values block means
    are tested, which also averages minibatch noise.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    lags : int, optional
        A fixed number of lags; default AIC up to floor(12 (n/100)^(1/4)).
    trend : {"c", "t", "ct"}
        Part that may break.

    Returns
    -------
    UnitRootTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Zivot and Andrews (1992), J. Bus. Econ. Statist. 10:251.
    """

    def build(values: FloatArray) -> Any:
        from arch.unitroot import ZivotAndrews

        limit = lag_rule(None, values.size)[1] if lags is None else None
        return ZivotAndrews(values, lags=lags, trend=trend, max_lags=limit, method="aic")

    return unit_root_test(
        "zivot_andrews",
        x,
        trend,
        build,
        trends=("c", "t", "ct"),
        max_length=MAX_BREAK_LENGTH,
        null="the series has a unit root and no break",
        alternative="the series is stationary around a level or trend that breaks once",
    )


def variance_ratio(x: ArrayLike | Series, *, lags: int = 2) -> VarianceRatio:
    """Run the variance ratio test: the variance of changes over several values against that of single changes.

    ``VR(q) = Var(x_t - x_{t-q}) / (q Var(x_t - x_{t-1}))``, overlapping, with Lo and MacKinlay's
    heteroscedasticity-robust standard error. Null: random walk. Alternative: changes are correlated.
    Noise around a wandering level makes changes negatively correlated, so a rejection with a ratio below 1
    does not say that the level is constant.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    lags : int
        Number q of values over which the long change is taken; at least 2 and at most a quarter of the length.
        Useful values are 2, 5, 20 and the number of values per epoch.

    Returns
    -------
    VarianceRatio

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Lo and MacKinlay (1988), Rev. Financ. Stud. 1:41.
    """
    length = int(lags)
    if length != lags or length < 2:
        raise bad_argument("lags", lags, "must be a whole number of at least 2")
    series = as_series(x)
    nan = math.nan
    hypotheses = ("the series is a random walk with uncorrelated steps", "its steps are correlated")
    refused = series.refusal(max(MIN_TEST_LENGTH, 4 * length))
    if refused:
        return VarianceRatio(nan, nan, nan, length, *hypotheses, series.n, 0, *refused, series.notes)

    from arch.unitroot import VarianceRatio as ArchVarianceRatio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            test = ArchVarianceRatio(series.values, lags=length, robust=True)
            ratio, statistic, pvalue = float(test.vr), float(test.stat), float(test.pvalue)
    except RuntimeWarning:
        ratio = statistic = pvalue = nan
    if not math.isfinite(statistic):
        why = "the changes do not vary"
        return VarianceRatio(
            nan, nan, nan, length, *hypotheses, series.n, 0, "inconclusive", why, series.notes
        )
    return VarianceRatio(
        ratio=ratio,
        statistic=statistic,
        pvalue=pvalue,
        lags=length,
        null=hypotheses[0],
        alternative=hypotheses[1],
        n=series.n,
        n_used=series.n_used,
        status=series.status,
        reason=series.reason,
        notes=(*series.notes, NOISE_NOTE),
    )


@column_group(
    "full",
    "stationarity.md#phillips-perron",
    {
        "phillips_perron_pvalue": "Phillips-Perron p-value; null: unit root; unreliable under observation noise",
        "dfgls_pvalue": Column(
            "DF-GLS p-value with the lags of ADF; null: unit root", method="stationarity.md#df-gls"
        ),
        "zivot_andrews_pvalue": Column(
            "Zivot-Andrews p-value on at most 500 block means; null: unit root, no break",
            method="stationarity.md#zivot-andrews",
        ),
    },
)
def unit_root_columns(series: Series) -> Cells:
    """Compute the unit root columns."""
    tests = {
        "Phillips-Perron": phillips_perron(series),
        "DF-GLS": dfgls(series),
        "Zivot-Andrews": zivot_andrews(series),
    }
    names = ("phillips_perron_pvalue", "dfgls_pvalue", "zivot_andrews_pvalue")
    values = {name: test.pvalue for name, test in zip(names, tests.values(), strict=True)}
    return Cells(values, tuple(tests.items()))


RATIO_LAGS = (2, 5, 20)


def _ratio_columns() -> dict[str, str]:
    columns = {}
    for lag in (*map(str, RATIO_LAGS), "epoch"):
        over = "an epoch" if lag == "epoch" else f"{lag} values"
        columns[f"variance_ratio_{lag}"] = (
            f"variance of changes over {over} against single ones; 1: random walk"
        )
        columns[f"variance_ratio_{lag}_pvalue"] = (
            f"robust p-value; null: changes over {over} are a random walk's; unreliable under observation noise"
        )
    return columns


@column_group("full", "stationarity.md#variance-ratio", _ratio_columns(), takes_regime=True)
def ratio_columns(regime: Regime) -> Cells:
    """Compute the variance-ratio columns."""
    values: dict[str, Any] = {}
    results = []
    for name, lag in (*((str(lag), lag) for lag in RATIO_LAGS), ("epoch", regime.whole.points_per_epoch)):
        ratio = variance_ratio(regime.late, lags=lag) if lag is not None and lag >= 2 else None
        values[f"variance_ratio_{name}"] = ratio.ratio if ratio else math.nan
        values[f"variance_ratio_{name}_pvalue"] = ratio.pvalue if ratio else math.nan
        results += [("variance ratio", ratio)] if ratio else []
    return Cells(values, tuple(results))
