"""Spectra section: power spectra with the epoch's lines, and the band of a smooth spectrum."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd

from tracekit.report.document import Alert, Block, Figure, Key, Mono, Panel, count, paragraph
from tracekit.report.figures import statistics, style
from tracekit.report.figures.drawing import draw
from tracekit.report.figures.spectrum_band import null_ratio, smooth
from tracekit.report.material import tables
from tracekit.report.material.deciding_series import Portrait
from tracekit.report.material.material import Cell, Material, MissingSignalError
from tracekit.report.sections import section

_SHOWN = {
    "spectral_entropy": "spectral entropy",
    "epoch_comb_pvalue": "epoch comb p",
    "epoch_variance_ratio": "epoch variance ratio",
    "peak_pvalue": "strongest peak p",
    "peak_period": "its period, values",
    "nyquist_pvalue": "period-2 p",
}


@section("spectra", title="Spectra", order=50)
def spectra(material: Material) -> list[Block]:
    """Draw the spectrum of each configuration and tabulate the tests for lines."""
    material.require(material.settings.signal)
    panels, without = [], []
    for cell in material.cells:
        table, epoch, portraits = _spectrum(material, cell)
        if table.empty:
            without.append(cell.name)
            continue
        lines = [multiple * epoch for multiple in range(1, 5)] if np.isfinite(epoch) else []
        lines = [line for line in lines if table["frequency"].min() < line < table["frequency"].max()]
        paint = functools.partial(statistics.spectrum, table, lines=lines)
        panels.append(
            Panel(
                draw(paint),
                f"Power spectrum of {material.settings.signal} for {cell.name}, geometric mean of "
                f"{count(len(portraits), 'run')}.",
                title=cell.name,
            )
        )
    blocks: list[Block] = [
        paragraph(
            "A spectrum that rises to the left means slow wandering; a flat spectrum means noise; a line means that "
            "something repeats: at the epoch's frequency for batches in a fixed order, at one half for steps that "
            "overshoot every time. A line shows where the curve leaves the shaded band; the p-values below decide. "
            "Movement slower than the left end, such as a drift over the whole run, does not show here."
        )
    ]
    if panels:
        blocks.append(
            Figure(
                tuple(panels),
                f"Power spectral density of {material.settings.signal} divided by its variance, after the transient; "
                "Welch's method, geometric mean over finished runs, both axes logarithmic. Shaded: pointwise 95 % "
                "band in which this estimate lies around its running median if the true spectrum is smooth, from "
                "simulated white noise. Dashed: the epoch's frequency and its multiples, where they are known and "
                "resolved.",
                columns=min(4, max(1, len(material.batch_sizes))),
                legend=(
                    Key(style.BOUND, "spectrum"),
                    Key(style.SEED, "smooth spectrum, 95 %", "thick"),
                    Key(style.MUTED, "epoch and its multiples", "dashed"),
                ),
            )
        )
    if without:
        blocks.append(
            Alert(
                "note",
                "Not shown: the spectrum cannot be estimated",
                (
                    "A spectrum needs 128 values after the transient, with a variance that is not 0 and not infinite. "
                    f"This fails for {'; '.join(without[:8])}.",
                ),
            )
        )
    rows = material.judged()
    if rows.empty:
        raise MissingSignalError([material.settings.signal])
    blocks += [
        tables.median_table(
            material,
            rows,
            _SHOWN,
            f"Lines in the spectrum of {material.settings.signal}: medians over seeds. Spectral entropy is 1 for white "
            "noise and 0 for a single line; the epoch variance ratio is 1 for independent values and far below 1 where "
            "each epoch visits the same batches in a new order.",
        ),
        paragraph(
            "Null hypotheses: no line at the epoch's frequency (comb), no line anywhere (strongest peak), no "
            "alternation from step to step (period 2, the sign of training at the edge of stability). ",
            Mono("metrics.csv"),
            " has these p-values for every series.",
        ),
    ]
    return blocks


def _spectrum(material: Material, cell: Cell) -> tuple[pd.DataFrame, float, list[Portrait]]:
    """Return the mean spectrum of a cell's runs over cycles per update, the epoch's frequency, and the runs used."""
    portraits = [portrait for portrait in material.portraits(cell) if portrait.frequency.size]
    if not portraits:
        return pd.DataFrame(columns=["frequency", "density"]), np.nan, []
    # Runs with a longer transient have fewer values and coarser frequencies; keep the most common grid.
    size = max(
        {p.frequency.size for p in portraits}, key=lambda n: sum(p.frequency.size == n for p in portraits)
    )
    portraits = [portrait for portrait in portraits if portrait.frequency.size == size]
    logs = np.array([np.log(np.maximum(portrait.density, 1e-300)) for portrait in portraits])
    mean = logs.mean(axis=0)
    level = smooth(mean)
    low, high = null_ratio(
        n=int(np.median([portrait.n_used for portrait in portraits])), size=size, runs=len(portraits)
    )
    stride = float(np.nanmedian([portrait.stride for portrait in portraits]))
    epoch = portraits[0].points_per_epoch * stride
    table = pd.DataFrame(
        {
            "frequency": portraits[0].frequency / stride,
            "density": np.exp(mean) * stride,
            "low": np.exp(level + low) * stride,
            "high": np.exp(level + high) * stride,
        }
    )
    return table, 1.0 / epoch if epoch > 0 else np.nan, portraits
