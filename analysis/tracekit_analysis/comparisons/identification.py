"""Classification of runs: can the optimizer be identified from the statistics of a run? Cross-validated over seeds.

Each seed counts once: all runs of a seed are held out together, labels are permuted by seed, and the whole
pipeline is refitted in each fold of each permutation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracekit_analysis.comparisons.arms import Arms
from tracekit_analysis.comparisons.comparing import Pairing, gather
from tracekit_analysis.comparisons.seed_tables import FEATURES, MATCH_WORDS, Match, levels_of, seed_table
from tracekit_analysis.errors import AnalysisError, require_between, require_choice
from tracekit_analysis.results import FloatArray, Record
from tracekit_analysis.seeds.arrangements import (
    Randomness,
    as_seed,
    describe,
    share_at_least,
    sign_flips,
    smallest_pvalue,
    splits,
    substream,
)
from tracekit_analysis.seeds.discriminant import held_out_errors
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM, MIN_SEEDS_TEST
from tracekit_analysis.statistics.multiplicity import holm
from tracekit_analysis.tables.configurations import comparison
from tracekit_analysis.tables.runs import DEFAULT_SIGNAL, OUTCOME
from tracekit_analysis.words import cell_words

N_CLASSIFIER_PERMUTATIONS = 999
MAX_CLASSIFIED = 5_000
"""Largest number of arrangements that are all visited."""
IDENTIFYING = ("lower_index", "upper_index", "lower_drift", "tau_int", "spectral_entropy")
"""The five features used by default; none of them depends on the unit of the signal."""

Role = Literal["comparison", "negative control"]


@dataclass(frozen=True, slots=True)
class Identification(Record):
    """How well two levels are distinguished by the features of a run."""

    role: Role
    """``comparison`` of two levels, or ``negative control``: two halves of the seeds of one level."""
    level_a: str
    """First level, or the level whose seeds are halved."""
    level_b: str
    """Second level."""
    answer: Literal["identified", "unresolved"]
    """``identified`` or ``unresolved``; we never claim that identification is impossible."""
    reason: str
    """The answer in one clause."""
    estimate: float
    """Share of held-out runs that are classified correctly; chance is one half."""
    ci_low: float
    """Lower end of its Wilson interval, which treats runs as independent."""
    ci_high: float
    """Upper end of its Wilson interval."""
    level: float
    """Confidence level."""
    pvalue: float
    """Permutation p-value of the share; NaN below 5 seeds."""
    pvalue_adjusted: float
    """The same, adjusted over the comparisons (controls have their own family)."""
    smallest_pvalue: float
    """Smallest p-value that these seeds can give."""
    detectable_effect: float
    """Always NaN: the detectable share depends on the joint distribution of the features and has no closed form;
    `compare` gives the detectable difference of each feature."""
    n_seeds: int
    """Seeds of the smaller arm; pairs if paired."""
    n_left_out: int
    """Number of runs not used: unfinished, diverged, unusable or without a partner."""
    paired: bool
    """Whether the runs of one seed are held out together."""
    features: str
    """Features used."""
    with_scale: bool
    """Whether one of them depends on the unit of the signal."""
    unit: str
    """Unit of the estimate."""
    family: str
    """Correction for multiple tests, and the family of tests it covers."""
    family_size: int
    """Number of tests in the family."""
    method: str
    """How the share and its p-value were found."""
    sentence: str
    """The result in one or two sentences."""


def identifiability(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    factor: str | None = None,
    at: str | Sequence[str] | None = None,
    levels: Sequence[object] | None = None,
    features: Sequence[str] = IDENTIFYING,
    signal: str = DEFAULT_SIGNAL,
    replicate: str | None = None,
    pairing: Pairing = "auto",
    match: Match = "equal",
    level: float = 0.95,
    n_permutations: int = N_CLASSIFIER_PERMUTATIONS,
    rng: Randomness = 0,
) -> pd.DataFrame:
    """Classify runs by the level of a factor from their features, for each pair of levels within each cell.

    Linear discriminant analysis with standardised features; each seed (pair) is held out once. Null: labels
    are exchangeable (within pairs). Alternative: held-out runs are classified correctly more often.
    For each level a negative control classifies the first against the second half of its seeds. It must not
    succeed: if it does, something other than the level (the order of runs, the machine) affects the features.

    Name at most five features beforehand. Features that depend on the unit of the signal ("scale" in
    `FEATURES`) identify single seeds of one optimizer; they are not among the default ones, and rows that use
    them say so. Diverged runs cannot be classified; they are left out and counted. Below 3 seeds
    there is no share; below 5 no test; below 10 no claim.

    Parameters
    ----------
    frame, by, factor, at, levels, signal, replicate, pairing, match, level, rng
        As for `compare`.
    features : sequence of str
        Columns to use.
    n_permutations : int
        Random permutations if more than 5000 exist.

    Returns
    -------
    DataFrame
        Columns `at`, then the fields of `Identification`.

    Raises
    ------
    AnalysisError
        As for `compare`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import identifiability
    >>> runs = pd.DataFrame({"optimizer": ["sgd", "adam"] * 10, "batch_size": 50, "seed": np.arange(20) // 2})
    >>> runs["loss"] = np.random.default_rng(0).normal(1.0, 0.1, 20) + 0.5 * (runs["optimizer"] == "sgd")
    >>> told = identifiability(runs, features=["loss"], n_permutations=999)
    >>> told[["role", "level_a", "level_b", "answer", "estimate"]]
                   role level_a level_b      answer  estimate
    0        comparison    adam     sgd  identified       1.0
    1  negative control    adam    adam  unresolved       0.1
    2  negative control     sgd     sgd  unresolved       0.7
    """
    require_choice("pairing", pairing, ("auto", "paired", "unpaired"))
    require_between("level", level, 0.5, 1.0)
    frame, factor, strata, replicate = comparison(frame, by=by, factor=factor, at=at, replicate=replicate)
    table = seed_table(
        frame, factor=factor, at=strata, features=features, signal=signal, replicate=replicate, match=match
    )
    chosen = levels_of(table, factor, levels)
    names = list(table.columns[len(strata) + 3 :])
    n_before = len(table)
    table = table[table[OUTCOME] == "finished"]
    if table.empty:
        raise AnalysisError(f"`frame` has no finished run among its {n_before}.")
    root = as_seed(rng)
    keys: list[dict[str, Any]] = []
    rows: list[Identification] = []
    groups: Any = table.groupby(strata, dropna=False, observed=True, sort=False) if strata else [((), table)]
    for key, cell in groups:
        where = dict(zip(strata, key, strict=True))
        members = {one: cell[cell[factor] == one] for one in chosen}
        pairs: list[tuple[Role, object, object, Arms]] = [
            ("comparison", a, b, gather(members[a], members[b], names, replicate, pairing))
            for i, a in enumerate(chosen)
            for b in chosen[i + 1 :]
            if len(members[a]) and len(members[b])
        ]
        pairs += [("negative control", a, a, _halves(arm, names)) for a, arm in members.items() if len(arm)]
        for role, a, b, arms in pairs:
            generator = substream(root, "identify", role, where, *sorted((str(a), str(b))))
            row = _identify(arms, role, str(a), str(b), level, n_permutations, generator)
            rows.append(replace(row, method=f"{row.method}{MATCH_WORDS[match]}"))
            keys.append(where)
    records = [
        {**key, **row.to_record()} for key, row in zip(keys, _adjusted(rows, keys, level), strict=True)
    ]
    return pd.DataFrame.from_records(
        records, columns=[*strata, *(field.name for field in fields(Identification))]
    )


def _identify(
    arms: Arms, role: Role, level_a: str, level_b: str, level: float, n_permutations: int,
    rng: np.random.Generator,
) -> Identification:  # fmt: skip
    """Classify the runs of two arms, holding out one seed at a time."""
    first, second, missing = _complete(arms)
    n_seeds = min(len(first), len(second))
    share = low = high = pvalue = smallest = math.nan
    how = ""
    if n_seeds >= 3:
        correct, exact = _shares(first, second, arms.paired, n_permutations, rng)
        n_runs = len(first) + len(second)
        share = float(correct[0])
        low, high = wilson_interval(round(share * n_runs), n_runs, level)
        drawn = correct[1:]
        smallest = smallest_pvalue(  # two-sided: exchanging all labels gives the same share
            len(first), len(second), paired=arms.paired, n_permutations=n_permutations,
            max_exact=MAX_CLASSIFIED,
        )  # fmt: skip
        how = describe(arms.paired, exact, drawn.size)
        if n_seeds >= MIN_SEEDS_TEST:
            pvalue = share_at_least(drawn, share, exact)
    return Identification(
        role=role,
        level_a=level_a,
        level_b=level_b,
        answer="unresolved",
        reason="",
        estimate=share,
        ci_low=low,
        ci_high=high,
        level=level,
        pvalue=pvalue,
        pvalue_adjusted=math.nan,
        smallest_pvalue=smallest,
        detectable_effect=math.nan,
        n_seeds=n_seeds,
        n_left_out=arms.n_left_out + missing,
        paired=arms.paired,
        features=", ".join(arms.names),
        with_scale=any(name in FEATURES and FEATURES[name].kind == "scale" for name in arms.names),
        unit="share of runs",
        family="",
        family_size=0,
        method=f"linear discriminant, one {'pair' if arms.paired else 'seed'} held out; {how or 'not tested'}",
        sentence="",
    )


def _shares(
    first: FloatArray, second: FloatArray, paired: bool, n_permutations: int, rng: np.random.Generator
) -> tuple[FloatArray, bool]:
    """Return the share classified correctly with the true labels, then with each arrangement of them."""
    vectors = np.concatenate([first, second])
    n_a, n_b = len(first), len(second)
    truth = np.repeat([1.0, 0.0], [n_a, n_b])
    if paired:
        signs, exact = sign_flips(n_a, n_permutations, MAX_CLASSIFIED, rng)
        labels = np.hstack([signs > 0, signs < 0]).astype(np.float64)
        folds = [np.array([i, n_a + i]) for i in range(n_a)]
    else:
        labels, exact = splits(n_a, n_b, n_permutations, MAX_CLASSIFIED, rng)
        folds = [np.array([i]) for i in range(n_a + n_b)]
    every = np.vstack([truth, labels])
    return 1.0 - held_out_errors(vectors, every, folds), exact


def _complete(arms: Arms) -> tuple[FloatArray, FloatArray, int]:
    """Return the vectors of the runs that have every feature that any run has."""
    pooled = np.concatenate([arms.first, arms.second])
    present = np.isfinite(pooled).any(axis=0)
    keep = [np.isfinite(arm[:, present]).all(axis=1) for arm in (arms.first, arms.second)]
    if arms.paired:
        keep = [keep[0] & keep[1]] * 2
    first, second = arms.first[keep[0]][:, present], arms.second[keep[1]][:, present]
    return first, second, len(pooled) - len(first) - len(second)


def _halves(arm: pd.DataFrame, names: list[str]) -> Arms:
    """Return the first and the second half of the seeds of one level as two arms."""
    values = arm[names].to_numpy(dtype=np.float64)
    half = len(values) // 2
    none: NDArray[np.bool_] = np.zeros(half, dtype=bool)
    return Arms(
        tuple(names), values[:half], values[half : 2 * half], none, none, False, len(values) - 2 * half
    )


def _adjusted(rows: list[Identification], keys: list[dict[str, Any]], level: float) -> list[Identification]:
    """Adjust comparisons and controls within their own families; set answer, reason and sentence."""
    found = list(rows)
    for role in ("comparison", "negative control"):
        chosen = [i for i, row in enumerate(rows) if row.role == role]
        adjusted = holm({str(i): rows[i].pvalue for i in chosen})
        size = sum(math.isfinite(value) for value in adjusted.values())
        for i in chosen:
            row = replace(
                rows[i], pvalue_adjusted=adjusted[str(i)], family=f"Holm over {size} tests", family_size=size
            )
            shown = row.pvalue_adjusted <= 1.0 - level and row.n_seeds >= MIN_SEEDS_CLAIM
            row = replace(
                row, answer="identified" if shown else "unresolved", reason=_reason(row, bool(shown))
            )
            found[i] = replace(row, sentence=_sentence(row, cell_words(keys[i])))
    return found


def _reason(row: Identification, shown: bool) -> str:
    if row.n_seeds < MIN_SEEDS_TEST:
        return f"{row.n_seeds} seeds per arm are too few for a test; {MIN_SEEDS_TEST} are needed"
    if shown and row.role == "negative control":
        return "the negative control fails: two halves of the seeds of one level are distinguished"
    if row.role == "negative control" and not row.pvalue_adjusted <= 1.0 - row.level:
        return "as expected, two halves of the seeds of one level are not distinguished"
    if row.n_seeds < MIN_SEEDS_CLAIM:
        return f"{row.n_seeds} seeds allow a test but no claim; {MIN_SEEDS_CLAIM} are needed"
    if shown:
        scale = "; features in signal units were used" if row.with_scale else ""
        return f"held-out runs are classified better than by chance{scale}"
    return "held-out runs are not shown to be classified better than by chance; this does not prove that they cannot be"


def _sentence(row: Identification, where: str) -> str:
    start = f"{where[0].upper()}{where[1:]}, " if where else ""
    who = (
        f"{row.level_a} and {row.level_b}"
        if row.role == "comparison"
        else f"two halves of the seeds of {row.level_a}"
    )
    told = (
        f"{row.estimate:.0%} of held-out runs [{row.ci_low:.0%}, {row.ci_high:.0%}] classified correctly"
        if math.isfinite(row.estimate)
        else "not classified"
    )
    tested = (
        f", p = {row.pvalue:.2g}, adjusted {row.pvalue_adjusted:.2g} ({row.family}), smallest attainable p "
        f"{row.smallest_pvalue:.2g}"
        if math.isfinite(row.pvalue)
        else ""
    )
    design = f"{row.n_seeds} {'pairs' if row.paired else 'seeds per arm'}"
    return (
        f"{start}{who} ({design}): {told}{tested}; {row.method}; features {row.features}. "
        f"{row.reason[0].upper()}{row.reason[1:]}."
    )
