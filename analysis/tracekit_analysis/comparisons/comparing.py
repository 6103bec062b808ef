"""Do optimizers differ, by how much, and could these seeds have shown it: comparison of two arms per cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from tracekit_analysis.comparisons.arms import Arms
from tracekit_analysis.comparisons.seed_tables import MATCH_WORDS, Match, levels_of, seed_table
from tracekit_analysis.comparisons.two_arms import (
    ComparisonRow,
    compare_feature,
    compare_vectors,
    comparison_sentence,
)
from tracekit_analysis.errors import AnalysisError, require_between, require_choice
from tracekit_analysis.seeds.arrangements import N_PERMUTATIONS, Randomness, as_seed
from tracekit_analysis.seeds.equivalence import EQUIVALENCE_MARGIN, three_way
from tracekit_analysis.statistics.multiplicity import adjust_pvalues, holm
from tracekit_analysis.tables.configurations import comparison
from tracekit_analysis.tables.runs import DEFAULT_SIGNAL, OUTCOME
from tracekit_analysis.words import cell_words

ALL_FEATURES = "all"
DIVERGED = "diverged"

Pairing = Literal["auto", "paired", "unpaired"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What all comparisons of one call share."""

    margin: float
    """Of equivalence, in between-seed standard deviations."""
    level: float
    """Confidence level; 1 - level is the level of all tests."""
    n_permutations: int
    """Random arrangements where there are too many to visit all."""
    seed: int
    """Root of all randomness."""


