"""Whether the level of the deciding signal holds still: two tests with opposite nulls, joined."""

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
            "Two tests ask opposite questions. ADF takes a unit root (a level that wanders without end) as its null, "
            "cosine-KPSS a constant level. A stationary series has a small p on the left and a large one on the "
            "right; small on both sides is a contradiction that a break, a trend or long memory explains. Both speak "
            "of the mean: a mean that holds still never implies a bound that does."
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
