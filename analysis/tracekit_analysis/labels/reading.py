"""Labels of cells as a tidy table, a row an aspect, and in sentences."""

from __future__ import annotations

import html
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from tracekit_analysis.labels.cell import CellLabel
from tracekit_analysis.labels.rule import MAX_JITTER, METHOD_CROSS_SECTION, wilson_interval
from tracekit_analysis.labels.traits import CHANCE, NOT_ANALYSED, UNDECIDED, vote_pvalue
from tracekit_analysis.results import Record
from tracekit_analysis.tables.groups import require_column
from tracekit_analysis.wording import number

VOTE_METHOD = f"seeds that bear it against a chance of {CHANCE:.0%} each (exact binomial)"
VOTED = ("stationarity", "spectrum", "tails", "breaks", "spikes")
"""Traits on which the seeds vote."""


@dataclass(frozen=True, slots=True)
class Aspect(Record):
    """One aspect of a cell: what its seeds show, how many of them, and how sure that is."""

    aspect: str
    """lower bound or upper bound, jitter, divergence, one of `VOTED`, or agreement."""
    verdict: str
    """What is shown."""
    estimate: float
    """Index for a bound, otherwise the share of seeds that bear the verdict."""
    ci_low: float
    """Lower end of its interval; Wilson's for shares."""
    ci_high: float
    """Upper end of its interval."""
    level: float
    """Confidence level."""
    unit: str
    """Unit of the estimate."""
    pvalue: float
    """For a trait: chance of so many seeds if each bears it by chance in 10 %; NaN otherwise."""
    n_seeds: int
    """Seeds that could be judged."""
    method: str
    """How it was decided."""
    family: str
    """What the error rate holds for."""
    sentence: str
    """The aspect in words."""


def aspects(label: CellLabel) -> tuple[Aspect, ...]:
    """Return the aspects of the label of one cell, one after the other."""
    bound = Aspect(
        aspect=f"{label.side} bound",
        verdict=label.label,
        estimate=label.index,
        ci_low=label.ci_low,
        ci_high=label.ci_high,
        level=label.level,
        unit=label.unit,
        pvalue=math.nan,
        n_seeds=label.n_used,
        method=label.method,
        family="each cell by itself",
        sentence=f"{_capital(label.label)}: {label.reason}.",
    )
    jitter = Aspect(
        aspect="jitter",
        verdict=label.jitter_label,
        estimate=label.jitter,
        ci_low=label.jitter_ci_low,
        ci_high=label.jitter_ci_high,
        level=label.level,
        unit="half-spreads of the cross-section",
        pvalue=math.nan,
        n_seeds=label.n_seeds,
        method=METHOD_CROSS_SECTION,
        family="each cell by itself",
        sentence=f"Jitter: {label.jitter_label}{_jitter_words(label)}.",
    )
    diverged = "diverged" if label.label == "diverged" else "some runs" if label.n_diverged else "none"
    agreeing = round(label.agreement * label.n_seeds) if label.n_seeds else 0
    of = label.n_seeds
    voted = [
        _share(
            name,
            getattr(label, "stationarity_verdict" if name == "stationarity" else name),
            getattr(label, f"{name}_seeds"),
            label.traits_of,
            getattr(label, f"{name}_detail"),
            label.level,
        )
        for name in VOTED
    ]
    return (
        bound,
        jitter,
        _share(
            "divergence", diverged, label.n_diverged, of, f"{label.n_diverged} of {of} diverged", label.level
        ),
        *voted,
        _share("agreement", label.seed_label, agreeing, of, f"{agreeing} of {of} seeds alone", label.level),
    )


def _share(name: str, verdict: str, bearing: int, of: int, detail: str, level: float) -> Aspect:
    low, high = wilson_interval(bearing, of, level)
    voted = name in VOTED
    decided = verdict not in (UNDECIDED, NOT_ANALYSED) and of > 0
    return Aspect(
        aspect=name,
        verdict=verdict if of else NOT_ANALYSED,
        estimate=bearing / of if decided else math.nan,
        ci_low=low if decided else math.nan,
        ci_high=high if decided else math.nan,
        level=level,
        unit="share of seeds",
        pvalue=vote_pvalue(bearing, of) if voted and decided else math.nan,
        n_seeds=of,
        method=VOTE_METHOD if voted else "share of seeds, Wilson interval",
        family="each trait of each cell by itself" if voted else "",
        sentence=f"{_capital(name)}: {verdict or NOT_ANALYSED}; {detail}.",
    )


