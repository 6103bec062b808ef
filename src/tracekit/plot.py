"""Figures for notebooks: functions that draw data on matplotlib axes, return the axes and change nothing else.

They take the tables that `tracekit.traces.read` and `tracekit_analysis` return, or small tables that each
docstring describes; the gallery in the documentation shows all of them on real runs.
"""

from __future__ import annotations

from tracekit.report.figures.curves import (
    block_bounds,
    bound_curves,
    burn_in,
    median_line,
    seed_band,
    seed_traces,
    trace_band,
)
from tracekit.report.figures.statistics import (
    autocorrelation,
    color_scale,
    events,
    heat_map,
    seed_dots,
    spectrum,
)
from tracekit.report.figures.style import house_style
from tracekit.report.figures.verdicts import (
    effect_forest,
    index_intervals,
    label_shares,
    profile,
    rank_ranges,
)

__all__ = [
    "autocorrelation",
    "block_bounds",
    "bound_curves",
    "burn_in",
    "color_scale",
    "effect_forest",
    "events",
    "heat_map",
    "house_style",
    "index_intervals",
    "label_shares",
    "median_line",
    "profile",
    "rank_ranges",
    "seed_band",
    "seed_dots",
    "seed_traces",
    "spectrum",
    "trace_band",
]
