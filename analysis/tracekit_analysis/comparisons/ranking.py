"""Ranks of optimizers with ties, best first: which are shown to be better, and which cannot be distinguished.

A level's rank is a range: from one plus the number of levels shown to be better, to the number of levels not
shown to be worse. With few seeds each range covers all ranks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats

from tracekit_analysis.comparisons.comparing import Pairing, gather
from tracekit_analysis.comparisons.run_performance import DEFAULT_PERFORMANCE, performance
from tracekit_analysis.comparisons.seed_tables import (
    MATCH_WORDS,
    MATCHES,
    Match,
    levels_of,
    match_lengths,
    seed_table,
)
from tracekit_analysis.comparisons.two_arms import pair_correlation
from tracekit_analysis.errors import require_between, require_choice
from tracekit_analysis.results import FloatArray, Record
from tracekit_analysis.seeds.arrangements import (
    N_PERMUTATIONS,
    Randomness,
    as_seed,
    share_at_least,
    smallest_pvalue,
    substream,
)
from tracekit_analysis.seeds.effects import cliffs_delta
from tracekit_analysis.seeds.permutation import mean_permutation
from tracekit_analysis.seeds.power import detectable_effect
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM, MIN_SEEDS_TEST
from tracekit_analysis.seeds.trimmed import iqm
from tracekit_analysis.statistics.multiplicity import holm
from tracekit_analysis.tables.configurations import comparison
from tracekit_analysis.tables.runs import OUTCOME, require_column
from tracekit_analysis.words import cell_words


@dataclass(frozen=True, slots=True)
class Rank(Record):
    """Rank of one level of a factor among the others."""

    entry: str
    """The level."""
    position: int
    """Position by mean rank, 1 is best; not a claim."""
    rank_best: int
    """One plus the number of levels shown to be better."""
    rank_worst: int
    """Number of levels that are not shown to be worse, this one included."""
    tied_with: str
    """Levels that are not distinguished from this one, in order."""
    mean_rank: float
    """Mean of the ranks of its runs, within seeds if paired."""
    estimate: float
    """Interquartile mean of the metric."""
    ci_low: float
    """Lower end of its trimmed t interval; NaN below 3 seeds."""
    ci_high: float
    """Upper end."""
    level: float
    """Confidence level."""
    unit: str
    """The metric."""
    probability_of_improvement: float
    """Probability that a run of this level beats one of another level; ties count half; mean over the others."""
    pvalue: float
    """Smallest p-value of its comparisons with the others; NaN below 5 seeds."""
    pvalue_adjusted: float
    """The same, Holm-adjusted over all pairs of levels of the cell."""
    effect_size: float
    """probability_of_improvement."""
    smallest_pvalue: float
    """Smallest p-value that a comparison of these seeds can give."""
    detectable_effect: float
    """Smallest difference from another level that these seeds detect with power .8 at Holm's first step, in
    between-seed sd of normal values (ranks need about 5 % more seeds); infinite if nothing can be significant."""
    omnibus_pvalue: float
    """P-value of the null that all levels are exchangeable: Friedman if paired, else Kruskal-Wallis; by permutation."""
    n_seeds: int
    """Number of seeds of this level."""
    n_diverged: int
    """Number of diverged runs among them; they take the last ranks."""
    paired: bool
    """Whether all comparisons are within seeds."""
    family: str
    """Correction for multiple tests, and the family of tests it covers."""
    family_size: int
    """Number of pairs in the family."""
    method: str
    """How the levels were compared."""
    sentence: str
    """The result in one sentence."""


def rank(
    frame: pd.DataFrame,
    *,
    metric: str = "final",
    by: str | Sequence[str] | None = None,
    factor: str | None = None,
    at: str | Sequence[str] | None = None,
    levels: Sequence[object] | None = None,
    signal: str = DEFAULT_PERFORMANCE,
    lower_is_better: bool = True,
    replicate: str | None = None,
    pairing: Pairing = "auto",
    match: Match = "equal",
    level: float = 0.95,
    n_permutations: int = N_PERMUTATIONS,
    rng: Randomness = 0,
) -> pd.DataFrame:
    """Rank the levels of a factor within each cell, best first; levels that the seeds do not distinguish are tied.

    Two levels are distinguished if the permutation test of their ranks, Holm-adjusted over all pairs of
    the cell, rejects and both have 10 seeds. Diverged runs share the last rank. 1 and 2 seeds: order and IQM.
    3 and 4: intervals of the IQM. 5 to 9: p-values, but all levels are tied. From 10: ranks.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces; or the result of `performance`, or any table with one row per run and `metric`.
    metric : str
        "final", "anytime" or "best" of `performance`, or a column of the table.
    signal, lower_is_better
        As for `performance`.
    by, factor, at, levels, replicate, pairing, match, level, n_permutations, rng
        As for `compare`; `match` refers to the lengths of `signal`.

    Returns
    -------
    DataFrame
        One row per cell and level: `at`, then the fields of `Rank`.

    Raises
    ------
    AnalysisError
        As for `compare`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import rank
    >>> names = ["sgd", "adam", "lion"]
    >>> runs = pd.DataFrame({"optimizer": names * 10, "batch_size": 50, "seed": np.arange(30) // 3})
    >>> runs["loss"] = np.random.default_rng(0).normal(1.0, 0.1, 30) + 0.5 * (runs["optimizer"] == "sgd")
    >>> ranks = rank(runs, metric="loss", n_permutations=999)
    >>> ranks[["entry", "rank_best", "rank_worst", "estimate"]].round(2)
      entry  rank_best  rank_worst  estimate
    0  adam          1           2      0.97
    1  lion          1           2      0.99
    2   sgd          3           3      1.50
    """
    require_choice("pairing", pairing, ("auto", "paired", "unpaired"))
    require_between("level", level, 0.5, 1.0)
    require_choice("match", match, MATCHES)
    frame, factor, strata, replicate = comparison(frame, by=by, factor=factor, at=at, replicate=replicate)
    checked = match
    if {"signal", "step", "value"} <= set(frame.columns):
        if match in ("updates", "epochs"):
            frame, checked = _cut(frame, signal, [*strata, factor, replicate], strata, match), "none"
        frame = performance(frame, signal=signal, lower_is_better=lower_is_better)
    if OUTCOME in frame.columns:
        frame = frame.assign(status=frame[OUTCOME].replace({"unfinished": "running"}))
    table = seed_table(frame, factor=factor, at=strata, features=[metric], replicate=replicate, match=checked)
    table = table[(table[OUTCOME] == "diverged") | table[metric].notna()]
    chosen = levels_of(table, factor, levels)
    sign = 1.0 if lower_is_better else -1.0
    table = table.assign(**{metric: sign * table[metric]})
    root = as_seed(rng)
    records: list[dict[str, Any]] = []
    groups: Any = table.groupby(strata, dropna=False, observed=True, sort=False) if strata else [((), table)]
    for key, cell in groups:
        where = dict(zip(strata, key, strict=True))
        arms = {str(one): cell[cell[factor] == one] for one in chosen}
        arms = {name: arm for name, arm in arms.items() if len(arm)}
        words = cell_words(where)
        rows = _rank_cell(arms, metric, replicate, pairing, level, n_permutations, (root, words))
        for row in rows:
            low, high = sorted((sign * row.ci_low, sign * row.ci_high))
            method = f"{row.method}{MATCH_WORDS[match]}"
            row = replace(row, estimate=sign * row.estimate, ci_low=low, ci_high=high, method=method)
            records.append({**where, **replace(row, sentence=_sentence(row, len(arms), words)).to_record()})
    return pd.DataFrame.from_records(records, columns=[*strata, *(field.name for field in fields(Rank))])


def _cut(frame: pd.DataFrame, signal: str, keys: list[str], strata: list[str], match: Match) -> pd.DataFrame:
    """Cut the traces of the signal to the shortest run of a stratum; other signals stay whole."""
    for name in keys:
        require_column(frame, name)
    runs = [*keys, *(name for name in ("run", "status") if name in frame.columns and name not in keys)]
    judged = (frame["signal"] == signal).to_numpy()
    return pd.concat([match_lengths(frame[judged], strata, runs, match), frame[~judged]])


def _rank_cell(
    arms: dict[str, pd.DataFrame],
    metric: str,
    replicate: str,
    pairing: Pairing,
    level: float,
    n_permutations: int,
    stream: tuple[int, str],
) -> list[Rank]:
    """Rank the arms of one cell; lower values are better."""
    values = {
        name: np.where(arm[OUTCOME] == "diverged", math.inf, arm[metric].to_numpy(dtype=np.float64))
        for name, arm in arms.items()
    }
    pvalues: dict[str, float] = {}
    better: dict[tuple[str, str], float] = {}
    smallest: dict[str, float] = dict.fromkeys(arms, math.nan)
    pairs: dict[tuple[str, str], tuple[FloatArray, FloatArray, bool]] = {}
    designs, sizes = [], {}
    for a, b in itertools.combinations(arms, 2):
        pair = gather(arms[a], arms[b], [metric], replicate, pairing)
        x, y = pair.values(metric)
        delta = cliffs_delta(x, y, paired=pair.paired).estimate
        better[a, b], better[b, a] = (1.0 - delta) / 2.0, (1.0 + delta) / 2.0
        both = scipy.stats.rankdata(np.concatenate([x, y]))
        generator = substream(stream[0], "rank", stream[1], *sorted((a, b)))
        test = mean_permutation(
            both[: x.size], both[x.size :], paired=pair.paired, n_permutations=n_permutations, rng=generator
        )
        designs.append(pair.paired)
        pairs[a, b] = x, y, pair.paired
        sizes[a, b] = min(x.size, y.size)
        pvalues[f"{a}\n{b}"] = test.pvalue if sizes[a, b] >= MIN_SEEDS_TEST else math.nan
        reach = smallest_pvalue(x.size, y.size, paired=pair.paired, n_permutations=n_permutations)
        for name in (a, b):
            smallest[name] = reach if math.isnan(smallest[name]) else min(smallest[name], reach)
    adjusted = holm(pvalues)
    apart = {
        (a, b): adjusted[f"{a}\n{b}"] <= 1.0 - level and n >= MIN_SEEDS_CLAIM for (a, b), n in sizes.items()
    }
    paired = bool(designs) and all(designs)
    ranks, omnibus = _ranks(arms, values, replicate, paired, n_permutations, stream)
    centres = {name: iqm(arm, level=level) for name, arm in values.items()}
    order = sorted(arms, key=lambda name: (ranks[name], centres[name].estimate, name))
    told = {(a, b): (apart.get((a, b)) or apart.get((b, a)) or False) for a in order for b in order if a != b}
    size = sum(math.isfinite(p) for p in pvalues.values())
    reaches = {key: _reach(*arrays, (1.0 - level) / max(size, 1)) for key, arrays in pairs.items()}
    family = f"Holm over {size} pairs"
    rows = []
    for position, name in enumerate(order, start=1):
        others = [other for other in order if other != name]
        own = [key for key in pvalues if name in key.split("\n") and math.isfinite(pvalues[key])]
        ahead = sum(told[name, other] and better[name, other] < 0.5 for other in others)
        behind = sum(told[name, other] and better[name, other] > 0.5 for other in others)
        probability = float(np.mean([better[name, other] for other in others])) if others else math.nan
        rows.append(
            Rank(
                entry=name,
                position=position,
                rank_best=1 + ahead,
                rank_worst=len(order) - behind,
                tied_with=", ".join(other for other in others if not told[name, other]),
                mean_rank=ranks[name],
                estimate=centres[name].estimate,
                ci_low=centres[name].ci_low,
                ci_high=centres[name].ci_high,
                level=level,
                unit=metric,
                probability_of_improvement=probability,
                pvalue=min((pvalues[key] for key in own), default=math.nan),
                pvalue_adjusted=min((adjusted[key] for key in own), default=math.nan),
                effect_size=probability,
                smallest_pvalue=smallest[name],
                detectable_effect=min(
                    (found for key, found in reaches.items() if name in key), default=math.nan
                ),
                omnibus_pvalue=omnibus,
                n_seeds=len(arms[name]),
                n_diverged=int(np.isinf(values[name]).sum()),
                paired=paired,
                family=family,
                family_size=size,
                method=f"permutation tests of ranks, {'sign flips within pairs' if paired else 'seeds exchanged'}",
                sentence="",
            )
        )
    return rows


def _reach(x: FloatArray, y: FloatArray, paired: bool, alpha: float) -> float:
    """Return the difference that these seeds detect at a level; infinite if they are too few for a test."""
    if min(x.size, y.size) < MIN_SEEDS_TEST:
        return math.inf
    correlation = pair_correlation(x, y) if paired else math.nan
    r = 0.0 if math.isnan(correlation) else min(correlation, 0.999)
    return detectable_effect(x.size, y.size, paired=paired, correlation=r, alpha=alpha)


def _ranks(
    arms: dict[str, pd.DataFrame],
    values: dict[str, FloatArray],
    replicate: str,
    paired: bool,
    n_permutations: int,
    stream: tuple[int, str],
) -> tuple[dict[str, float], float]:
    """Return mean ranks and the omnibus p-value; if paired, within the seeds that all levels share."""
    generator = substream(stream[0], "omnibus", stream[1])
    names = list(arms)
    if paired:
        columns = [pd.Series(values[name], index=arms[name][replicate].to_numpy()) for name in names]
        complete = pd.concat(columns, axis=1, join="inner").sort_index().to_numpy()
        if len(complete):
            ranks = scipy.stats.rankdata(complete, axis=1)
            means = ranks.mean(axis=0)
            if len(complete) < MIN_SEEDS_TEST:
                return dict(zip(names, means.tolist(), strict=True)), math.nan
            drawn = np.array([generator.permuted(ranks, axis=1).mean(axis=0) for _ in range(n_permutations)])
            spread = ((drawn - means.mean()) ** 2).sum(axis=1)
            observed = float(((means - means.mean()) ** 2).sum())
            return dict(zip(names, means.tolist(), strict=True)), share_at_least(
                spread, observed, exact=False
            )
    sizes = [len(values[name]) for name in names]
    ranks = scipy.stats.rankdata(np.concatenate([values[name] for name in names]))
    parts = np.split(ranks, np.cumsum(sizes)[:-1])
    found = {name: float(part.mean()) for name, part in zip(names, parts, strict=True)}
    if min(sizes) < MIN_SEEDS_TEST or len(names) < 2:
        return found, math.nan
    orders = generator.random((n_permutations, ranks.size)).argsort(axis=1, kind="stable")
    sums = np.add.reduceat(np.sort(ranks)[orders], np.concatenate([[0], np.cumsum(sizes)[:-1]]), axis=1)
    observed = sum(float(part.sum()) ** 2 / part.size for part in parts)
    return found, share_at_least((sums**2 / np.array(sizes)).sum(axis=1), observed, exact=False)


def _sentence(row: Rank, n_levels: int, where: str) -> str:
    start = f"{where[0].upper()}{where[1:]}, " if where else ""
    place = (
        f"rank {row.rank_best}"
        if row.rank_best == row.rank_worst
        else f"rank {row.rank_best} to {row.rank_worst}"
    )
    interval = (
        f" [{row.ci_low:.3g}, {row.ci_high:.3g}] ({row.level:.0%} trimmed t interval)"
        if math.isfinite(row.ci_low)
        else ", no interval"
    )
    diverged = f", {row.n_diverged} diverged" if row.n_diverged else ""
    ties = f"not distinguished from {row.tied_with}" if row.tied_with else "distinguished from all others"
    reach = (
        ""
        if math.isinf(row.detectable_effect)
        else f", power .8 for a difference of {row.detectable_effect:.3g} between-seed sd"
    )
    few = "" if row.n_seeds >= MIN_SEEDS_CLAIM else f"; ranks are claimed from {MIN_SEEDS_CLAIM} seeds on"
    return (
        f"{start}{row.entry} has {place} of {n_levels} in {row.unit} ({row.n_seeds} seeds{diverged}): IQM "
        f"{row.estimate:.3g}{interval}, better than another run with probability "
        f"{row.probability_of_improvement:.2f}, {ties} ({row.method}, {row.family}, smallest attainable p "
        f"{row.smallest_pvalue:.2g}{reach}){few}."
    )
