"""Arrangements of seeds for permutation tests: all if there are few, otherwise random ones from a stated seed."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray

MAX_EXACT = 20_000
N_PERMUTATIONS = 9_999
TIE = 1e-9
"""Statistics closer than this, relative to the largest, are counted as equal."""

Randomness = int | np.random.Generator
"""Source of randomness: a seed, or a generator from which a seed is drawn."""


def smallest_pvalue(
    n_a: int,
    n_b: int | None = None,
    *,
    paired: bool = False,
    one_sided: bool = False,
    n_permutations: int = N_PERMUTATIONS,
    max_exact: int = MAX_EXACT,
) -> float:
    """Return the smallest p-value that a permutation test of these seeds can give, whatever the data.

    Two-sided, 1, 2, 3, 4, 5, 6 seeds per arm: 1, .333, .100, .029, .0079, .0022; paired 1, 2, 3, 4, 5, 6, 8, 10:
    1, .5, .25, .125, .063, .031, .0078, .0020. So at .05 nothing can be significant below 4 seeds per arm, or
    below 6 pairs. Arms of unequal size have no mirror images: their two-sided minimum is 1 / (number of
    arrangements).
    """
    other = n_a if n_b is None else n_b
    total = 2**n_a if paired else math.comb(n_a + other, n_a)
    mirrored = not one_sided and (paired or n_a == other)
    if total > max_exact:
        return 1.0 / (n_permutations + 1)
    return min(1.0, (2.0 if mirrored else 1.0) / total)


def sign_flips(n: int, n_permutations: int, max_exact: int, rng: Randomness) -> tuple[FloatArray, bool]:
    """Return rows of n signs, all 2^n of them if allowed, and whether these are all."""
    _require_counts(n_permutations, max_exact)
    if n < 63 and 2**n <= max_exact:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return (1 - 2 * bits).astype(np.float64), True
    bits = np.random.default_rng(as_seed(rng)).integers(0, 2, (n_permutations, n))
    return (1 - 2 * bits).astype(np.float64), False


def splits(
    n_a: int, n_b: int, n_permutations: int, max_exact: int, rng: Randomness
) -> tuple[FloatArray, bool]:
    """Return rows of 0 and 1 that mark n_a of n_a + n_b seeds, all if allowed, and whether these are all."""
    _require_counts(n_permutations, max_exact)
    n = n_a + n_b
    if math.comb(n, n_a) <= max_exact:
        return _all_splits(n, n_a), True
    keys = np.random.default_rng(as_seed(rng)).random((n_permutations, n))
    return (keys.argsort(axis=1, kind="stable") < n_a).astype(np.float64), False


def share_at_least(drawn: FloatArray, observed: float, exact: bool) -> float:
    """Return the p-value: the share of arrangements at least as large as the observed one, ties included."""
    tolerance = TIE * max(float(np.abs(drawn).max()), abs(observed))
    count = int(np.count_nonzero(drawn >= observed - tolerance))
    return count / drawn.size if exact else (1 + count) / (drawn.size + 1)


def as_seed(rng: Randomness) -> int:
    """Return a seed: the integer itself, or one drawn from a generator."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)) or rng < 0:
        raise bad_argument("rng", rng, "must be a seed (0, 1, 2, ...) or a numpy.random.Generator")
    return int(rng)


def substream(seed: int, *words: object) -> np.random.Generator:
    """Return a generator that depends only on the seed and the words, not on earlier computations."""
    return np.random.default_rng([seed, *" ".join(str(word) for word in words).encode()])


def describe(paired: bool, exact: bool, n_arrangements: int) -> str:
    """Return how a permutation p-value was found, in words."""
    what = "sign flips within pairs" if paired else "exchanges of seeds"
    return f"all {n_arrangements} {what}" if exact else f"{n_arrangements} random {what}"


@lru_cache(maxsize=16)
def _all_splits(n: int, n_a: int) -> FloatArray:
    chosen = np.array(list(itertools.combinations(range(n), n_a)), dtype=np.intp).reshape(-1, n_a)
    members = np.zeros((len(chosen), n))
    members[np.arange(len(chosen))[:, None], chosen] = 1.0
    members.flags.writeable = False
    return members


def _require_counts(n_permutations: int, max_exact: int) -> None:
    for name, count in (("n_permutations", n_permutations), ("max_exact", max_exact)):
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1:
            raise bad_argument(name, count, "must be a whole number of at least 1")
