"""Stability index: how far the lower (upper) bound of a series moves over a run, and the decision based on it.

The bound is a conditional quantile, never a running minimum: minima fall with the number of values, and trend
tests on minima of overlapping windows reject most stationary series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from numpy.typing import ArrayLike

from tracekit_analysis.errors import require_between, require_choice
from tracekit_analysis.results import FloatArray, Record, Side, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.constancy import resolve_tau, tau_note
from tracekit_analysis.statistics.dependence import local_bound_tau, short_note
from tracekit_analysis.statistics.trend import kendall_pvalue, theil_sen

MIN_LABEL_LENGTH = 200
MIN_SUB_BLOCKS = 8
MAX_BLOCKS = 16
MAX_TREND_BLOCKS = 20
MAX_TIED = 0.20
LARGE_F = 1e5
MARGIN = 0.20
MARGINS = (0.1, 0.2, 0.4)

Label = Literal["stable", "unstable", "inconclusive", "diverged"]


@dataclass(frozen=True, slots=True)
class StabilityIndex(Record):
    """Movement of a bound over a series, in half-spreads of the series."""

    side: Side
    """Which bound."""
    tau: float
    """Quantile level of the bound, counted from its own side."""
    index: float
    """I = sd over time of the bound / half-spread S; a linear drift of D half-spreads gives D / sqrt 12."""
    ci_low: float
    """Lower end of the confidence interval of I."""
    ci_high: float
    """Upper end of the confidence interval of I."""
    level: float
    """Confidence level of all intervals of this result."""
    theta: float
    """Signed unbiased estimate of I^2, to be pooled over seeds; negative if blocks differ less than by chance."""
    msb: float
    """Mean square of sub-block quantiles between blocks, in squared units of the series."""
    msw: float
    """Mean square of sub-block quantiles within blocks, in squared units of the series."""
    spread: float
    """Half-spread S: median over blocks of |block median - block bound|, in units of the series."""
    bound: float
    """Median of the block bounds, in units of the series."""
    drift: float
    """D: Theil-Sen change of the bound over the whole series, in half-spreads; negative is downwards."""
    drift_ci_low: float
    """Lower end of the interval of D."""
    drift_ci_high: float
    """Upper end of the interval of D."""
    trend_pvalue: float
    """Mann-Kendall p-value; null: no monotone trend of the bound over long blocks; NaN if too few blocks."""
    bound_variance: float
    """Variance of the block bounds, sampling noise included, in squared units of the series."""
    bound_variance_scaled: float
    """The same in squared half-spreads; `theta` is its excess over sampling noise."""
    tau_loc: float
    """Correlation time of bound crossings inside blocks, in values; at least 1."""
    n_blocks: int
    """Number of blocks m."""
    blocks_k: int
    """Number k of sub-blocks per block."""
    sub_block_length: int
    """Number L of values per sub-block; at least 8 correlation times."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of usable values; the last n_used - m k L of them are in no block."""
    status: Status
    """Whether the index could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def stability_index(
    x: ArrayLike | Series,
    *,
    tau: float | Literal["auto"] = "auto",
    side: Side = "lower",
    level: float = 0.95,
) -> StabilityIndex:
    """Measure how far the bound of a series moves, in half-spreads, with a confidence interval.

    ``I = sd_u(q_tau(u)) / S`` over run time u. The series is cut into m blocks of k sub-blocks of length
    L; ``y_jk`` are sub-block quantiles, MSB and MSW their one-way mean squares, and

    * ``theta = (MSB - MSW)(m - 1) / (m k S^2)`` estimates I^2 without bias,
    * the interval inverts ``MSB / MSW ~ F'(m - 1, m(k - 1); lambda)`` with ``I^2 = lambda MSW / (m k S^2)``.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    tau : float or "auto"
        Quantile level; "auto" is 0.05, and 0.10 for fewer than 500 values. Below 0.05 a note asks for
        100 / tau values (10,000 for 0.01).
    side : {"lower", "upper"}
        Bound to measure. The upper bound of `x` is the lower bound of ``-x``; `bound` and `drift` have the
        direction of `x`.
    level : float
        Confidence level.

    Returns
    -------
    StabilityIndex

    Raises
    ------
    AnalysisError
        If an argument cannot be used. Data that cannot be used give a status and NaN instead.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit_analysis import stability_index
    >>> noise = np.random.default_rng(0).standard_normal(600)
    >>> for series in (noise, noise + np.linspace(0.0, 3.0, 600)):
    ...     result = stability_index(series)
    ...     print(f"{result.index:.2f} [{result.ci_low:.2f}, {result.ci_high:.2f}]")
    0.08 [0.00, 0.16]
    0.62 [0.40, 0.84]
    """
    require_choice("side", side, ("lower", "upper"))
    require_between("level", level, 0.0, 1.0)
    series = as_series(x)
    quantile = resolve_tau(tau, series.n_used)
    values = series.values if side == "lower" else -series.values
    refused = series.refusal(math.ceil(MIN_SUB_BLOCKS / quantile)) or _too_discrete(values, quantile)
    if refused:
        return _no_index(series, side, quantile, level, *refused)

    tau_loc = local_bound_tau(values, quantile)
    m, k, length = _layout(values.size, quantile, tau_loc)
    if m == 0:
        why = f"fewer than {MIN_SUB_BLOCKS} stretches of 8 correlation times ({tau_loc:.1f} values each)"
        return _no_index(series, side, quantile, level, "inconclusive", why)
    used = values[: m * k * length]
    blocks = used.reshape(m, k * length)
    block_bounds = np.quantile(blocks, quantile, axis=1)
    spread = float(np.median(np.median(blocks, axis=1) - block_bounds))
    if spread <= 0.0:
        return _no_index(series, side, quantile, level, "inconclusive", "the bound equals the median")
    with np.errstate(over="ignore", invalid="ignore"):
        sub_bounds = np.quantile(used.reshape(m, k, length), quantile, axis=2) / spread
        levels = sub_bounds.mean(axis=1)
        msb = float(k * levels.var(ddof=1))
        msw = float(sub_bounds.var(axis=1, ddof=1).mean())
        variance = float((block_bounds / spread).var(ddof=1))
    if not 0.0 < msw < math.inf or not msb < math.inf:
        why = (
            "the bound does not vary inside blocks"
            if msw == 0.0
            else "the variance of the bound is not finite"
        )
        return _no_index(series, side, quantile, level, "inconclusive", why)

    per_noncentrality = msw / (m * k)
    low, high = noncentrality_interval(msb / msw, m - 1, m * (k - 1), level)
    theta = (msb - msw) * (m - 1) / (m * k)
    drift, drift_low, drift_high = (part * m for part in theil_sen(levels, level))
    sign = 1.0 if side == "lower" else -1.0
    if sign < 0:
        drift, drift_low, drift_high = -drift, -drift_high, -drift_low
    unit = spread * series.scale
    return StabilityIndex(
        side=side,
        tau=quantile,
        index=math.sqrt(max(theta, 0.0)),
        ci_low=math.sqrt(low * per_noncentrality),
        ci_high=math.sqrt(high * per_noncentrality),
        level=level,
        theta=theta,
        msb=msb * unit * unit,
        msw=msw * unit * unit,
        spread=unit,
        bound=sign * float(np.median(block_bounds)) * series.scale,
        drift=drift,
        drift_ci_low=drift_low,
        drift_ci_high=drift_high,
        trend_pvalue=_mann_kendall(values, quantile, tau_loc),
        bound_variance=variance * unit * unit,
        bound_variance_scaled=variance,
        tau_loc=tau_loc,
        n_blocks=m,
        blocks_k=k,
        sub_block_length=length,
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=series.notes + tau_note(quantile, values.size) + short_note(series),
    )


def noncentrality_interval(f: float, df1: float, df2: float, level: float) -> tuple[float, float]:
    """Return the equal-tailed interval of lambda for an observed noncentral F statistic."""
    tail = (1.0 - level) / 2.0
    return _noncentrality(f, df1, df2, 1.0 - tail), _noncentrality(f, df1, df2, tail)


def _noncentrality(f: float, df1: float, df2: float, probability: float) -> float:
    """Return the lambda at which P(F' <= f) equals `probability`; 0 if it is below that even at lambda = 0."""

    def excess(noncentrality: float) -> float:
        return float(scipy.special.ncfdtr(df1, df2, noncentrality, f)) - probability

    if scipy.special.fdtr(df1, df2, f) <= probability:
        return 0.0
    if f > LARGE_F:
        # The noise of the numerator is negligible (and ncfdtr fails): F' = (lambda / df1) / (chi2 / df2).
        return df1 * f * float(scipy.special.chdtri(df2, probability)) / df2
    upper = max(1.0, df1 * f)
    while excess(upper) > 0.0:
        upper *= 2.0
    return float(scipy.optimize.brentq(excess, 0.0, upper, xtol=1e-9 * upper, rtol=1e-12))


def _too_discrete(values: FloatArray, tau: float) -> tuple[Status, str] | None:
    """Refuse a series in which more than a fifth of the values equal the bound."""
    rank = math.ceil(tau * values.size) - 1
    tied = float(np.mean(values == np.partition(values, rank)[rank]))
    if tied <= MAX_TIED:
        return None
    return (
        "inconclusive",
        f"{tied:.0%} of the values are tied at the bound; at most {MAX_TIED:.0%} is allowed",
    )


def _layout(n: int, tau: float, tau_loc: float) -> tuple[int, int, int]:
    """Return blocks m, sub-blocks per block k and sub-block length L; m = 0 if the series is too short."""
    sub_blocks = int(n // max(1.25 / tau, 8.0 * tau_loc))
    if sub_blocks < MIN_SUB_BLOCKS:
        return 0, 0, 0
    k = 4 if sub_blocks >= 24 else 2
    m = min(MAX_BLOCKS, sub_blocks // k)
    return m, k, n // (m * k)


def _mann_kendall(values: FloatArray, tau: float, tau_loc: float) -> float:
    """Return the Mann-Kendall p-value of the bound over at most 20 blocks of at least 10 correlation times."""
    m = min(MAX_TREND_BLOCKS, int(values.size // max(1.25 / tau, 10.0 * tau_loc)))
    if m < MIN_SUB_BLOCKS // 2:
        return math.nan
    length = values.size // m
    bounds = np.quantile(values[: m * length].reshape(m, length), tau, axis=1)
    return 1.0 if bounds.min() == bounds.max() else kendall_pvalue(bounds)


def _no_index(
    series: Series, side: Side, tau: float, level: float, status: Status, reason: str
) -> StabilityIndex:
    """Return the result for a series without an index."""
    nan = math.nan
    return StabilityIndex(
        side=side,
        tau=tau,
        index=nan,
        ci_low=nan,
        ci_high=nan,
        level=level,
        theta=nan,
        msb=nan,
        msw=nan,
        spread=nan,
        bound=nan,
        drift=nan,
        drift_ci_low=nan,
        drift_ci_high=nan,
        trend_pvalue=nan,
        bound_variance=nan,
        bound_variance_scaled=nan,
        tau_loc=nan,
        n_blocks=0,
        blocks_k=0,
        sub_block_length=0,
        n=series.n,
        n_used=0,
        status="divergent" if series.status == "divergent" else status,
        reason=series.reason if series.status == "divergent" else reason,
        notes=series.notes,
    )
