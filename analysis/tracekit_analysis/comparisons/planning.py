"""Experiment planning: the number of seeds for an effect, and of updates for a margin, before anything is trained.

Numbers of seeds come from closed forms (noncentral and central t; nothing is simulated here). Numbers of updates
come from constants that were simulated once and are stored below with the seed of their simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import pandas as pd

from tracekit_analysis.errors import bad_argument, require_between
from tracekit_analysis.results import Record
from tracekit_analysis.seeds.arrangements import smallest_pvalue
from tracekit_analysis.seeds.equivalence import EQUIVALENCE_MARGIN
from tracekit_analysis.seeds.power import power_of_difference, power_of_sameness
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM, MIN_SEEDS_NARROW

MAX_SEEDS = 1_000
MIN_UPDATES = 500
"""With fewer updates the bound is a 10 % quantile in fewer blocks, which the constants do not describe."""
VARIANCE_OF_BOUND = 1.65
"""Variance of an estimated 5 % quantile of normal noise, times n, in squared half-spreads."""
STABLE_UPDATES = {1: 25.87, 3: 20.69, 5: 11.40, 10: 6.85, 20: 4.60}
"""For each number of seeds: n delta^2 / (1.65 tau) at which a constant bound is labelled stable with probability
.8; 1000 simulated cells each, seed 0 (`tests/analysis/test_planning.py` repeats them)."""
UNSTABLE_UPDATES = {1: 13.85, 3: 19.29, 5: 6.58, 10: 2.99, 20: 1.68}
"""The same for a bound of index 2 delta and the label unstable; 200 cells each, seed 1."""


@dataclass(frozen=True, slots=True)
class PlanRow(Record):
    """Number of seeds or updates that answers one question."""

    question: str
    """``difference``, ``sameness``, ``stable`` or ``unstable``."""
    effect_size: float
    """Effect or margin, in `unit`."""
    unit: str
    """Between-seed sd, or half-spreads for the index."""
    paired: bool
    """Whether runs of both arms share seeds."""
    correlation: float
    """Correlation of paired runs that was assumed; 0 if unpaired."""
    n_seeds: float
    """Seeds in each arm; infinite if 1000 are not enough."""
    n_updates: float
    """Recorded updates per run; NaN for questions about seeds."""
    power: float
    """Probability of the answer with these seeds or updates."""
    smallest_pvalue: float
    """Smallest p-value that a permutation test of these seeds can give; NaN for updates."""
    alpha: float
    """Level of the family."""
    family: int
    """Number of tests in the family; the plan is for Holm's first step."""
    method: str
    """How the power was computed."""
    sentence: str
    """The result in one sentence."""


def plan(
    *,
    effects: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
    margins: Sequence[float] = (0.5, EQUIVALENCE_MARGIN, 1.5),
    index_margins: Sequence[float] = (0.1, 0.2, 0.4),
    seeds: Sequence[int] = (5, 10, 20),
    family: int = 4,
    power: float = 0.8,
    alpha: float = 0.05,
    correlation: float = 0.5,
    tau: float = 1.0,
) -> pd.DataFrame:
    """Compute how many seeds a difference or an equivalence needs, and how many updates a label of stability needs.

    * difference: seeds for `effects`, unpaired and paired, at level alpha / family: at least as many as can
      reach that level, and at least 10;
    * sameness: seeds for the equivalence `margins` if the true difference is zero, two one-sided tests at
      `alpha`: at least 10, and at least 20 for margins below 1;
    * stable, unstable: recorded updates after the burn-in that label a constant bound stable, and a bound
      of twice the margin unstable, for 5, 10 and 20 seeds. Below 5 seeds no cell is labelled and no
      difference is tested, so the table has no such rows.

    Parameters
    ----------
    effects : sequence of float
        Differences of means, in between-seed standard deviations.
    margins : sequence of float
        Equivalence margins, in between-seed standard deviations.
    index_margins : sequence of float
        Margins of the stability index, in half-spreads.
    seeds : sequence of int
        Seeds per cell for which updates are given: any of 5, 10 and 20.
    family : int
        Number of tests that Holm's correction covers, for example the number of batch sizes.
    power : float
        Required probability of the answer; for updates it is .8.
    alpha : float
        Level.
    correlation : float
        Correlation between runs of the two arms that share a seed; 0 if you expect none.
    tau : float
        Correlation time of the signal, in updates (`tau_int` of a pilot run).

    Returns
    -------
    DataFrame
        One row per question and design: the fields of `PlanRow`.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    Examples
    --------
    >>> from tracekit_analysis import plan
    >>> table = plan(effects=[1.0, 2.0], margins=[], index_margins=[])
    >>> table[["question", "effect_size", "paired", "n_seeds"]]
         question  effect_size  paired  n_seeds
    0  difference          1.0   False       24
    1  difference          1.0    True       15
    2  difference          2.0   False       10
    3  difference          2.0    True       10
    """
    require_between("power", power, 0.0, 1.0)
    require_between("alpha", alpha, 0.0, 0.5)
    require_between("correlation", correlation, -1.0, 1.0)
    require_between("tau", tau, 0.0, math.inf)
    if isinstance(family, bool) or not isinstance(family, int) or family < 1:
        raise bad_argument("family", family, "must be a whole number of at least 1")
    for name, values in (("effects", effects), ("margins", margins), ("index_margins", index_margins)):
        for value in values:
            require_between(name, value, 0.0, math.inf)
    for n in seeds:
        if n not in STABLE_UPDATES or n < 5:
            raise bad_argument(
                "seeds", n, "must be 5, 10 or 20, the numbers for which updates were simulated"
            )
    designs = ((False, 0.0), (True, correlation))
    rows = [_difference(e, paired, r, family, power, alpha) for e in effects for paired, r in designs]
    rows += [_sameness(m, paired, r, power, alpha) for m in margins for paired, r in designs]
    rows += [_updates(m, n, stable, tau) for m in index_margins for n in seeds for stable in (True, False)]
    return pd.DataFrame.from_records(
        [row.to_record() for row in rows], columns=[field.name for field in fields(PlanRow)]
    )


