"""How far, and how fast, a bound of a cross-section moves, in half-spreads of that cross-section.

A cross-section is what is recorded of many values at once at every update: the logits of a fixed probe batch, of
which quantiles are kept. Its lower bound is known at every update, so nothing has to be estimated inside a run, and
seeds alone carry the uncertainty. One scalar a step (`stability_index`) has to estimate the same bound in time.
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
"""Fewest values after the first quarter: what moves within a block takes a few of them."""


@dataclass(frozen=True, slots=True)
class CrossSectionIndex(Record):
    """How far a recorded quantile moves over a run, in half-spreads of its cross-section."""

    index: float
    """I = sd over updates of the bound / half-spread S."""
    spread: float
    """Half-spread S: median over updates of |centre - bound|, in units of the series."""
    drift: float
    """D = sd between 16 blocks of updates of the mean bound / S: what moves slowly. I^2 = D^2 + J^2."""
    jitter: float
    """J = sd within the blocks / S: the jitter. Training past its stability limit is jittery."""
    burn_in: int
    """Values cut off: the first quarter."""
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
    of the same values at the same update. It is the `stability_index` of a value drawn again from the
    cross-section at every update, without its sampling noise; but every movement counts, also from one update
    to the next, which sub-blocks would average out. The first quarter of the updates is left out, whatever
    it holds: with hardly any noise a test would call no series settled.

    Parameters
    ----------
    bound, centre : (n,) array-like
        Quantile and median of the cross-section at each update, in recorded order.
    steps : (n,) array-like, optional
        Step of each value; must increase strictly. Without it the caller vouches for the order.

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
