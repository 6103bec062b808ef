"""Traces section: signals over updates with their bounds, one panel per configuration, as in the paper's Figure 6."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from tracekit.report.document import (
    Block,
    Figure,
    Heading,
    Key,
    Panel,
    Trace,
    TraceFigure,
    count,
    paragraph,
    show,
)
from tracekit.report.figures import curves, style
from tracekit.report.figures.drawing import bound_level, draw
from tracekit.report.material import tables
from tracekit.report.material.digest import SeriesDigest
from tracekit.report.material.material import PAPER_SIGNAL, Cell, Material
from tracekit.report.sections import not_recorded, section


@section("traces", title="Signals and their bounds", order=30)
def traces(material: Material) -> list[Block]:
    """Draw the deciding signal and the paper's own scalar, with an interactive chart of all single runs."""
    blocks: list[Block] = [
        paragraph(
            "Does the lower bound of the signal stay constant during training? Each panel shows one optimizer at one "
            "batch size; all panels share both axes. The thick line is the lower bound, which decides the label. It "
            "is a quantile, because a minimum falls with the number of points even if nothing changes."
        )
    ]
    for name in dict.fromkeys([material.settings.signal, PAPER_SIGNAL]):
        role = "deciding signal" if name == material.settings.signal else "the reference paper's own scalar"
        blocks.append(Heading(f"{name} ({role})"))
        if name not in material.signals:
            blocks.append(not_recorded(name))
        elif name == material.settings.signal:
            blocks.append(_with_single_runs(material, _panels(material, name)))
        else:
            blocks.append(_panels(material, name))
    return blocks


def _panels(material: Material, name: str) -> Figure:
    limits = tables.limits_of(material.series(name))
    judged = name == material.settings.signal
    panels = []
    label = material.axis(name)
    ends = {cell.key: end_of_transient(material, name, cell) for cell in material.cells}
    for cell in material.cells:
        verdict = material.verdicts.get(cell.key) if judged else None
        paint = functools.partial(
            _paint,
            material.series(name, cell),
            limits=limits,
            steps=material.last_step,
            transient=ends[cell.key],
            label=label,
        )
        diverged = sum(run.status == "diverged" for run in cell.runs)
        panels.append(
            Panel(
                draw(paint),
                f"{name} over updates for {cell.name}, {count(len(cell.runs), 'run')}."
                + (f" The configuration is {verdict.label}: {verdict.interval}." if verdict else ""),
                title=cell.name,
                tone=verdict.label if verdict else None,
                note=f"{diverged} diverged" if diverged else "",
            )
        )
    level = 100 * bound_level(int(np.median([one.n for one in material.series(name)])))
    caption = (
        f"{name} over updates, one panel per configuration, shared axes. Shaded: from the lowest to the highest "
        "value of any run in each of 150 stretches of updates, so that every spike shows. Thick and thin line: lower "
        f"and upper bound, the {level:.0f} % and {100 - level:.0f} % quantile of consecutive blocks of updates, mean "
        "over runs, with the pointwise 95 % t interval of that mean from three runs on. Arrows at an edge mark "
        "values beyond the axis; a cross marks a run's first NaN or infinite value."
    )
    legend = [
        Key(style.SEED, "all values of all runs", "thick"),
        Key(style.BOUND, f"lower bound ({level:.0f} %), 95 % interval", "thick"),
        Key(style.MUTED, f"upper bound ({100 - level:.0f} %)"),
        Key(style.INK, "median over runs"),
    ]
    if any(ends.values()):
        legend.append(Key(style.INK, "end of the transient", "dotted"))
        caption += (
            " Left of the dotted line is the initial transient (median over runs), which is not judged."
        )
    columns = min(4, max(1, len(material.batch_sizes)))
    return Figure(tuple(panels), caption, columns=columns, legend=tuple(legend))


def _paint(
    series: Sequence[SeriesDigest],
    ax: Axes,
    *,
    limits: tuple[float, float],
    steps: float,
    transient: float,
    label: str,
) -> None:
    curves.trace_band(tables.thinned(series), ax, limits=limits, steps=steps, unit=label)
    curves.median_line(tables.means(series), ax, steps=steps)
    curves.bound_curves(tables.bounds(series), ax)
    curves.burn_in(transient, ax)


def end_of_transient(material: Material, name: str, cell: Cell) -> float:
    """Return the update at which the transient of a cell's series ends, median over runs; 0 where none was cut."""
    features = material.features
    if "burn_in" not in features:
        return 0.0
    cut = material.of_cell(features[features["signal"].astype(str) == name], cell)["burn_in"].median()
    strides = [one.stride for one in material.series(name, cell) if np.isfinite(one.stride)]
    return float(cut * np.median(strides)) if cut > 0 and strides else 0.0


def _with_single_runs(material: Material, still: Figure) -> TraceFigure:
    """Add every run of every drawn signal, and the bounds of the deciding one, for interactive faces."""
    attributes = {run.name: _attributes(material, cell, run) for cell in material.cells for run in cell.runs}
    names = [name for name in _drawn(material) if name in material.signals]
    lines = [
        Trace(
            name,
            (*attributes[one.run][:-1], f"{attributes[one.run][-1]} {one.channel}".strip()),
            one.step,
            one.value,
            stretch=one.stretch,
            note=f"not finite from update {show(one.first_broken)}" if np.isfinite(one.first_broken) else "",
        )
        for name in names
        for one in material.series(name)
    ]
    for cell in material.cells:
        bounds = tables.bounds(material.series(material.settings.signal, cell))
        if bounds.empty:
            continue
        for side in ("lower", "upper"):
            table = bounds.groupby("step")[side].agg(["mean", "min", "max"])
            words = (cell.optimizer, show(cell.batch_size), "")
            lines.append(
                Trace(
                    material.settings.signal,
                    words,
                    table.index.to_numpy(float),
                    table["mean"].to_numpy(float),
                    bound=f"{side} bound",
                    low=table["min"].to_numpy(float),
                    high=table["max"].to_numpy(float),
                )
            )
    return TraceFigure(
        still=still,
        columns=("optimizer", "batch size", "seed"),
        traces=tuple(lines),
        units={name: material.axis(name) for name in names},
    )


def _drawn(material: Material) -> list[str]:
    """Return the signals that the digests hold, the deciding one first."""
    held = {name for digest in material.digests.values() for name in digest.series}
    return sorted(held, key=lambda name: (name != material.settings.signal, name))


def _attributes(material: Material, cell: Cell, run: Any) -> tuple[str, str, str]:
    seed = run.attributes.get("seed")
    return cell.optimizer, show(cell.batch_size), run.name if seed is None else show(seed)
