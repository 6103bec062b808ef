"""Which configurations are stable and how sure that is: the first thing a reader sees."""

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
    words,
)
from tracekit.report.material import error_rates
from tracekit.report.material.labels import ASPECTS, LABELS, Label, Verdict
from tracekit.report.material.material import Cell, Material
from tracekit.report.sections import section


@section("verdict", title="Verdict", order=10)
def verdict(material: Material) -> list[Block]:
    """Answer in a sentence, then show the matrix, the intervals and the reasons."""
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
            "Judged is the lower bound of ",
            Mono(settings.signal),
            ", once the initial transient is over. A configuration is stable if the "
            f"{settings.confidence} confidence interval of its index I, taken over seeds, lies wholly below "
            f"{settings.threshold}, unstable if it lies wholly above, and inconclusive otherwise or where "
            "the data do not carry a label. I is how far the bound wanders, in units of the distance between "
            "the signal's median and the bound.",
        ),
        *_how_sure(material),
        _reasons(material),
        *_aspects(material),
    ]


def _how_sure(material: Material) -> list[Block]:
    """Quote how often the rule errs, for the settings under which that was measured."""
    rates = error_rates.label_rates()
    rates = rates[rates["margin"] == material.settings.margin]
    if rates.empty or material.settings.level != error_rates.LEVEL:
        return []
    updates = statistics.median(run.step for run in material.experiment.runs)
    seeds = max(verdict.n_seeds for verdict in material.verdicts.values())
    said = error_rates.how_sure(rates, updates, seeds)
    return [paragraph(f"{said} The method notes have other lengths and kinds of noise.")]


def answer(material: Material) -> str:
    """Say in one sentence which configurations are stable, which are not, and how sure that is."""
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
        sure = (
            f". Stable and unstable are each said with {material.settings.confidence} confidence, from {each} "
            f"{plural} a configuration"
        )
    return "; ".join(parts) + sure + "."


def _group(label: Label, cells: list[Cell], total: int) -> str:
    verb = "is" if len(cells) == 1 else "are"
    if len(cells) == total:
        every = "The only configuration" if total == 1 else f"All {total} configurations"
        return f"{every} {verb} {label}: {_by_row(cells)}"
    return f"{len(cells)} of {count(total, 'configuration')} {verb} {label}: {_by_row(cells)}"


def _by_row(cells: list[Cell]) -> str:
    """Name cells by their rows, rows with the same batch sizes together."""
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
        "Label of each optimizer at each batch size: ● stable, ▲ unstable, ○ inconclusive (an abstention, not a "
        "verdict), ✗ diverged (at least half of the runs). Below the label: what most seeds show besides, the pooled "
        "index I with its "
        f"{material.settings.confidence} confidence interval "
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
        reason = found.reason if found else "the analysis returned no row for this cell"
        agreement = found.agreement if found else "–"
        rows.append((words(cell.name), words(label, tone=label), words(agreement), words(reason or "–")))
    return Table(
        (Column("configuration"), Column("label"), Column("single seeds"), Column("reason")),
        tuple(rows),
        "Why each configuration has its label, and how many of its seeds carry the most common label when each "
        "is judged alone.",
    )


def _aspects(material: Material) -> list[Block]:
    """Show what the seeds vote for besides the label, where the analysis says so."""
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
            "logits move by more than 0.1 of their half-spread from update to update, as training past its stability "
            "limit does. The rest is judged in each seed by itself. An answer is shown if so many seeds give it as "
            "chance brings in at most 1 % of configurations: 3 of 5, 5 of 10, 7 of 20. Undecided: no answer is given "
            "that often. The sections below draw it.",
        )
    ]
