"""Thinning of long lines for interactive figures: the extremes of each stretch, so that every spike is kept."""

from __future__ import annotations

import numpy as np

from tracekit.report.figures.drawing import Vector

#: Largest number of values that one figure holds over all its lines: about 2 MB of the page.
ROOM = 400_000


def extremes(step: Vector, value: Vector, edges: Vector) -> tuple[Vector, Vector]:
    """Keep the lowest and the highest value between each two edges, in the order in which they occurred.

    Parameters
    ----------
    step, value : (n_steps,) array
        Updates, ascending, inside the edges; and values, NaN where there is none.
    edges : (n_stretches + 1,) array
        Ends of the stretches, ascending; the last stretch includes both of its ends.

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
    stretch, first, sizes = np.unique(place, return_index=True, return_counts=True)
    if stretch.size:
        found = []
        for extreme in (np.minimum, np.maximum):
            equal = np.flatnonzero(value == np.repeat(extreme.reduceat(value, first), sizes))
            found.append(equal[np.unique(place[equal], return_index=True)[1]])  # the first of equal ones
        kept[stretch] = value[np.sort(np.column_stack(found), axis=1)]
    return at.ravel(), kept.ravel()
