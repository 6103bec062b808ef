"""How far, and how fast, a bound of a cross-section moves, in half-spreads of that cross-section.

A cross-section is what is recorded of many values at once at every update: the logits of a fixed probe batch, of
which quantiles are kept. Its lower bound is known at every update, so nothing has to be estimated inside a run, and
seeds alone carry the uncertainty. One scalar a step (`stability_index`) has to estimate the same bound in time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import Record, Side, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.regime import MAX_TRANSIENT
from tracekit_analysis.tables.groups import Row, apply_over_groups, require_column

CROSS_SECTION = "probe/logits"
"""The logits of a fixed probe batch, whose quantiles are recorded at every update."""
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
    """J = sd within the blocks / S: what goes to and fro. Training past its stability limit shakes."""
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
    of the same values at the same update. It is the `stability_index` of a value drawn anew from the
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


def cross_sections(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    signal: str = CROSS_SECTION,
    side: Side = "lower",
    value: str = "value",
    step: str = "step",
) -> pd.DataFrame:
    """Compute the index of a recorded cross-section for every run of a table of traces.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces with a column ``signal`` that holds ``<signal>/q05`` (``q95`` for the upper bound)
        and ``<signal>/q50``.
    by : str or sequence of str
        Columns that tell runs apart. Default: every column other than `value`, `step`, ``signal``, ``epoch``,
        ``wall_time``, ``layer`` and ``index``.
    signal : str
        Signal whose quantiles were recorded, by default the logits of the fixed probe batch.
    side : {"lower", "upper"}
        Which bound.
    value, step : str
        Names of the columns of values and of update numbers.

    Returns
    -------
    DataFrame
        One row per run: `by` (``status`` is called ``run_status``), then the fields of `CrossSectionIndex`.

    Raises
    ------
    AnalysisError
        If a column or one of the two signals is missing.
    """
    require_choice("side", side, ("lower", "upper"))
    for name in ("signal", value, step):
        require_column(frame, name)
    names = quantiles(signal, side)
    present = [str(name) for name in frame["signal"].dropna().unique()]
    for name in names:
        if name not in present:
            listed = ", ".join(repr(name) for name in sorted(present)) or "none"
            raise bad_argument("signal", signal, f"needs the signal {name!r}", f"recorded are {listed}")
    left_out = {value, step, "signal", "epoch", "wall_time", "layer", "index"}
    if by is None:
        by = [str(name) for name in frame.columns if name not in left_out]
    keys = [by] if isinstance(by, str) else list(by)
    bound, centre = (frame.loc[frame["signal"] == name, [*keys, step, value]] for name in names)
    both = bound.merge(centre, how="left", on=[*keys, step], suffixes=("", "_centre"))
    return apply_over_groups(
        both,
        keys,
        _CrossSectionRow(value, step),
        measured=[step, value, f"{value}_centre"],
        columns=[field.name for field in fields(CrossSectionIndex)],
    )


def quantiles(signal: str, side: Side) -> tuple[str, str]:
    """Return the names of the signals that hold the bound and the centre of a cross-section."""
    return f"{signal}/{'q05' if side == 'lower' else 'q95'}", f"{signal}/q50"


@dataclass(frozen=True, slots=True)
class _CrossSectionRow:
    """The row of one run."""

    value: str
    step: str

    def __call__(self, run: pd.DataFrame) -> Row:
        """Compute the row."""
        centre = run[f"{self.value}_centre"]
        return cross_section_index(run[self.value], centre, steps=run[self.step]).to_record()


def log_interval(indices: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Return geometric mean and t interval on the log scale of the indices of 3 seeds and more.

    Indices are positive and differ by factors, so that logarithms are nearer to normal. Below 3 seeds the ends
    are NaN; no seeds give NaN.
    """
    logs = np.log(np.maximum(np.asarray(indices, dtype=np.float64), 1e-12))
    n = logs.size
    if n == 0:
        return math.nan, math.nan, math.nan
    centre = float(logs.mean())
    if n < 3:
        return math.exp(centre), math.nan, math.nan
    half = float(scipy.special.stdtrit(n - 1, 0.5 + level / 2.0)) * float(logs.std(ddof=1)) / math.sqrt(n)
    return math.exp(centre), math.exp(centre - half), math.exp(min(centre + half, 700.0))
