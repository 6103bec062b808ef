"""Bounds section: how far bounds move, as the index of each configuration against the margin, with its parts."""

from __future__ import annotations

import dataclasses
import functools

import pandas as pd

from tracekit.report.document import Block, Column, Figure, Key, Mono, Panel, Table, number, paragraph
from tracekit.report.figures import style, verdicts
from tracekit.report.figures.drawing import draw
from tracekit.report.material import tables
from tracekit.report.material.material import Material, MissingSignalError
from tracekit.report.sections import section

_SHOWN = {
    "lower_index": "I of single seeds",
    "lower_drift": "drift D",
    "lower_bound": "lower bound",
    "lower_spread": "half-spread S",
    "lower_bound_variance": "bound variance",
    "lower_lfq_pvalue": "LFQ p",
    "lower_label": "seeds judged alone, margin 0.2",
}

_UPPER = {
    "upper_index": "upper I of single seeds",
    "upper_drift": "upper drift D",
    "upper_bound": "upper bound",
    "upper_lfq_pvalue": "upper LFQ p",
    "upper_label": "seeds judged alone, margin 0.2",
}


@section("bounds", title="How far the bounds wander", order=35)
def bounds(material: Material) -> list[Block]:
    """Draw the index of each configuration against the margin, and tabulate its parts."""
    rows = material.judged()
    if not material.verdicts or rows.empty:
        raise MissingSignalError([material.settings.signal])
    return [
        paragraph(
            "The index I measures how far a bound moves over the run, in half-spreads (the distance from the bound to "
            "the median). The verdict uses the pooled index: the mean over seeds of the squared indices, without "
            "their sampling noise, and then the root. The tables below show medians of single seeds instead, where an "
            "index whose square is estimated below 0 counts as 0; so the two differ."
        ),
        _intervals(material),
        _lower(material, rows),
        _upper(material, rows),
        paragraph("All columns of all series are in ", Mono("metrics.csv"), " beside this report."),
    ]


def _lower(material: Material, rows: pd.DataFrame) -> Table:
    """Tabulate the lower bound, with the pooled index of the verdict beside that of single seeds."""
    table = tables.median_table(
        material,
        rows,
        _SHOWN,
        f"Lower bound of {material.settings.signal} after its transient: the pooled index of the verdict, then "
        "medians over the seeds of each configuration, each seed judged alone.",
        counted=("lower_label",),
    )
    found = [material.verdicts.get(cell.key) for cell in material.cells]
    pooled = [number(verdict.index if verdict else None) for verdict in found]
    lines = zip(table.rows, pooled, strict=True)
    return dataclasses.replace(
        table,
        columns=(*table.columns[:2], Column("pooled I", numeric=True), *table.columns[2:]),
        rows=tuple((*line[:2], index, *line[2:]) for line, index in lines),
    )


def _upper(material: Material, rows: pd.DataFrame) -> Table:
    return tables.median_table(
        material,
        rows,
        _UPPER,
        f"Upper bound of {material.settings.signal}, as in the table of the lower bound; it does not affect the "
        "label.",
        counted=("upper_label",),
    )


def _intervals(material: Material) -> Figure:
    table = pd.DataFrame(
        [
            (tables.cell_label(cell, 34), found.label, found.index, found.low, found.high)
            for cell in material.cells
            if (found := material.verdicts.get(cell.key))
        ],
        columns=["name", "label", "index", "low", "high"],
    )
    paint = functools.partial(verdicts.index_intervals, table, margin=material.settings.margin)
    said = "; ".join(
        f"{cell.name}: {v.label}, {v.interval}"
        for cell in material.cells
        if (v := material.verdicts.get(cell.key))
    )
    return Figure(
        (
            Panel(
                draw(paint, width=4.4, height=0.5 + 0.2 * len(table)),
                f"Index of each configuration against the margin. {said}.",
            ),
        ),
        f"Pooled index I of each configuration with its {material.settings.confidence} confidence interval. Left of "
        f"the dashed margin ({material.settings.threshold}) the bound is stable, right of it the bound moves; an "
        "interval that crosses the margin is inconclusive.",
        legend=(
            Key(style.VERDICTS["stable"], "stable", "dot"),
            Key(style.VERDICTS["unstable"], "unstable", "triangle"),
            Key(style.VERDICTS["inconclusive"], "inconclusive", "ring"),
            Key(style.INK, "margin", "dashed"),
        ),
    )