def label_aspects(labels: pd.DataFrame) -> pd.DataFrame:
    """Return a table of labels in tidy form: one row per cell and aspect.

    Parameters
    ----------
    labels : DataFrame
        Result of `label` or `label_from_features`.

    Returns
    -------
    DataFrame
        The columns of the cell, then the fields of `Aspect`.

    Raises
    ------
    AnalysisError
        If it is no table of labels.
    """
    cell = cell_columns(labels)
    rows = [
        {**dict(zip(cell, key, strict=True)), **aspect.to_record()}
        for key, one in read_labels(labels).items()
        for aspect in aspects(one)
    ]
    return pd.DataFrame.from_records(rows, columns=[*cell, *(field.name for field in fields(Aspect))])


def read_labels(labels: pd.DataFrame) -> dict[tuple[Hashable, ...], CellLabel]:
    """Return the rows of a table of labels as results, by their cell.

    Raises
    ------
    AnalysisError
        If it is no table of labels.
    """
    cell = cell_columns(labels)
    names = [field.name for field in fields(CellLabel)]
    return {
        tuple(row[name] for name in cell): CellLabel(**{name: row[name] for name in names})
        for row in labels.to_dict("records")
    }


def cell_columns(labels: pd.DataFrame) -> list[str]:
    """Return the columns that name the cells of a table of labels: those before its results."""
    for field in fields(CellLabel):
        require_column(labels, field.name)
    return [str(name) for name in labels.columns[: labels.columns.get_loc("label")]]


def label_sentence(key: Mapping[Hashable, Any], label: CellLabel) -> str:
    """Return the label of a cell in words, with what its seeds show besides."""
    words = [f"{str(name).replace('_', ' ')} {value}" for name, value in key.items()]
    who = ", ".join(words) or "all runs"
    seeds = "1 seed" if label.n_seeds == 1 else f"{label.n_seeds} seeds"
    parts = [f"{_capital(who)} ({seeds}): {label.headline}; {label.reason}"]
    shown = []
    for name, verdict, bearing in (
        ("spectrum", label.spectrum, label.spectrum_seeds),
        ("tails", label.tails, label.tails_seeds),
        ("stationarity", label.stationarity_verdict, label.stationarity_seeds),
    ):
        if verdict not in (NOT_ANALYSED, "undecided"):
            shown.append(f"{name} {verdict} ({bearing} of {label.traits_of})")
    for name, verdict, bearing in (
        ("breaks of the level", label.breaks, label.breaks_seeds),
        ("spikes", label.spikes, label.spikes_seeds),
    ):
        if verdict in ("breaks", "spikes"):
            shown.append(f"{name} in {bearing} of {label.traits_of}")
    if label.jitter_label in ("quiet", "jittery"):
        shown.insert(0, f"training {label.jitter_label} (jitter {number(label.jitter)})")
    if shown:
        parts.append(f"The seeds show: {', '.join(shown)}")
    if label.n_used:
        parts.append(
            f"Index {number(label.index)} over all seeds, median seed {number(label.index_median)}; "
            f"{label.agreement:.0%} of the seeds alone are {label.seed_label}"
        )
    if label.caution:
        parts.append(_capital(label.caution))
    return ". ".join(parts) + "."


def _jitter_words(label: CellLabel) -> str:
    if math.isnan(label.jitter):
        return ""
    if math.isnan(label.jitter_ci_low):
        return f"; {number(label.jitter)} half-spreads of the cross-section"
    ends = f"[{number(label.jitter_ci_low)}, {number(label.jitter_ci_high)}]"
    return f"; {number(label.jitter)} {ends} half-spreads of the cross-section, quiet below {MAX_JITTER:g}"


def label_html(label: CellLabel) -> str:
    """Return the label of one cell as an HTML table, for notebooks."""
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in (one.aspect, one.verdict, one.sentence))
        + "</tr>"
        for one in aspects(label)
    )
    head = "<tr><th>aspect</th><th>verdict</th><th>in words</th></tr>"
    return f"<table><caption>{html.escape(label.headline)}</caption>{head}{rows}</table>"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
