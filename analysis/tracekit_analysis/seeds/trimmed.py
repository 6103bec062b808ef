"""Trimmed means of arms of seeds and their difference, with trimmed t intervals.

We do not use the bootstrap: over 3 to 10 seeds its 95 % percentile interval covers .74 to .94.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import AnalysisError, bad_argument, require_between
from tracekit_analysis.results import FloatArray, Record, Status

TRIM = 0.25
"""Share cut off at each end; the mean trimmed by this share is the interquartile mean (IQM)."""
MIN_SEEDS_INTERVAL = 3
MAX_EXPONENT = 300
TOO_FEW = f"an interval needs {MIN_SEEDS_INTERVAL} seeds in each arm"


@dataclass(frozen=True, slots=True)
class Effect(Record):
    """Location, difference or effect size, with its confidence interval."""

    name: str
    """``trimmed_mean``, ``trimmed_difference``, ``hedges_g`` or ``cliffs_delta``."""
    estimate: float
    """The estimate."""
    ci_low: float
    """Lower end of its interval; NaN below 3 seeds."""
    ci_high: float
    """Upper end of its interval; NaN below 3 seeds."""
    level: float
    """Confidence level."""
    unit: str
    """Unit of the estimate."""
    n_a: int
    """Seeds in the first arm, or in the only one."""
    n_b: int
    """Seeds in the second arm; 0 if there is none."""
    method: str
    """How the interval was formed."""
    status: Status
    """Whether the estimate could be computed."""
    reason: str
    """Why the estimate or its interval could not be computed, in one sentence; empty if both could."""


def iqm(values: ArrayLike, *, trim: float = TRIM, level: float = 0.95) -> Effect:
    """Return the interquartile mean over seeds with the Tukey-McLaughlin trimmed t interval.

    ``floor(trim n)`` values are cut off at each end, so up to 3 seeds give their plain mean. With 1 or 2
    seeds there is an estimate but no interval. Diverged runs (infinite values) are cut off like other
    extremes; if there are more than the trimming cuts off, the estimate is infinite.

    Parameters
    ----------
    values : (n,) array-like
        One value per seed.
    trim : float
        Share cut off at each end, below 0.5.
    level : float
        Confidence level.

    Returns
    -------
    Effect

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Tukey and McLaughlin (1963), Sankhya A 25:331.
    """
    x = vector("values", values)
    _require(trim, level)
    method = f"Tukey-McLaughlin t interval of the mean trimmed by {trim:.0%} at each end"
    refused = refusal(x)
    if refused:
        return no_effect("trimmed_mean", level, "", x.size, 0, method, refused)
    scale = magnitude(x)
    mean, error, kept = _trimmed(x / scale, trim)
    low, high, reason = _interval(mean, error, kept - 1, x.size, level)
    mean, low, high = scale * mean, scale * low, scale * high
    return Effect("trimmed_mean", mean, low, high, level, "", x.size, 0, method, "ok", reason)


def trimmed_difference(
    a: ArrayLike, b: ArrayLike, *, paired: bool = False, trim: float = TRIM, level: float = 0.95
) -> Effect:
    """Return the difference of trimmed means of two arms with its trimmed t interval.

    Paired: the trimmed mean of the differences, Tukey-McLaughlin. Unpaired: the difference of trimmed
    means, Yuen-Welch. With 1 or 2 seeds in an arm there is an estimate but no interval; 3 seeds are not
    trimmed.

    Parameters
    ----------
    a, b : (n_a,), (n_b,) array-like
        One value per seed; infinite where the run diverged. A pair with one diverged run differs by
        infinity; a pair of two diverged runs by zero.
    paired : bool
        Whether values at the same position share a seed.
    trim, level : float
        As for `iqm`.

    Returns
    -------
    Effect
        In units of the values.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Tukey and McLaughlin (1963), Sankhya A 25:331; Yuen (1974), Biometrika 61:165.
    """
    x, y = vector("a", a), vector("b", b)
    _require(trim, level)
    require_pairs(x, y, paired)
    method = f"{'Tukey-McLaughlin' if paired else 'Yuen-Welch'} t interval of means trimmed by {trim:.0%} at each end"
    refused = refusal(x, y)
    if refused:
        return no_effect("trimmed_difference", level, "", x.size, y.size, method, refused)
    scale = magnitude(x, y)
    x, y = x / scale, y / scale
    if paired:
        mean, error, kept = _trimmed(differences(x, y), trim)
        degrees = float(kept - 1)
    else:
        (mean_x, error_x, kept_x), (mean_y, error_y, kept_y) = _trimmed(x, trim), _trimmed(y, trim)
        mean = mean_x - mean_y if mean_x != mean_y else 0.0
        error = math.hypot(error_x, error_y)
        degrees = _welch_degrees(error_x, kept_x - 1, error_y, kept_y - 1)
    low, high, reason = _interval(mean, error, degrees, min(x.size, y.size), level)
    mean, low, high = scale * mean, scale * low, scale * high
    return Effect("trimmed_difference", mean, low, high, level, "", x.size, y.size, method, "ok", reason)


def _trimmed(x: FloatArray, trim: float) -> tuple[float, float, int]:
    """Return the trimmed mean, its Winsorised standard error and the number of values kept."""
    ordered = np.sort(x)
    cut = int(trim * x.size)
    kept = ordered[cut : x.size - cut]
    opposed = kept[0] == -math.inf and kept[-1] == math.inf
    mean = math.nan if opposed else float(kept[0]) if kept[0] == kept[-1] else float(kept.mean())
    if x.size < 2 or not np.isfinite(kept).all():
        return mean, math.nan, kept.size
    winsorised = np.clip(ordered, kept[0], kept[-1])
    squares = float(((winsorised - winsorised.mean()) ** 2).sum())
    return mean, math.sqrt(squares / (kept.size * (kept.size - 1.0))), kept.size


def _interval(mean: float, error: float, degrees: float, n: int, level: float) -> tuple[float, float, str]:
    if n < MIN_SEEDS_INTERVAL:
        return math.nan, math.nan, TOO_FEW
    if not math.isfinite(error) or not math.isfinite(mean):
        return math.nan, math.nan, "more runs diverged than the trimming cuts off"
    half = float(scipy.special.stdtrit(degrees, 0.5 + level / 2.0)) * error if error > 0.0 else 0.0
    return mean - half, mean + half, ""


def _welch_degrees(error_x: float, df_x: int, error_y: float, df_y: int) -> float:
    total = error_x**2 + error_y**2
    if not total > 0.0 or min(df_x, df_y) < 1:
        return float(max(1, df_x + df_y))
    return total**2 / (error_x**4 / df_x + error_y**4 / df_y)


def magnitude(*arms: FloatArray) -> float:
    """Return the power of two to divide by so that squares neither overflow nor vanish; 1 if none is needed."""
    finite = np.concatenate([np.abs(arm[np.isfinite(arm)]) for arm in arms])
    exponent = math.frexp(float(finite.max(initial=0.0)))[1]
    return math.ldexp(1.0, min(exponent, 1000)) if abs(exponent) > MAX_EXPONENT else 1.0


def differences(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return x - y pair by pair; two diverged runs differ by zero."""
    with np.errstate(invalid="ignore"):
        return np.where(x == y, 0.0, x - y)


