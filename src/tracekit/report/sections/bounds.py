"""Signals over updates with their lower bound, a panel a cell: the form of the reference paper's Figure 6."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tracekit.report import figures
from tracekit.report.document import Block, Figure, Heading, Key, Panel, count, paragraph
from tracekit.report.drawing import bound_level, draw, shared_limits
from tracekit.report.material import PAPER_SIGNAL, Cell, Material, without_diverged
from tracekit.report.sections import not_recorded, section
from tracekit.report.units import unit


@section("bounds", title="Signals and their lower bounds", order=30)
def bounds(material: Material) -> list[Block]:
    """Draw the deciding signal, and the paper's own scalar beside it."""
    blocks: list[Block] = [
        paragraph(
            "The question is whether the lower edge of a signal stays where it is while training goes on. Each "
            "panel holds one optimizer at one batch size, all panels share both axes, and the thick line is the "
            "edge that the verdict is about: a quantile, because a minimum falls with the number of points even "
            "if nothing changes."
        )
    ]
    for name in dict.fromkeys([material.settings.signal, PAPER_SIGNAL]):
        role = "deciding signal" if name == material.settings.signal else "the reference paper's own scalar"
        blocks += [Heading(f"{name} ({role})"), _panels(material, name)]
    return blocks


def _panels(material: Material, name: str) -> Block:
    if name not in material.signals:
        return not_recorded(name)
    data = material.signal(name)
    limits = shared_limits([without_diverged(data)["value"].to_numpy(float)])
    judged = name == material.settings.signal
    panels = []
    ends = {cell.key: _end_of_transient(material, name, cell) for cell in material.cells}
    for cell in material.cells:
        rows = material.of_cell(data, cell)
        verdict = material.verdicts.get(cell.key) if judged else None
        paint = functools.partial(
            _paint,
            rows,
            limits=limits,
            steps=material.last_step,
            transient=ends[cell.key],
            label=unit(name),
        )
        diverged = sum(run.status == "diverged" for run in cell.runs)
        note = f"{diverged} diverged" if diverged else ""
        panels.append(
            Panel(
                draw(paint),
                f"{name} over updates for {cell.name}, {count(len(cell.runs), 'run')}."
                + (f" The configuration is {verdict.label}: {verdict.interval}." if verdict else ""),
                title=cell.name,
                tone=verdict.label if verdict else None,
                note=note,
            )
        )
    lengths = data.groupby("run", observed=True).size()
    tau = bound_level(int(lengths.median()))
    caption = (
        f"{name} over updates, one panel a configuration, shared axes. Thin: one run each, drawn through a min-max "
        "envelope, so no spike is lost. Thick: lower bound, the "
        f"{100 * tau:.0f} % quantile of consecutive blocks of updates, median over runs. Arrows at an edge are "
        "values beyond the axis; a cross marks a run's first NaN or infinite value."
    )
    legend = [
        Key(figures.SEED, "one run"),
        Key(figures.BOUND, f"lower bound ({100 * tau:.0f} % quantile)", "thick"),
    ]
    if any(ends.values()):
        legend.append(Key(figures.INK, "end of the transient", "dotted"))
        caption += (
            " Left of the dotted line lies the initial transient (median over runs), which is not judged."
        )
    columns = min(4, max(1, len(material.batch_sizes)))
    return Figure(tuple(panels), caption, columns=columns, legend=tuple(legend))


def _end_of_transient(material: Material, name: str, cell: Cell) -> float:
    """Give the update at which the transient of a cell's series ends, median over runs; 0 where none was cut."""
    features = material.features
    if "burn_in" not in features:
        return 0.0
    cut = material.of_cell(features[features["signal"].astype(str) == name], cell)["burn_in"].median()
    if not cut > 0:
        return 0.0
    steps = np.unique(material.of_cell(material.signal(name), cell)["step"].to_numpy(float))
    return float(steps[min(int(cut), steps.size - 1)])


def _paint(
    data: pd.DataFrame, ax: Axes, *, limits: tuple[float, float], steps: float, transient: float, label: str
) -> None:
    figures.seed_traces(data, ax, limits=limits, steps=steps, unit=label)
    figures.lower_bound(data, ax)
    figures.burn_in(transient, ax)
