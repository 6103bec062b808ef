"""Figures of measured error rates; each function draws a table into an axes and returns it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.bands import named_rows

SIZE_PROCESSES = (
    "iid",
    "t2",
    "Cauchy",
    "MA-.8",
    "AR.5",
    "AR.9",
    "GARCH",
    "reshuffled",
    "sine",
    "shuffled trend",
)
POWER_PROCESSES = (
    "lower drift",
    "lower wander",
    "trend",
    "break",
    "variance x2",
    "walk",
    "noisy walk",
    "d=.3",
)
TESTS = ("LFQ lower", "LFQ upper", "level", "scale")
SHADES = ("#9ecae1", "#4292c6", "#084594")
LABEL_COLOURS = {"stable": "#2c7fb8", "inconclusive": "#d9d9d9", "unstable": "#d95f0e"}


def draw_pictures(rates: pd.DataFrame, labels: pd.DataFrame, folder: Path) -> dict[str, str]:
    """Draw all figures as SVG files into a folder and return their file names by caption."""
    import matplotlib
    from matplotlib.figure import Figure

    drawn = {}
    # A fixed salt and no date: the same numbers give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "tracekit", "svg.fonttype": "none", "font.size": 8.0}):
        for name, caption, draw in (
            (
                "size",
                "Share of rejections if nothing moves; grey is the band of 2.58 s.e. around .05",
                _sizes,
            ),
            ("power", "Share of rejections if something moves or never settles", _powers),
            ("coverage", "Share of 95 % intervals of the index that contain the true one", _coverages),
        ):
            figure = Figure(figsize=(7.5, 3.4), layout="constrained")
            draw(rates, figure)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            drawn[caption] = f"{name}.svg"
        designs = labels[["n", "n_seeds"]].drop_duplicates()
        figure = Figure(figsize=(7.5, 0.4 + 2.3 * len(designs)), layout="constrained")
        axes = figure.subplots(len(designs), 1, squeeze=False)[:, 0]
        for ax, (n, n_seeds) in zip(axes, designs.itertuples(index=False, name=None), strict=True):
            label_shares(labels[(labels["n"] == n) & (labels["n_seeds"] == n_seeds)], ax)
        figure.savefig(folder / "labels.svg", metadata={"Date": None})
        drawn["Labels of cells by noise and true index; the margin is .2"] = "labels.svg"
    return drawn


def draw_calibration(rates: pd.DataFrame, labels: pd.DataFrame, figure: Any) -> Any:
    """Draw one design: sizes, powers and coverage of one series above, labels and coverage of cells below.

    Parameters
    ----------
    rates : DataFrame
        As `error_rates` returns it, for one length.
    labels : DataFrame
        As `calibrate` returns it.
    figure : matplotlib.figure.Figure
        Figure to draw into; it is returned.
    """
    still, moving = (
        tuple(name for name in names if name in set(rates["process"]))
        for names in (SIZE_PROCESSES, POWER_PROCESSES)
    )
    above, below = figure.subfigures(2, 1, height_ratios=(1.0, 1.0))
    heights = (max(len(still), 1), max(len(moving), 1))
    axes = above.subplots(2, len(TESTS) + 1, sharex="col", sharey="row", height_ratios=heights)
    for row, processes in zip(axes, (still, moving), strict=True):
        for ax, quantity in zip(row, (*TESTS, "I covered"), strict=True):
            rate_dots(rates, quantity, processes, ax)
            ax.axvline(0.95 if quantity == "I covered" else 0.05, color="#888888", linewidth=0.8)
            ax.set_xlim(-0.03, 1.03)
    for ax in axes[1]:
        ax.set_title("")
    ax = label_shares(labels, below.subplots())
    ax.plot(range(len(labels)), labels["covered"], "k_", markersize=7, label="interval contains the truth")
    ax.legend(fontsize=6, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False)
    return figure


def rate_dots(rates: pd.DataFrame, quantity: str, processes: tuple[str, ...], ax: Any) -> Any:
    """Draw one quantity as dots, one row per process and one shade per length."""
    for place, process in enumerate(processes):
        rows = rates[(rates["process"] == process) & (rates["quantity"] == quantity)].sort_values("n")
        for shade, row in zip(SHADES, named_rows(rows), strict=False):
            ax.plot([row.mean], [place], "o", color=shade, markersize=4, label=f"n = {row.n:,}")
    ax.set_yticks(range(len(processes)), processes)
    ax.set_ylim(max(len(processes), 1) - 0.5, -0.5)
    ax.set_title(quantity, fontsize=8)
    ax.grid(axis="x", linewidth=0.3)
    return ax


def label_shares(labels: pd.DataFrame, ax: Any) -> Any:
    """Draw the shares of labels of one design as stacked bars."""
    names = [f"{row.noise} {row.movement} {row.index:.2g}" for row in named_rows(labels)]
    bottom = np.zeros(len(labels))
    for label, colour in LABEL_COLOURS.items():
        shares = labels[label].to_numpy(dtype=float)
        ax.bar(range(len(labels)), shares, bottom=bottom, color=colour, label=label, width=0.85)
        bottom = bottom + shares
    ax.set_xticks(range(len(labels)), names, rotation=90, fontsize=6)
    if len(labels):
        ax.set_title(f"n = {labels['n'].iloc[0]:,}, S = {labels['n_seeds'].iloc[0]}", fontsize=8)
        ax.legend(fontsize=6, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)
    ax.set_ylim(0.0, 1.0)
    return ax


def _sizes(rates: pd.DataFrame, figure: Any) -> None:
    axes = figure.subplots(1, len(TESTS), sharey=True)
    for ax, test in zip(axes, TESTS, strict=True):
        rate_dots(rates, test, SIZE_PROCESSES, ax)
        runs = int(rates.loc[rates["quantity"] == test, "runs"].max())
        slack = 2.58 * math.sqrt(0.0475 / runs)
        ax.axvspan(0.05 - slack, 0.05 + slack, color="#dddddd", zorder=0)
        ax.set_xlim(0.0, 0.2)
    _legend(axes[-1])


def _powers(rates: pd.DataFrame, figure: Any) -> None:
    axes = figure.subplots(1, len(TESTS), sharey=True)
    for ax, test in zip(axes, TESTS, strict=True):
        rate_dots(rates, test, POWER_PROCESSES, ax)
        ax.set_xlim(-0.03, 1.03)
    _legend(axes[0])


def _coverages(rates: pd.DataFrame, figure: Any) -> None:
    known = rates[(rates["quantity"] == "I covered") & rates["mean"].notna()]
    ax = rate_dots(rates, "I covered", tuple(known["process"].drop_duplicates()), figure.subplots())
    ax.axvline(0.95, color="#888888", linewidth=0.8)
    ax.set_xlim(0.75, 1.005)
    _legend(ax)


def _legend(ax: Any) -> None:
    handles, names = ax.get_legend_handles_labels()
    once = dict(zip(names, handles, strict=True))
    if once:
        ax.legend(once.values(), once.keys(), fontsize=6, loc="lower right")