def _difference(
    effect: float, paired: bool, correlation: float, family: int, power: float, alpha: float
) -> PlanRow:
    def reached(n: int) -> float:
        return power_of_difference(effect, n, paired=paired, correlation=correlation, alpha=alpha / family)

    n = _fewest(reached, power, MIN_SEEDS_CLAIM)
    smallest = math.nan if n is None else smallest_pvalue(n, paired=paired)
    got = math.nan if n is None else reached(n)
    design = _design(paired, correlation)
    words = (
        f"A difference of {effect:g} between-seed sd needs {_count(n)} seeds per arm, {design}, for power "
        f"{power:g} at level {alpha:g} over a family of {family} (noncentral t"
        + (f"; with {n} the power is {got:.2f})." if n is not None else ").")
    )
    return PlanRow(
        "difference", effect, "between-seed sd", paired, correlation, math.inf if n is None else n, math.nan,
        got, smallest, alpha, family, "noncentral t, two-sided at alpha / family", words,
    )  # fmt: skip


def _sameness(margin: float, paired: bool, correlation: float, power: float, alpha: float) -> PlanRow:
    def reached(n: int) -> float:
        return power_of_sameness(margin, n, paired=paired, correlation=correlation, alpha=alpha)

    n = _fewest(reached, power, MIN_SEEDS_NARROW if margin < EQUIVALENCE_MARGIN else MIN_SEEDS_CLAIM)
    got = math.nan if n is None else reached(n)
    words = (
        f"Equivalence within {margin:g} between-seed sd needs {_count(n)} seeds per arm, "
        f"{_design(paired, correlation)}, for power {power:g} at level {alpha:g} if there is no difference "
        "(two one-sided t tests, central t)."
    )
    return PlanRow(
        "sameness", margin, "between-seed sd", paired, correlation, math.inf if n is None else n, math.nan,
        got, math.nan, alpha, 1, "two one-sided t tests, central t", words,
    )  # fmt: skip


def _updates(margin: float, n_seeds: int, stable: bool, tau: float) -> PlanRow:
    needed = (STABLE_UPDATES if stable else UNSTABLE_UPDATES)[n_seeds]
    n = max(MIN_UPDATES, math.ceil(needed * VARIANCE_OF_BOUND * tau / margin**2))
    truth = (
        "a constant bound is labelled stable"
        if stable
        else "a bound of twice the margin is labelled unstable"
    )
    words = (
        f"At margin {margin:g} and correlation time {tau:g}, {truth} with probability .8 by {n_seeds} seeds "
        f"of {n} updates each after the burn-in (stored simulation, normal noise)."
    )
    return PlanRow(
        "stable" if stable else "unstable", margin, "half-spreads", False, 0.0, n_seeds, n, 0.8, math.nan,
        0.05, 1, "stored simulation of the pooled interval, normal noise", words,
    )  # fmt: skip


def _fewest(reached: Callable[[int], float], power: float, least: int) -> int | None:
    """Return the smallest number of seeds, at least `least`, with the required power; None if 1000 are too few."""
    low, high = least - 1, MAX_SEEDS
    if reached(high) < power:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high


def _design(paired: bool, correlation: float) -> str:
    return f"paired at correlation {correlation:g}" if paired else "unpaired"


def _count(n: int | None) -> str:
    return f"more than {MAX_SEEDS}" if n is None else str(n)
