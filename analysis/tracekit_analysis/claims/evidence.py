"""Evidence for claims: the tables of labels, comparisons, interactions and controls that decide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracekit_analysis.comparisons.comparing import ALL_FEATURES, Pairing, compare
from tracekit_analysis.comparisons.interactions import interaction
from tracekit_analysis.comparisons.seed_tables import MATCH_WORDS, Match, match_lengths
from tracekit_analysis.errors import bad_argument
from tracekit_analysis.features.characterization import characterize
from tracekit_analysis.labels.labelling import label_from_features

RATE = "learning_rate"
MULTIPLE = "multiple_of_rate"
HALF = "half_of_seeds"
TEN = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """All tables that decide statements."""

    labels: pd.DataFrame
    """Labels of the cells at the base learning rates."""
    pairs: pd.DataFrame
    """Comparisons of optimizers, all features together."""
    interactions: pd.DataFrame
    """Interactions of optimizer and batch size."""
    rates: pd.DataFrame
    """Comparisons of the base learning rate with ten times that rate."""
    halves: pd.DataFrame
    """Comparisons of two halves of the seeds of one optimizer."""
    factor: str
    """Column of the optimizer."""
    at: str
    """Column of the batch size."""
    alpha: float
    """Level of all tests."""


def gather_evidence(
    frame: pd.DataFrame,
    *,
    factor: str,
    at: str,
    signal: str,
    replicate: str,
    match: Match,
    base: Mapping[str, float] | None,
    index_margin: float,
    margin: float,
    level: float,
    n_permutations: int,
    seed: int,
) -> Evidence:
    """Compute all tables from traces or their statistics; arguments as for `evaluate_claims`."""
    chosen = frame[frame["signal"].astype(str) == signal]
    if chosen.empty:
        recorded = ", ".join(
            repr(str(name)) for name in sorted(frame["signal"].dropna().astype(str).unique())
        )
        raise bad_argument(
            "signal", signal, "must be a recorded signal", f"recorded are {recorded or 'none'}"
        )
    # A copy has one block per type; marking runs in a fragmented table would raise pandas' PerformanceWarning.
    checked = match
    if {"step", "value"} <= set(frame.columns):
        if match in ("updates", "epochs"):
            runs = [at, factor, replicate, *(name for name in ("run", "status") if name in frame.columns)]
            chosen, checked = match_lengths(chosen, [at], list(dict.fromkeys(runs)), match), "none"
        features = characterize(chosen)
    elif match in ("updates", "epochs"):
        raise bad_argument("match", match, "needs traces", "pass the traces instead of their statistics")
    else:
        features = chosen.copy()
    own, tenfold = _by_rate(features, factor, base)

    def compared(table: pd.DataFrame, by: str, strata: Sequence[str], pairing: Pairing) -> pd.DataFrame:
        if table.empty or table.groupby(list(strata), dropna=False, observed=True)[by].nunique().max() < 2:
            return pd.DataFrame(columns=[*strata, "feature", "level_a", "level_b"])
        found = compare(
            table, factor=by, at=strata, signal=signal, replicate=replicate, pairing=pairing, match=checked,
            margin=margin, level=level, n_permutations=n_permutations, rng=seed,
        )  # fmt: skip
        return said(found[found["feature"] == ALL_FEATURES])

    def said(found: pd.DataFrame) -> pd.DataFrame:
        """Add to each method how lengths were matched; the traces were cut before they were compared."""
        methods = found["method"].str.removesuffix(MATCH_WORDS[checked]) + MATCH_WORDS[match]
        return found.assign(method=methods)

    interactions = pd.DataFrame(columns=["answer", "pvalue_adjusted"])
    if own[factor].nunique() > 1 and own[at].nunique() > 1:
        interactions = said(interaction(
            own, factor=factor, at=at, signal=signal, replicate=replicate, match=checked, level=level,
            n_permutations=n_permutations, rng=seed,
        ))  # fmt: skip
    labels = label_from_features(
        own, (factor, at), signal=signal, replicate=replicate, margin=index_margin, level=level
    )
    return Evidence(
        labels=said(labels) if checked != match else labels,
        pairs=compared(own, factor, [at], "auto"),
        interactions=interactions,
        rates=compared(tenfold, MULTIPLE, [factor, at], "auto"),
        halves=compared(_halved(own, factor, at, replicate), HALF, [factor, at], "unpaired"),
        factor=factor,
        at=at,
        alpha=1.0 - level,
    )


def _by_rate(
    features: pd.DataFrame, factor: str, base: Mapping[str, float] | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the runs at the base learning rates, and these together with the runs at ten times that, marked."""
    if RATE not in features.columns:
        return features, features.iloc[:0].assign(**{MULTIPLE: ""})
    smallest = features.groupby(features[factor].astype(str), observed=True)[RATE].min()
    rates = smallest.to_dict() | dict(base or {})
    ratio = (features[RATE] / features[factor].astype(str).map(rates)).to_numpy(dtype=np.float64)
    at_base, at_ten = np.isclose(ratio, 1.0) | features[RATE].isna().to_numpy(), np.isclose(ratio, TEN)
    if base is not None and not at_base.any():
        raise bad_argument("base", dict(base), "must be learning rates that were run")
    marked = features.assign(**{MULTIPLE: np.where(at_ten, "ten", "base")})[at_base | at_ten]
    return features[at_base], marked if at_ten.any() else marked.iloc[:0]


def _halved(features: pd.DataFrame, factor: str, at: str, replicate: str) -> pd.DataFrame:
    """Mark the first and the second half of the seeds of each cell; an odd seed in the middle is left out."""
    cells = features.groupby([factor, at], dropna=False, observed=True)[replicate]
    place, size = cells.rank(method="dense"), cells.transform("nunique")
    half = np.select([place <= size // 2, place > size - size // 2], ["first", "second"], "")
    return features.assign(**{HALF: half})[half != ""]
