"""Data section: recorded signals, missing values, and the information that drawings leave out."""

from __future__ import annotations

import numpy as np

from tracekit.report.document import (
    Block,
    Column,
    Listing,
    Mono,
    Table,
    TableCell,
    count,
    number,
    paragraph,
    show,
    words,
)
from tracekit.report.material.material import Material
from tracekit.report.sections import section


@section("data", title="Data and loss of information", order=85)
def data(material: Material) -> list[Block]:
    """Tabulate the signals that the report reads, and list where information is lost."""
    total = len(material.experiment.runs)
    rows = []
    for name in sorted({name for digest in material.digests.values() for name in digest.series}):
        series = material.series(name)
        strides = [one.stride for one in series if np.isfinite(one.stride)]
        thinned = sum(one.stretch > 0 for one in series)
        rows.append(
            (
                words(name),
                number(len({one.run for one in series})),
                number(sum(one.n for one in series)),
                _range(strides),
                number(sum(one.n_missing for one in series)),
                number(sum(one.n_broken for one in series)),
                words("whole" if not thinned else "min-max envelope"),
            )
        )
    columns = (
        Column("signal"),
        Column("runs", numeric=True),
        Column("values", numeric=True),
        Column("every … updates", numeric=True, help="median distance between recorded updates"),
        Column("missing", numeric=True, help="updates that a regular schedule would have recorded"),
        Column("NaN or infinite", numeric=True),
        Column("drawn"),
    )
    others = sorted(material.signals - {str(row[0].text) for row in rows})
    blocks: list[Block] = [
        Table(
            columns,
            tuple(rows),
            f"Signals that this report draws or judges, over {count(total, 'run')}. Statistics are computed from all "
            "recorded values, also where a drawing shows fewer.",
        ),
        Listing(tuple(("", (text,)) for text in _losses(material))),
    ]
    if others:
        shown = ", ".join(others[:40]) + (f" and {len(others) - 40} more" if len(others) > 40 else "")
        blocks.append(paragraph(f"Also recorded, in {count(len(others), 'signal')}: ", Mono(shown), "."))
    return blocks


def _range(values: list[float]) -> TableCell:
    if not values:
        return number(None)
    low, high = min(values), max(values)
    return number(low) if low == high else TableCell(f"{show(low)} to {show(high)}", order=low)


def _losses(material: Material) -> list[str]:
    losses = [
        "A value recorded every few updates says nothing about the updates between; an oscillation with a period "
        "below twice that distance appears as a slower one.",
        "Drawings of long runs keep the lowest and the highest value of each stretch of updates: every spike shows, "
        "but the order and the number of values inside a stretch are lost.",
        "Captions say which means over stretches, blocks or layers a drawing shows. Every recorded value is in the "
        "Parquet files; `tracekit.traces.read` returns them as a table.",
    ]
    recording = (material.experiment.record.get("configuration") or {}).get("recording") or {}
    if recording.get("every", 1) != 1:
        losses.insert(0, f"The runs recorded every {recording['every']} updates.")
    for name, value in dict(recording.get("schedules") or {}).items():
        losses.insert(0, f"The runs recorded {name} on its own schedule: {value}.")
    return losses
