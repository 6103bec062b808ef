"""Stationarity of a series: one verdict from unit-root and level tests, with measured error rates.

A stationary level does not imply a stable bound: gradients can grow around a constant mean, which ADF and KPSS do
not detect. Read the verdict together with `lfq_test`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH
from tracekit_analysis.statistics.multiplicity import holm
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.statistics.unit_roots import UnitRootTest, adf, kpss

Verdict = Literal[
    "stationary", "contradictory", "unit-root-like", "uninformative", "still transient", "not analysed"
]


@dataclass(frozen=True, slots=True)
class Stationarity(Record):
    """Verdict on one series after its transient, with the tests behind it."""

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
    """P-value of the level test; biased upwards after a burn-in chosen by the same test."""
    kpss_auto_pvalue: float
    """KPSS p-value with automatic lag; computed only if ADF does not reject."""
    lfq_lower_pvalue: float
    """P-value for a constant lower bound."""
    lfq_upper_pvalue: float
    """P-value for a constant upper bound."""
    scale_lfq_pvalue: float
    """P-value for a constant spread."""
    n_rejected: int
    """Rejections among the four confirmatory tests (two bounds, level, spread) after Holm's correction."""
    burn_in: int
    """Number of values cut off as transient."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values tested."""
    status: Status
    """Whether the tests could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def classify_stationarity(
    x: ArrayLike | Series, *, alpha: float = 0.05, remove_burn_in: bool = True
) -> Stationarity:
    """Classify a series as stationary or not after its transient, from ADF, KPSS and the cosine tests.

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
    return _judge(regime, alpha=alpha)[0]


def _judge(regime: Regime, *, alpha: float = 0.05) -> tuple[Stationarity, tuple[tuple[str, Record], ...]]:
    """Return the verdict and the tests behind it, each with the name that its notes bear."""
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
    found = Stationarity(
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
    named: tuple[tuple[str, Record | None], ...] = (("ADF", root), ("KPSS", kpss_auto))
    return found, (*(("", test) for test in tests), *((name, test) for name, test in named if test))


def _verdict(root: UnitRootTest, level: float, kpss_auto: UnitRootTest | None, alpha: float) -> Verdict:
    """Return the verdict from ADF and the level test if ADF rejects, from ADF and KPSS if not."""
    if root.pvalue < alpha:
        return "contradictory" if level < alpha else "stationary"
    return "unit-root-like" if kpss_auto is not None and kpss_auto.pvalue < alpha else "uninformative"


@column_group(
    "standard",
    "stationarity.md#adf",
    {
        "stationarity": Column(
            "verdict: stationary, contradictory, unit-root-like, uninformative, still transient",
            method="stationarity.md#verdict",
        ),
        "adf_pvalue": "augmented Dickey-Fuller p-value; null: unit root",
        "adf_lags": "lags in the augmented Dickey-Fuller regression",
        "kpss_cosine_pvalue": Column(
            "p-value of the cosine KPSS test; null: the level is constant",
            method="stationarity.md#cosine-kpss",
        ),
        "kpss_auto_pvalue": Column(
            "KPSS p-value with automatic lag, only where ADF does not reject; null: stationary",
            method="stationarity.md#kpss-with-automatic-lag",
        ),
        "scale_lfq_pvalue": Column(
            "p-value of the scale LFQ test; null: the spread is constant", method="stationarity.md#scale-lfq"
        ),
        "holm_rejections": Column(
            "rejections among both bounds, level and spread after Holm's correction at 5%",
            method="labels.md#many-tests-inside-one-series",
        ),
    },
    takes_regime=True,
)
def stationarity_columns(regime: Regime) -> Cells:
    """Compute the stationarity columns."""
    found, results = _judge(regime)
    values = {
        "stationarity": found.verdict,
        "adf_pvalue": found.adf_pvalue,
        "adf_lags": found.adf_lags,
        "kpss_cosine_pvalue": found.kpss_cosine_pvalue,
        "kpss_auto_pvalue": found.kpss_auto_pvalue,
        "scale_lfq_pvalue": found.scale_lfq_pvalue,
        "holm_rejections": found.n_rejected,
    }
    return Cells(values, results)
