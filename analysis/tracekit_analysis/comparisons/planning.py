"""How many seeds for which effect, and how many updates for which margin, before anything is trained.

Seeds come from closed forms (noncentral and central t; nothing is simulated here), updates from constants
that were simulated once and are stored below with the seed of their simulation.
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
"""Below it the bound is a 10 % quantile in fewer blocks, which the constants do not describe."""
VARIANCE_OF_BOUND = 1.65
"""Variance of an estimated 5 % quantile of normal noise, times n, in squared half-spreads."""
STABLE_UPDATES = {1: 25.87, 3: 20.69, 5: 11.40, 10: 6.85, 20: 4.60}
"""By number of seeds: n delta^2 / (1.65 tau) at which a constant bound is labelled stable with probability
.8; 1000 simulated cells each, seed 0 (`tests/analysis/test_planning.py` repeats them)."""
UNSTABLE_UPDATES = {1: 13.85, 3: 19.29, 5: 6.58, 10: 2.99, 20: 1.68}
"""The same for a bound of index 2 delta and the label unstable; 200 cells each, seed 1."""


@dataclass(frozen=True, slots=True)
class PlanRow(Record):
    """Seeds or updates that answer one question."""

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
    """Recorded updates of each run; NaN where the question is one of seeds."""
    power: float
    """Probability of the answer with these seeds or updates."""
    smallest_pvalue: float
    """Smallest p-value that a permutation test of these seeds can give; NaN for updates."""
    alpha: float
    """Level of the family."""
    family: int
    """Tests in the family; Holm's first step is planned for."""
    method: str
    """Where power comes from."""
    sentence: str
    """The row in words."""


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
    """Say how many seeds show which difference or sameness, and how many updates which stability.

    * difference: seeds for `effects`, unpaired and paired, at level alpha / family, at least as many as can
      reach that level at all and at least 10;
    * sameness: seeds for `margins` if the true difference is zero, two one-sided tests at `alpha`, at
      least 10, for margins below 1 at least 20;
    * stable, unstable: recorded updates after the burn-in that label a constant bound stable, and a bound
      of twice the margin unstable, for 5, 10 and 20 seeds. Below 5 seeds no cell is labelled, with 1, 2,
      3, 4 seeds no difference is tested: such rows do not occur.

    Parameters
    ----------
    effects : sequence of float
        Differences of means, in between-seed standard deviations.
    margins : sequence of float
        Equivalence margins, in between-seed standard deviations.
    index_margins : sequence of float
        Margins of the stability index, in half-spreads.
    seeds : sequence of int
        Seeds per cell for which updates are given; of 5, 10 and 20.
    family : int
        Number of tests that Holm's correction goes over, such as batch sizes.
    power : float
        Wanted probability of the answer; for updates it is .8.
    alpha : float
        Level.
    correlation : float
        Correlation between arms of runs that share a seed, 0 if sharing is expected to do nothing.
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
            raise bad_argument("seeds", n, "must be 5, 10 or 20, for which updates were simulated")
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
        f"A difference of {effect:g} between-seed sd needs {_count(n)} seeds an arm, {design}, for power "
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
        f"Sameness within {margin:g} between-seed sd needs {_count(n)} seeds an arm, "
        f"{_design(paired, correlation)}, for power {power:g} at level {alpha:g} if there is no difference "
        "at all (two one-sided t tests, central t)."
    )
    return PlanRow(
        "sameness", margin, "between-seed sd", paired, correlation, math.inf if n is None else n, math.nan,
        got, math.nan, alpha, 1, "two one-sided t tests, central t", words,
    )  # fmt: skip


def _updates(margin: float, n_seeds: int, stable: bool, tau: float) -> PlanRow:
    needed = (STABLE_UPDATES if stable else UNSTABLE_UPDATES)[n_seeds]
    n = max(MIN_UPDATES, math.ceil(needed * VARIANCE_OF_BOUND * tau / margin**2))
    truth = "a constant bound is labelled stable" if stable else "a bound of twice that is labelled unstable"
    words = (
        f"At margin {margin:g} and correlation time {tau:g}, {truth} with probability .8 by {n_seeds} seeds "
        f"of {n} updates after the burn-in (cached simulation, normal noise)."
    )
    return PlanRow(
        "stable" if stable else "unstable", margin, "half-spreads", False, 0.0, n_seeds, n, 0.8, math.nan,
        0.05, 1, "cached simulation of the pooled interval, normal noise", words,
    )  # fmt: skip


def _fewest(reached: Callable[[int], float], power: float, least: int) -> int | None:
    """Return the fewest seeds from `least` on with the wanted power; None if 1000 are not enough."""
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
