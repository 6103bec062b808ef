"""Is a series stationary: unit-root and level tests combined into one verdict with measured error shares.

A stationary level says nothing about a stable bound: gradients can grow around a constant mean, which
ADF and KPSS cannot see. Read the verdict beside `lfq_test`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.cosine import MIN_TEST_LENGTH, SHORT_LENGTH, kpss_cosine
from tracekit_analysis.errors import require_between, require_choice
from tracekit_analysis.regime import Regime
from tracekit_analysis.results import Record, Status
from tracekit_analysis.series import FloatArray, Series, as_series

MAX_UNIT_ROOT_LENGTH = 20_000

Verdict = Literal[
    "stationary", "contradictory", "unit-root-like", "uninformative", "still transient", "not analysed"
]


@dataclass(frozen=True, slots=True)
class UnitRootTest(Record):
    """Outcome of one test from arch, ADF or KPSS."""

    name: str
    """``adf`` or ``kpss``."""
    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Test statistic."""
    pvalue: float
    """P-value from arch's tables and response surfaces."""
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
    """What was done differently from the standard procedure."""


@dataclass(frozen=True, slots=True)
class Stationarity(Record):
    """Verdict on one series after its transient, with all that went into it."""

    verdict: Verdict
    """``stationary``: ADF rejects, the level test does not. ``contradictory``: both reject (break, trend,
    long memory). ``unit-root-like``: ADF does not reject, KPSS does. ``uninformative``: neither rejects.
    ``still transient``: the level never settles. ``not analysed``: see `reason`."""
    alpha: float
    """Level of each decision."""
    adf_statistic: float
    """ADF t statistic; null: unit root."""
    adf_pvalue: float
    """ADF p-value."""
    adf_lags: int
    """Lags in the ADF regression."""
    kpss_cosine_pvalue: float
    """P-value of the level test; optimistic after a burn-in chosen by the same test."""
    kpss_auto_pvalue: float
    """KPSS p-value with automatic lag; computed only where ADF does not reject."""
    lfq_lower_pvalue: float
    """P-value for a constant lower bound."""
    lfq_upper_pvalue: float
    """P-value for a constant upper bound."""
    scale_lfq_pvalue: float
    """P-value for a constant spread."""
    n_rejected: int
    """Rejections among the four confirmatory tests (two bounds, level, spread) after Holm's correction."""
    burn_in: int
    """Values cut off as transient."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values tested."""
    status: Status
    """Whether the battery could be run."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def adf(x: ArrayLike | Series, *, lags: int | None = None, trend: Literal["c", "ct"] = "c") -> UnitRootTest:
    """Run the augmented Dickey-Fuller test with a lag rule that survives minibatch noise.

    Null: unit root. Alternative: stationary (around a trend for "ct"). Lags are floor(12 (n/100)^(1/4)),
    fixed from 500 values on and the upper limit for AIC below: with fewer lags a slowly wandering level
    under observation noise passes as stationary in half of all cases.

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
    null = "the series has a unit root"
    alternative = "the series is stationary" if trend == "c" else "the series is stationary around a trend"
    refused = series.refusal(MIN_TEST_LENGTH)
    if refused:
        return _no_unit_root_test("adf", null, alternative, trend, series, *refused)

    from arch.unitroot import ADF
    from arch.utility.exceptions import InfeasibleTestException
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    values, notes = _shortened(series.values)
    n = values.size
    limit = math.floor(12.0 * (n / 100.0) ** 0.25)
    if lags is None and n >= SHORT_LENGTH:
        lags = limit
    singular = (
        InfeasibleTestException,
        SingularMatrixWarning,
        RuntimeWarning,
        ValueError,
        np.linalg.LinAlgError,
    )  # the ways in which arch refuses a series without noise: a ramp, an alternation
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SingularMatrixWarning)
            warnings.simplefilter("error", RuntimeWarning)
            test = ADF(values, lags=lags, trend=trend, max_lags=limit if lags is None else None, method="aic")
            statistic, pvalue, used_lags = float(test.stat), float(test.pvalue), int(test.lags)
    except singular:
        why = "the ADF regression is singular: the series is predictable from its own past"
        return _no_unit_root_test("adf", null, alternative, trend, series, "inconclusive", why)
    return UnitRootTest(
        "adf", null, alternative, statistic, pvalue, used_lags, trend, series.n, n, *_state(series, notes)
    )


