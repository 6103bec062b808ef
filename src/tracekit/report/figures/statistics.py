"""Figures of statistics: dots per seed, spectra, autocorrelation, events and heat maps of layers.

Each function takes data and axes, returns the axes, and changes neither its data nor global state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import EngFormatter, FormatStrFormatter, LogLocator, MaxNLocator, NullFormatter

from tracekit.report.figures.curves import frame
from tracekit.report.figures.drawing import envelope
from tracekit.report.figures.style import BOUND, INK, MUTED, SEED, house_style, name_rows, say_nothing


def seed_dots(
    data: pd.DataFrame,
    ax: Axes,
    *,
    label: str = "",
    references: Sequence[float] = (),
    log: bool = False,
) -> Axes:
    """Draw one statistic of every run as a dot, one row per configuration, with their median as a tick.

    Parameters
    ----------
    data : DataFrame
        ``name`` (the row, in order of appearance from the top) and ``value``, one entry per run; values that are
        not finite are left out, and a row without any stays empty but named.
    ax : Axes
        Where to draw.
    label : str
        Quantity and unit.
    references : sequence of float
        Values to compare with, dashed.
    log : bool
        Logarithmic axis; values that are not positive are drawn at its left edge.
    """
    house_style(ax, x=label)
    ax.grid(False, axis="y")
    names = list(dict.fromkeys(data["name"].astype(str)))
    values = data["value"].to_numpy(float)
    sound = np.isfinite(values)
    if log:
        positive = values[sound & (values > 0)]
        floor = float(positive.min()) if positive.size else 0.1
        values = np.where(sound, np.maximum(values, max(floor, 1e-12)), values)
        ax.set_xscale("log")
    for row, name in enumerate(names):
        own = values[sound & (data["name"].astype(str) == name).to_numpy()]
        ax.plot(own, np.full(own.size, row), "o", color=SEED, markersize=4, alpha=0.8, zorder=3)
        if own.size:
            ax.plot([np.median(own)], [row], "|", color=BOUND, markersize=10, markeredgewidth=1.8, zorder=4)
    for reference in references:
        ax.axvline(reference, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=2)
    name_rows(ax, names)
    if not log:
        ax.xaxis.set_major_locator(MaxNLocator(4))
    else:
        ax.xaxis.set_minor_formatter(NullFormatter())
    return ax


def spectrum(data: pd.DataFrame, ax: Axes, *, lines: Sequence[float] = ()) -> Axes:
    """Draw a power spectral density on logarithmic axes, with the band of a smooth spectrum.

    Parameters
    ----------
    data : DataFrame
        ``frequency`` (cycles per update), ``density``, and if known ``low`` and ``high``, the null band.
    ax : Axes
        Where to draw.
    lines : sequence of float
        Frequencies to mark, such as the epoch's and its multiples.
    """
    house_style(ax, x="cycles per update", y="power / variance")
    for position, line in enumerate(lines):
        ax.axvline(
            line, color=MUTED, linewidth=0.9 if position == 0 else 0.5, linestyle=(0, (4, 2)), zorder=1
        )
    density = data["density"].to_numpy(float)
    data = data[np.isfinite(density) & (density > 0)]
    if len(data) < 2:
        return say_nothing(ax, "no spectrum: too few values")
    at = data["frequency"].to_numpy(float)
    if {"low", "high"} <= set(data.columns):
        ax.fill_between(at, data["low"], data["high"], color=SEED, alpha=0.3, linewidth=0, zorder=2)
    ax.plot(at, data["density"], color=BOUND, linewidth=1.0, zorder=3)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(at[0], at[-1])
    low, high = ax.get_ylim()
    # Take roots first: the product of two large powers would be infinite.
    middle, reach = math.sqrt(low) * math.sqrt(high), max(math.sqrt(high) / math.sqrt(low), 10.0)
    ax.set_ylim(middle / reach, middle * reach)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_minor_formatter(NullFormatter())
    if at[-1] < 100 * at[0]:
        # Such a short axis holds at most two powers of ten.
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    return ax


def autocorrelation(data: pd.DataFrame, ax: Axes, *, n: int | None = None) -> Axes:
    """Draw autocorrelation over lag: the median over runs, their range, and the 95 % band of white noise.

    `data` has ``run``, ``lag`` (values) and ``value``; `n` is the number of values behind a run's line.
    """
    house_style(ax, x="lag, values", y="autocorrelation")
    if data.empty:
        return say_nothing(ax, "too few values")
    if n:
        for end in (-1.96 / math.sqrt(n), 1.96 / math.sqrt(n)):
            ax.axhline(end, color=INK, linewidth=0.7, linestyle=(0, (4, 2)), zorder=2)
    table = data.groupby("lag")["value"].agg(["median", "min", "max"])
    ax.fill_between(table.index, table["min"], table["max"], color=SEED, alpha=0.35, linewidth=0, zorder=1)
    ax.plot(table.index, table["median"], color=BOUND, linewidth=1.5, zorder=3)
    ax.set_xlim(0, float(data["lag"].max()))
    ax.set_ylim(min(-0.2, float(data["value"].min()) - 0.05), 1.02)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(4))
    return ax


def events(
    data: pd.DataFrame,
    ax: Axes,
    *,
    levels: pd.DataFrame,
    spikes: pd.DataFrame,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
) -> Axes:
    """Draw one run with the breaks of its level (steps) and its spikes (rings).

    Parameters
    ----------
    data : DataFrame
        ``step`` and ``value`` of one run.
    ax : Axes
        Where to draw.
    levels : DataFrame
        ``start``, ``stop`` (updates) and ``level`` of each segment; drawn if there are two or more.
    spikes : DataFrame
        ``step`` and ``value``.
    limits, steps, unit
        As for `seed_traces`.
    """
    house_style(ax, x="update", y=unit)
    line = envelope(data["step"].to_numpy(float), data["value"].to_numpy(float), bins=110)
    ax.plot(line.step, line.value, color=SEED, linewidth=0.5, alpha=0.75, zorder=2)
    if len(levels) > 1:
        for start, stop, level in levels[["start", "stop", "level"]].itertuples(index=False, name=None):
            ax.plot([start, stop], [level, level], color=BOUND, linewidth=1.8, zorder=4)
    shown = spikes["value"].to_numpy(float)
    if limits is not None:
        shown = np.clip(shown, *limits)
    ax.plot(
        spikes["step"],
        shown,
        "o",
        markersize=5,
        markerfacecolor="none",
        color=INK,
        markeredgewidth=0.9,
        zorder=5,
    )
    return frame(ax, data, limits, steps)


def heat_map(
    data: pd.DataFrame,
    ax: Axes,
    *,
    limits: tuple[float, float] | None = None,
    steps: float | None = None,
    unit: str = "",
    log: bool = True,
    scale: bool = True,
) -> Axes:
    """Draw a statistic of layers over updates as colours, one row per layer, input on top.

    Parameters
    ----------
    data : DataFrame
        One row per layer (its index), one column per stretch of updates; NaN stays blank.
    ax : Axes
        Where to draw.
    limits : (low, high), optional
        Ends of the colour scale, shared by small multiples.
    steps : float, optional
        Last update; by default the number of columns.
    unit : str
        Label of the colour scale.
    log : bool
        Logarithmic colours; values that are not positive are then blank.
    scale : bool
        Draw the colour scale beside the axes; small multiples share one, which `color_scale` draws.
    """
    house_style(ax, x="update")
    ax.grid(False)
    values = data.to_numpy(float)
    if log:
        values = np.where(values > 0, values, np.nan)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return say_nothing(ax, "no values")
    low, high = color_ends(*(limits or (float(finite.min()), float(finite.max()))), log=log)
    last = steps or float(values.shape[1])
    image = ax.imshow(
        np.ma.masked_invalid(values),
        aspect="auto",
        interpolation="nearest",
        cmap="cividis",
        norm=LogNorm(low, high) if log else Normalize(low, high),
        extent=(0.0, last, len(data) - 0.5, -0.5),
    )
    name_rows(ax, [str(name) for name in data.index], size=7)
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    if last >= 10_000:
        ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    if scale:
        bar = ax.figure.colorbar(image, cax=ax.inset_axes((1.03, 0.0, 0.035, 1.0)), label=unit)
        bar.outline.set_visible(False)
    return ax


def color_ends(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """Return the ends of a colour scale, moved apart if they are equal, and positive if it is logarithmic."""
    if log:
        low, high = (min(max(end, 1e-300), 1e300) for end in (low, high))
    if low < high:
        return low, high
    return (low / 2, low * 2) if log else (low - 0.5, low + 0.5)


def color_scale(limits: tuple[float, float], ax: Axes, *, unit: str = "", log: bool = True) -> Axes:
    """Draw the colour scale that heat maps share.

    `limits` are its ends, `unit` its label; `log` spaces the colours logarithmically.
    """
    house_style(ax, x=unit)
    ax.grid(False)
    low, high = color_ends(*limits, log=log)
    steps = np.geomspace(low, high, 128) if log else np.linspace(low, high, 128)
    edges = np.geomspace(low, high, 129) if log else np.linspace(low, high, 129)
    ax.pcolormesh(
        edges,
        [0.0, 1.0],
        steps[None, :],
        cmap="cividis",
        norm=LogNorm(low, high) if log else Normalize(low, high),
        rasterized=True,
    )
    if log:
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(low, high)
    ax.set_yticks([])
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax
