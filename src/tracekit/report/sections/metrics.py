"""The numbers behind the labels: medians over seeds here, every series in `metrics.csv` beside the report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tracekit.report.document import (
    Block,
    Column,
    Heading,
    Listing,
    Mono,
    Table,
    TableCell,
    number,
    paragraph,
    words,
)
from tracekit.report.material import PAPER_SIGNAL, Cell, Material, MissingSignalError
from tracekit.report.sections import section
from tracekit_analysis import describe_columns

#: Columns of `characterize` that the tables show, by topic, with short titles; the file has all of them.
_TOPICS = {
    "Lower and upper bound": {
        "lower_index": "index I",
        "lower_drift": "drift D",
        "lower_bound": "lower bound",
        "lower_spread": "half-spread S",
        "lower_bound_variance": "bound variance",
        "lower_lfq_pvalue": "LFQ p",
        "upper_index": "upper index I",
        "lower_label": "seeds judged alone, margin 0.2",
    },
    "Level, dependence and spectrum": {
        "burn_in": "transient, values",
        "tau_int": "corr. time, values",
        "ess": "effective values",
        "spectral_entropy": "spectral entropy",
        "epoch_comb_pvalue": "epoch comb p",
        "kpss_cosine_pvalue": "cosine-KPSS p",
        "adf_pvalue": "ADF p",
        "stationarity": "stationarity verdict",
    },
}

#: Columns of words: how many seeds got which answer.
_COUNTED = ("lower_label", "stationarity")


@section("metrics", title="Metrics", order=50)
def metrics(material: Material) -> list[Block]:
    """Tabulate the main statistics of the deciding signal and of the paper's scalar."""
    if material.features.empty:
        raise MissingSignalError([material.settings.signal])
    blocks: list[Block] = [
        paragraph(
            "Medians over the seeds of each configuration, rounded for reading. ",
            Mono("metrics.csv"),
            f" beside this report has all {len(material.features):,} series with all "
            f"{material.features.shape[1]} columns at full precision, and ",
            Mono("labels.csv"),
            " the labels. Numbers describe each series after its initial transient (burn-in).",
        )
    ]
    meanings = describe_columns()
    signals = list(dict.fromkeys([material.settings.signal, PAPER_SIGNAL, "train/loss"]))
    for name in signals:
        rows = material.features[material.features["signal"].astype(str) == name]
        if len(rows):
            blocks.append(Heading(name))
            blocks += [_table(material, name, topic, rows, meanings) for topic in _TOPICS]
    known = {column: title for shown in _TOPICS.values() for column, title in shown.items()}
    blocks += [
        Heading("What the columns mean"),
        Listing(tuple((title, (f"{meanings[name]}.",)) for name, title in known.items() if name in meanings)),
    ]
    return blocks


def _table(
    material: Material, name: str, topic: str, features: pd.DataFrame, meanings: dict[str, str]
) -> Table:
    shown = {column: title for column, title in _TOPICS[topic].items() if column in features}
    columns = [Column("optimizer"), Column("batch size", numeric=True)]
    columns += [
        Column(title, numeric=column not in _COUNTED, help=meanings.get(column, ""))
        for column, title in shown.items()
    ]
    rows = [_row(cell, material.of_cell(features, cell), list(shown)) for cell in material.cells]
    return Table(
        tuple(columns),
        tuple(rows),
        f"{topic} of {name}: medians over the seeds of each configuration that have a value.",
        keys=2,
    )


def _row(cell: Cell, features: pd.DataFrame, shown: list[str]) -> tuple[TableCell, ...]:
    cells = [words(cell.optimizer), number(cell.batch_size)]
    for column in shown:
        if column in _COUNTED:
            times = features[column].astype(str).value_counts(sort=False)
            ordered = sorted(times.items(), key=lambda item: (-item[1], str(item[0])))
            cells.append(words(", ".join(f"{n} {answer}" for answer, n in ordered) or "–"))
        else:
            values = pd.to_numeric(features[column], errors="coerce").dropna().to_numpy(float)
            cells.append(number(float(np.median(values)) if values.size else None))
    return tuple(cells)
