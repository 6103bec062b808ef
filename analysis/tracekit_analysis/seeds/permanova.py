"""PERMANOVA and PERMDISP: do two arms of feature vectors differ in location or in dispersion?

They explain a difference that the energy test has found; they do not replace it. PERMANOVA compares locations
only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.seeds.arrangements import (
    MAX_EXACT,
    N_PERMUTATIONS,
    Randomness,
    as_seed,
    describe,
    share_at_least,
    sign_flips,
    splits,
)
from tracekit_analysis.seeds.permutation import check_arms, why_untestable
from tracekit_analysis.seeds.trimmed import magnitude


@dataclass(frozen=True, slots=True)
class LocationDispersion(Record):
    """Kind of difference between two arms of feature vectors: location, dispersion or both."""

    kind: Literal["location", "dispersion", "location and dispersion", "undetermined"]
    """Which of the two tests reject at `alpha`."""
    r_squared: float
    """PERMANOVA: share of the squared distances that the arms explain."""
    location_pvalue: float
    """PERMANOVA p-value; null: exchangeable arms, alternative: different centres."""
    dispersion_ratio: float
    """Mean distance of the seeds to the centre of their arm, first arm over second."""
    dispersion_pvalue: float
    """PERMDISP p-value; null: equal mean distances to the centre of the arm."""
    alpha: float
    """Level of either test."""
    method: str
    """How the p-values were found."""
    status: Status
    """Whether the tests could be computed."""
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
    """Test whether two arms of vectors differ in their centre or in their dispersion around it.

    PERMANOVA with two arms is the squared distance of their means over the total. PERMDISP compares the mean
    distances of the seeds to the mean of their arm (times sqrt(n / (n - 1))). It recomputes means and distances
    in each arrangement, which is exact if the arms are exchangeable; permuting the distances alone is not.
    Paired arms are exchanged within pairs. Below 3 seeds in an arm nothing is computed.

    Parameters
    ----------
    a, b : (n_a, n_features), (n_b, n_features) array-like
        One finite vector per seed, features on one scale.
    paired, n_permutations, max_exact, rng
        As for `energy_permutation`.
    alpha : float
        Level of each test.

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
        reason = "a centre and a dispersion need 3 seeds in each arm"
    if reason:
        nan = math.nan
        return LocationDispersion("undetermined", nan, nan, nan, nan, alpha, "", "inconclusive", reason)
    n_a, n_b = len(first), len(second)
    scale = magnitude(first, second)
    first, second = first / scale, second / scale
    pooled = np.concatenate([first, second])
    total = float(((pooled - pooled.mean(axis=0)) ** 2).sum())
    shift = first.mean(axis=0) - second.mean(axis=0)
    between = n_a * n_b / (n_a + n_b) * float((shift**2).sum())
    order = canonical_order(first, second, paired)
    members, exact = memberships(n_a, n_b, paired, n_permutations, max_exact, as_seed(rng))
    shifts = _centres(pooled[order], members) - _centres(pooled[order], 1.0 - members)
    location = share_at_least((shifts**2).sum(axis=1), float((shift**2).sum()), exact)
    scatter_a, scatter_b = _scatters(pooled, np.repeat([1.0, 0.0], [n_a, n_b])[None])
    drawn_a, drawn_b = _scatters(pooled[order], members)
    observed = abs(float(scatter_a[0] - scatter_b[0]))
    dispersion = share_at_least(np.abs(drawn_a - drawn_b), observed, exact)
    found = [
        name
        for name, pvalue in (("location", location), ("dispersion", dispersion))
        if pvalue <= alpha and total > 0.0
    ]
    return LocationDispersion(
        kind=" and ".join(found) or "undetermined",  # type: ignore[arg-type]
        r_squared=between / total if total > 0.0 else 0.0,
        location_pvalue=location,
        dispersion_ratio=float(scatter_a[0] / scatter_b[0]) if scatter_b[0] > 0.0 else math.nan,
        dispersion_pvalue=dispersion,
        alpha=alpha,
        method=describe(paired, exact, len(members)),
        status="ok",
        reason="",
    )


def canonical_order(first: FloatArray, second: FloatArray, paired: bool) -> NDArray[np.intp]:
    """Return an order of the pooled rows that does not depend on the order of seeds or of arms."""
    pooled = np.concatenate([first, second])
    if not paired:
        return np.lexsort(pooled.T)
    pairs = np.lexsort(np.vstack([np.abs(first - second).T, (first + second).T]))
    return np.concatenate([pairs, pairs + len(first)])


def memberships(
    n_a: int, n_b: int, paired: bool, n_permutations: int, max_exact: int, rng: Randomness
) -> tuple[FloatArray, bool]:
    """Return arrangements as rows of 0 and 1 that mark the smaller arm, and whether these are all."""
    if not paired:
        n_small, n_large = sorted((n_a, n_b))
        return splits(n_small, n_large, n_permutations, max_exact, rng)
    signs, exact = sign_flips(n_a, n_permutations, max_exact, rng)
    return np.hstack([signs > 0.0, signs < 0.0]).astype(np.float64), exact


def _centres(vectors: FloatArray, members: FloatArray) -> FloatArray:
    return np.asarray(members @ vectors / members[0].sum())


def _scatters(vectors: FloatArray, members: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean distances to the arm's centre in both arms, corrected for the error of the centre."""
    lengths = (vectors**2).sum(axis=1)
    found = []
    for own in (members, 1.0 - members):
        centres, n = _centres(vectors, own), float(own[0].sum())
        squares = lengths - 2.0 * centres @ vectors.T + (centres**2).sum(axis=1)[:, None]
        distances = np.sqrt(np.maximum(squares, 0.0))
        found.append((distances * own).sum(axis=1) / n * math.sqrt(n / (n - 1.0)))
    return found[0], found[1]
