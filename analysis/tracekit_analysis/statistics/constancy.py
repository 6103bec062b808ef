"""Low-frequency tests of constancy: of a quantile (LFQ), of the level and of the scale.

The long-run variance is the mean of the first B squared cosine weights. So no lag has to be chosen, and the null
distribution is exact if the spectrum is flat below B/2n. LFQ does not need moments of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import bad_argument, require_between, require_choice
from tracekit_analysis.results import FloatArray, Record, Side, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.dependence import short_note

MIN_TEST_LENGTH = 50
SHORT_LENGTH = 500
LEAST_TAU = 0.05
"""Quantile level that needs no note; for a smaller one, 100 values should lie beyond the bound."""
MIN_BEYOND = 100
MIN_BANDS, MAX_BANDS = 12, 64
N_WANDER = 3
PVALUE_FLOOR = 1e-12
"""Smallest p-value of the trend part; the integral is accurate to about 1e-14."""


@dataclass(frozen=True, slots=True)
class ConstancyTest(Record):
    """Outcome of one low-frequency test that a quantile, the level or the scale of a series is constant."""

    name: str
    """``lfq_lower``, ``lfq_upper``, ``kpss_cosine`` or ``scale_lfq``."""
    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Trend statistic T1: KPSS numerator over the equal-weighted cosine long-run variance."""
    pvalue: float
    """P-value of the test; for LFQ, Bonferroni over the trend part and the wander part."""
    trend_pvalue: float
    """P-value of T1 alone."""
    wander_statistic: float
    """Wander statistic T2: mean squared weight of the 3 lowest frequencies over that of the others."""
    wander_pvalue: float
    """P-value of T2 alone."""
    tau: float
    """Quantile level that was tested; NaN for the level of the series."""
    n_bands: int
    """Number of cosine frequencies B in the long-run variance."""
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


def lfq_test(
    x: ArrayLike | Series,
    *,
    tau: float | Literal["auto"] = "auto",
    side: Side = "lower",
    n_epochs: int | None = None,
) -> ConstancyTest:
    """Test that the lower (upper) bound of a series is constant: low-frequency quantile stationarity.

    Null: the conditional tau-quantile does not change over the run. Alternative: it drifts, breaks or
    wanders. The test uses ``psi_t = tau - 1{x_t <= q}`` with q an order statistic, so it is exactly invariant
    under increasing transformations of `x`. The p-value is ``min(1, 2 min(p1, p2))`` of

    * ``T1 = sum_j Lambda_j^2 / (pi j)^2 / mean_j Lambda_j^2``, j = 1 .. B, and
    * ``T2 = mean(Lambda_1..3^2) / mean(Lambda_4..B'^2)`` ~ F(3, B' - 3),

    where Lambda is the cosine transform of psi, B = round(2 n^(1/3)) within [12, 64], and B' = max(24, B), or
    max(16, B) for fewer than 500 values. p1 is exact if the spectrum is flat over the band.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    tau : float or "auto"
        Quantile level; "auto" is 0.05, and 0.10 for fewer than 500 values. Below 0.05 a note asks for
        100 / tau values (10,000 for 0.01).
    side : {"lower", "upper"}
        Bound to test; the upper bound is the lower bound of ``-x``.
    n_epochs : int, optional
        Number of epochs; B is kept at or below it (but at least 12), so that the band does not contain the
        epoch frequency.

    Returns
    -------
    ConstancyTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used. Data that cannot be used give a status and NaN instead.

    References
    ----------
    Busetti and Harvey (2010), J. Time Ser. Anal. 31:435; Lazarus, Lewis, Stock and Watson (2018), JBES
    36:541.
    """
    require_choice("side", side, ("lower", "upper"))
    series = as_series(x)
    level = resolve_tau(tau, series.n_used)
    values = series.values if side == "lower" else -series.values
    return _quantile_test(
        series,
        values,
        level,
        n_epochs,
        name=f"lfq_{side}",
        null=f"the {side} bound (quantile at {level:g} from that side) is constant over the series",
        alternative=f"the {side} bound drifts, breaks or wanders",
    )


