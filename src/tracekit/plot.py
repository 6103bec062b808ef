"""Figures for notebooks: functions of data and matplotlib axes that return the axes and change nothing else."""

from __future__ import annotations

from tracekit.report.figures import burn_in, house_style, index_intervals, lower_bound, seed_band, seed_traces

__all__ = ["burn_in", "house_style", "index_intervals", "lower_bound", "seed_band", "seed_traces"]
