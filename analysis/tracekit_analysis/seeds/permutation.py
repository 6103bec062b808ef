"""Permutation tests of two arms of seeds: p-values from rearranging the runs, exact for few seeds.

Each seed counts once. Values of one series over time are not replicates: a test that pools them rejects in most
comparisons of two runs of the same optimizer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.errors import AnalysisError, bad_argument, require_choice
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.seeds.arrangements import (
    MAX_EXACT,
    N_PERMUTATIONS,
    Randomness,
    describe,
    share_at_least,
    sign_flips,
    smallest_pvalue,
    splits,
)
from tracekit_analysis.seeds.trimmed import magnitude

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True)
class PermutationTest(Record):
    """Outcome of one permutation test of two arms."""

    name: str
    """``mean_difference`` or ``energy``."""
    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """Difference of means (of ranks, where a run diverged), or energy distance."""
    pvalue: float
    """Share of arrangements that are at least as extreme as the observed one."""
    smallest_pvalue: float
    """Smallest p-value that this many seeds can give, whatever the data."""
    n_a: int
    """Seeds in the first arm."""
    n_b: int
    """Seeds in the second arm."""
    paired: bool
    """Whether runs of one seed form a pair."""
    exact: bool
    """Whether all arrangements were visited."""
    n_arrangements: int
    """Arrangements visited, the observed one included."""
    method: str
    """How the p-value was found."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""


def mean_permutation(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool = False,
    alternative: Alternative = "two-sided",
    n_permutations: int = N_PERMUTATIONS,
    max_exact: int = MAX_EXACT,
    rng: Randomness = 0,
) -> PermutationTest:
    """Test whether two arms have the same mean, by permuting seeds.

    Null: the arms are exchangeable (within each pair, if paired). Alternative: the first has a larger,
    smaller or different mean. An infinite value is a diverged run: all values are then replaced by their
    ranks, with the diverged runs last. All arrangements are visited if there are at most `max_exact`;
    otherwise `n_permutations` random ones give ``p = (1 + #) / (B + 1)``.

    With 1 seed per arm p = 1; with 2, 3, 4 the two-sided p-value cannot be below .333, .100, .029 (paired:
    .5, .25, .125); `smallest_pvalue` returns these limits.

    Parameters
    ----------
    a, b : (n_a,), (n_b,) array-like
        One value per seed. If paired, the values at the same position share a seed.
    paired : bool
        Flip signs of the differences within pairs instead of exchanging seeds between the arms.
    alternative : {"two-sided", "greater", "less"}
        "greater": the first arm has the larger mean.
    n_permutations, max_exact : int
        Number of random arrangements, and the largest number of arrangements that are all visited.
    rng : int or Generator
        Seed of the random arrangements.

    Returns
    -------
    PermutationTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Fisher (1935), The Design of Experiments, section 21; Phipson and Smyth (2010), Stat. Appl. Genet. Mol.
    Biol. 9:39.
    """
    require_choice("alternative", alternative, ("two-sided", "greater", "less"))
    first, second = check_arms(a, b, 1, paired)
    words = {"two-sided": "another", "greater": "a larger", "less": "a smaller"}[alternative]
    alternative_words = f"the first arm has {words} mean"
    refused = why_untestable(first, second)
    if refused:
        return _no_test("mean_difference", alternative_words, first, second, paired, refused)
    values = np.concatenate([first, second])
    if np.isinf(values).any():
        values = scipy.stats.rankdata(values)
    scale = magnitude(values)
    values = values / scale
    x, y = values[: first.size], values[first.size :]
    if paired:
        differences = x - y
        order = np.lexsort((differences, np.abs(differences)))
        signs, exact = sign_flips(x.size, n_permutations, max_exact, rng)
        drawn = signs @ differences[order] / x.size
    else:
        small, large = (x, y) if x.size <= y.size else (y, x)
        pooled = np.sort(values)
        members, exact = splits(small.size, large.size, n_permutations, max_exact, rng)
        drawn = members @ pooled * (1.0 / small.size + 1.0 / large.size) - pooled.sum() / large.size
        drawn = drawn if x.size <= y.size else -drawn
    observed = float(x.mean() - y.mean())
    folded = {"two-sided": np.abs, "greater": np.positive, "less": np.negative}[alternative]
    smallest = smallest_pvalue(
        x.size, y.size, paired=paired, one_sided=alternative != "two-sided",
        n_permutations=n_permutations, max_exact=max_exact,
    )  # fmt: skip
    return PermutationTest(
        name="mean_difference",
        null="the arms are exchangeable" + (" within pairs" if paired else ""),
        alternative=alternative_words,
        statistic=scale * observed,
        pvalue=share_at_least(folded(drawn), float(folded(np.float64(observed))), exact),
        smallest_pvalue=smallest,
        n_a=x.size,
        n_b=y.size,
        paired=paired,
        exact=exact,
        n_arrangements=drawn.size + (not exact),
        method=describe(paired, exact, drawn.size),
        status="ok",
        reason="",
    )


