"""Alerts section: runs that ended badly, configurations with too few seeds, and gaps in the data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np

from tracekit.report.document import Alert, Block, Mono, Span, count, enumerate_words, paragraph, show
from tracekit.report.material.material import DRAWN_SIGNALS, Material
from tracekit.report.sections import section
from tracekit.traces import Run

#: Smallest number of seeds for a label (docs/methods/labels.md).
SEEDS_FOR_A_LABEL = 5

#: Share of a layer's units that are zero on whole batches late in training, at which an alert is raised.
DEAD_SHARE = 0.5

_LISTED = 8


@section("alerts", title="Alerts", order=20)
def alerts(material: Material) -> list[Block]:
    """Run every check and return the alerts; one sentence if there are none."""
    found: list[Block] = [alert for check in CHECKS for alert in check(material)]
    if not found:
        return [paragraph("No alerts: all runs finished, and every configuration has enough seeds.")]
    return found


def _ended_badly(material: Material) -> Iterator[Alert]:
    wordings = {
        "diverged": "Values are kept up to the divergence; a configuration with such a run is never called stable.",
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
            f"{count(len(runs), 'run')} {were} unfinished when this report was written",
            (
                *_name(runs),
                "The sweep is still running, or it was interrupted and `tracekit resume` continues it; "
                "numbers may change.",
            ),
        )


def _few_seeds(material: Material) -> Iterator[Alert]:
    few = [cell for cell in material.cells if _n_seeds(cell.runs) < SEEDS_FOR_A_LABEL]
    if few:
        listed = _first(f"{cell.name} ({_n_seeds(cell.runs)})" for cell in few)
        yield Alert(
            "warning",
            f"{count(len(few), 'configuration')} with fewer than {SEEDS_FOR_A_LABEL} seeds",
            (f"A label needs {SEEDS_FOR_A_LABEL} seeds. Fewer have {listed}.",),
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
                    f"Several runs have seed {enumerate_words(repeated)}; each of these runs was counted as a seed of "
                    "its own.",
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
        yield Alert("note", "Some combinations were not run", (f"No run for {_first(absent)}.",))


def _signals(material: Material) -> Iterator[Alert]:
    judged = material.settings.signal
    absent = [name for name in (judged, *DRAWN_SIGNALS) if name not in material.signals]
    if absent:
        tone: Literal["error", "note"] = "error" if judged in absent else "note"
        spans: list[Span] = ["No run has recorded "]
        for position, name in enumerate(dict.fromkeys(absent)):
            spans += [", " if position else "", Mono(name)]
        closing = "; no configuration can be labelled without the first." if judged in absent else "."
        yield Alert(tone, "Signals not recorded", (*spans, closing))
    partly = [
        run
        for run in material.experiment.runs
        if judged in material.signals and judged not in material.digests[run.name].signals
    ]
    if partly:
        yield Alert(
            "warning",
            f"{count(len(partly), 'run')} without the deciding signal",
            (*_name(partly), Mono(judged), " is missing in these runs; other runs have it."),
        )


def _broken_values(material: Material) -> Iterator[Alert]:
    series = [
        one for digest in material.digests.values() for group in digest.series.values() for one in group
    ]
    broken = [one for one in series if one.n_broken and one.status == "finished"]
    if broken:
        names = sorted({one.signal for one in broken})
        runs = len({one.run for one in broken})
        values = sum(one.n_broken for one in broken)
        spans: tuple[Span, ...] = (
            f"{count(values, 'value')} of {enumerate_words(names)} in {count(runs, 'finished run')}; "
            f"{'it is' if values == 1 else 'they are'} kept, counted, and marked by a cross in the drawings.",
        )
        yield Alert("warning", "NaN or infinite values", spans)


def _missing_values(material: Material) -> Iterator[Alert]:
    series = [
        one for digest in material.digests.values() for group in digest.series.values() for one in group
    ]
    gaps = [one for one in series if one.n_missing]
    if gaps:
        names = sorted({one.signal for one in gaps})
        yield Alert(
            "warning",
            "Updates are missing from the recording",
            (
                f"{enumerate_words(names)} in {count(len({one.run for one in gaps}), 'run')}: "
                f"{count(sum(one.n_missing for one in gaps), 'value')} that a regular schedule would have. Spectra and "
                "correlation times treat the recorded values as evenly spaced.",
            ),
        )


def _transient(material: Material) -> Iterator[Alert]:
    unsettled, total = material.unsettled
    if unsettled:
        yield Alert(
            "warning",
            f"The deciding signal never settles in {unsettled} of {total} series",
            (
                f"It is still changing when the run ends, so {'this' if unsettled == 1 else 'these'} series "
                f"{'was' if unsettled == 1 else 'were'} judged whole, transient included. "
                "Unstable may then only mean that training was not finished; a longer run can tell.",
            ),
        )


def _spikes(material: Material) -> Iterator[Alert]:
    rows = material.judged()
    if "n_spikes_8" not in rows:
        return
    # A power law has such values by itself; the section on tails covers them.
    heavy = rows["tail"].astype(str).isin(["power law, finite variance", "infinite variance"])
    loud = rows[(rows["n_spikes_8"] > 0) & ~heavy]
    if len(loud):
        yield Alert(
            "note",
            f"Spikes in {count(len(loud), 'run')}",
            (
                f"{count(int(loud['n_spikes_8'].sum()), 'value')} of {material.settings.signal} at least 8 robust "
                f"standard deviations from the surroundings: {_first(loud['run'].astype(str))}.",
            ),
        )


def _dead_units(material: Material) -> Iterator[Alert]:
    name = "layer/relu/dead"
    dead: dict[str, float] = {}
    runs = set()
    for run, digest in material.digests.items():
        for layer, line in digest.layers.get(name, {}).items():
            late = line[3 * line.size // 4 :]
            late = late[np.isfinite(late)]
            if late.size and float(np.median(late)) >= DEAD_SHARE:
                runs.add(run)
                dead[layer] = max(dead.get(layer, 0.0), float(np.median(late)))
    if dead:
        listed = enumerate_words(f"{layer} (up to {100 * share:.0f} %)" for layer, share in dead.items())
        yield Alert(
            "warning",
            f"Dead units in {count(len(runs), 'run')}",
            (
                f"At least {100 * DEAD_SHARE:.0f} % of the units of {listed} are zero on whole batches in the last "
                "quarter of training; they have stopped learning.",
            ),
        )


def _interleaving(material: Material) -> Iterator[Alert]:
    rows = material.judged()
    if "interleaved" not in rows:
        return
    mixed = rows[rows["interleaved"].eq(True)]
    if len(mixed):
        channels = enumerate_words(show(int(n)) for n in sorted(mixed["n_channels"].unique()))
        yield Alert(
            "warning",
            f"Interleaved channels in {count(len(mixed), 'run')}",
            (
                f"{material.settings.signal} looks like {channels} series of different size that take turns. Bounds "
                "and spectra of such a mixture describe none of them; `tracekit_analysis.series.split_channels` "
                f"separates them. Runs: {_first(mixed['run'].astype(str))}.",
            ),
        )


def _contradictions(material: Material) -> Iterator[Alert]:
    rows = material.judged()
    if "stationarity" in rows:
        torn = rows[rows["stationarity"].astype(str) == "contradictory"]
        if len(torn):
            yield Alert(
                "note",
                f"Contradictory stationarity tests in {len(torn)} of {len(rows)} series",
                (
                    "ADF and cosine-KPSS both reject: the series has neither a unit root nor a constant level. The "
                    "cause is a break, a trend or long memory; see the section on breaks.",
                ),
            )
    if "agreement" in material.labels:
        split = material.labels[
            (material.labels["agreement"] < 0.8) & (material.labels["n_seeds"] >= SEEDS_FOR_A_LABEL)
        ]
        names = [cell.name for cell in material.cells if len(material.of_cell(split, cell))]
        if names:
            yield Alert(
                "note",
                f"Seeds disagree in {count(len(names), 'configuration')}",
                (f"Judged alone, fewer than 80 % of the seeds get the same label: {_first(names)}.",),
            )


def _lost(material: Material) -> Iterator[Alert]:
    """Name values that `tracekit doctor --quarantine` has removed: the remaining series looks complete."""
    runs = [run for run in material.experiment.runs if run.lost]
    if runs:
        rows = sum(part["n_rows"] for run in runs for part in run.lost)
        listed = (
            f"{run.name} (updates {part['first_step']:,} to {part['last_step']:,}, {count(part['n_rows'], 'value')})"
            for run in runs
            for part in run.lost
        )
        verb = "have" if len(runs) > 1 else "has"
        yield Alert(
            "error",
            f"{count(len(runs), 'run')} {verb} lost values",
            (
                f"{count(rows, 'recorded value')} could not be read, and `tracekit doctor --quarantine` removed "
                f"{'them' if rows != 1 else 'it'}; the numbers in this report do not allow for that: "
                f"{_first(listed)}.",
            ),
        )


def _imports(material: Material) -> Iterator[Alert]:
    """Repeat the importers' notes on values that their source had thinned or rounded."""
    losses: dict[str, list[str]] = {}
    for run in material.experiment.runs:
        said = run.meta.get("loss_of_information") or []
        for loss in [said] if isinstance(said, str) else said:
            losses.setdefault(str(loss), []).append(run.name)
    for loss, names in losses.items():
        yield Alert(
            "warning", f"Imported with loss: {count(len(names), 'run')}", (f"{loss} ({_first(names)})",)
        )


CHECKS = (
    _ended_badly,
    _unfinished,
    _few_seeds,
    _repeated_seeds,
    _holes,
    _signals,
    _broken_values,
    _missing_values,
    _lost,
    _transient,
    _spikes,
    _dead_units,
    _interleaving,
    _contradictions,
    _imports,
)


def _n_seeds(runs: tuple[Run, ...]) -> int:
    return len({run.attributes.get("seed", run.name) for run in runs})


def _first(names: Iterable[str]) -> str:
    """Enumerate the first few names, and count the others."""
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
