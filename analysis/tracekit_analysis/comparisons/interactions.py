"""Interaction of two factors: does the effect of the optimizer depend on the batch size? Freedman-Lane test.

We do not use the aligned rank transform: it rejects 16 to 32 % of true nulls if spreads differ or values are skewed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
import pandas as pd

from tracekit_analysis.comparisons.seed_tables import FEATURES, MATCH_WORDS, Match, levels_of, seed_table
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import Record, Status
from tracekit_analysis.seeds.arrangements import N_PERMUTATIONS, Randomness, as_seed, substream
from tracekit_analysis.seeds.power import detectable_interaction
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM, MIN_SEEDS_TEST
from tracekit_analysis.seeds.two_way import freedman_lane
from tracekit_analysis.statistics.multiplicity import adjust_pvalues
from tracekit_analysis.tables.configurations import comparison
from tracekit_analysis.tables.runs import DEFAULT_SIGNAL, OUTCOME


@dataclass(frozen=True, slots=True)
class Interaction(Record):
    """Outcome of the test that the effects of two factors on one feature are additive."""

    feature: str
    """The feature."""
    answer: Literal["interaction", "unresolved"]
    """``interaction`` or ``unresolved``; we never claim that there is no interaction."""
    reason: str
    """The answer in one clause, or why there was no test."""
    estimate: float
    """F statistic of the interaction."""
    pvalue: float
    """Freedman-Lane p-value; NaN below 5 seeds per cell."""
    pvalue_adjusted: float
    """The same, adjusted over the features."""
    effect_size: float
    """Partial R squared: share of the additive model's residual sum of squares that the interaction explains."""
    df_interaction: int
    """Degrees of freedom of the interaction."""
    df_residual: int
    """Degrees of freedom of the residuals."""
    n_seeds: int
    """Seeds of the smallest cell."""
    n_runs: int
    """Runs used."""
    n_cells: int
    """Number of cells with runs."""
    n_missing_cells: int
    """Number of cells without runs."""
    n_diverged: int
    """Number of diverged runs; they take the worst value of the others."""
    blocked: bool
    """Whether seeds shared between cells are blocks of the model."""
    smallest_pvalue: float
    """Smallest p-value that these arrangements can give."""
    detectable_effect: float
    """Smallest partial R squared that these seeds detect with power .8 at the family's first step, for normal errors;
    infinite if nothing can be significant."""
    unit: str
    """Unit of the feature."""
    family: str
    """Correction for multiple tests, and the family of tests it covers."""
    family_size: int
    """Number of tests in the family."""
    method: str
    """How the p-value was found."""
    status: Status
    """Whether the test could be computed."""
    sentence: str
    """The result in one or two sentences."""


def interaction(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    factor: str | None = None,
    at: str | None = None,
    features: Sequence[str] | None = None,
    signal: str = DEFAULT_SIGNAL,
    replicate: str | None = None,
    match: Match = "equal",
    blocks: Literal["auto", "seeds", "none"] = "auto",
    level: float = 0.95,
    n_permutations: int = N_PERMUTATIONS,
    rng: Randomness = 0,
) -> pd.DataFrame:
    """Test for each feature whether the effect of one factor depends on the level of another.

    See `freedman_lane`; Benjamini-Hochberg over the features. Seeds are blocks of the model if at least half
    of them occur in two cells or more. A diverged run takes the largest value of its feature, the worst
    rank, and is counted. Missing cells are counted; the test covers the cells that have runs. Differences in
    spread between cells raise its size to .06 to .08. Below 5 seeds in the smallest cell nothing is tested;
    below 10 nothing is claimed. We never claim that there is no interaction.

    Parameters
    ----------
    frame, by, factor, at, features, signal, replicate, match
        As for `compare`; `at` is one column here.
    blocks : {"auto", "seeds", "none"}
        Whether seeds shared between cells are blocks.
    level, n_permutations, rng
        As for `compare`.

    Returns
    -------
    DataFrame
        One row per feature: the fields of `Interaction`.

    Raises
    ------
    AnalysisError
        As for `compare`; also if `at` has a single level.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import interaction
    >>> runs = pd.DataFrame({"optimizer": ["sgd", "adam"] * 20, "batch_size": np.repeat([50, 100], 20)})
    >>> runs["seed"] = np.tile(np.arange(20) // 2, 2)
    >>> runs["loss"] = np.random.default_rng(0).normal(1.0, 0.1, 40)
    >>> runs.loc[(runs["optimizer"] == "sgd") & (runs["batch_size"] == 100), "loss"] += 0.5
    >>> interaction(runs, features=["loss"], n_permutations=999)[["feature", "answer", "pvalue"]]
      feature       answer  pvalue
    0    loss  interaction   0.001
    """
    require_choice("blocks", blocks, ("auto", "seeds", "none"))
    frame, factor, strata, replicate = comparison(
        frame, by=by, factor=factor, at=at, replicate=replicate, several=False
    )
    if len(strata) != 1:
        raise bad_argument("at", strata, "must be one column", "join several into one")
    (at,) = strata
    table = seed_table(
        frame, factor=factor, at=at, features=features, signal=signal, replicate=replicate, match=match
    )
    levels = levels_of(table, factor, None), levels_of(table, at, None)
    table = table[table[OUTCOME] != "unfinished"]
    names = list(table.columns[4:])
    root = as_seed(rng)
    rows = []
    for name in names:
        known = table[(table[OUTCOME] == "diverged") | table[name].notna()]
        seeds = known.groupby(replicate, dropna=False, observed=True).size()
        blocked = blocks == "seeds" or (
            blocks == "auto" and len(seeds) > 0 and bool((seeds > 1).mean() >= 0.5)
        )
        diverged = (known[OUTCOME] == "diverged").to_numpy()
        values = known[name].to_numpy(dtype=np.float64)
        worst = float(np.max(values[~diverged], initial=-math.inf))
        if diverged.any() and math.isfinite(worst):
            values = np.where(diverged, worst, values)
        sizes = known.groupby([factor, at], observed=True).size()
        test = freedman_lane(
            values,
            known[factor].tolist(),
            known[at].tolist(),
            block=known[replicate].tolist() if blocked else None,
            n_permutations=n_permutations,
            rng=substream(root, "interaction", name),
        )
        n_seeds = int(sizes.min()) if len(sizes) else 0
        tested = test.status == "ok" and n_seeds >= MIN_SEEDS_TEST
        rows.append(
            Interaction(
                feature=name,
                answer="unresolved",
                reason=test.reason,
                estimate=test.statistic,
                pvalue=test.pvalue if tested else math.nan,
                pvalue_adjusted=math.nan,
                effect_size=test.partial_r_squared,
                df_interaction=test.df_interaction,
                df_residual=test.df_residual,
                n_seeds=n_seeds,
                n_runs=len(known),
                n_cells=len(sizes),
                n_missing_cells=len(levels[0]) * len(levels[1]) - len(sizes),
                n_diverged=int(diverged.sum()),
                blocked=blocked,
                smallest_pvalue=1.0 / (n_permutations + 1),
                detectable_effect=math.inf,
                unit=FEATURES[name].unit if name in FEATURES else name,
                family="",
                family_size=0,
                method=f"Freedman-Lane, {n_permutations} random permutations of residuals"
                + (", seeds as blocks" if blocked else "")
                + MATCH_WORDS[match],
                status=test.status,
                sentence="",
            )
        )
    return _finished(rows, factor, at, 1.0 - level)