def energy_permutation(
    a: ArrayLike,
    b: ArrayLike,
    *,
    paired: bool = False,
    n_permutations: int = N_PERMUTATIONS,
    max_exact: int = MAX_EXACT,
    rng: Randomness = 0,
) -> PermutationTest:
    """Test whether two arms of feature vectors have the same distribution, by the energy distance.

    Null: the arms are exchangeable (within each pair, if paired). Alternative: their distributions differ, in
    location, dispersion or otherwise. The statistic is the energy distance
    ``2 E|a - b| - E|a - a'| - E|b - b'|`` of the vectors as given; `compare` standardises them first. Paired
    runs are exchanged within pairs. For a single paired feature the paired distance (pairs against their
    mirror images) is added: in one dimension the energy distance alone does not detect a shift smaller than
    the gaps between seeds.

    Few seeds: as for `mean_permutation`.

    Parameters
    ----------
    a, b : (n_a, n_features), (n_b, n_features) array-like
        One finite vector per seed.
    paired, n_permutations, max_exact, rng
        As for `mean_permutation`.

    Returns
    -------
    PermutationTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Szekely and Rizzo (2004), InterStat 5; (2013), J. Statist. Plann. Inference 143:1249.
    """
    first, second = check_arms(a, b, 2, paired)
    refused = why_untestable(first, second, finite=True)
    if refused:
        return _no_test("energy", "the distributions of the arms differ", first, second, paired, refused)
    n_a, n_b = len(first), len(second)
    scale = magnitude(first, second)
    first, second = first / scale, second / scale
    if paired:
        order = np.lexsort(np.vstack([np.abs(first - second).T, (first + second).T]))
        kernel = swap_kernel(first[order], second[order])
        signs, exact = sign_flips(n_a, n_permutations, max_exact, rng)
        drawn = ((signs @ kernel) * signs).sum(axis=1)
        observed = float(kernel.sum())
    else:
        small, large = (first, second) if n_a <= n_b else (second, first)
        pooled = np.concatenate([small, large])
        distances = _distances(pooled, pooled)
        observed = float(_energies(np.arange(n_a + n_b)[None] < len(small), distances)[0])
        order = np.lexsort(pooled.T)
        members, exact = splits(len(small), len(large), n_permutations, max_exact, rng)
        drawn = _energies(members, distances[np.ix_(order, order)])
    energy = 2.0 * _distances(first, second).mean()
    energy -= _distances(first, first).mean() + _distances(second, second).mean()
    smallest = smallest_pvalue(n_a, n_b, paired=paired, n_permutations=n_permutations, max_exact=max_exact)
    return PermutationTest(
        name="energy",
        null="the arms are exchangeable" + (" within pairs" if paired else ""),
        alternative="the distributions of the arms differ",
        statistic=scale * max(float(energy), 0.0),
        pvalue=share_at_least(drawn, observed, exact),
        smallest_pvalue=smallest,
        n_a=n_a,
        n_b=n_b,
        paired=paired,
        exact=exact,
        n_arrangements=drawn.size + (not exact),
        method=describe(paired, exact, drawn.size),
        status="ok",
        reason="",
    )


def swap_kernel(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return K such that ``s' K s`` is the energy statistic after the pairs with s = -1 are swapped."""
    crossed = _distances(first, second)
    own, other = _distances(first, first), _distances(second, second)
    kernel = crossed + crossed.T - own - other
    np.fill_diagonal(kernel, 0.0)
    if first.shape[1] == 1:
        mirrored = np.hypot(crossed, crossed.T) - np.hypot(own, other)
        np.fill_diagonal(mirrored, 0.0)
        kernel = _unit(kernel) + _unit(mirrored)
    return kernel


def _energies(members: NDArray[np.float64] | NDArray[np.bool_], distances: FloatArray) -> FloatArray:
    """Return the energy distance of each split: ``-w' D w`` with w = 1/n_a in one arm, -1/n_b in the other."""
    marked = members.astype(np.float64)
    n_a = marked[0].sum()
    weights = marked / n_a - (1.0 - marked) / (marked.shape[1] - n_a)
    return np.asarray(-((weights @ distances) * weights).sum(axis=1))


def _distances(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(((x[:, None, :] - y[None, :, :]) ** 2).sum(axis=2)))


def _unit(kernel: FloatArray) -> FloatArray:
    size = float(np.abs(kernel).mean())
    return kernel / size if size > 0.0 else kernel


def check_arms(a: ArrayLike, b: ArrayLike, ndim: int, paired: bool) -> tuple[FloatArray, FloatArray]:
    """Return both arms as float arrays with `ndim` dimensions."""
    arms = []
    for name, arm in (("a", a), ("b", b)):
        values = np.asarray(arm, dtype=np.float64)
        if values.ndim != ndim:
            raise bad_argument(name, f"array of shape {values.shape}", f"must have {ndim} dimension(s)")
        arms.append(values)
    first, second = arms
    if first.shape[1:] != second.shape[1:]:
        raise AnalysisError(f"`a` has {first.shape[1]} features, but `b` has {second.shape[1]}.")
    if paired and len(first) != len(second):
        raise AnalysisError(
            f"`a` has {len(first)} seeds, but `b` has {len(second)}; pairs need the same seeds in both arms."
        )
    return first, second


def why_untestable(first: FloatArray, second: FloatArray, *, finite: bool = False) -> str:
    """Return why arms cannot be tested; empty if they can."""
    if not len(first) or not len(second):
        return "an arm has no seeds"
    if np.isnan(first).any() or np.isnan(second).any():
        return "a value is missing"
    if finite and not (np.isfinite(first).all() and np.isfinite(second).all()):
        return "a value is infinite"
    return ""


def _no_test(
    name: str, alternative: str, first: FloatArray, second: FloatArray, paired: bool, reason: str
) -> PermutationTest:
    null = "the arms are exchangeable" + (" within pairs" if paired else "")
    nan = math.nan
    return PermutationTest(
        name, null, alternative, nan, nan, nan, len(first), len(second), paired, False, 0, "",
        "inconclusive", reason,
    )  # fmt: skip
