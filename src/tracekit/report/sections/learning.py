"""Learning curves section: loss and accuracy by batch size, and where they ended."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd

from tracekit.report.document import (
    Block,
    Column,
    Figure,
    Heading,
    Key,
    Panel,
    Table,
    TableCell,
    count,
    enumerate_words,
    number,
    paragraph,
    show,
    words,
)
from tracekit.report.figures import curves, style
from tracekit.report.figures.drawing import draw, over_runs, shared_limits
from tracekit.report.material import tables
from tracekit.report.material.material import Material, MissingSignalError, without_diverged
from tracekit.report.sections import not_recorded, section

#: Signals to draw: the first recorded one of each group.
_CURVES = (("train/loss", "eval/loss"), ("eval/accuracy", "train/accuracy"))


@section("learning", title="Learning curves", order=40)
def learning(material: Material) -> list[Block]:
    """Draw loss and accuracy by batch size, one colour per optimizer, and list where they ended."""
    if not material.signals.intersection(*[{name for names in _CURVES for name in names}]):
        raise MissingSignalError([name for names in _CURVES for name in names])
    blocks: list[Block] = [
        paragraph(
            "A bound can be constant because nothing was learned; these curves show whether training worked. A line "
            "is the median over seeds; its band spans the lowest to the highest seed."
        )
    ]
    for names in _CURVES:
        name = next((name for name in names if name in material.signals), None)
        if name is None:
            blocks.append(not_recorded(*names))
        else:
            blocks += [Heading(name), _curves(material, name)]
    blocks.append(_endings(material))
    return blocks


def _curves(material: Material, name: str) -> Figure:
    parts = [tables.means(material.series(name, cell)).assign(row=cell.optimizer) for cell in material.cells]
    calm = [tables.means(without_diverged(material.series(name, cell))) for cell in material.cells]
    drawn = [over_runs(part, material.last_step) for part in calm]
    values = np.concatenate([line for curve in drawn for line in (curve.low, curve.high)])
    log = values.size > 0 and values.min() > 0 and values.max() > 20 * values.min()
    unit = material.axis(name)
    panels = []
    for size in material.batch_sizes:
        chosen = [part for part, cell in zip(parts, material.cells, strict=True) if cell.batch_size == size]
        there = [cell.optimizer for cell in material.cells if cell.batch_size == size]
        paint = functools.partial(
            curves.seed_band,
            pd.concat(chosen),
            group="row",
            groups=material.rows,
            limits=shared_limits([values], log=log),
            steps=material.last_step,
            unit=unit,
            log=log,
        )
        panels.append(
            Panel(
                draw(paint),
                f"{name} over updates at batch size {show(size)} for {enumerate_words(there)}.",
                title=f"batch {show(size)}",
            )
        )
    legend = tuple(Key(style.group_style(at)[0], row, _mark(at)) for at, row in enumerate(material.rows))
    caption = (
        f"{name} over updates at each batch size: median over seeds, with a band from the lowest to the highest "
        "seed. Series of more than 80 points are averaged over 40 stretches first; values that are not finite "
        "are left out. A band that reaches the edge of the panel extends beyond it."
        + (" Logarithmic axis." if log else "")
    )
    return Figure(tuple(panels), caption, columns=min(4, max(1, len(panels))), legend=legend)


def _mark(position: int) -> Any:
    return ("line", "dashed", "dotted")[(position // len(style.GROUPS) + position) % 3]


def _endings(material: Material) -> Table:
    """List the last value of each signal, median and range over the runs of each cell."""
    names = [name for names in _CURVES for name in names if name in material.signals]
    columns = [Column("optimizer"), Column("batch size", numeric=True), Column("runs", numeric=True)]
    columns += [Column(f"last {name}", numeric=True) for name in names]
    rows = []
    for cell in material.cells:
        cells = [words(cell.optimizer), number(cell.batch_size), number(len(cell.runs))]
        for name in names:
            ended = np.array([one.last for one in material.series(name, cell)])
            cells.append(_spread(ended[~np.isnan(ended)]))
        rows.append(tuple(cells))
    return Table(
        tuple(columns),
        tuple(rows),
        f"Where training ended: last recorded value, median over runs with lowest and highest in brackets, "
        f"{count(len(material.experiment.runs), 'run')}.",
        keys=2,
    )


def _spread(values: np.ndarray) -> TableCell:
    if values.size == 0:
        return number(None)
    middle = float(np.median(values))
    return TableCell(
        f"{show(middle)} [{show(float(values.min()))}, {show(float(values.max()))}]", order=middle
    )
