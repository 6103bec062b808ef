"""House style of figures: colours, markers and axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

#: Colours by role. Each role has its own colour, so that a face can replace it (the HTML page does on dark themes).
INK = "#1f2328"
MUTED = "#656d76"
GRID = "#dfe3e8"
PAPER = "#fffffe"
SEED = "#6f9bc8"
BOUND = "#b5420f"
#: Okabe and Ito's colours, distinct for all common kinds of colour vision; dashes distinguish them in grey.
GROUPS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#4d4d9f")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
VERDICTS = {"stable": "#0b6e99", "unstable": "#c2410c", "inconclusive": "#6b7280", "diverged": "#b0123f"}
MARKERS = {"stable": "o", "unstable": "^", "inconclusive": "o", "diverged": "x"}


def house_style(ax: Axes, *, x: str = "", y: str = "") -> Axes:
    """Style axes: two thin spines, a light grid, few ticks, labels with units."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.spines[["left", "bottom"]].set_linewidth(0.6)
    ax.tick_params(colors=MUTED, width=0.6, length=2.5, pad=2)
    ax.tick_params(which="minor", colors=MUTED, width=0.4, length=1.5)
    ax.grid(True, color=GRID, linewidth=0.5)
    ax.set_axisbelow(True)
    ax.set_xlabel(x, color=INK, labelpad=2)
    ax.set_ylabel(y, color=INK, labelpad=2)
    return ax


def group_style(position: int) -> tuple[str, Any]:
    """Return the colour and the dash of the n-th group: six colours, then the same colours with other dashes."""
    return GROUPS[position % len(GROUPS)], DASHES[(position // len(GROUPS) + position) % len(DASHES)]


def name_rows(ax: Axes, names: Sequence[str], *, size: float | None = None) -> Axes:
    """Name the rows of a chart from the top."""
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_yticks(range(len(names)), list(names))
    ax.tick_params(axis="y", length=0, pad=5, labelcolor=INK, labelsize=size)
    return ax


def say_nothing(ax: Axes, why: str) -> Axes:
    """Write the reason why axes are empty into their middle."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, color=MUTED, ha="center", va="center")
    ax.set_xticks([])
    ax.set_yticks([])
    return ax
