"""Stationarity section: whether the level of the deciding signal is constant, by two tests with opposite nulls."""

from __future__ import annotations

import functools

from tracekit.report.document import Block, Figure, Key, Panel, paragraph
from tracekit.report.figures import statistics, style
from tracekit.report.figures.drawing import draw
from tracekit.report.material import tables
from tracekit.report.material.material import Material, MissingSignalError
from tracekit.report.sections import section

_SHOWN = {
    "stationarity": "stationarity verdict, seeds",
    "adf_pvalue": "ADF p",
    "kpss_cosine_pvalue": "cosine-KPSS p",
    "scale_lfq_pvalue": "scale LFQ p",
    "level_trend_pvalue": "trend p",
    "burn_in": "transient, values",
}

_TESTS = {
    "adf_pvalue": "ADF p-value (null: unit root)",
    "kpss_cosine_pvalue": "cosine-KPSS p-value (null: constant level)",
}


@section("stationarity", title="Stationarity", order=45)
def stationarity(material: Material) -> list[Block]:
    """Draw the p-values of both tests, one dot per seed, and tabulate the joined verdicts."""
    rows = material.judged()
    if rows.empty:
        raise MissingSignalError([material.settings.signal])
    panels = []
    for column, label in _TESTS.items():
        values = tables.seed_values(material, column)
        paint = functools.partial(
            statistics.seed_dots,
            values.assign(name=[_short(material, name) for name in values["name"]]),
            label=label,
            references=(0.05,),
            log=True,
        )
        drawing = draw(paint, width=3.9, height=0.55 + 0.19 * len(material.cells))
        panels.append(
            Panel(drawing, f"{label} of {material.settings.signal}: one dot per seed, by configuration.")
        )
    return [
        paragraph(
            "Two tests ask opposite questions. The null hypothesis of ADF is a unit root (a level that wanders "
            "without end); that of cosine-KPSS is a constant level. A stationary series has a small p on the left and "
            "a large p on the right. Small on both sides is a contradiction; a break, a trend or long memory explains "
            "it. Both tests judge the mean, and a constant mean never implies a constant bound."
        ),
        Figure(
            tuple(panels),
            f"P-values of {material.settings.signal} after its transient, one dot per seed and a tick at their median, "
            "on a logarithmic axis; dashed at .05. Single p-values, not corrected for their number.",
            columns=2,
            legend=(
                Key(style.SEED, "one seed", "dot"),
                Key(style.BOUND, "median", "thick"),
                Key(style.INK, ".05", "dashed"),
            ),
        ),
        tables.median_table(
            material,
            rows,
            _SHOWN,
            f"Stationarity of {material.settings.signal}: joined verdicts counted over seeds, p-values as medians.",
            counted=("stationarity",),
        ),
    ]


def _short(material: Material, name: str) -> str:
    return next(tables.cell_label(cell) for cell in material.cells if cell.name == name)
