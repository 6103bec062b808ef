"""Breaks and spikes section: one run per configuration with its breaks of the level and its spikes."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from tracekit.report.document import Block, Figure, Key, Panel, count, paragraph
from tracekit.report.figures import statistics, style
from tracekit.report.figures.drawing import draw
from tracekit.report.material import tables
from tracekit.report.material.deciding_series import Portrait
from tracekit.report.material.material import Cell, Material, MissingSignalError
from tracekit.report.sections import section

_SHOWN = {
    "n_changes": "breaks",
    "largest_change": "largest break, signal units",
    "change_explained": "variance explained",
    "n_spikes": "spikes",
    "spike_rate": "spikes per 1,000",
    "spike_rate_expected": "expected by the tail",
    "spike_largest": "largest, robust sd",
}


@section("events", title="Breaks and spikes", order=60)
def events(material: Material) -> list[Block]:
    """Draw one run of each configuration with its events, and count the events of all runs."""
    material.require(material.settings.signal)
    rows = material.judged()
    if rows.empty:
        raise MissingSignalError([material.settings.signal])
    name = material.settings.signal
    limits = tables.limits_of(material.series(name))
    unit = material.axis(name)
    panels = [p for cell in material.cells if (p := _panel(material, cell, limits, unit)) is not None]
    blocks: list[Block] = [
        paragraph(
            "A break is a jump of the level that the dependence of the series does not explain; a trend appears as "
            "several breaks. A spike is a value at least 5 robust standard deviations from its surroundings; compare "
            "the number of spikes with the rate that the tail alone makes expect."
        )
    ]
    if panels:
        blocks.append(
            Figure(
                tuple(panels),
                f"{name} of one run per configuration (the first that finished), drawn as a min-max envelope. "
                "Steps: the level between breaks, if there is a break. Rings: the largest spikes, at most 20; a ring "
                "at the edge is a spike beyond the axis.",
                columns=min(4, max(1, len(material.batch_sizes))),
                legend=(
                    Key(style.SEED, "one run"),
                    Key(style.BOUND, "level between breaks", "thick"),
                    Key(style.INK, "spike", "ring"),
                ),
            )
        )
    blocks.append(
        tables.median_table(
            material,
            rows,
            _SHOWN,
            f"Events of {name} after the transient: medians over seeds.",
        )
    )
    return blocks


def _panel(material: Material, cell: Cell, limits: tuple[float, float], unit: str) -> Panel | None:
    name = material.settings.signal
    for run in cell.runs:
        portrait, series = material.digests[run.name].portrait, material.digests[run.name].series.get(name)
        if run.status == "finished" and portrait is not None and series:
            break
    else:
        return None
    paint = functools.partial(
        statistics.events,
        tables.thinned(series[:1]),
        levels=_levels(portrait),
        spikes=pd.DataFrame({"step": portrait.spike_at, "value": portrait.spike_value}),
        limits=limits,
        steps=material.last_step,
        unit=unit,
    )
    said = f"{count(portrait.changes.size, 'break')}, {count(portrait.spike_at.size, 'spike')}"
    return Panel(draw(paint), f"{name} of run {run.name}: {said}.", title=cell.name, note=said)


def _levels(portrait: Portrait) -> pd.DataFrame:
    edges = np.concatenate([[portrait.span[0]], portrait.changes, [portrait.span[1]]])
    if portrait.levels.size != edges.size - 1:
        return pd.DataFrame(columns=["start", "stop", "level"])
    return pd.DataFrame({"start": edges[:-1], "stop": edges[1:], "level": portrait.levels})
