"""Drawing of small panels: envelopes, block quantiles, shared limits, and axes as SVG.

Nothing here is a verdict: the statistics in the report come from `tracekit_analysis`.
"""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import scipy.special
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation
from numpy.typing import NDArray

from tracekit.report.document import Drawing

Vector = NDArray[np.float64]

#: Bins of the min-max envelope: a panel is about 200 px wide, so a bin is under two pixels.
ENVELOPE_BINS = 150

#: Extremes farther out than this many widths of the middle 99 % lie beyond the axis.
_OFF_SCALE = 0.6

#: Largest power of ten, up and down, on a logarithmic axis.
_DECADES = 305


@dataclass(frozen=True, slots=True)
class Thinned:
    """A series thinned for drawing; every kept point was recorded."""

    step: Vector  #: (n_kept,), updates
    value: Vector  #: (n_kept,), finite values
    broken: Vector  #: updates at which the value was NaN or infinite


def envelope(step: Vector, value: Vector, *, bins: int = ENVELOPE_BINS) -> Thinned:
    """Keep the smallest and the largest value of each of `bins` stretches, so that every spike shows.

    Parameters
    ----------
    step, value : (n_steps,) array
        Updates, ascending, and values; not written to.
    bins : int
        Stretches of equal length in points; a series of at most ``2 * bins`` points is kept whole.
    """
    step = np.asarray(step, dtype=np.float64)
    value = np.asarray(value, dtype=np.float64)
    finite = np.isfinite(value)
    broken = step[~finite]
    step, value = step[finite], value[finite]
    if value.size <= 2 * bins:
        return Thinned(step, value, broken)
    edges = np.linspace(0, value.size, bins + 1).astype(int)
    kept: list[int] = []
    for start, stop in itertools.pairwise(edges):
        low = start + int(np.argmin(value[start:stop]))
        high = start + int(np.argmax(value[start:stop]))
        kept.extend(sorted({low, high}))
    return Thinned(step[kept], value[kept], broken)


@dataclass(frozen=True, slots=True)
class Curve:
    """Summary of several runs over updates; all arrays are as long as `step`."""

    step: Vector  #: updates, ascending
    median: Vector  #: over runs
    low: Vector  #: lowest run
    high: Vector  #: highest run


def over_runs(data: pd.DataFrame, last: float) -> Curve:
    """Summarize runs update by update, or over 40 stretches up to `last` if they have more than 80 updates.

    `data` has ``run``, ``step`` and ``value``; values that are not finite are left out.
    """
    finite = data[np.isfinite(data["value"].to_numpy(float))]
    if finite.empty:
        return Curve(*(np.empty(0),) * 4)
    steps = finite["step"].to_numpy(float)
    if np.unique(steps).size > 80:
        width = last / 40
        steps = (np.minimum(np.floor(steps / width), 39) + 0.5) * width
    table = finite.assign(step=steps).pivot_table(
        index="step", columns="run", values="value", aggfunc="mean", observed=True
    )
    values = table.to_numpy(float)
    return Curve(
        table.index.to_numpy(float),
        np.nanmedian(values, axis=1),
        np.nanmin(values, axis=1),
        np.nanmax(values, axis=1),
    )


def stretch_means(step: Vector, value: Vector, last: float, *, stretches: int = 40) -> tuple[Vector, Vector]:
    """Average a series over equal stretches of updates up to `last`; a series of at most 80 values is kept."""
    if step.size <= 2 * stretches:
        return step, value
    place = np.minimum((step / last * stretches).astype(int), stretches - 1)
    counts = np.bincount(place, minlength=stretches)
    sums = np.bincount(place, weights=value, minlength=stretches)
    there = counts > 0
    middles = np.asarray((np.arange(stretches) + 0.5) * (last / stretches), dtype=np.float64)
    return middles[there], sums[there] / counts[there]


def bound_level(n_steps: int) -> float:
    """Return the quantile level of the bound: .05, or .10 for a series of fewer than 500 points."""
    return 0.10 if n_steps < 500 else 0.05


def block_quantiles(
    step: Vector, value: Vector, *, tau: float, max_blocks: int = 16
) -> tuple[Vector, Vector]:
    """Compute the tau-quantile of consecutive blocks, at their middle updates; non-finite values are left out.

    A block has at least 1.25/tau points (1.25/(1 - tau) above the median), so that a quantile of it is more
    than its extreme.
    """
    finite = np.isfinite(value)
    step, value = step[finite], value[finite]
    # 1 - .9 is less than .1 in floats; both bounds must have the same blocks.
    n_blocks = min(max_blocks, int(value.size * min(tau, 1.0 - tau) / 1.25 + 1e-9))
    if n_blocks < 2:
        return np.empty(0), np.empty(0)
    parts = np.array_split(np.arange(value.size), n_blocks)
    middles = np.array([step[part].mean() for part in parts])
    return middles, np.array([np.quantile(value[part], tau) for part in parts])


def t_quantile(degrees: int, level: float) -> float:
    """Return the two-sided quantile of Student's t at a confidence level."""
    return float(scipy.special.stdtrit(degrees, 0.5 + level / 2))


