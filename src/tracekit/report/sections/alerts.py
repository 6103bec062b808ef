"""What to know before believing a number: runs that ended badly, cells with too few seeds, gaps in the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from tracekit.report.document import Alert, Block, Mono, Span, count, enumerate_words, paragraph, show
from tracekit.report.material import DRAWN_SIGNALS, Material
from tracekit.report.sections import section
from tracekit.traces import Run

#: Below this many seeds no cell is labelled (methods, section 5).
SEEDS_FOR_A_LABEL = 5

_LISTED = 8


@section("alerts", title="Alerts", order=20)
def alerts(material: Material) -> list[Block]:
    """Run every check; say so when none has anything to report."""
    found: list[Block] = [alert for check in CHECKS for alert in check(material)]
    if not found:
        return [
            paragraph("No check has anything to report: all runs finished, and every cell has enough seeds.")
        ]
    return found


def _ended_badly(material: Material) -> Iterator[Alert]:
    wordings = {
        "diverged": "Values are kept up to the event; a configuration with such a run is never called stable.",
        "failed": "Values are kept up to the failure; the run does not count towards a label.",
    }
    for status, meaning in wordings.items():
        runs = [run for run in material.experiment.runs if run.status == status]
        if runs:
            yield Alert("error", f"{count(len(runs), 'run')} {status}", (*_name(runs, reasons=True), meaning))


def _unfinished(material: Material) -> Iterator[Alert]:
    runs = [run for run in material.experiment.runs if run.status in ("running", "interrupted")]
    if runs:
        were = "was" if len(runs) == 1 else "were"
        yield Alert(
            "warning",
            f"{count(len(runs), 'run')} {were} unfinished when this was written",
            (
                *_name(runs),
                "The sweep is still going or was interrupted: `tracekit resume` completes it; numbers may change.",
            ),
        )


def _few_seeds(material: Material) -> Iterator[Alert]:
    few = [cell for cell in material.cells if _n_seeds(cell.runs) < SEEDS_FOR_A_LABEL]
    if few:
        listed = _first(f"{cell.name} ({_n_seeds(cell.runs)})" for cell in few)
        yield Alert(
            "warning",
            f"{count(len(few), 'configuration')} with fewer than {SEEDS_FOR_A_LABEL} seeds",
            (f"A label needs {SEEDS_FOR_A_LABEL} seeds. Fewer: {listed}.",),
        )


def _repeated_seeds(material: Material) -> Iterator[Alert]:
    for cell in material.cells:
        seeds = Counter(run.attributes["seed"] for run in cell.runs if "seed" in run.attributes)
        repeated = [show(seed) for seed, times in seeds.items() if times > 1]
        if repeated:
            yield Alert(
                "warning",
                f"A seed occurs more than once in {cell.name}",
                (
                    f"Seed {enumerate_words(repeated)} stands for several runs; runs were counted as replicates.",
                ),
            )


def _holes(material: Material) -> Iterator[Alert]:
    there = {(cell.optimizer, cell.batch_size) for cell in material.cells}
    absent = [
        f"{row}, batch {show(size)}"
        for row in material.rows
        for size in material.batch_sizes
        if (row, size) not in there
    ]
    if absent:
        yield Alert("note", "The design has gaps", (f"No run for {_first(absent)}.",))


def _signals(material: Material) -> Iterator[Alert]:
    judged = material.settings.signal
    absent = [name for name in (judged, *DRAWN_SIGNALS) if name not in material.signals]
    if absent:
        tone: Literal["error", "note"] = "error" if judged in absent else "note"
        spans: list[Span] = ["No run has recorded "]
        for position, name in enumerate(dict.fromkeys(absent)):
            spans += [", " if position else "", Mono(name)]
        closing = "; no cell can be labelled without the first." if judged in absent else "."
        yield Alert(tone, "Signals not recorded", (*spans, closing))
    partly = [
        run
        for run in material.experiment.runs
        if judged in material.signals and judged not in material.recorded[run.name]
    ]
    if partly:
        yield Alert(
            "warning",
            f"{count(len(partly), 'run')} without the deciding signal",
            (*_name(partly), Mono(judged), " is missing there; other runs have it."),
        )


def _broken_values(material: Material) -> Iterator[Alert]:
    finite = np.isfinite(material.traces["value"].to_numpy(float))
    statuses = material.traces["status"].astype(str).to_numpy()
    broken = material.traces[~finite & (statuses == "finished")]
    if len(broken):
        names = sorted(broken["signal"].astype(str).unique())
        runs = broken["run"].nunique()
        spans: tuple[Span, ...] = (
            f"{count(len(broken), 'value')} of {enumerate_words(names)} in {count(runs, 'finished run')}; ",
            "they are kept, counted, and marked by a cross in the drawings.",
        )
        yield Alert("warning", "NaN or infinite values", spans)


def _transient(material: Material) -> Iterator[Alert]:
    unsettled, total = material.unsettled
    if unsettled:
        yield Alert(
            "warning",
            f"The deciding signal never settles in {unsettled} of {total} series",
            (
                "Its level still moves after every cut that was tried, so these series were judged whole, "
                "transient included; longer runs would help.",
            ),
        )


CHECKS = (
    _ended_badly,
    _unfinished,
    _few_seeds,
    _repeated_seeds,
    _holes,
    _signals,
    _broken_values,
    _transient,
)


def _n_seeds(runs: tuple[Run, ...]) -> int:
    return len({run.attributes.get("seed", run.name) for run in runs})


def _first(names: Iterable[str]) -> str:
    """Enumerate the first few names, and say how many more there are."""
    listed = list(names)
    if len(listed) <= _LISTED:
        return enumerate_words(listed)
    return f"{', '.join(listed[:_LISTED])} and {len(listed) - _LISTED} more"


def _name(runs: list[Run], *, reasons: bool = False) -> list[Span]:
    spans: list[Span] = []
    for run in runs[:_LISTED]:
        why = f" (update {run.step:,}: {run.reason})" if reasons and run.reason else ""
        spans += [", " if spans else "", Mono(run.name), why]
    more = f" and {len(runs) - _LISTED} more" if len(runs) > _LISTED else ""
    return [*spans, f"{more}. "]
