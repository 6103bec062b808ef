"""Dependence and tails section: autocorrelation of each configuration, and the tail index of each seed."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from tracekit.report.document import Block, Figure, Heading, Key, Panel, paragraph
from tracekit.report.figures import statistics, style
from tracekit.report.figures.drawing import draw
from tracekit.report.material import tables
from tracekit.report.material.material import Cell, Material, MissingSignalError
from tracekit.report.sections import section

_DEPENDENCE = {
    "tau_int": "correlation time, values",
    "ess": "effective values",
    "lag1": "lag-1 correlation",
    "memory": "long memory, seeds",
    "memory_d": "memory d",
    "arch_pvalue": "ARCH p",
}

_TAILS = {
    "tail": "tail verdict, seeds",
    "tail_xi": "extreme value index ξ",
    "tail_alpha": "tail exponent α",
    "zeros": "share of exact zeros",
}


@section("dependence", title="Dependence and tails", order=55)
def dependence(material: Material) -> list[Block]:
    """Draw the autocorrelation of each configuration and the tail index of each seed."""
    material.require(material.settings.signal)
    rows = material.judged()
    if rows.empty:
        raise MissingSignalError([material.settings.signal])
    signal = material.settings.signal
    panels = [_panel(material, cell) for cell in material.cells]
    blocks: list[Block] = [
        paragraph(
            "Neighbouring values are alike, so they carry less information than the same number of independent "
            "values: the correlation time says how many values count as one. Intervals and p-values in this report "
            "allow for that."
        ),
        Figure(
            tuple(panels),
            f"Autocorrelation of {signal} after the transient, over the lag in recorded values: median over finished "
            "runs, shaded from the lowest to the highest. Dashed: 95 % band of independent values, for one run.",
            columns=min(4, max(1, len(material.batch_sizes))),
            legend=(
                Key(style.BOUND, "median over runs", "thick"),
                Key(style.SEED, "all runs", "thick"),
                Key(style.INK, "white noise, 95 %", "dashed"),
            ),
        ),
        tables.median_table(
            material,
            rows,
            _DEPENDENCE,
            f"Dependence of {signal}: medians over seeds; for words, the number of seeds.",
            counted=("memory",),
        ),
        Heading("Tails"),
    ]
    if "tail_xi" in rows:
        blocks += [_tails(material), _tail_table(material, rows)]
    return blocks


def _panel(material: Material, cell: Cell) -> Panel:
    portraits = [portrait for portrait in material.portraits(cell) if portrait.autocorrelation.size]
    parts = [
        pd.DataFrame({"run": str(position), "lag": np.arange(values.size), "value": values})
        for position, values in enumerate(portrait.autocorrelation for portrait in portraits)
    ]
    data = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["run", "lag", "value"])
    n = int(np.median([portrait.n_used for portrait in portraits])) if portraits else None
    return Panel(
        draw(functools.partial(statistics.autocorrelation, data, n=n)),
        f"Autocorrelation of {material.settings.signal} over lag for {cell.name}.",
        title=cell.name,
    )


def _tails(material: Material) -> Figure:
    values = tables.seed_values(material, "tail_xi")
    names = {cell.name: tables.cell_label(cell) for cell in material.cells}
    label = "extreme value index ξ"
    paint = functools.partial(
        statistics.seed_dots,
        values.assign(name=values["name"].map(names)),
        label=label,
        references=(0.0, 0.5),
    )
    return Figure(
        (
            Panel(
                draw(paint, width=4.4, height=0.55 + 0.19 * len(material.cells)),
                f"Extreme value index of {material.settings.signal}, one dot per seed, by configuration.",
            ),
        ),
        "Extreme value index of the largest 5 % of local deviations, one dot per seed and a tick at their median. "
        "Below 0 the tail ends, at 0 it falls exponentially, above .5 the variance is infinite; dashed at 0 and .5.",
        legend=(Key(style.SEED, "one seed", "dot"), Key(style.BOUND, "median", "thick")),
    )


def _tail_table(material: Material, rows: pd.DataFrame) -> Block:
    return tables.median_table(
        material,
        rows,
        _TAILS,
        f"Tails of {material.settings.signal}: verdicts counted over seeds, estimates as medians. A verdict needs "
        "the agreement of several shares of the data; otherwise it is unresolved.",
        counted=("tail",),
    )