def kpss_cosine(x: ArrayLike | Series, *, n_epochs: int | None = None) -> ConstancyTest:
    """Test that the level of a series is constant: KPSS with a cosine long-run variance.

    Null: level-stationary. Alternative: trend, level break or unit root. The p-value is that of T1 (see
    `lfq_test`) computed on `x` itself; T2 is reported but not used, because it mistakes strong
    short-range dependence in short series for wandering (AR(0.9), n = 200: .46 at nominal .05).

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    n_epochs : int, optional
        As for `lfq_test`.

    Returns
    -------
    ConstancyTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Kwiatkowski, Phillips, Schmidt and Shin (1992), J. Econometrics 54:159; Lazarus et al. (2018), JBES
    36:541.
    """
    return _low_frequency_test(
        as_series(x),
        None,
        n_epochs,
        name="kpss_cosine",
        null="the level is constant over the series (level-stationary)",
        alternative="the level has a trend, a break or a unit root",
        tau=math.nan,
        combined=False,
    )


def scale_lfq(x: ArrayLike | Series, *, tau: float = 0.10, n_epochs: int | None = None) -> ConstancyTest:
    """Test that the spread of a series is constant: LFQ on ``-|x - median|``.

    Null: the (1 - tau)-quantile of the distance from the median does not change. Alternative: it does.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    tau : float
        Share of the values that count as far from the median.
    n_epochs : int, optional
        As for `lfq_test`.

    Returns
    -------
    ConstancyTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.
    """
    series = as_series(x)
    level = resolve_tau(tau, series.n_used)
    values = -np.abs(series.values - np.median(series.values)) if series.n_used else series.values
    return _quantile_test(
        series,
        values,
        level,
        n_epochs,
        name="scale_lfq",
        null="the spread around the median is constant over the series",
        alternative="the spread drifts, breaks or wanders",
    )


def resolve_tau(tau: float | Literal["auto"], n: int) -> float:
    """Return the quantile level for a series of `n` values."""
    if isinstance(tau, str):
        require_choice("tau", tau, ("auto",))
        return 0.10 if n < SHORT_LENGTH else 0.05
    require_between("tau", tau, 0.0, 0.5)
    return float(tau)


def tau_note(tau: float, n: int) -> tuple[str, ...]:
    """Return the warning for a quantile level beyond which few values lie; empty if there are enough."""
    if not tau < LEAST_TAU or n >= MIN_BEYOND / tau:
        return ()
    needed = math.ceil(MIN_BEYOND / tau - 1e-9)
    return (f"tau = {tau:g} is meant for {needed:,} values or more; of these {n} few lie beyond the bound",)


def cosine_weights(values: FloatArray, n_bands: int) -> FloatArray:
    """Return ``Lambda_j = sqrt(2/n) sum_t x_t cos(pi j (t - 1/2) / n)`` for j = 1 .. n_bands."""
    transform = scipy.fft.dct(values - values.mean(), type=2)
    return np.asarray(transform[1 : n_bands + 1] / math.sqrt(2.0 * values.size))


def trend_pvalue(statistic: float, n_bands: int) -> float:
    """Return ``P(T1 > statistic)`` for independent normal cosine weights of equal variance.

    T1 exceeds c when ``sum_j (1/(pi j)^2 - c/B) Z_j^2`` is positive. This is the tail of a quadratic form in
    normal variables, computed by Imhof's integral (1961, Biometrika 48:419), not simulated.
    """
    nodes, node_weights = _half_line_nodes()
    coefficients = 1.0 / (np.pi * np.arange(1, n_bands + 1)) ** 2 - statistic / n_bands
    arguments = np.outer(nodes, coefficients / np.abs(coefficients).max())
    angle = 0.5 * np.arctan(arguments).sum(axis=1)
    damping = np.exp(-0.25 * np.log1p(arguments**2).sum(axis=1))
    tail = 0.5 + float(np.sum(node_weights * np.sin(angle) / nodes * damping)) / math.pi
    return min(max(tail, PVALUE_FLOOR), 1.0)


