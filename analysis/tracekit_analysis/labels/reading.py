"""Labels as a tidy table with one row per aspect, and in sentences."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields
from typing import Any

import pandas as pd

from tracekit_analysis.labels.cell import LABEL_COLUMNS, Aspect, CellLabel, aspects
from tracekit_analysis.labels.traits import NOT_ANALYSED
from tracekit_analysis.tables.runs import require_column
from tracekit_analysis.words import capital, number


def label_aspects(labels: pd.DataFrame) -> pd.DataFrame:
    """Return a table of labels in tidy form: one row per configuration and aspect.

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
    """Return the rows of a table of labels as results, by configuration.

    Raises
    ------
    AnalysisError
        If it is no table of labels.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import characterize, label_from_features, read_labels
    >>> traces = pd.DataFrame({"seed": np.repeat(range(5), 600), "step": np.tile(range(600), 5)})
    >>> traces["value"] = np.random.default_rng(0).standard_normal(3000)
    >>> traces = traces.assign(optimizer="sgd", batch_size=50, signal="train/first_logit")
    >>> cell = read_labels(label_from_features(characterize(traces, preset="minimal")))["sgd", 50]
    >>> cell.label, cell.n_seeds, round(cell.index, 2)
    ('stable', 5, 0.03)
    """
    cell = cell_columns(labels)
    return {
        tuple(row[name] for name in cell): CellLabel.from_record(row) for row in labels.to_dict("records")
    }


def cell_columns(labels: pd.DataFrame) -> list[str]:
    """Return the columns that name the configurations in a table of labels: those before its results."""
    for name in LABEL_COLUMNS:
        require_column(labels, name)
    return [str(name) for name in labels.columns[: labels.columns.get_loc("label")]]


def label_sentence(key: Mapping[Hashable, Any], label: CellLabel) -> str:
    """Return the label of a configuration in words, with what its seeds show besides."""
    words = [f"{str(name).replace('_', ' ')} {value}" for name, value in key.items()]
    who = ", ".join(words) or "all runs"
    seeds = "1 seed" if label.n_seeds == 1 else f"{label.n_seeds} seeds"
    parts = [f"{capital(who)} ({seeds}): {label.headline}; {label.reason}"]
    shown = []
    for name in ("spectrum", "tails", "stationarity"):
        vote = label.votes[name]
        if vote.verdict not in (NOT_ANALYSED, "undecided"):
            shown.append(f"{name} {vote.verdict} ({vote.bearing} of {label.traits_of})")
    for name, thing in (("breaks", "breaks of the level"), ("spikes", "spikes")):
        if label.votes[name].verdict == name:
            shown.append(f"{thing} in {label.votes[name].bearing} of {label.traits_of}")
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
        parts.append(capital(label.caution))
    return ". ".join(parts) + "."