def compare(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    factor: str | None = None,
    at: str | Sequence[str] | None = None,
    levels: Sequence[object] | None = None,
    features: Sequence[str] | None = None,
    signal: str = DEFAULT_SIGNAL,
    replicate: str | None = None,
    pairing: Pairing = "auto",
    match: Match = "equal",
    margin: float = EQUIVALENCE_MARGIN,
    level: float = 0.95,
    n_permutations: int = N_PERMUTATIONS,
    rng: Randomness = 0,
) -> pd.DataFrame:
    """Compare the levels of a factor, two by two, within every cell of a grid.

    Per cell and pair of levels there is one row for all features together (``feature`` is "all") and one
    per feature; where any run diverged, one more for the share of diverged runs.

    * All features: energy distance of the feature vectors, each feature divided by its pooled MAD, with a
      permutation p-value. Null: runs are exchangeable between the levels (within pairs). PERMANOVA and
      PERMDISP say whether location or dispersion differs. Holm over all cells and pairs of the call.
    * A feature: permutation test of the means, trimmed t interval of the difference, Hedges g, Cliff's
      delta, two one-sided tests of sameness. Benjamini-Hochberg over the features of the cell.
    * Answer: different, equivalent or unresolved (`three_way`). All features together are equivalent if
      each one is and the dispersion does not differ.

    Runs are paired if at least half of each level's seeds are shared; seeds without a partner are then
    left out and counted. A diverged run stays: it takes the worst rank (+infinity) in every feature, and in
    the vectors a place of its own, as far from the others as the two most distant of them. Runs that failed
    or are still running, and seeds whose features are unknown, are left out and counted; `unknown` names the features.

    1 and 2 seeds: described, without interval or test. 3 and 4: intervals, no test. 5 to 9: tests, but no
    claim: every answer is "unresolved". From 10: claims.

    Parameters
    ----------
    frame, factor, at, features, signal, replicate, match
        As for `seed_table`.
    by : str or sequence of str, optional
        Columns that tell configurations apart, in place of `factor` and `at`: the first is compared within the others.
        Default for traces: the attributes that vary between runs (`tables.configurations`).
    levels : sequence, optional
        Levels of `factor` to compare; all by default. Differences are first minus second.
    pairing : {"auto", "paired", "unpaired"}
        Whether runs of one seed form a pair.
    margin : float
        Largest difference that counts as none, in between-seed standard deviations.
    level : float
        Confidence level; tests are made at 1 - level.
    n_permutations : int
        Random arrangements where more than 20000 exist.
    rng : int or Generator
        Seed. Every test has its own stream, so that neither order nor number of jobs matters.

    Returns
    -------
    DataFrame
        Columns `at`, then the fields of `ComparisonRow`.

    Raises
    ------
    AnalysisError
        If a column, a level or a second level is missing, runs of a cell share a seed, lengths differ, or no
        two levels meet in any cell.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import compare
    >>> runs = pd.DataFrame({"optimizer": ["sgd", "adam"] * 10, "batch_size": 50, "seed": np.arange(20) // 2})
    >>> runs["loss"] = np.random.default_rng(0).normal(1.0, 0.1, 20) + 0.5 * (runs["optimizer"] == "sgd")
    >>> rows = compare(runs, features=["loss"])
    >>> rows[["feature", "level_a", "level_b", "answer", "estimate", "ci_low", "ci_high"]].round(2)
      feature level_a level_b     answer  estimate  ci_low  ci_high
    0     all    adam     sgd  different      2.20     NaN      NaN
    1    loss    adam     sgd  different     -0.48   -0.54    -0.41
    """
    require_choice("pairing", pairing, ("auto", "paired", "unpaired"))
    require_between("level", level, 0.5, 1.0)
    require_between("margin", margin, 0.0, math.inf)
    frame, factor, strata, replicate = comparison(frame, by=by, factor=factor, at=at, replicate=replicate)
    table = seed_table(
        frame, factor=factor, at=strata, features=features, signal=signal, replicate=replicate, match=match
    )
    chosen = levels_of(table, factor, levels)
    names = list(table.columns[len(strata) + 3 :])
    settings = Settings(margin, level, n_permutations, as_seed(rng))
    keys: list[dict[str, Any]] = []
    rows: list[list[ComparisonRow]] = []
    for key, cell in _cells(table, strata):
        for first, second in itertools.combinations(chosen, 2):
            arms = [cell[cell[factor] == one] for one in (first, second)]
            if any(arm.empty for arm in arms):
                continue
            pair = gather(arms[0], arms[1], names, replicate, pairing)
            keys.append(key)
            found = compare_arms(pair, str(first), str(second), cell_words(key), settings)
            method = MATCH_WORDS[match]
            missing = _missing(arms, names)
            unknown = missing | {ALL_FEATURES: ", ".join(missing.values())}
            rows.append(
                [
                    replace(row, unknown=unknown.get(row.feature, ""), method=f"{row.method}{method}")
                    for row in found
                ]
            )
    if not rows:
        raise AnalysisError(f"`frame` has no cell in which two of the levels {chosen!r} of {factor!r} meet.")
    return _finished(keys, rows, strata, settings)


def compare_arms(
    arms: Arms, level_a: str, level_b: str, where: str, settings: Settings
) -> list[ComparisonRow]:
    """Compare two arms in all features together and in each; p-values adjusted over the features."""
    arguments = {
        "level_a": level_a,
        "level_b": level_b,
        "margin": settings.margin,
        "level": settings.level,
        "n_permutations": settings.n_permutations,
        "seed": settings.seed,
        "words": (where, *sorted((level_a, level_b))),
    }
    singles = [compare_feature(arms, name, **arguments) for name in arms.names]  # type: ignore[arg-type]
    if arms.n_diverged_a or arms.n_diverged_b:
        singles.append(compare_feature(arms, DIVERGED, **arguments))  # type: ignore[arg-type]
    pvalues = pd.DataFrame({"pvalue": [row.pvalue for row in singles]})
    adjusted = adjust_pvalues(pvalues, "pvalue")["pvalue"].to_numpy()
    size = int(np.isfinite(adjusted).sum())
    family = f"Benjamini-Hochberg over {size} features"
    answered = []
    for row, value in zip(singles, adjusted, strict=True):
        answer, reason = three_way(
            float(value), row.equivalence_pvalue, row.n_seeds, settings.margin, alpha=1.0 - settings.level
        )
        row = replace(row, pvalue_adjusted=float(value), family=family, answer=answer, reason=reason)
        answered.append(row.in_family(size))
    together = compare_vectors(arms, singles, **arguments)  # type: ignore[arg-type]
    return [together, *answered]