def vector(name: str, values: ArrayLike) -> FloatArray:
    """Return one arm as a float vector."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1:
        raise bad_argument(name, f"array of shape {x.shape}", "must be one-dimensional, one value per seed")
    return x


def _require(trim: float, level: float) -> None:
    if isinstance(trim, str) or not 0.0 <= trim < 0.5:
        raise bad_argument("trim", trim, "must be a share of at least 0 and below 0.5")
    require_between("level", level, 0.0, 1.0)


def require_pairs(x: FloatArray, y: FloatArray, paired: bool) -> None:
    """Raise AnalysisError if pairs are asked of arms of different sizes."""
    if paired and x.size != y.size:
        raise AnalysisError(
            f"`a` has {x.size} seeds, but `b` has {y.size}; pairs need the same seeds in both arms."
        )


def refusal(*arms: FloatArray) -> str:
    """Return why arms cannot be compared; empty if they can."""
    if not all(arm.size for arm in arms):
        return "an arm has no seeds"
    return "a value is missing" if any(np.isnan(arm).any() for arm in arms) else ""


def no_effect(name: str, level: float, unit: str, n_a: int, n_b: int, method: str, reason: str) -> Effect:
    """Return an effect that could not be estimated."""
    nan = math.nan
    return Effect(name, nan, nan, nan, level, unit, n_a, n_b, method, "inconclusive", reason)