@cache
def _half_line_nodes() -> tuple[FloatArray, FloatArray]:
    """Return Gauss-Legendre nodes and weights mapped from (0, 1) to the positive half line."""
    points, weights = np.polynomial.legendre.leggauss(200)
    unit = (points + 1.0) / 2.0
    return unit / (1.0 - unit), weights / 2.0 / (1.0 - unit) ** 2


def _bands(n: int, n_epochs: int | None) -> tuple[int, int, tuple[str, ...]]:
    """Return B for the trend part, B' for the wander part, and a note about them."""
    bands = min(max(round(2.0 * n ** (1.0 / 3.0)), MIN_BANDS), MAX_BANDS)
    # B' = 24 in short series reaches frequencies at which AR(.9) is no longer flat (size .13 at n = 200; 16: .08).
    wander = max(16 if n < SHORT_LENGTH else 24, bands)
    if n_epochs is None or n_epochs >= wander:
        return bands, wander, ()
    cap = max(n_epochs, MIN_BANDS)
    note = f"{n_epochs} epochs: the band contains the epoch frequency, so the test is conservative"
    return min(bands, cap), min(wander, cap), (note,) if n_epochs < MIN_BANDS else ()


def constancy_pvalue(values: FloatArray, n_epochs: int | None) -> float:
    """Return the p-value of `kpss_cosine` alone, for searches that call it many times."""
    bands, _, _ = _bands(values.size, n_epochs)
    return trend_pvalue(_trend_statistic(cosine_weights(values, bands) ** 2), bands)


def _trend_statistic(power: FloatArray) -> float:
    """Return T1 from the squared cosine weights of the band."""
    return float(np.sum(power / (np.pi * np.arange(1, power.size + 1)) ** 2) / power.mean())


def _quantile_test(
    series: Series,
    values: FloatArray,
    tau: float,
    n_epochs: int | None,
    *,
    name: str,
    null: str,
    alternative: str,
) -> ConstancyTest:
    """Return the low-frequency test on the indicator of the tau-quantile of `values`."""
    below = None
    if values.size >= MIN_TEST_LENGTH:
        rank = math.ceil(tau * values.size) - 1
        below = (values <= np.partition(values, rank)[rank]).astype(np.float64)
    return _low_frequency_test(
        series, below, n_epochs, name=name, null=null, alternative=alternative, tau=tau, combined=True
    )


def _low_frequency_test(
    series: Series,
    transformed: FloatArray | None,
    n_epochs: int | None,
    *,
    name: str,
    null: str,
    alternative: str,
    tau: float,
    combined: bool,
) -> ConstancyTest:
    """Return the test from T1 and T2 of `transformed` (default: the series itself)."""
    if n_epochs is not None and n_epochs < 1:
        raise bad_argument("n_epochs", n_epochs, "must be at least 1", "leave it out if it is unknown")
    refused = series.refusal(MIN_TEST_LENGTH)
    values = series.values if transformed is None else transformed
    if refused is None and values.min() == values.max():
        refused = ("degenerate", f"more than {1 - tau:.0%} of the values are tied at the quantile")
    if refused:
        nan = math.nan
        return ConstancyTest(
            name, null, alternative, nan, nan, nan, nan, nan, tau, 0, series.n, 0, *refused, series.notes
        )
    n = values.size
    bands, wander_bands, notes = _bands(n, series.n_epochs if n_epochs is None else n_epochs)
    power = cosine_weights(values, max(bands, wander_bands)) ** 2
    trend = _trend_statistic(power[:bands])
    wander = float(power[:N_WANDER].mean() / power[N_WANDER:wander_bands].mean())
    trend_p = trend_pvalue(trend, bands)
    wander_p = float(scipy.special.fdtrc(N_WANDER, wander_bands - N_WANDER, wander))
    return ConstancyTest(
        name=name,
        null=null,
        alternative=alternative,
        statistic=trend,
        pvalue=min(1.0, 2.0 * min(trend_p, wander_p)) if combined else trend_p,
        trend_pvalue=trend_p,
        wander_statistic=wander,
        wander_pvalue=wander_p,
        tau=tau,
        n_bands=bands,
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=series.notes + notes + tau_note(tau, n) + short_note(series),
    )
