"""The lines of an interactive figure, from a tidy frame: whole, or thinned so that no spike goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracekit.report.document import Trace, show
from tracekit.report.drawing import Vector

#: Values that one figure holds over all its lines: about 2 MB of the page.
ROOM = 400_000


def run_traces(data: pd.DataFrame, *, columns: Sequence[str], room: int = ROOM) -> tuple[Trace, ...]:
    """Make a line of each run and signal, in the frame's order.

    If all values together are more than `room`, the updates of each signal are cut into stretches, the same
    for all its runs, and a run keeps the lowest and the highest value of each, in their order.

    Parameters
    ----------
    data : DataFrame
        Columns ``run``, ``signal``, ``step`` (updates), ``value`` and the `columns`; rows of a run by step.
    columns : sequence of str
        Columns of the frame that become the figure's columns, in that order; numbers are written by `show`.
    room : int
        Most values that all lines together may hold.

    Returns
    -------
    tuple of Trace
        NaN where a value was not finite or a stretch has none; `note` says where a run first was not finite.
    """
    groups = list(data.groupby(["signal", "run"], observed=True, sort=False))
    stretches = None if len(data) <= room else max(2, room // (2 * max(1, len(groups))))
    steps = data.groupby("signal", observed=True)["step"]
    first, last = steps.min().to_dict(), steps.max().to_dict()
    traces = []
    for (signal, _), run in groups:
        step, value = run["step"].to_numpy(float), run["value"].to_numpy(float)
        broken = step[~np.isfinite(value)]
        kept = np.where(np.isfinite(value), value, np.nan)
        stretch = 0.0
        if stretches is not None and step.size > 2 * stretches:
            stretch = float(np.ceil((last[signal] - first[signal] + 1) / stretches))
            edges = np.arange(first[signal] - 0.5, last[signal] + stretch, stretch)
            step, kept = extremes(step, kept, edges)
        named = run.iloc[0]
        traces.append(
            Trace(
                str(signal),
                tuple(show(_plain(named[column])) for column in columns),
                step,
                kept,
                stretch=stretch,
                note=f"not finite from update {show(int(broken[0]))}" if broken.size else "",
            )
        )
    return tuple(traces)


def extremes(step: Vector, value: Vector, edges: Vector) -> tuple[Vector, Vector]:
    """Keep the lowest and the highest value between each two edges, whichever came first first.

    Parameters
    ----------
    step, value : (n_steps,) array
        Updates, ascending, inside the edges; and values, NaN where there is none.
    edges : (n_stretches + 1,) array
        Ends of the stretches, ascending; the last stretch has both of its ends.

    Returns
    -------
    step, value : (2 * n_stretches,) array
        At a quarter and at three quarters of each stretch; NaN where a stretch has no value.
    """
    n = edges.size - 1
    width = np.diff(edges)
    at = np.column_stack([edges[:-1] + 0.25 * width, edges[:-1] + 0.75 * width])
    kept = np.full((n, 2), np.nan)
    there = np.isfinite(value)
    value = value[there]
    place = np.minimum(np.searchsorted(edges, step[there], side="right") - 1, n - 1)
    stretch, first = np.unique(place, return_index=True)
    if stretch.size:
        ordered = np.lexsort((value, place))  # by stretch, and by value inside it
        last = np.append(first[1:], value.size) - 1
        lowest, highest = ordered[first], ordered[last]
        pair = np.sort(np.column_stack([lowest, highest]), axis=1)
        kept[stretch] = value[pair]
    return at.ravel(), kept.ravel()


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value
