"""Verdict section, the first of the report: which configurations are stable, and how certain that is."""

from __future__ import annotations

import statistics

from tracekit.report.document import (
    Alert,
    Block,
    Column,
    Mono,
    Table,
    TableCell,
    count,
    enumerate_words,
    paragraph,
    show,
    without_backticks,
    words,
)
from tracekit.report.material import error_rates
from tracekit.report.material.labels import ASPECTS, LABELS, Label, Verdict
from tracekit.report.material.material import Cell, Material
from tracekit.report.sections import section


@section("verdict", title="Verdict", order=10)
def verdict(material: Material) -> list[Block]:
    """Answer in one sentence, then show the matrix, the intervals and the reasons."""
    settings = material.settings
    if not material.verdicts:
        return [
            paragraph("No configuration could be labelled.", lead=True),
            Alert(
                "error",
                "The deciding signal is not recorded",
                (
                    "No run has recorded ",
                    Mono(settings.signal),
                    f". Recorded are: {enumerate_words(sorted(material.signals)) or 'no signals at all'}.",
                ),
            ),
        ]
    return [
        paragraph(answer(material), lead=True),
        _matrix(material),
        paragraph(
            "The label judges the lower bound of ",
            Mono(settings.signal),
            " after the initial transient. A configuration is stable if the whole "
            f"{settings.confidence} confidence interval of its index I over seeds lies below "
            f"{settings.threshold}, unstable if the whole interval lies above it, and inconclusive otherwise or where "
            "the data are not enough for a label. I measures how far the bound moves, in units of the distance "
            "between the signal's median and the bound.",
        ),
        *_how_sure(material),
        _reasons(material),
        *_aspects(material),
    ]


def _how_sure(material: Material) -> list[Block]:
    """Quote the error rates of the rule, if they were measured at these settings."""
    rates = error_rates.label_rates()
    rates = rates[rates["margin"] == material.settings.margin]
    if rates.empty or material.settings.level != error_rates.LEVEL:
        return []
    updates = statistics.median(run.step for run in material.experiment.runs)
    seeds = max(verdict.n_seeds for verdict in material.verdicts.values())
    said = error_rates.how_sure(rates, updates, seeds)
    return [paragraph(f"{said} The method notes list other lengths and kinds of noise.")]


def answer(material: Material) -> str:
    """Write which configurations are stable, which are not, and from how many seeds."""
    groups: dict[Label, list[Cell]] = {label: [] for label in LABELS}
    for cell in material.cells:
        found = material.verdicts.get(cell.key)
        groups[found.label if found else "inconclusive"].append(cell)
    total = len(material.cells)
    parts = [_group(label, cells, total) for label, cells in groups.items() if cells]
    if not groups["stable"] and len(parts) > 1:
        parts.insert(0, f"None of the {count(total, 'configuration')} is shown to be stable")
    seeds = [verdict.n_seeds for verdict in material.verdicts.values()]
    each = f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
    sure = ""
    if groups["stable"] or groups["unstable"]:
        plural = "seed" if max(seeds) == 1 else "seeds"
        sure = f". Labels use {each} {plural} per configuration"
    return "; ".join(parts) + sure + "."


def _group(label: Label, cells: list[Cell], total: int) -> str:
    verb = "is" if len(cells) == 1 else "are"
    if len(cells) == total:
        every = "The only configuration" if total == 1 else f"All {total} configurations"
        return f"{every} {verb} {label}: {_by_row(cells)}"
    return f"{len(cells)} of {count(total, 'configuration')} {verb} {label}: {_by_row(cells)}"


def _by_row(cells: list[Cell]) -> str:
    """Name cells by their optimizers, those with the same batch sizes together."""
    sizes: dict[str, list[str]] = {}
    for cell in cells:
        sizes.setdefault(cell.optimizer, []).append(show(cell.batch_size))
    rows: dict[tuple[str, ...], list[str]] = {}
    for row, listed in sizes.items():
        rows.setdefault(tuple(listed), []).append(row)
    named = [
        f"{enumerate_words(names)} at batch size{'s' * (len(listed) > 1)} {enumerate_words(listed)}"
        for listed, names in rows.items()
    ]
    return ", ".join(named)


def _matrix(material: Material) -> Table:
    places = {(cell.optimizer, cell.batch_size): cell for cell in material.cells}
    columns = [Column("optimizer")] + [Column(f"batch {show(size)}") for size in material.batch_sizes]
    rows = []
    for row in material.rows:
        cells = [words(row)]
        for size in material.batch_sizes:
            cell = places.get((row, size))
            cells.append(_place(material.verdicts.get(cell.key), cell) if cell else words("no runs"))
        rows.append(tuple(cells))
    return Table(
        tuple(columns),
        tuple(rows),
        "Label of each optimizer at each batch size: ● stable, ▲ unstable, ○ inconclusive (no decision), "
        "✗ diverged (at least half of the runs). Below the label: another trait that the seeds show, the pooled "
        f"index I with its {material.settings.confidence} confidence interval "
        f"(margin {material.settings.threshold}), and the number of seeds.",
        sortable=False,
    )


def _place(found: Verdict | None, cell: Cell) -> TableCell:
    if found is None:
        return words(
            "inconclusive", tone="inconclusive", details=("not labelled", count(len(cell.runs), "run"))
        )
    details = [*([found.trait] if found.trait else []), found.interval, found.seeds]
    if found.n_diverged:
        details.append(f"{found.n_diverged} diverged")
    return words(found.label, tone=found.label, details=details)


def _reasons(material: Material) -> Table:
    rows = []
    for cell in material.cells:
        found = material.verdicts.get(cell.key)
        label: Label = found.label if found else "inconclusive"
        reason = (
            without_backticks(found.reason) if found else "the analysis has no row for this configuration"
        )
        agreement = found.agreement if found else "–"
        rows.append((words(cell.name), words(label, tone=label), words(agreement), words(reason or "–")))
    return Table(
        (Column("configuration"), Column("label"), Column("single seeds"), Column("reason")),
        tuple(rows),
        "Why each configuration has its label, and how many of its seeds have the most common label when each "
        "is judged alone.",
    )


def _aspects(material: Material) -> list[Block]:
    """Tabulate the traits that the seeds show besides the label, where the analysis has them."""
    verdicts = [(cell, found) for cell in material.cells if (found := material.verdicts.get(cell.key))]
    if not any(votes for _, found in verdicts for _, votes in found.aspects):
        return []
    rows = tuple(
        (
            words(cell.name),
            *(words(answer, details=(votes,) if votes else ()) for answer, votes in found.aspects),
        )
        for cell, found in verdicts
    )
    return [
        Table(
            (Column("configuration"), *(Column(title) for title in ASPECTS.values())),
            rows,
            "What the seeds of each configuration show besides the label. Jitter: jittery if the probe batch's "
            "logits move by more than 0.1 of their half-spread from update to update, as in training past its "
            "stability limit. Every other trait is judged for each seed alone. It is shown if so many seeds have it "
            "that chance (10 % per seed) would bring as many in at most 1 % of configurations: 3 of 5, 5 of 10 or "
            "7 of 20 seeds. (White is shown if the mean correlation time over seeds is close to 1.) Below the answer: "
            "the number of seeds that have the trait. Undecided: no trait is shown, or there are fewer than 5 seeds. "
            "The sections below draw the traits.",
        )
    ]
