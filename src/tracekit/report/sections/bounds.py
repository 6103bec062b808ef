"""How far the bounds wander: the index of every configuration against the margin, and what it is made of."""

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
    """Draw the index of each configuration against the margin, and tabulate what it is made of."""
    rows = material.judged()
    if not material.verdicts or rows.empty:
        raise MissingSignalError([material.settings.signal])
    return [
        paragraph(
            "The index I says how far a bound moves over the run, in half-spreads (the distance from the bound to "
            "the median). The verdict rests on the pooled index: squared indices, freed of sampling noise, are "
            "averaged over seeds before the root is taken. The tables below give medians of single seeds instead, "
            "each of them rounded up to 0 where its square came out negative, so the two differ."
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
        f"Lower bound of {material.settings.signal}, after its transient: the pooled index of the verdict, then "
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
        f"Upper bound of {material.settings.signal}, likewise; it is described and does not decide the label.",
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
        f"the dashed margin ({material.settings.threshold}) the bound holds still, right of it the bound moves; an "
        "interval that crosses it decides nothing.",
        legend=(
            Key(style.VERDICTS["stable"], "stable", "dot"),
            Key(style.VERDICTS["unstable"], "unstable", "triangle"),
            Key(style.VERDICTS["inconclusive"], "inconclusive", "ring"),
            Key(style.INK, "margin", "dashed"),
        ),
    )
