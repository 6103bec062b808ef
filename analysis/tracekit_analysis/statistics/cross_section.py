"""Cross-section index: how far, and how fast, a bound of a cross-section moves, in half-spreads of the cross-section.

A cross-section holds many values of the same update: for the logits of a fixed probe batch, their quantiles are
recorded. Its lower bound is known at each update, so nothing is estimated within a run, and only seeds contribute
uncertainty. From one scalar per step, `stability_index` has to estimate the same bound over time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.regime import MAX_TRANSIENT

N_BLOCKS = 16
MIN_USED = 4 * N_BLOCKS
"""Minimum number of values after the first quarter; movement within a block needs a few values."""


@dataclass(frozen=True, slots=True)
class CrossSectionIndex(Record):
    """Movement of a recorded quantile over a run, in half-spreads of its cross-section."""

    index: float
    """I = sd over updates of the bound / half-spread S."""
    spread: float
    """Half-spread S: median over updates of |centre - bound|, in units of the series."""
    drift: float
    """Drift D = sd of the mean bound between 16 blocks of updates / S, the slow movement. I^2 = D^2 + J^2."""
    jitter: float
    """Jitter J = sd of the bound within the blocks / S, the fast movement; it is large past the stability limit."""
    burn_in: int
    """Number of values cut off: the first quarter."""
    n: int
    """Number of recorded updates."""
    n_used: int
    """Number of updates used."""
    status: Status
    """Whether the index could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""


def cross_section_index(
    bound: ArrayLike, centre: ArrayLike, *, steps: ArrayLike | None = None
) -> CrossSectionIndex:
    """Measure how far the bound of a cross-section moves, in half-spreads of the cross-section.

    ``I = sd_t(q_t) / median_t |c_t - q_t|`` with q the recorded 5 % (95 %) quantile and c the recorded median
    of the same values at the same update. It is the `stability_index` of a series with one random value of
    the cross-section per update, without the sampling noise. It also counts movement from one update to the
    next, which sub-blocks average out. The first quarter of the updates is always left out: the noise is so
    small that a test for a transient would call no series settled.

    Parameters
    ----------
    bound, centre : (n,) array-like
        Quantile and median of the cross-section at each update, in recorded order.
    steps : (n,) array-like, optional
        Step of each value; must increase strictly. Without steps, the values are taken as ordered.

    Returns
    -------
    CrossSectionIndex

    Raises
    ------
    AnalysisError
        If the two differ in length.
    """
    q, c = (np.asarray(values, dtype=np.float64) for values in (bound, centre))
    if q.shape != c.shape:
        raise bad_argument("centre", f"{c.size} values", f"must have as many values as `bound` ({q.size})")
    quantile, middle = as_series(q, steps=steps), as_series(c, steps=steps)
    start = math.floor(MAX_TRANSIENT * quantile.n)
    for series in (quantile, middle):
        if series.status == "divergent":
            return _nothing(quantile, start, "divergent", series.reason)
    late = np.isfinite(q[start:]) & np.isfinite(c[start:])
    refused = quantile.refusal(MIN_USED)
    if refused is None and middle.status == "inconclusive":
        refused = middle.refusal()
    if refused is None and np.count_nonzero(late) < MIN_USED:
        refused = ("inconclusive", f"fewer than {MIN_USED} values after the first quarter")
    if refused:
        return _nothing(quantile, start, *refused)
    values = q[start:][late]
    spread = float(np.median(np.abs(c[start:][late] - values)))
    if not 0.0 < spread < math.inf:
        return _nothing(quantile, start, "inconclusive", "the bound equals the median")
    length = values.size // N_BLOCKS
    moved = (values[-N_BLOCKS * length :] / spread).reshape(N_BLOCKS, length)
    drift, jitter = float(moved.mean(axis=1).var()), float(moved.var(axis=1).mean())
    return CrossSectionIndex(
        index=math.sqrt(drift + jitter),
        spread=spread,
        drift=math.sqrt(drift),
        jitter=math.sqrt(jitter),
        burn_in=start,
        n=quantile.n,
        n_used=moved.size,
        status="ok",
        reason="",
    )


def _nothing(series: Series, start: int, status: Status, reason: str) -> CrossSectionIndex:
    nan = math.nan
    return CrossSectionIndex(nan, nan, nan, nan, start, series.n, 0, status, reason)
