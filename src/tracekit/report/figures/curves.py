"""Curves over updates: traces, bands, bounds and learning curves.

Each figure function takes data and axes, returns the axes, and changes neither its data nor global state. They work
in notebooks on any matplotlib axes; the report draws them through `drawing.draw`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import (
    EngFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullLocator,
)

from tracekit.report.figures.drawing import (
    ENVELOPE_BINS,
    Vector,
    block_quantiles,
    bound_level,
    envelope,
    over_runs,
    t_quantile,
)
from tracekit.report.figures.style import BOUND, INK, MUTED, SEED, group_style, house_style

#: Columns of the table that `bound_curves` draws.
BOUND_COLUMNS = ("run", "step", "lower", "upper")


def seed_traces(
    data: pd.DataFrame,
    ax: Axes,
    *,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
) -> Axes:
    """Draw a signal over updates, one thin line per run, thinned by an envelope that keeps every spike.

    Parameters
    ----------
    data : DataFrame
        Columns ``run``, ``step`` (updates) and ``value``; NaN and infinities are marked by a cross at the top.
    ax : Axes
        Axes to draw on.
    limits : (low, high), optional
        Value axis, shared by small multiples; values outside are marked by an arrow at the edge.
    steps : float, optional
        Last update on the shared horizontal axis.
    unit : str
        Label of the value axis.
    """
    house_style(ax, x="update", y=unit)
    for _, run in data.groupby("run", observed=True, sort=True):
        line = envelope(run["step"].to_numpy(float), run["value"].to_numpy(float))
        ax.plot(line.step, line.value, color=SEED, linewidth=0.55, alpha=0.75, zorder=2)
        if limits is not None:
            _mark_off_scale(ax, line.step, line.value, limits)
        if line.broken.size:
            _mark(ax, line.broken[:1], "x", 0.97)
    frame(ax, data, limits, steps)
    return ax


def trace_band(
    data: pd.DataFrame,
    ax: Axes,
    *,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
) -> Axes:
    """Draw the range of a signal's values over several runs.

    The range is taken over 150 stretches of updates, so a single spike of a single run shows. Arguments as for
    `seed_traces`.
    """
    house_style(ax, x="update", y=unit)
    last = steps or (float(data["step"].max()) if len(data) else 1.0)
    finite = data[np.isfinite(data["value"].to_numpy(float))]
    if len(finite):
        width = max(last, 1.0) / ENVELOPE_BINS
        place = np.minimum(finite["step"].to_numpy(float) // width, ENVELOPE_BINS - 1)
        ends = finite["value"].groupby(place).agg(["min", "max"])
        middles = (ends.index.to_numpy(float) + 0.5) * width
        low, high = ends["min"].to_numpy(float), ends["max"].to_numpy(float)
        if middles.size > 1:
            ax.fill_between(middles, low, high, color=SEED, alpha=0.3, linewidth=0, zorder=2)
        else:
            ax.plot(np.repeat(middles, 2), [*low, *high], color=SEED, linewidth=1.2, zorder=2)
        if limits is not None:
            _mark_off_scale(ax, middles, high, limits)
            _mark_off_scale(ax, middles, low, limits)
    broken = data[~np.isfinite(data["value"].to_numpy(float))]
    if len(broken):
        _mark(ax, broken.groupby("run", observed=True)["step"].min().to_numpy(float), "x", 0.97)
    frame(ax, data, limits, steps)
    return ax


def median_line(data: pd.DataFrame, ax: Axes, *, steps: float | None = None) -> Axes:
    """Draw the median over runs, each averaged over 40 stretches first; `data` as for `seed_traces`."""
    curve = over_runs(data, steps or (float(data["step"].max()) if len(data) else 1.0))
    ax.plot(curve.step, curve.median, color=INK, linewidth=0.9, zorder=4)
    return ax


def block_bounds(data: pd.DataFrame, *, tau: float | None = None) -> pd.DataFrame:
    """Compute lower and upper quantiles of consecutive blocks of each run, which `bound_curves` draws.

    Parameters
    ----------
    data : DataFrame
        Columns ``run``, ``step`` (updates) and ``value``; values that are not finite are left out.
    tau : float, optional
        Level of the lower quantile, the upper one is its mirror; .05 by default, .10 below 500 points.

    Returns
    -------
    DataFrame
        ``run``, ``step`` (middle of the block), ``lower``, ``upper``.
    """
    parts = []
    for run, rows in data.groupby("run", observed=True, sort=True):
        step, value = rows["step"].to_numpy(float), rows["value"].to_numpy(float)
        level = tau or bound_level(value.size)
        middles, lower = block_quantiles(step, value, tau=level)
        _, upper = block_quantiles(step, value, tau=1.0 - level)
        parts.append(pd.DataFrame({"run": run, "step": middles, "lower": lower, "upper": upper}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=BOUND_COLUMNS)


def bound_curves(data: pd.DataFrame, ax: Axes, *, level: float = 0.95) -> Axes:
    """Draw the lower bound (thick) and the upper bound (thin): mean over runs with its confidence band.

    The band is the pointwise t interval of the mean over runs at `level`, from three runs on. A run with
    fewer blocks than the longest, because it diverged, is left out. `data` is the result of `block_bounds`.
    """
    sizes = data.groupby("run", observed=True).size()
    whole = data[data["run"].isin(sizes.index[sizes == sizes.max()])] if len(sizes) else data
    for side, color, line in (("upper", MUTED, 0.9), ("lower", BOUND, 1.7)):
        if whole.empty:
            continue
        runs = [rows[side].to_numpy(float) for _, rows in whole.groupby("run", observed=True)]
        middles = np.mean(
            [rows["step"].to_numpy(float) for _, rows in whole.groupby("run", observed=True)], axis=0
        )
        values = np.array(runs)
        mean = values.mean(axis=0)
        if len(runs) >= 3:
            half = t_quantile(len(runs) - 1, level) * values.std(axis=0, ddof=1) / math.sqrt(len(runs))
            ax.fill_between(middles, mean - half, mean + half, color=color, alpha=0.25, linewidth=0, zorder=4)
        ax.plot(middles, mean, color=color, linewidth=line, zorder=5)
    return ax


def burn_in(step: float, ax: Axes) -> Axes:
    """Draw a dotted line at the end of the initial transient; values left of it are not judged."""
    if step > 0:
        ax.axvline(step, color=INK, linewidth=0.8, linestyle=(0, (1, 1.6)), zorder=3)
    return ax


def seed_band(
    data: pd.DataFrame,
    ax: Axes,
    *,
    group: str = "optimizer",
    groups: Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
    log: bool = False,
) -> Axes:
    """Draw learning curves: the median over runs as a line, their range as a band, one colour per group.

    `data` has ``run``, ``step``, ``value`` and the column `group`. `groups` fixes the order of colours, so
    that a group looks the same in every panel; `ax.legend()` names them. Long series are averaged over 40
    stretches of updates first.
    """
    house_style(ax, x="update", y=unit)
    names = list(groups) if groups is not None else sorted(data[group].astype(str).unique())
    last = steps or (float(data["step"].max()) if len(data) else 1.0)
    for position, name in enumerate(names):
        curve = over_runs(data[data[group].astype(str) == name], last)
        color, dash = group_style(position)
        ax.fill_between(curve.step, curve.low, curve.high, color=color, alpha=0.18, linewidth=0, zorder=2)
        ax.plot(curve.step, curve.median, color=color, linestyle=dash, linewidth=1.4, label=name, zorder=3)
    if log:
        ax.set_yscale("log")
    frame(ax, data, limits, steps)
    return ax


def frame(ax: Axes, data: pd.DataFrame, limits: tuple[float, float] | None, steps: float | None) -> Axes:
    """Set limits and ticks of axes over updates; write "no finite values" if `data` has none."""
    last = steps if steps is not None else (float(data["step"].max()) if len(data) else 1.0)
    ax.set_xlim(0, max(last, 1.0))
    if limits is not None:
        ax.set_ylim(*limits)
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    if last >= 10_000:
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    if ax.get_yscale() == "log":
        ax.yaxis.set_major_locator(LogLocator(numticks=5))
        ax.yaxis.set_major_formatter(LogFormatterSciNotation())
        ax.yaxis.set_minor_locator(NullLocator())
    else:
        ax.yaxis.set_major_locator(MaxNLocator(4))
    if not np.isfinite(data["value"].to_numpy(float)).any():
        ax.text(0.5, 0.5, "no finite values", transform=ax.transAxes, color=MUTED, ha="center", va="center")
    return ax


def _mark_off_scale(ax: Axes, step: Vector, value: Vector, limits: tuple[float, float]) -> None:
    _mark(ax, step[value > limits[1]], "^", 0.97)
    _mark(ax, step[value < limits[0]], "v", 0.03)


def _mark(ax: Axes, steps: Vector, marker: str, height: float) -> None:
    ax.plot(
        steps,
        np.full(steps.size, height),
        transform=ax.get_xaxis_transform(),
        linestyle="none",
        marker=marker,
        markersize=4,
        color=INK,
        zorder=6,
    )
