"""Figures of the report: each takes data and axes, returns the axes, and changes neither its data nor global state.

They are usable from a notebook on any matplotlib axes; the report draws them through `drawing.draw`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import (
    EngFormatter,
    FixedLocator,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullLocator,
    StrMethodFormatter,
)

from tracekit.report.drawing import Vector, block_quantiles, bound_level, envelope, over_runs

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
    last = steps or (float(data["step"].max()) if len(data) else 1.0)
    for position, name in enumerate(names):
        curve = over_runs(data[data[group].astype(str) == name], last)
        color, dash = group_style(position)
        ax.fill_between(curve.step, curve.low, curve.high, color=color, alpha=0.18, linewidth=0, zorder=2)
        ax.plot(curve.step, curve.median, color=color, linestyle=dash, linewidth=1.4, zorder=3)
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
    reach = np.concatenate([index, high])
    right = float(np.max(reach[np.isfinite(reach)], initial=2 * margin)) * 1.08
    if right > 6 * margin:
        # Signals still on their way have indices of many margins; those of stable cells must stay legible.
        ax.set_xscale("symlog", linthresh=2 * margin, linscale=1.0)
        ax.xaxis.set_major_locator(FixedLocator(_rising_ticks(margin, right)))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.set_xlabel(f"index I, in lower half-spreads (logarithmic beyond {2 * margin:g})")
    ax.set_xlim(0, right)
    for row, label in enumerate(data["label"].astype(str)):
        color = VERDICTS.get(label, MUTED)
        if np.isfinite(high[row]):
            ax.plot(
                [low[row], high[row]], [row, row], color=color, linewidth=2.0, solid_capstyle="butt", zorder=3
            )
        if np.isfinite(index[row]):
            ax.plot(
                index[row],
                row,
                marker=MARKERS.get(label, "o"),
                markersize=5.5,
                color=color,
                markerfacecolor=PAPER if label == "inconclusive" else color,
                clip_on=False,
                zorder=5,
            )
        else:
            ax.text(0.02, row, "no index", transform=ax.get_yaxis_transform(), color=MUTED, va="center")
    ax.axvline(margin, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    ax.set_ylim(len(data) - 0.4, -0.6)
    ax.set_yticks(range(len(data)), [str(name) for name in data["name"]])
    ax.tick_params(axis="y", length=0, pad=6, labelcolor=INK)
    return ax


def group_style(position: int) -> tuple[str, Any]:
    """Give the colour and the dash of the n-th group; six colours, then the same ones dashed otherwise."""
    return GROUPS[position % len(GROUPS)], DASHES[(position // len(GROUPS) + position) % len(DASHES)]


def _rising_ticks(margin: float, right: float) -> list[float]:
    """Give 0, the margin, and round numbers above it up to `right`; powers of ten alone if those are many."""
    decades = range(math.floor(math.log10(margin)), math.ceil(math.log10(right)) + 1)
    rounds = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    above = [value for value in rounds if 1.5 * margin < value <= right]
    if len(above) > 6:
        above = [value for value in above if math.log10(value) % 1 == 0]
    return [0.0, margin, *above]


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
