"""Power of comparisons over seeds, and the smallest effect that a design detects."""

from __future__ import annotations

import math

import scipy.special

from tracekit_analysis.seeds.arrangements import smallest_pvalue


def power_of_difference(
    effect: float,
    n_a: int,
    n_b: int | None = None,
    *,
    paired: bool = False,
    correlation: float = 0.0,
    alpha: float = 0.05,
) -> float:
    """Return the power of a two-sided test of two means, by the noncentral t distribution.

    Zero where the permutation test of so few seeds cannot reach `alpha`, whatever the effect: at alpha = .05
    with 1, 2 or 3 seeds, and paired also with 4 or 5.

    Parameters
    ----------
    effect : float
        Difference of means, in between-seed standard deviations.
    n_a, n_b : int
        Seeds in the arms; `n_b` is `n_a` if left out.
    paired : bool
        Whether runs of one seed form a pair.
    correlation : float
        Correlation of the pairs.
    alpha : float
        Level of this test, already divided by the size of its family if that is wanted.
    """
    other = n_a if n_b is None else n_b
    if min(n_a, other) < 2 or smallest_pvalue(n_a, other, paired=paired) > alpha:
        return 0.0
    if paired:
        degrees, scale = n_a - 1, math.sqrt(2.0 * (1.0 - correlation) / n_a)
    else:
        degrees, scale = n_a + other - 2, math.sqrt(1.0 / n_a + 1.0 / other)
    noncentrality = abs(effect) / scale if scale > 0.0 else math.inf
    critical = float(scipy.special.stdtrit(degrees, 1.0 - alpha / 2.0))
    if noncentrality > 30.0 + 3.0 * critical:
        return 1.0
    upper = 1.0 - float(scipy.special.nctdtr(degrees, noncentrality, critical))
    return min(1.0, upper + float(scipy.special.nctdtr(degrees, noncentrality, -critical)))


def power_of_sameness(
    margin: float, n: int, *, paired: bool = False, correlation: float = 0.0, alpha: float = 0.05
) -> float:
    """Return the power of `tost` if the true difference is zero, by the central t distribution.

    It is zero with 1 seed, and with 2, 3 or 4 seeds at margins up to 1 sd, because their sd is too uncertain.
    Equivalence is claimed from 10 seeds on (20 for margins below 1 sd), whatever this power.

    Parameters
    ----------
    margin : float
        Equivalence margin in between-seed standard deviations, which are estimated from the same seeds.
    n : int
        Seeds in each arm.
    paired, correlation, alpha
        As for `power_of_difference`.
    """
    if n < 2:
        return 0.0
    r = correlation if paired else 0.0
    degrees = n - 1 if paired else 2 * n - 2
    scale = math.sqrt(2.0 * (1.0 - r) / n)
    error = math.hypot(scale, margin * math.sqrt((1.0 + r * r) / (4.0 * (n - 1))))
    room = margin - float(scipy.special.stdtrit(degrees, 1.0 - alpha)) * error
    return max(0.0, 2.0 * float(scipy.special.stdtr(degrees, room / scale)) - 1.0)


def detectable_effect(
    n_a: int,
    n_b: int | None = None,
    *,
    paired: bool = False,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Return the smallest effect that these seeds detect with the given power, in between-seed sd.

    Infinite where the permutation test of so few seeds cannot reach `alpha`. Parameters as for
    `power_of_difference`.
    """

    def reached(effect: float) -> float:
        return power_of_difference(effect, n_a, n_b, paired=paired, correlation=correlation, alpha=alpha)

    low, high = 0.0, 64.0
    if reached(high) < power:
        return math.inf
    while high - low > 1e-6:
        middle = (low + high) / 2.0
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high


def detectable_interaction(
    df_interaction: int, df_residual: int, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest partial R squared that an F test with these degrees of freedom detects, for normal errors.

    With noncentrality L, partial R squared is L / (L + df_interaction + df_residual + 1) (Cohen 1988, ch. 9).
    Infinite without degrees of freedom, as with 1 seed per cell. 2, 3 and 4 seeds per cell detect only large
    effects, and `interaction` reports no p-value for them.

    Parameters
    ----------
    df_interaction, df_residual : int
        Degrees of freedom.
    alpha : float
        Level of this test, already divided by the size of its family if that is wanted.
    power : float
        Wanted probability of significance.
    """
    if min(df_interaction, df_residual) < 1:
        return math.inf
    critical = float(scipy.special.fdtri(df_interaction, df_residual, 1.0 - alpha))
    noncentrality = float(scipy.special.ncfdtrinc(df_interaction, df_residual, 1.0 - power, critical))
    return noncentrality / (noncentrality + df_interaction + df_residual + 1)