def gather(
    first: pd.DataFrame, second: pd.DataFrame, names: Sequence[str], replicate: str, pairing: Pairing
) -> Arms:
    """Bring the runs of two levels into arms, paired if they share seeds."""
    ended = [arm[arm[OUTCOME] != "unfinished"] for arm in (first, second)]
    usable = [arm[(arm[OUTCOME] == DIVERGED) | arm[list(names)].notna().any(axis=1)] for arm in ended]
    left_out = len(first) + len(second) - sum(len(arm) for arm in usable)
    others = set(usable[1][replicate])
    shared = [seed for seed in usable[0][replicate] if seed in others]
    enough = 2 * len(shared) >= max(len(usable[0]), len(usable[1])) and shared
    paired = pairing == "paired" or (pairing == "auto" and bool(enough))
    if paired:
        matched = [arm[arm[replicate].isin(shared)].sort_values(replicate, kind="stable") for arm in usable]
        left_out += sum(len(arm) for arm in usable) - 2 * len(shared)
        usable = matched
    arrays = [arm[list(names)].to_numpy(dtype=np.float64) for arm in usable]
    flags = [(arm[OUTCOME] == DIVERGED).to_numpy(dtype=bool) for arm in usable]
    return Arms(tuple(names), arrays[0], arrays[1], flags[0], flags[1], paired, left_out)


def _missing(arms: Sequence[pd.DataFrame], names: Sequence[str]) -> dict[str, str]:
    """Say of each feature that finished runs lack how many runs of either level do: why seeds are missing."""
    finished = [arm.loc[arm[OUTCOME] == "finished", list(names)].isna().sum() for arm in arms]
    counts = {name: [int(arm[name]) for arm in finished] for name in names}
    return {name: f"{name} in {a} and {b} runs" for name, (a, b) in counts.items() if a + b}


def _cells(table: pd.DataFrame, strata: list[str]) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    if not strata:
        return [({}, table)]
    groups = table.groupby(strata, dropna=False, observed=True, sort=False)
    return [(dict(zip(strata, key, strict=True)), members) for key, members in groups]


def _finished(
    keys: list[dict[str, Any]], rows: list[list[ComparisonRow]], strata: list[str], settings: Settings
) -> pd.DataFrame:
    """Adjust the global p-values over the family, answer, and word every row."""
    alpha = 1.0 - settings.level
    adjusted = holm({str(i): group[0].pvalue for i, group in enumerate(rows)})
    size = sum(math.isfinite(value) for value in adjusted.values())
    records = []
    for i, (key, (together, *singles)) in enumerate(zip(keys, rows, strict=True)):
        value = adjusted[str(i)]
        same = max((row.equivalence_pvalue for row in singles), default=math.nan)
        if any(math.isnan(row.equivalence_pvalue) for row in singles) or together.dispersion_pvalue <= alpha:
            same = math.nan
        answer, reason = three_way(value, same, together.n_seeds, settings.margin, alpha=alpha)
        together = replace(
            together,
            pvalue_adjusted=value,
            equivalence_pvalue=same,
            family=f"Holm over {size} comparisons",
            answer=answer,
            reason=reason,
        ).in_family(size)
        for row in (together, *singles):
            worded = replace(row, sentence=comparison_sentence(row, cell_words(key)))
            records.append({**key, **worded.to_record()})
    columns = [*strata, *(field.name for field in fields(ComparisonRow))]
    return pd.DataFrame.from_records(records, columns=columns)
