"""Figures of verdicts: indices against the margin, effects, profiles, ranks, and error rates of labels.

Each function takes data and axes, returns the axes, and changes neither its data nor global state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from tracekit.report.figures.style import (
    BOUND,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    SEED,
    VERDICTS,
    group_style,
    house_style,
    name_rows,
)

#: Colour and marker of the three answers of a comparison.
ANSWERS = {
    "different": (VERDICTS["unstable"], "^"),
    "equivalent": (VERDICTS["stable"], "o"),
    "unresolved": (VERDICTS["inconclusive"], "o"),
}


def index_intervals(data: pd.DataFrame, ax: Axes, *, margin: float) -> Axes:
    """Draw the index of each configuration with its interval against the margin (dashed).

    Parameters
    ----------
    data : DataFrame
        One row per configuration, drawn from the top: ``name``, ``label``, ``index``, ``low``, ``high``; missing
        numbers leave the row empty but named.
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
        # Signals that still change have indices of many margins; those of stable configurations must stay legible.
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


def effect_forest(
    data: pd.DataFrame, ax: Axes, *, margin: float | None = None, label: str = "Hedges g"
) -> Axes:
    """Draw effects with their intervals against 0, one row per comparison; shape and colour tell the answer.

    Parameters
    ----------
    data : DataFrame
        One row per comparison, from the top: ``name``, ``estimate``, ``low``, ``high``, ``answer`` (different,
        equivalent or unresolved); missing numbers leave the row empty but named.
    ax : Axes
        Where to draw.
    margin : float, optional
        Largest effect that counts as none, shaded.
    label : str
        Quantity and unit.
    """
    house_style(ax, x=label)
    ax.grid(False, axis="y")
    if margin is not None:
        ax.axvspan(-margin, margin, color=SEED, alpha=0.22, linewidth=0, zorder=1)
    ax.axvline(0.0, color=INK, linewidth=0.8, zorder=2)
    estimate, low, high = (data[name].to_numpy(float) for name in ("estimate", "low", "high"))
    for row, answer in enumerate(data["answer"].astype(str)):
        color, marker = ANSWERS.get(answer, ANSWERS["unresolved"])
        if np.isfinite([low[row], high[row]]).all():
            ax.plot([low[row], high[row]], [row, row], color=color, linewidth=1.8, zorder=3)
        if np.isfinite(estimate[row]):
            face = PAPER if answer == "unresolved" else color
            ax.plot([estimate[row]], [row], marker, color=color, markerfacecolor=face, markersize=5, zorder=4)
        else:
            ax.text(0.02, row, "no estimate", transform=ax.get_yaxis_transform(), color=MUTED, va="center")
    reach = np.concatenate([estimate, low, high])
    reach = np.abs(reach[np.isfinite(reach)])
    # Few seeds can give intervals of dozens of standard deviations; the narrow ones must stay legible.
    ax.set_xlim(*(np.array([-1.0, 1.0]) * min(1.08 * float(reach.max(initial=1.0)), 12.0)))
    name_rows(ax, [str(name) for name in data["name"]])
    ax.xaxis.set_major_locator(MaxNLocator(5))
    return ax


def profile(
    data: pd.DataFrame,
    ax: Axes,
    *,
    group: str = "optimizer",
    groups: Sequence[str] | None = None,
    label: str = "",
) -> Axes:
    """Draw performance profiles: the share of runs at least as good as a threshold, with its interval.

    `data` is the result of `tracekit_analysis.performance_profile`: the column `group`, ``threshold``,
    ``estimate``, ``ci_low``, ``ci_high``; `groups` fixes the order of colours.
    """
    house_style(ax, x=label, y="share of runs")
    names = list(groups) if groups is not None else sorted(data[group].astype(str).unique())
    for position, name in enumerate(names):
        rows = data[data[group].astype(str) == name]
        color, dash = group_style(position)
        at = rows["threshold"].to_numpy(float)
        bounds = rows[["ci_low", "ci_high"]].to_numpy(float)
        ax.fill_between(at, bounds[:, 0], bounds[:, 1], step="post", color=color, alpha=0.16, linewidth=0)
        ax.step(at, rows["estimate"], where="post", color=color, linestyle=dash, linewidth=1.5, label=name)
    ax.set_ylim(-0.02, 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    return ax


def rank_ranges(data: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the possible ranks of each entry (bar) and its mean rank (dot), best on top.

    `data` is the result of `tracekit_analysis.rank` for one cell: ``entry``, ``rank_best``, ``rank_worst``,
    ``mean_rank``.
    """
    house_style(ax, x="rank, 1 is best")
    ax.grid(False, axis="y")
    ordered = data.sort_values(["position"], kind="stable") if "position" in data else data
    for row, (best, worst, mean) in enumerate(
        ordered[["rank_best", "rank_worst", "mean_rank"]].itertuples(index=False, name=None)
    ):
        ax.plot(
            [best, worst], [row, row], color=SEED, linewidth=5, alpha=0.5, solid_capstyle="round", zorder=2
        )
        ax.plot([min(max(mean, 1), len(data))], [row], "o", color=BOUND, markersize=4.5, zorder=3)
    name_rows(ax, [str(entry) for entry in ordered["entry"]])
    ax.set_xlim(0.7, max(len(data), 2) + 0.3)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    return ax


def label_shares(data: pd.DataFrame, ax: Axes) -> Axes:
    """Draw how often simulated configurations of known truth get each label: one stacked bar per truth.

    `data` has ``name``, ``stable``, ``inconclusive`` and ``unstable``, one row per simulated process.
    """
    house_style(ax, x="share of simulated configurations")
    ax.grid(False, axis="y")
    left = np.zeros(len(data))
    for label in ("stable", "inconclusive", "unstable"):
        shares = data[label].to_numpy(float)
        ax.barh(
            range(len(data)),
            shares,
            left=left,
            height=0.72,
            color=VERDICTS[label],
            alpha=0.35 if label == "inconclusive" else 0.95,
            linewidth=0,
        )
        left = left + shares
    name_rows(ax, [str(name) for name in data["name"]])
    ax.set_xlim(0.0, 1.0)
    return ax


def _rising_ticks(margin: float, right: float) -> list[float]:
    """Return 0, the margin, and round numbers above it up to `right`; only powers of ten if those are many."""
    decades = range(math.floor(math.log10(margin)), math.ceil(math.log10(right)) + 1)
    rounds = [step * 10.0**decade for decade in decades for step in (1, 2, 5)]
    above = [value for value in rounds if 1.5 * margin < value <= right]
    if len(above) > 6:
        above = [value for value in above if math.log10(value) % 1 == 0]
    return [0.0, margin, *above]