def shared_limits(
    values: Iterable[Vector], *, log: bool = False, inner: tuple[float, float] | None = None
) -> tuple[float, float]:
    """Return one value axis for many panels: all finite values, or their bulk if a few points dwarf the rest.

    The bulk is the middle 99 %, or `inner` if the values are a thinned series and its quantiles are known.
    With `log`, for a logarithmic axis; the values must then be positive.
    """
    finite = [array[np.isfinite(array)] for array in values]
    pooled = np.concatenate([np.empty(0), *finite])
    if pooled.size == 0:
        return 0.0, 1.0
    if log:
        low, high = shared_limits([np.log10(pooled)])
        # The margin beyond values near the largest float would leave the floats.
        return float(10.0 ** max(low, -_DECADES)), float(10.0 ** min(high, _DECADES))
    low, high = float(pooled.min()), float(pooled.max())
    inner_low, inner_high = inner or tuple(float(q) for q in np.quantile(pooled, [0.005, 0.995]))
    width = inner_high - inner_low
    if width > 0:
        low = max(low, inner_low - _OFF_SCALE * width)
        high = min(high, inner_high + _OFF_SCALE * width)
    pad = 0.04 * (high - low) or 0.5
    return low - pad, high + pad


#: Matplotlib settings of all drawings; sizes are in points, as panels are drawn about as wide as they are shown.
STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.unicode_minus": True,
    "path.simplify": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "tracekit",
    "svg.image_inline": True,
}


def draw(paint: Callable[[Axes], Any], *, width: float = 2.15, height: float = 1.65) -> Drawing:
    """Draw one pair of axes (width and height in inches) as SVG whose bytes depend on its data alone."""
    # Ticks beyond the largest float, and bands as wide, become infinite, and so are not drawn.
    with matplotlib.rc_context(), np.errstate(over="ignore", under="ignore", invalid="ignore"):
        # Not the reader's matplotlibrc: the same data must give the same bytes everywhere.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        figure = Figure(figsize=(width, height))
        figure.patch.set_alpha(0)
        ax = figure.add_axes((0.2, 0.2, 0.7, 0.7))
        ax.patch.set_alpha(0)
        paint(ax)
        for axis in (ax.xaxis, ax.yaxis):
            for kind in ("major", "minor"):
                formatter = getattr(axis, f"get_{kind}_formatter")()
                if type(formatter) is LogFormatterSciNotation:
                    getattr(axis, f"set_{kind}_formatter")(PlainPowers(labelOnlyBase=formatter.labelOnlyBase))
        _fill(figure, ax)
        target = io.StringIO()
        # Straight from the canvas: `savefig` would lay the figure out a second time.
        FigureCanvasSVG(figure).print_svg(
            target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    return Drawing(_compact(target.getvalue()), width * 72, height * 72)


class PlainPowers(LogFormatterSciNotation):
    """Labels such as 2×10⁻³ in plain letters: math layout would take half of a drawing's time."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the label at x; empty where there is none."""
        if not 0 < x < np.inf:
            return ""
        label = super().__call__(x, pos)
        power = _POWER.fullmatch(label)
        if power is None:
            return label
        factor = f"{power[1]}×" if power[1] else ""
        return f"{factor}10{power[2].translate(_RAISED)}"


#: What matplotlib writes about a number: $\mathdefault{2\times10^{-3}}$.
_POWER = re.compile(r"\$\\mathdefault\{(?:([\d.]+)\\times)?10\^\{(-?\d+)\}\}\$")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _fill(figure: Figure, ax: Axes) -> None:
    """Fit axes and their labels to the figure, in half the time of a layout engine."""
    size = figure.bbox
    inner = ax.get_window_extent()
    outer = ax.get_tightbbox(for_layout_only=True) or inner
    pad = 0.02 * figure.dpi
    left, bottom = inner.x0 - outer.x0 + pad, inner.y0 - outer.y0 + pad
    right, top = outer.x1 - inner.x1 + pad, outer.y1 - inner.y1 + pad
    width, height = max(0.1, size.width - left - right), max(0.1, size.height - bottom - top)
    # Labels keep their distance from the axes: measuring it again would lay out all ticks again.
    if ax.xaxis.get_label_position() == "bottom":
        ax.xaxis.set_label_coords(0.5, (ax.xaxis.label.get_position()[1] - inner.y0) / height)
    if ax.yaxis.get_label_position() == "left":
        ax.yaxis.set_label_coords((ax.yaxis.label.get_position()[0] - inner.x0) / width, 0.5)
    ax.set_position((left / size.width, bottom / size.height, width / size.width, height / size.height))


_PATH = re.compile(r'(?<= d=")[^"]*')
_TENTHS = re.compile(r"(\.\d)\d+")
_PLACES = re.compile(r'(?<= [xy]=")[^"]*|(?<=translate\()[^)]*')
_HUNDREDTHS = re.compile(r"(\.\d\d)\d+")
#: Names that matplotlib gives to groups; nothing refers to them.
_GROUP_NAME = re.compile(r'(?<=<g) id="[^"]*"')

#: Ticks; their style is also in the mark that they use.
_TICK = re.compile(r'(<use [^>]*) style="fill: (#\w+); stroke: \2; stroke-width: 0\.[46]"')


def _compact(svg: str) -> str:
    """Drop prologue, comments, metadata and unused names, and write paths to a tenth of a point."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = _PATH.sub(lambda path: _TENTHS.sub(r"\1", path[0]).replace("\n", ""), svg)
    svg = _PLACES.sub(lambda place: _HUNDREDTHS.sub(r"\1", place[0]), svg)
    svg = _TICK.sub(r"\1", _GROUP_NAME.sub("", svg))
    return re.sub(r">\s+<", "><", svg).strip()
