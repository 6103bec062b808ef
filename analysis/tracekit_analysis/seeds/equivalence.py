"""Equivalence of two arms of seeds within a margin: two one-sided tests (TOST), and the three-way answer.

A difference that is not significant is no evidence of equivalence. Equivalence is a separate claim, and needs
more seeds than a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import require_between
from tracekit_analysis.results import Record, Status
from tracekit_analysis.seeds.effects import pooled_sd, relative_error_of_sd
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM, MIN_SEEDS_NARROW, MIN_SEEDS_TEST
from tracekit_analysis.seeds.trimmed import magnitude, refusal, require_pairs, vector

EQUIVALENCE_MARGIN = 1.0

Answer = Literal["different", "equivalent", "unresolved"]


@dataclass(frozen=True, slots=True)
class EquivalenceTest(Record):
    """Outcome of two one-sided tests that two means differ by less than a margin."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    estimate: float
    """Difference of means, in units of the values."""
    ci_low: float
    """Lower end of the interval of the difference at level 1 - 2 alpha."""
    ci_high: float
    """Upper end of that interval."""
    pvalue: float
    """The larger of the two one-sided p-values."""
    margin: float
    """Largest difference that counts as none, in between-seed standard deviations."""
    sd: float
    """Between-seed standard deviation that the margin is measured in."""
    sd_known: bool
    """Whether that sd was stated beforehand; otherwise it is estimated here, and the test allows for its error."""
    alpha: float
    """Level of each one-sided test."""
    n_a: int
    """Seeds in the first arm."""
    n_b: int
    """Seeds in the second arm."""
    paired: bool
    """Whether runs of one seed form a pair."""
    method: str
    """How it was tested."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""


def tost(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float = EQUIVALENCE_MARGIN,
    sd: float | None = None,
    paired: bool = False,
    alpha: float = 0.05,
) -> EquivalenceTest:
    """Test that the means of two arms differ by less than a margin: two one-sided t tests.

    Null: the means differ by `margin` between-seed standard deviations or more. Alternative: by less. The
    margin's standard deviation is `sd` if that is known beforehand; otherwise the pooled one of these seeds,
    whose error ``margin^2 Var(s)`` is added to the variance of both test statistics. Degrees of freedom are
    Welch's; n - 1 if paired.

    With 1 seed per arm there is no test; with 2 to 4 it hardly ever shows equivalence. For equivalence within
    1 sd, unpaired, 20 seeds per arm have power .86, 10 have .39. `three_way` claims equivalence from 10 seeds
    on, and within less than 1 sd from 20 seeds on.

    Parameters
    ----------
    a, b : (n_a,), (n_b,) array-like
        One value per seed.
    margin : float
        In between-seed standard deviations, stated before the data are seen.
    sd : float, optional
        Between-seed standard deviation known beforehand, in units of the values.
    paired : bool
        Whether values at the same position share a seed.
    alpha : float
        Level.

    Returns
    -------
    EquivalenceTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used. Diverged runs or missing values give a status instead.

    References
    ----------
    Schuirmann (1987), J. Pharmacokinet. Biopharm. 15:657; Lakens (2017), Soc. Psychol. Personal. Sci. 8:355.
    """
    require_between("margin", margin, 0.0, math.inf)
    require_between("alpha", alpha, 0.0, 0.5)
    if sd is not None:
        require_between("sd", sd, 0.0, math.inf)
    x, y = vector("a", a), vector("b", b)
    require_pairs(x, y, paired)
    reason = refusal(x, y)
    if not reason and not (np.isfinite(x).all() and np.isfinite(y).all()):
        reason = "a run diverged"
    if not reason and min(x.size, y.size) < 2:
        reason = "at least 2 seeds in each arm are needed for a standard deviation"
    scale = magnitude(x, y)
    x, y = x / scale, y / scale
    spread = (math.nan if reason else pooled_sd(x, y)) if sd is None else sd / scale
    if not reason and not spread > 0.0:
        reason = "the values do not vary between seeds"
    estimate = low = high = pvalue = math.nan
    if not reason:
        estimate = float(x.mean() - y.mean())
        if paired:
            variance, degrees = float((x - y).var(ddof=1)) / x.size, float(x.size - 1)
        else:
            parts = float(x.var(ddof=1)) / x.size, float(y.var(ddof=1)) / y.size
            variance = sum(parts)
            weights = parts[0] ** 2 / (x.size - 1) + parts[1] ** 2 / (y.size - 1)
            degrees = variance**2 / weights if weights > 0.0 else float(x.size + y.size - 2)
        of_margin = 0.0 if sd is not None else margin * spread * relative_error_of_sd(x, y, paired)
        error = math.sqrt(variance + of_margin**2)
        room = margin * spread - abs(estimate)
        pvalue = float(scipy.special.stdtr(degrees, -room / error)) if error > 0.0 else float(room <= 0.0)
        half = float(scipy.special.stdtrit(degrees, 1.0 - alpha)) * math.sqrt(variance)
        low, high = estimate - half, estimate + half
    return EquivalenceTest(
        null=f"the means differ by {margin:g} between-seed sd or more",
        alternative=f"the means differ by less than {margin:g} between-seed sd",
        estimate=scale * estimate,
        ci_low=scale * low,
        ci_high=scale * high,
        pvalue=pvalue,
        margin=margin,
        sd=scale * spread,
        sd_known=sd is not None,
        alpha=alpha,
        n_a=x.size,
        n_b=y.size,
        paired=paired,
        method="two one-sided t tests" + (" on pairs" if paired else ""),
        status="inconclusive" if reason else "ok",
        reason=reason,
    )


def three_way(
    pvalue: float, equivalence_pvalue: float, n_seeds: int, margin: float, *, alpha: float = 0.05
) -> tuple[Answer, str]:
    """Return the answer (different, equivalent or unresolved) and its reason in one clause.

    Equivalent if equivalence within the margin is shown, even if a smaller difference is significant;
    different if the difference is significant and not shown to be within the margin; unresolved otherwise,
    and always below 10 seeds. Equivalence within less than 1 between-seed sd needs 20 seeds, because with
    fewer the sd that the margin is measured in is too uncertain.

    Parameters
    ----------
    pvalue : float
        P-value of the difference, adjusted for its family.
    equivalence_pvalue : float
        P-value of equivalence; NaN if that could not be tested.
    n_seeds : int
        Seeds of the smaller arm.
    margin : float
        Equivalence margin, in between-seed standard deviations.
    alpha : float
        Level of both tests.

    Returns
    -------
    answer, reason : str
    """
    if n_seeds < 3:
        return "unresolved", f"{count_seeds(n_seeds)}; below 3 the difference is only described"
    if n_seeds < MIN_SEEDS_TEST:
        return "unresolved", f"{n_seeds} seeds give an interval but no test; {MIN_SEEDS_TEST} are needed"
    if n_seeds < MIN_SEEDS_CLAIM:
        return "unresolved", f"{n_seeds} seeds allow a test but no claim; {MIN_SEEDS_CLAIM} are needed"
    narrow = margin < EQUIVALENCE_MARGIN and n_seeds < MIN_SEEDS_NARROW
    if equivalence_pvalue <= alpha and not narrow:
        within = (
            f"the difference is shown to be below {margin:g} between-seed sd (p = {equivalence_pvalue:.2g})"
        )
        return "equivalent", within + (", though it is not zero" if pvalue <= alpha else "")
    if pvalue <= alpha:
        return "different", f"the difference is significant (adjusted p = {pvalue:.2g})"
    if math.isnan(pvalue):
        return "unresolved", "the difference could not be tested"
    if math.isnan(equivalence_pvalue):
        return "unresolved", (
            f"no difference is shown (adjusted p = {pvalue:.2g}), and equivalence could not be tested"
        )
    if narrow:
        return "unresolved", (
            f"no difference is shown (adjusted p = {pvalue:.2g}), and equivalence within {margin:g} "
            f"between-seed sd needs {MIN_SEEDS_NARROW} seeds, not {n_seeds}"
        )
    return "unresolved", (
        f"neither a difference (adjusted p = {pvalue:.2g}) nor equivalence within {margin:g} between-seed sd "
        f"(p = {equivalence_pvalue:.2g}) is shown"
    )


def count_seeds(n: int) -> str:
    """Return "1 seed" or "n seeds"."""
    return "1 seed" if n == 1 else f"{n} seeds"
