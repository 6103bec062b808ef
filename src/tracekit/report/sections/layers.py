"""Layers section: heat maps of gradients, updates, step sizes and dead units by layer over time."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pandas as pd

from tracekit.report.document import Alert, Block, Figure, Heading, Panel, enumerate_words, paragraph
from tracekit.report.figures import statistics
from tracekit.report.figures.drawing import draw
from tracekit.report.material.digest import HEAT_STRETCHES
from tracekit.report.material.material import LAYER_SIGNALS, Cell, Material, MissingSignalError
from tracekit.report.sections import not_recorded, section

#: Maps by signal: title, label of the colours, and whether they are logarithmic.
_MAPS = {
    "layer/grad_norm": ("Gradient norm", "Euclidean norm", True),
    "layer/update_ratio": ("Size of the update", "‖update‖ / ‖weights‖", True),
    "layer/step_size/q50": ("Effective step size", "median |update| / |gradient|", True),
    "layer/relu/dead": ("Dead units", "share of units", False),
}

#: Largest number of configurations drawn; more pictures cannot be compared.
_DRAWN = 12


@section("layers", title="Layers", order=70)
def layers(material: Material) -> list[Block]:
    """Draw heat maps of gradient, update and step size over time, one row per layer."""
    there = [name for name in LAYER_SIGNALS if _has(material, name)]
    if not there:
        raise MissingSignalError(LAYER_SIGNALS)
    blocks: list[Block] = [
        paragraph(
            "Each row is a layer, with the input on top; all panels of a figure share their colours. A row that "
            "darkens is a layer that stops learning; a row that brightens is a layer whose steps grow. The usual size "
            "of an update is about one thousandth of the weights."
        )
    ]
    cells = material.cells[:_DRAWN]
    if len(cells) < len(material.cells):
        blocks.append(
            Alert(
                "note",
                f"Only the first {len(cells)} of {len(material.cells)} configurations are drawn",
                ("`tracekit.plot.heat_map` draws the others.",),
            )
        )
    for name in LAYER_SIGNALS:
        blocks.append(Heading(f"{_MAPS[name][0]} ({name})"))
        blocks.append(_figure(material, name, cells) if name in there else not_recorded(name))
    return blocks


def _has(material: Material, name: str) -> bool:
    return any(name in digest.layers for digest in material.digests.values())


def _figure(material: Material, name: str, cells: tuple[Cell, ...]) -> Block:
    title, label, log = _MAPS[name]
    tables = [(cell, table) for cell in cells if not (table := cell_map(material, name, cell)).empty]
    if not tables:
        return paragraph(
            "Nothing to draw: no run with this signal has finished, and the maps show finished runs only."
        )
    values = np.concatenate([table.to_numpy(float).ravel() for _, table in tables])
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not log and not values.max(initial=0.0) > 0:
        return paragraph("Nothing to draw: the median over runs is 0 in every layer at all times.")
    if log and not values.size:
        return paragraph("Nothing to draw: the colours are logarithmic, and no value is positive.")
    limits = (0.0, 1.0)
    if log:
        low, high = (float(end) for end in np.quantile(values, [0.01, 0.99]))
        limits = statistics.color_ends(low, high, log=True)
    panels = []
    for cell, table in tables:
        paint = functools.partial(
            statistics.heat_map, table, limits=limits, steps=material.last_step, log=log, scale=False
        )
        said = (
            f"{title} of {enumerate_words(str(layer) for layer in table.index)} over updates for {cell.name}."
        )
        panels.append(Panel(draw(paint, height=0.55 + 0.14 * len(table)), said, title=cell.name))
    key = functools.partial(statistics.color_scale, limits, unit=label, log=log)
    panels.append(Panel(draw(key, height=0.6), f"Colour scale: {label}.", title="colours"))
    scale = "logarithmic colours, cut at the 1 % and the 99 % quantile" if log else "colours from 0 to 1"
    return Figure(
        tuple(panels),
        f"{title} by layer over updates, one panel per configuration: median within each of {HEAT_STRETCHES} "
        "stretches of updates (the previous value where none was recorded), then median over finished runs; "
        f"{scale}.",
        columns=min(4, max(1, len(material.batch_sizes))),
    )


def cell_map(material: Material, name: str, cell: Cell) -> pd.DataFrame:
    """Return the median over a cell's finished runs: one row per layer, one column per stretch; empty without a run."""
    maps = [
        material.digests[run.name].layers[name]
        for run in cell.runs
        if run.status == "finished" and name in material.digests[run.name].layers
    ]
    names = list(dict.fromkeys(layer for one in maps for layer in one))
    rows = {}
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "All-NaN slice", RuntimeWarning
        )  # A stretch without a value is blank.
        for layer in names:
            rows[layer] = np.nanmedian([one[layer] for one in maps if layer in one], axis=0)
    return pd.DataFrame.from_dict(rows, orient="index")