def _finished(rows: list[Interaction], factor: str, at: str, alpha: float) -> pd.DataFrame:
    adjusted = adjust_pvalues(pd.DataFrame({"p": [row.pvalue for row in rows]}), "p")["p"].to_numpy()
    size = int(np.isfinite(adjusted).sum())
    family = f"Benjamini-Hochberg over {size} features"
    records = []
    for row, value in zip(rows, adjusted, strict=True):
        shown = bool(value <= alpha) and row.n_seeds >= MIN_SEEDS_CLAIM
        reason = row.reason or _reason(row.n_seeds, float(value), shown)
        missing = f", {row.n_missing_cells} cells missing" if row.n_missing_cells else ""
        diverged = f", {row.n_diverged} runs diverged" if row.n_diverged else ""
        reach = math.inf
        if math.isfinite(row.pvalue) and row.smallest_pvalue <= alpha / size:
            reach = detectable_interaction(row.df_interaction, row.df_residual, alpha=alpha / size)
        tested = (
            f"F({row.df_interaction}, {row.df_residual}) = {row.estimate:.3g}, partial R squared "
            f"{row.effect_size:.2g}, p = {row.pvalue:.2g}, adjusted {value:.2g}; {row.method}; {family}, "
            f"smallest attainable p {row.smallest_pvalue:.2g}, {_reach_words(reach)}"
            if math.isfinite(row.pvalue)
            else "not tested"
        )
        sentence = (
            f"Interaction of {factor} and {at} in {row.feature} ({row.n_runs} runs in {row.n_cells} cells, at "
            f"least {row.n_seeds} seeds each{missing}{diverged}): {tested}. {reason[0].upper()}{reason[1:]}."
        )
        row = replace(
            row,
            pvalue_adjusted=float(value),
            family=family,
            family_size=size,
            detectable_effect=reach,
            answer="interaction" if shown else "unresolved",
            reason=reason,
            sentence=sentence,
        )
        records.append(row.to_record())
    return pd.DataFrame.from_records(records, columns=[field.name for field in fields(Interaction)])


def _reach_words(reach: float) -> str:
    if math.isinf(reach):
        return "so no effect can be significant here"
    return f"power .8 for a partial R squared of {reach:.2g}"


def _reason(n_seeds: int, pvalue: float, shown: bool) -> str:
    if n_seeds < MIN_SEEDS_TEST:
        return f"{n_seeds} seeds in the smallest cell are too few for a test; {MIN_SEEDS_TEST} are needed"
    if n_seeds < MIN_SEEDS_CLAIM:
        return f"{n_seeds} seeds allow a test but no claim; {MIN_SEEDS_CLAIM} are needed"
    if shown:
        return f"the effect of one factor depends on the other (adjusted p = {pvalue:.2g})"
    return f"no interaction is shown (adjusted p = {pvalue:.2g}), which does not prove that none exists"
