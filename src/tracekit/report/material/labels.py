"""Labels of configurations as the report shows them, read from the table that `tracekit_analysis.label` returns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from tracekit.report.document import count, show

Label = Literal["stable", "unstable", "inconclusive", "diverged"]

#: Further columns of a label: titles by the name of the column. All but the first are votes of the seeds.
ASPECTS = {
    "jitter_label": "jitter",
    "spectrum": "spectrum",
    "stationarity_verdict": "stationarity",
    "tails": "tails",
    "breaks": "breaks",
    "spikes": "spikes",
}

LABELS: tuple[Label, ...] = ("stable", "unstable", "inconclusive", "diverged")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of the analysis of one cell."""

    label: Label
    index: float  #: index I over seeds, in lower half-spreads; NaN where it could not be estimated
    low: float  #: lower end of its confidence interval; NaN below 3 usable seeds
    high: float  #: upper end of its confidence interval
    n_seeds: int  #: seeds whose run has ended
    n_used: int  #: seeds whose series gave an index
    n_diverged: int  #: seeds whose run or series diverged
    agreement: str  #: the most common label of single seeds, and how many have it
    reason: str  #: reason for the label, in words
    trait: str = ""  #: another trait that the seeds show, in a word or two: drifting, periodic, ...
    median: float = float("nan")  #: median of the seeds' own indices
    aspects: tuple[
        tuple[str, str], ...
    ] = ()  #: traits that the seeds show, and how many of them, by `ASPECTS`

    @property
    def interval(self) -> str:
        """Index with its interval; "no index" if it could not be estimated."""
        if not np.isfinite(self.index):
            return "no index"
        if not np.isfinite([self.low, self.high]).all():
            return f"I {_short(self.index)}, no interval"
        return f"I {_short(self.index)} [{_short(self.low)}, {_short(self.high)}]"

    @property
    def seeds(self) -> str:
        """Number of seeds, and of those that count in the index if they are fewer."""
        if self.n_used == self.n_seeds:
            return count(self.n_seeds, "seed")
        return f"{self.n_used} of {count(self.n_seeds, 'seed')} usable"


def _short(index: float) -> str:
    return f"{index:.2f}" if index < 100 else show(index, 2)


def from_labels(labels: pd.DataFrame, by: Sequence[str]) -> dict[tuple[Any, ...], Verdict]:
    """Read the table of labels, one row per cell, into verdicts by the cell's key."""
    verdicts = {}
    for row in labels.to_dict("records"):
        agreeing = round(float(row["agreement"]) * row["n_seeds"]) if row["n_seeds"] else 0
        verdicts[tuple(row[name] for name in by)] = Verdict(
            label=cast(Label, row["label"]),
            index=float(row["index"]),
            low=float(row["ci_low"]),
            high=float(row["ci_high"]),
            n_seeds=int(row["n_seeds"]),
            n_used=int(row["n_used"]),
            n_diverged=int(row["n_diverged"]),
            agreement=f"{agreeing} of {row['n_seeds']} {row['seed_label']}".strip(),
            reason=str(row["reason"]),
            trait=str(row.get("headline") or row["label"]).removeprefix(str(row["label"])).strip(", "),
            median=float(row.get("index_median", np.nan)),
            aspects=tuple((str(row.get(name) or "–"), _votes(row, name)) for name in ASPECTS),
        )
    return verdicts


def _votes(row: Mapping[Hashable, Any], name: str) -> str:
    """Write how many seeds have a trait; empty where that was not counted, or no trait is shown."""
    if name == "jitter_label":
        jitter = row.get("jitter")
        return "" if jitter is None or pd.isna(jitter) else f"jitter {jitter:.2g}"
    bearing = row.get(f"{name.removesuffix('_verdict')}_seeds")
    total, answer = row.get("traits_of"), str(row.get(name))
    if pd.isna(bearing) or pd.isna(total) or answer == "undecided":
        return ""
    absent = answer.startswith("no ")
    trait = f"{answer.removeprefix('no ').removesuffix(' shown')} in " if absent else ""
    return f"{trait}{int(bearing)} of {count(int(total), 'seed')}"
