"""Do two arms of feature vectors differ in location or in dispersion: PERMANOVA and PERMDISP.

They explain a difference that the energy test has found; they do not replace it. PERMANOVA sees location
alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.arrangements import (
    MAX_EXACT,
    N_PERMUTATIONS,
    Randomness,
    as_seed,
    describe,
    share_at_least,
    sign_flips,
    splits,
)
from tracekit_analysis.permutation import check_arms, mean_permutation, why_untestable
from tracekit_analysis.results import Record, Status
from tracekit_analysis.series import FloatArray


@dataclass(frozen=True, slots=True)
class LocationDispersion(Record):
    """What kind of difference there is between two arms of feature vectors."""

    kind: Literal["location", "dispersion", "location and dispersion", "undetermined"]
    """Which of the two tests reject at `alpha`."""
    r_squared: float
    """PERMANOVA: share of the squared distances that the arms explain."""
    location_pvalue: float
    """PERMANOVA p-value; null: exchangeable arms, alternative: another centre."""
    dispersion_ratio: float
    """Mean distance to the own centre, first arm over second."""
    dispersion_pvalue: float
    """PERMDISP p-value; null: equal mean distances to the own centre."""
    alpha: float
    """Level of either test."""
    method: str
    """How the p-values were found."""
    status: Status
    """Whether they could be."""
    reason: str
    """Why not, in one sentence; empty if they could."""


def location_dispersion(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool = False,
    alpha: float = 0.05,
    n_permutations: int = N_PERMUTATIONS,
    max_exact: int = MAX_EXACT,
    rng: Randomness = 0,
) -> LocationDispersion:
    """Say whether two arms of vectors differ in their centre or in their scatter around it.

    PERMANOVA with two arms is the squared distance of their means over the total; PERMDISP compares the
    distances of the seeds to the mean of their own arm (times sqrt(n / (n - 1))). Paired arms are exchanged
    within pairs. Below 3 seeds in an arm there is no dispersion.

    Parameters
    ----------
    a, b : (n_a, n_features), (n_b, n_features) array-like
        One finite vector per seed, features on one scale.
    paired, n_permutations, max_exact, rng
        As for `energy_permutation`.
    alpha : float
        Level of either test.

    Returns
    -------
    LocationDispersion

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Anderson (2001), Austral Ecol. 26:32; Anderson (2006), Biometrics 62:245.
    """
    first, second = check_arms(a, b, 2, paired)
    reason = why_untestable(first, second, finite=True)
    if not reason and min(len(first), len(second)) < 3:
        reason = "a centre and a scatter need 3 seeds in each arm"
    if reason:
        nan = math.nan
        return LocationDispersion("undetermined", nan, nan, nan, nan, alpha, "", "inconclusive", reason)
    seed = as_seed(rng)
    n_a, n_b = len(first), len(second)
    pooled = np.concatenate([first, second])
    total = float(((pooled - pooled.mean(axis=0)) ** 2).sum())
    shift = first.mean(axis=0) - second.mean(axis=0)
    between = n_a * n_b / (n_a + n_b) * float((shift**2).sum())
    drawn, exact = _shifts(first, second, paired, n_permutations, max_exact, seed)
    location = share_at_least((drawn**2).sum(axis=1), float((shift**2).sum()), exact)
    scatter_a, scatter_b = _scatter(first), _scatter(second)
    dispersion = mean_permutation(
        scatter_a, scatter_b, paired=paired, n_permutations=n_permutations, max_exact=max_exact, rng=seed
    ).pvalue
    found = [
        name
        for name, pvalue in (("location", location), ("dispersion", dispersion))
        if pvalue <= alpha and total > 0.0
    ]
    mean_b = float(scatter_b.mean())
    return LocationDispersion(
        kind=" and ".join(found) or "undetermined",  # type: ignore[arg-type]
        r_squared=between / total if total > 0.0 else 0.0,
        location_pvalue=location,
        dispersion_ratio=float(scatter_a.mean()) / mean_b if mean_b > 0.0 else math.nan,
        dispersion_pvalue=dispersion,
        alpha=alpha,
        method=describe(paired, exact, len(drawn)),
        status="ok",
        reason="",
    )


def _shifts(
    first: FloatArray, second: FloatArray, paired: bool, n_permutations: int, max_exact: int, seed: int
) -> tuple[FloatArray, bool]:
    """Return the difference of the centres in every arrangement; arms and rows may come in any order."""
    if paired:
        order = np.lexsort(np.vstack([np.abs(first - second).T, (first + second).T]))
        signs, exact = sign_flips(len(first), n_permutations, max_exact, seed)
        return signs @ (first - second)[order] / len(first), exact
    n_small, n_large = sorted((len(first), len(second)))
    pooled = np.concatenate([first, second])
    pooled = pooled[np.lexsort(pooled.T)]
    members, exact = splits(n_small, n_large, n_permutations, max_exact, seed)
    return members @ pooled * (1.0 / n_small + 1.0 / n_large) - pooled.sum(axis=0) / n_large, exact


def _scatter(arm: FloatArray) -> FloatArray:
    """Return the distances to the mean of the arm, made unbiased for the mean's own error."""
    distances = np.sqrt(((arm - arm.mean(axis=0)) ** 2).sum(axis=1))
    return np.asarray(distances * math.sqrt(len(arm) / (len(arm) - 1.0)))
