"""Figures of the report: each takes data and axes, returns the axes, and changes neither its data nor global state.

They are usable from a notebook on any matplotlib axes; the report draws them through `drawing.draw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogFormatterSciNotation, LogLocator, MaxNLocator, NullLocator

from tracekit.report.drawing import Vector, block_quantiles, bound_level, envelope

#: Colours by role. Faces may exchange them (the HTML page does, in the dark), so each role has its own.
INK = "#1f2328"
MUTED = "#656d76"
GRID = "#dfe3e8"
PAPER = "#fffffe"
SEED = "#6f9bc8"
BOUND = "#b5420f"
#: Okabe and Ito's colours, told apart by readers with any common colour vision; dashes tell them apart in grey.
GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#4d4d9f")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
VERDICTS = {"stable": "#0b6e99", "unstable": "#c2410c", "inconclusive": "#6b7280", "diverged": "#b0123f"}
MARKERS = {"stable": "o", "unstable": "^", "inconclusive": "o", "diverged": "x"}


def house_style(ax: Axes, *, x: str = "", y: str = "") -> Axes:
    """Dress axes: two thin spines, a light grid, few ticks, labels with units."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.spines[["left", "bottom"]].set_linewidth(0.6)
    ax.tick_params(colors=MUTED, width=0.6, length=2.5, pad=2)
    ax.grid(True, color=GRID, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.set_xlabel(x, color=INK, labelpad=2)
    ax.set_ylabel(y, color=INK, labelpad=2)
    return ax


def seed_traces(
    data: pd.DataFrame,
    ax: Axes,
    *,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
) -> Axes:
    """Draw a signal over updates, one thin line a run, thinned by an envelope that keeps every spike.

    Parameters
    ----------
    data : DataFrame
        Columns ``run``, ``step`` (updates) and ``value``; NaN and infinities are marked by a cross at the top.
    ax : Axes
        Where to draw.
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
    _frame(ax, data, limits, steps)
    return ax


def lower_bound(data: pd.DataFrame, ax: Axes, *, tau: float | None = None) -> Axes:
    """Draw the conditional tau-quantile: in each block of updates each run's quantile, then the median over runs.

    `tau` is .05 by default, .10 for runs of fewer than 500 points; `data` has ``run``, ``step``, ``value``.
    """
    curves = []
    for _, run in data.groupby("run", observed=True, sort=True):
        step, value = run["step"].to_numpy(float), run["value"].to_numpy(float)
        curves.append(block_quantiles(step, value, tau=tau or bound_level(value.size)))
    longest = max((middles.size for middles, _ in curves), default=0)
    whole = [curve for curve in curves if curve[0].size == longest]
    if longest:
        middles = np.median([middles for middles, _ in whole], axis=0)
        bound = np.median([quantiles for _, quantiles in whole], axis=0)
        ax.plot(middles, bound, color=BOUND, linewidth=1.6, marker="o", markersize=2.4, zorder=4)
    return ax


def burn_in(step: float, ax: Axes) -> Axes:
    """Draw where the initial transient ends: what lies left of the dotted line is not judged."""
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
    """Draw learning curves: the median over runs as a line, their whole range as a band, a colour a group.

    `data` has ``run``, ``step``, ``value`` and the column `group`; `groups` fixes the order of colours, so
    that a group looks the same in every panel. Long series are averaged over 40 stretches of updates first.
    """
    house_style(ax, x="update", y=unit)
    names = list(groups) if groups is not None else sorted(data[group].astype(str).unique())
    last = float(data["step"].max()) if len(data) else 1.0
    for position, name in enumerate(names):
        middle, center, low, high = _over_runs(data[data[group].astype(str) == name], last)
        color, dash = group_style(position)
        ax.fill_between(middle, low, high, color=color, alpha=0.18, linewidth=0, zorder=2)
        ax.plot(middle, center, color=color, linestyle=dash, linewidth=1.4, zorder=3)
    if log:
        ax.set_yscale("log")
    _frame(ax, data, limits, steps)
    return ax


def index_intervals(data: pd.DataFrame, ax: Axes, *, margin: float) -> Axes:
    """Draw the index of each cell with its interval against the margin (dashed).

    Parameters
    ----------
    data : DataFrame
        A row a cell, drawn from the top: ``name``, ``label``, ``index``, ``low``, ``high``; missing numbers
        leave the row empty but named.
    ax : Axes
        Where to draw.
    margin : float
        Largest index that is called stable, in lower half-spreads.
    """
    house_style(ax, x="index I, in lower half-spreads")
    ax.grid(False, axis="y")
    low, index, high = (data[name].to_numpy(float) for name in ("low", "index", "high"))
    # The interval of a signal that runs away can be a thousand margins wide; the axis then ends at eight.
    right = min(max(np.max(high[np.isfinite(high)], initial=0.0), 2 * margin) * 1.08, 8 * margin)
    for row, label in enumerate(data["label"].astype(str)):
        color = VERDICTS.get(label, MUTED)
        if np.isfinite(high[row]):
            ends = np.clip([low[row], high[row]], 0, right)
            ax.plot(ends, [row, row], color=color, linewidth=2.0, solid_capstyle="butt", zorder=3)
            if high[row] > right:
                ax.plot(right, row, marker=">", color=color, markersize=4, clip_on=False, zorder=4)
        if np.isfinite(index[row]):
            ax.plot(
                min(index[row], right),
                row,
                marker=MARKERS.get(label, "o"),
                markersize=5.5,
                color=color,
                markerfacecolor=PAPER if label == "inconclusive" else color,
                zorder=5,
            )
        else:
            ax.text(right / 2, row, "no index", color=MUTED, va="center", ha="center", fontsize=7.5)
    ax.axvline(margin, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    ax.set_xlim(0, right)
    ax.set_ylim(len(data) - 0.4, -0.6)
    ax.set_yticks(range(len(data)), [str(name) for name in data["name"]])
    ax.tick_params(axis="y", length=0, labelcolor=INK)
    return ax


def group_style(position: int) -> tuple[str, Any]:
    """Give the colour and the dash of the n-th group; six colours, then the same ones dashed otherwise."""
    return GROUPS[position % len(GROUPS)], DASHES[(position // len(GROUPS) + position) % len(DASHES)]


def _frame(ax: Axes, data: pd.DataFrame, limits: tuple[float, float] | None, steps: float | None) -> None:
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


def _over_runs(data: pd.DataFrame, last: float) -> tuple[Vector, Vector, Vector, Vector]:
    """Give middle updates, and median, smallest and largest run there; non-finite values do not enter."""
    finite = data[np.isfinite(data["value"].to_numpy(float))]
    if finite.empty:
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
    steps = finite["step"].to_numpy(float)
    if np.unique(steps).size > 80:
        width = last / 40
        steps = (np.minimum(np.floor(steps / width), 39) + 0.5) * width
    table = finite.assign(step=steps).pivot_table(
        index="step", columns="run", values="value", aggfunc="mean", observed=True
    )
    values = table.to_numpy(float)
    return (
        table.index.to_numpy(float),
        np.nanmedian(values, axis=1),
        np.nanmin(values, axis=1),
        np.nanmax(values, axis=1),
    )