def kpss(x: ArrayLike | Series, *, lags: int | None = None, trend: Literal["c", "ct"] = "c") -> UnitRootTest:
    """Run the KPSS test with the automatic lag of Hobijn, Franses and Ooms.

    Null: level-stationary (trend-stationary for "ct"). Alternative: unit root. Where the automatic lag fails,
    as it does on anti-persistent series, `kpss_cosine` answers instead and a note says so.

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

    values, notes = _shortened(series.values)
    try:
        with warnings.catch_warnings():
            # arch announces on every call that lags=None has become data-dependent, which is wanted here.
            warnings.simplefilter("ignore", DeprecationWarning)
            test = KPSS(values, lags=lags, trend=trend)
        statistic, pvalue, used_lags = float(test.stat), float(test.pvalue), int(test.lags)
    except InfeasibleTestException:
        cosine = kpss_cosine(series)
        statistic, pvalue, used_lags = cosine.statistic, cosine.pvalue, 0
        notes = (*notes, "the automatic lag failed; kpss_cosine was used instead")
    return UnitRootTest(
        "kpss",
        null,
        alternative,
        statistic,
        pvalue,
        used_lags,
        trend,
        series.n,
        values.size,
        *_state(series, notes),
    )


def classify_stationarity(
    x: ArrayLike | Series, *, alpha: float = 0.05, remove_burn_in: bool = True
) -> Stationarity:
    """Judge whether a series is stationary after its transient, from ADF, KPSS and the cosine tests.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    alpha : float
        Level of each decision, and of Holm's correction over the four confirmatory tests.
    remove_burn_in : bool
        Cut off a transient of up to a quarter of the series first; a series whose level never settles is
        then "still transient".

    Returns
    -------
    Stationarity

    Raises
    ------
    AnalysisError
        If an argument cannot be used.
    """
    require_between("alpha", alpha, 0.0, 1.0)
    return judge(Regime(as_series(x), alpha=alpha, remove_burn_in=remove_burn_in), alpha=alpha)


def judge(regime: Regime, *, alpha: float = 0.05) -> Stationarity:
    """Give the verdict of `classify_stationarity` on a series whose transient is already known."""
    late = regime.late
    refused = late.refusal(MIN_TEST_LENGTH)
    tests = regime.confirmatory
    root = kpss_auto = None
    verdict: Verdict = "not analysed"
    if not refused and regime.never_settles:
        verdict = "still transient"
    elif not refused:
        root = adf(late)
        if not root.pvalue < alpha:
            kpss_auto = kpss(late)
        verdict = _verdict(root, regime.level.pvalue, kpss_auto, alpha)
    adjusted = holm({test.name: test.pvalue for test in tests})
    status, reason = refused or (late.status, late.reason)
    return Stationarity(
        verdict=verdict,
        alpha=alpha,
        adf_statistic=root.statistic if root else math.nan,
        adf_pvalue=root.pvalue if root else math.nan,
        adf_lags=root.lags if root else 0,
        kpss_cosine_pvalue=regime.level.pvalue,
        kpss_auto_pvalue=kpss_auto.pvalue if kpss_auto else math.nan,
        lfq_lower_pvalue=regime.lfq_lower.pvalue,
        lfq_upper_pvalue=regime.lfq_upper.pvalue,
        scale_lfq_pvalue=regime.scale.pvalue,
        n_rejected=sum(pvalue < alpha for pvalue in adjusted.values()),
        burn_in=regime.start,
        n=regime.whole.n,
        n_used=0 if refused else late.n_used,
        status=status,
        reason=reason,
        notes=tuple(dict.fromkeys(note for test in (*tests, root, kpss_auto) if test for note in test.notes)),
    )


def holm(pvalues: Mapping[str, float]) -> dict[str, float]:
    """Return Holm-adjusted p-values; NaN stay NaN and do not count in the family.

    References
    ----------
    Holm (1979), Scand. J. Statist. 6:65.
    """
    ordered = sorted((pvalue, name) for name, pvalue in pvalues.items() if not math.isnan(pvalue))
    adjusted = dict.fromkeys(pvalues, math.nan)
    running = 0.0
    for rank, (pvalue, name) in enumerate(ordered):
        running = max(running, min(1.0, (len(ordered) - rank) * pvalue))
        adjusted[name] = running
    return adjusted


def _verdict(root: UnitRootTest, level: float, kpss_auto: UnitRootTest | None, alpha: float) -> Verdict:
    """Combine ADF with the level test where it rejects, and with KPSS where it does not."""
    if root.pvalue < alpha:
        return "contradictory" if level < alpha else "stationary"
    return "unit-root-like" if kpss_auto is not None and kpss_auto.pvalue < alpha else "uninformative"


def _shortened(values: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """Average a very long series in blocks: the ADF regression grows with n times lags squared."""
    block = math.ceil(values.size / MAX_UNIT_ROOT_LENGTH)
    if block == 1:
        return values, ()
    means = values[: values.size // block * block].reshape(-1, block).mean(axis=1)
    return means, (f"tested on means of {block} values",)


def _state(series: Series, notes: tuple[str, ...]) -> tuple[Status, str, tuple[str, ...]]:
    return series.status, series.reason, series.notes + notes


def _no_unit_root_test(
    name: str, null: str, alternative: str, trend: str, series: Series, status: Status, reason: str
) -> UnitRootTest:
    nan = math.nan
    if series.status == "divergent":
        status, reason = series.status, series.reason
    return UnitRootTest(
        name, null, alternative, nan, nan, 0, trend, series.n, 0, status, reason, series.notes
    )
