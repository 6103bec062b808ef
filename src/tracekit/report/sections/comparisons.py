"""Comparisons section: differences between optimizers as effects, ranks and profiles, with their uncertainty."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Hashable
from typing import Any

import pandas as pd

from tracekit.report.document import (
    Alert,
    Block,
    Column,
    Figure,
    Heading,
    Key,
    Mono,
    Panel,
    Table,
    count,
    enumerate_words,
    number,
    paragraph,
    show,
    words,
)
from tracekit.report.figures import style, verdicts
from tracekit.report.figures.drawing import draw
from tracekit.report.material import comparing
from tracekit.report.material.material import PERFORMANCE_SIGNALS, Material
from tracekit.report.sections import not_recorded, section

#: Features whose effects are drawn, with their titles; all are in the table that `tracekit compare` writes.
_FEATURES = {
    "lower_index": "Wandering of the lower bound (index I)",
    "lower_bound": "Level of the lower bound",
    "lower_spread": "Half-spread, logarithm",
    "tau_int": "Correlation time, logarithm",
}

#: Largest number of rows of a forest plot and of the table; two forest plots fill a page.
_ROWS, _TABLED = 15, 40

_TONES = {"different": "unstable", "equivalent": "stable", "unresolved": "inconclusive"}


@section("comparisons", title="Do the optimizers differ?", order=65)
def comparisons(material: Material) -> list[Block]:
    """Answer in one sentence whether optimizers differ; then show effects, ranks and profiles."""
    if material.judged().empty:
        material.require(material.settings.signal)
    found = comparing.comparisons_of(material)
    blocks: list[Block] = []
    if isinstance(found, str):
        blocks.append(Alert("note", "Not compared", (found,)))
        if len(material.rows) < 2:
            return blocks
    else:
        blocks += [
            paragraph(headline(found, material.settings.signal), lead=True),
            paragraph(
                f"We compare features of {material.settings.signal}; each seed counts once. The answers different and "
                "equivalent need 10 seeds; with fewer, effects are shown and the answer is unresolved. A difference "
                "that was not found is not equivalence, which has its own test."
            ),
            _forest(found),
            _answers(found),
        ]
    blocks.append(Heading("How well each did"))
    if material.performance_signal is None:
        blocks.append(not_recorded(*PERFORMANCE_SIGNALS))
        return blocks
    return [*blocks, *_performance(material)]


def headline(found: pd.DataFrame, signal: str) -> str:
    """Write for each pair its answers by batch size, and the most common reason why others are unresolved."""
    whole = found[found["feature"] == "all"]
    parts: list[str] = []
    reasons = Counter[str]()
    for (first, second), rows in whole.groupby(["level_a", "level_b"], sort=False, observed=True):
        answers = rows.groupby("answer", sort=False, observed=True)["batch_size"]
        said = [
            f"{answer} at batch size{'s' * (len(sizes) > 1)} {enumerate_words(show(size) for size in sizes)}"
            for answer, sizes in answers
        ]
        parts.append(f"{first} and {second} are {enumerate_words(said)}")
        reasons.update(rows.loc[rows["answer"] == "unresolved", "reason"])
    if len(parts) > 6:
        times = whole["answer"].value_counts(sort=False)
        listed = enumerate_words(f"{n} {answer}" for answer, n in times.items())
        parts = [f"{count(len(whole), 'comparison')} of two optimizers at one batch size gave {listed}"]
    sentence = f"In all features of {signal} together, {'; '.join(parts)}."
    why = f" Most common reason for unresolved: {reasons.most_common(1)[0][0]}." if reasons else ""
    return sentence + why


def _forest(found: pd.DataFrame) -> Figure:
    panels = []
    for feature, title in _FEATURES.items():
        rows = found[found["feature"] == feature]
        if rows.empty:
            continue
        if len(rows) > _ROWS:
            largest = rows["effect_size"].abs().sort_values(ascending=False, kind="stable").index[:_ROWS]
            rows = rows.loc[rows.index.isin(largest)]
        table = pd.DataFrame(
            {
                "name": [_pair(row) for row in rows.to_dict("records")],
                "estimate": rows["effect_size"].to_numpy(float),
                "low": rows["effect_size_ci_low"].to_numpy(float),
                "high": rows["effect_size_ci_high"].to_numpy(float),
                "answer": rows["answer"].astype(str).to_numpy(),
            }
        )
        paint = functools.partial(
            verdicts.effect_forest,
            table,
            margin=float(rows["margin"].iloc[0]),
            label="Hedges g, between-seed sd",
        )
        panels.append(
            Panel(
                draw(paint, width=3.9, height=0.6 + 0.2 * len(table)),
                f"{title}: " + "; ".join(rows["sentence"].astype(str)),
                title=title,
            )
        )
    return Figure(
        tuple(panels),
        "Effect of the optimizer, first minus second, in standard deviations between seeds (Hedges g), with its "
        "interval; right of 0 the first has the larger value. Shaded: differences that count as none. "
        f"Of more than {_ROWS} comparisons, the {_ROWS} largest are drawn. An interval that reaches the edge of the "
        "panel extends beyond it.",
        columns=2,
        legend=(
            Key(verdicts.ANSWERS["different"][0], "different", "triangle"),
            Key(verdicts.ANSWERS["equivalent"][0], "equivalent", "dot"),
            Key(verdicts.ANSWERS["unresolved"][0], "unresolved", "ring"),
            Key(style.SEED, "no difference", "thick"),
        ),
    )


def _pair(row: dict[Hashable, Any]) -> str:
    first, second = (_cut(str(row[name])) for name in ("level_a", "level_b"))
    return f"{first} − {second}, {show(row['batch_size'])}"


def _cut(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"


def _answers(found: pd.DataFrame) -> Table:
    whole = found[found["feature"] == "all"]
    left_out = ""
    if len(whole) > _TABLED:
        left_out = f" Shown: the {_TABLED} of {len(whole)} with the smallest p; `tracekit compare` lists all of them."
        smallest = whole["pvalue"].sort_values(kind="stable").index[:_TABLED]
        whole = whole.loc[whole.index.isin(smallest)]
    rows = tuple(
        (
            words(f"{row['level_a']} and {row['level_b']}"),
            number(row["batch_size"]),
            words(row["answer"], tone=_TONES[row["answer"]]),  # type: ignore[arg-type]
            number(row["pvalue_adjusted"]),
            number(row["smallest_pvalue"]),
            number(row["effect_size"]),
            words(f"{row['n_seeds']} {'pairs' if row['paired'] else 'per optimizer'}"),
        )
        for row in whole.to_dict("records")
    )
    return Table(
        (
            Column("optimizers"),
            Column("batch size", numeric=True),
            Column("answer"),
            Column("adjusted p", numeric=True, help="Holm over all comparisons"),
            Column("smallest attainable p", numeric=True, help="before adjustment, with these seeds"),
            Column("R²", numeric=True, help="share of the variance of all features together"),
            Column("seeds"),
        ),
        rows,
        "All features together: energy distance of the feature vectors with a permutation p-value, adjusted by Holm's "
        "method over all comparisons. Where the smallest attainable p is above .05, no effect could have been "
        f"significant.{left_out}",
        keys=2,
    )


def _performance(material: Material) -> list[Block]:
    signal = material.performance_signal
    ranks = comparing.ranks_of(material, "final", lower_is_better=True)
    blocks: list[Block] = []
    if isinstance(ranks, str):
        blocks.append(Alert("note", "Not ranked", (ranks,)))
    else:
        blocks += [
            paragraph(
                "Ranks by the final ",
                Mono(str(signal)),
                " (mean of the last tenth of its values); lower is better. A rank holds for the learning rates that "
                "were run, not for each optimizer at its best learning rate.",
            ),
            _ranks(material, ranks),
        ]
    profile = comparing.profiles_of(material, "final", lower_is_better=True)
    if len(profile):
        blocks.append(_profiles(material, profile))
    return blocks


def _ranks(material: Material, ranks: pd.DataFrame) -> Figure:
    panels = []
    for size, rows in ranks.groupby("batch_size", sort=True, observed=True):
        table = rows.assign(entry=[_cut(str(entry)) for entry in rows["entry"]])
        paint = functools.partial(verdicts.rank_ranges, table)
        panels.append(
            Panel(
                draw(paint, height=0.6 + 0.2 * len(rows)),
                " ".join(rows["sentence"].astype(str)),
                title=f"batch {show(size)}",
            )
        )
    return Figure(
        tuple(panels),
        f"Ranks by the final {material.performance_signal}: the bar spans the ranks that the data allow, the dot "
        "is the mean rank over seeds. The data do not separate optimizers whose bars overlap. A rank needs 10 seeds.",
        columns=min(4, max(1, len(panels))),
        legend=(Key(style.SEED, "possible ranks", "thick"), Key(style.BOUND, "mean rank", "dot")),
    )


def _profiles(material: Material, profile: pd.DataFrame) -> Figure:
    label = f"final {material.performance_signal}, at most"
    paint = functools.partial(verdicts.profile, profile, group="row", groups=material.rows, label=label)
    dashes = ("line", "dashed", "dotted")
    legend = tuple(
        Key(style.group_style(at)[0], row, dashes[(at // len(style.GROUPS) + at) % 3])  # type: ignore[arg-type]
        for at, row in enumerate(material.rows)
    )
    return Figure(
        (
            Panel(
                draw(paint, width=4.0, height=2.0),
                f"Share of runs whose final {material.performance_signal} is at most a threshold, by optimizer.",
            ),
        ),
        f"Performance profiles: share of an optimizer's runs, all batch sizes and seeds together, whose final "
        f"{material.performance_signal} is at most the value on the axis, with pointwise 95 % Wilson intervals. "
        "Diverged runs count as runs that never reach a threshold. A line further to the upper left is better.",
        legend=legend,
    )
