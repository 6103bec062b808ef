"""Effect sizes between two arms of seeds: Hedges g and Cliff's delta, with intervals."""

from __future__ import annotations

import math

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.seeds.trimmed import (
    MIN_SEEDS_INTERVAL,
    TOO_FEW,
    Effect,
    differences,
    magnitude,
    no_effect,
    refusal,
    require_pairs,
    vector,
)


def hedges_g(a: ArrayLike, b: ArrayLike, *, paired: bool = False, level: float = 0.95) -> Effect:
    """Return the difference of means in between-seed standard deviations, corrected for small samples.

    ``g = J (mean a - mean b) / s`` with s the pooled standard deviation between the seeds of an arm, paired
    or not, and J = 1 - 3 / (4 df - 1). The interval is a t interval whose standard error includes that of s.
    One seed in an arm gives no estimate; two give no interval. If a run diverged there is no estimate either;
    use `cliffs_delta`.

    Parameters
    ----------
    a, b : (n_a,), (n_b,) array-like
        One value per seed.
    paired : bool
        Whether values at the same position share a seed.
    level : float
        Confidence level.

    Returns
    -------
    Effect
        In between-seed standard deviations.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Hedges (1981), J. Educ. Statist. 6:107.
    """
    x, y = vector("a", a), vector("b", b)
    require_between("level", level, 0.0, 1.0)
    require_pairs(x, y, paired)
    unit = "between-seed sd"
    method = "t interval that includes the error of the sd"
    refused = refusal(x, y)
    if not refused and not (np.isfinite(x).all() and np.isfinite(y).all()):
        refused = "a run diverged"
    if not refused and min(x.size, y.size) < 2:
        refused = "at least 2 seeds in each arm are needed for a standard deviation"
    scale = magnitude(x, y)
    x, y = x / scale, y / scale
    spread = math.nan if refused else pooled_sd(x, y)
    if not refused and not spread > 0.0:
        refused = "the values do not vary between seeds"
    if refused:
        return no_effect("hedges_g", level, unit, x.size, y.size, method, refused)
    degrees = x.size + y.size - 2
    correction = 1.0 - 3.0 / (4.0 * degrees - 1.0)
    d = float(x.mean() - y.mean()) / spread
    low = high = math.nan
    if min(x.size, y.size) >= MIN_SEEDS_INTERVAL:
        variance = (x - y).var(ddof=1) / x.size if paired else spread**2 * (1.0 / x.size + 1.0 / y.size)
        error = math.hypot(math.sqrt(variance) / spread, d * relative_error_of_sd(x, y, paired))
        half = float(scipy.special.stdtrit(x.size - 1 if paired else degrees, 0.5 + level / 2.0)) * error
        low, high = correction * (d - half), correction * (d + half)
    reason = "" if math.isfinite(low) else TOO_FEW
    return Effect("hedges_g", correction * d, low, high, level, unit, x.size, y.size, method, "ok", reason)


def cliffs_delta(a: ArrayLike, b: ArrayLike, *, paired: bool = False, level: float = 0.95) -> Effect:
    """Return Cliff's delta: how often a value of the first arm is above one of the second, minus how often below.

    ``delta = P(a > b) - P(a < b)``; the probability of superiority A12 is (1 + delta) / 2. Paired: over the
    pairs, with Wilson's interval. Unpaired: over all n_a n_b comparisons, with Cliff's consistent variance
    and Feng's asymmetric interval. Diverged runs are infinite and therefore rank last. Below 3 seeds there is
    no interval.

    Parameters
    ----------
    a, b, paired, level
        As for `hedges_g`.

    Returns
    -------
    Effect
        From -1 to 1.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Cliff (1996), Multivar. Behav. Res. 31:331; Feng and Cliff (2004), J. Mod. Appl. Stat. Methods 3:322;
    Vargha and Delaney (2000), J. Educ. Behav. Stat. 25:101.
    """
    x, y = vector("a", a), vector("b", b)
    require_between("level", level, 0.0, 1.0)
    require_pairs(x, y, paired)
    method = "Wilson, over pairs" if paired else "Feng-Cliff, over all comparisons"
    refused = refusal(x, y)
    if refused:
        return no_effect("cliffs_delta", level, "probability", x.size, y.size, method, refused)
    gaps = differences(x, y) if paired else differences(x[:, None], y[None, :])
    above = np.asarray(np.sign(gaps), dtype=np.float64)
    delta = float(above.mean())
    low = high = math.nan
    if min(x.size, y.size) >= MIN_SEEDS_INTERVAL:
        if paired:
            wins = (1.0 + delta) / 2.0 * x.size  # ties count half
            share = wilson_interval(wins, x.size, level)  # type: ignore[arg-type]
            low, high = 2.0 * share[0] - 1.0, 2.0 * share[1] - 1.0
        else:
            low, high = _feng_interval(above, delta, level)
    reason = "" if math.isfinite(low) else TOO_FEW
    return Effect(
        "cliffs_delta", delta, low, high, level, "probability", x.size, y.size, method, "ok", reason
    )


def pooled_sd(x: FloatArray, y: FloatArray) -> float:
    """Return the pooled standard deviation between the seeds of an arm."""
    degrees = x.size + y.size - 2
    return math.sqrt((x.var() * x.size + y.var() * y.size) / degrees)


def relative_error_of_sd(x: FloatArray, y: FloatArray, paired: bool) -> float:
    """Return the relative standard error of the pooled standard deviation, for normal values."""
    if not paired:
        return math.sqrt(1.0 / (2.0 * (x.size + y.size - 2)))
    return math.sqrt((1.0 + _correlation(x, y) ** 2) / (4.0 * (x.size - 1)))


def _feng_interval(above: FloatArray, delta: float, level: float) -> tuple[float, float]:
    n_a, n_b = above.shape
    z = float(scipy.special.stdtrit(n_a + n_b - 2, 0.5 + level / 2.0))
    if abs(delta) == 1.0:
        n = min(n_a, n_b)
        bound = (n - z * z) / (n + z * z)
        return (bound, 1.0) if delta > 0 else (-1.0, -bound)
    rows = ((above.mean(axis=1) - delta) ** 2).sum()
    columns = ((above.mean(axis=0) - delta) ** 2).sum()
    cells = ((above - delta) ** 2).sum()
    variance = (n_b**2 * rows + n_a**2 * columns - cells) / (n_a * n_b * (n_a - 1.0) * (n_b - 1.0))
    variance = max(float(variance), (1.0 - delta**2) / (n_a * n_b - 1.0))
    free = 1.0 - delta**2
    half = z * math.sqrt(variance * (free**2 + z * z * variance))
    scale = free + z * z * variance
    return max(-1.0, (delta * free - half) / scale), min(1.0, (delta * free + half) / scale)


def _correlation(x: FloatArray, y: FloatArray) -> float:
    spread = float(x.std() * y.std())
    return float(((x - x.mean()) * (y - y.mean())).mean()) / spread if spread > 0.0 else 0.0
