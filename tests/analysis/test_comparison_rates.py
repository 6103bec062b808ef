"""Error rates of comparisons over seeds under known truth; full size under the marker `calibration`.

The design study's figures for size, power and labels, widened by the binomial error of the number of repetitions.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from tests.analysis.processes import autoregressive
from tests.analysis.seed_grids import FEATURES, grid, mark
from tracekit_analysis import compare
from tracekit_analysis.comparisons.identification import N_CLASSIFIER_PERMUTATIONS, identifiability
from tracekit_analysis.seeds import energy_permutation, freedman_lane, mean_permutation

FULL = pytest.mark.calibration


def slack(rate: float, runs: int) -> float:
    return 2.58 * math.sqrt(rate * (1 - rate) / runs)


def rates(runs: int, **truth: object) -> dict[str, float]:
    """Shares of rejections and answers of the comparison of all features."""
    rng = np.random.default_rng([runs, *repr(sorted(truth.items())).encode()])
    pairing = truth.pop("pairing", "auto")
    diverged = truth.pop("diverged", 0.0)
    counts = dict.fromkeys(("rejects", "location", "dispersion", "different", "equivalent"), 0)
    for _ in range(runs):
        table = grid(rng, **truth)
        for optimizer in ("sgd", "adam") if diverged else ():
            gone = np.flatnonzero(rng.random(truth["seeds"]) < diverged)
            table = mark(table, optimizer, gone, "diverged")
        rows = compare(table, features=[n for n in table if n[0] == "x"], pairing=pairing, n_permutations=199)
        row = rows[rows["feature"] == "all"].iloc[0]
        counts["rejects"] += row["pvalue"] <= 0.05
        counts["location"] += row["location_pvalue"] <= 0.05
        counts["dispersion"] += row["dispersion_pvalue"] <= 0.05
        counts["different"] += row["answer"] == "different"
        counts["equivalent"] += row["answer"] == "equivalent"
    return {name: count / runs for name, count in counts.items()}


NULLS = [
    {"seeds": 6, "shared": 0.0, "pairing": "unpaired"},
    {"seeds": 10, "shared": 0.0, "pairing": "unpaired"},
    {"seeds": 10, "shared": 0.7},
    {"seeds": 10, "shared": 0.0, "diverged": 0.2},
    {"seeds": {"sgd": 12, "adam": 7}, "pairing": "unpaired"},
]


@pytest.mark.parametrize("truth", NULLS)
def test_size_of_the_global_test(truth):
    found = rates(60, **truth)
    assert found["rejects"] <= 0.05 + slack(0.05, 60)
    assert found["location"] <= 0.05 + slack(0.05, 60)
    assert found["different"] <= 0.05 + slack(0.05, 60)


@FULL
@pytest.mark.parametrize("truth", NULLS)
def test_size_of_the_global_test_in_full(truth):
    found = rates(500, **truth)
    assert found["rejects"] <= 0.05 + slack(0.05, 500)
    assert found["location"] <= 0.05 + slack(0.05, 500)
    assert found["dispersion"] <= 0.08 + slack(0.08, 500)


def energy_rate(n: int, shift: float, ratio: float, runs: int, *, scaled: bool) -> float:
    """Share of rejections of the energy test; 1 sd in 3 of 10 features, as in the design study."""
    rng = np.random.default_rng([n, runs, int(ratio), scaled])
    found = 0
    for _ in range(runs):
        a, b = rng.standard_normal((2, n, 10))
        a[:, :3] += shift
        a *= ratio
        if scaled:
            pooled = np.vstack([a, b])
            spread = np.median(np.abs(pooled - np.median(pooled, axis=0)), axis=0)
            a, b = a / spread, b / spread
        found += energy_permutation(a, b, n_permutations=199).pvalue <= 0.05
    return found / runs


POWERS = [  # seeds, shift, ratio, in known units: the design study's figure; in pooled MADs: measured here
    (5, 1.0, 1.0, 0.34, 0.21),
    (10, 1.0, 1.0, 0.75, 0.62),
    (5, 0.0, 3.0, 0.68, 0.66),
    (10, 0.0, 3.0, 1.00, 0.99),
]


@pytest.mark.parametrize(("n", "shift", "ratio", "known", "scaled"), POWERS)
def test_power_of_the_energy_test(n, shift, ratio, known, scaled):
    assert energy_rate(n, shift, ratio, 150, scaled=False) >= known - slack(known, 150)
    assert energy_rate(n, shift, ratio, 150, scaled=True) >= scaled - slack(scaled, 150)


@pytest.mark.parametrize(("n", "paired"), [(5, False), (10, False), (6, True), (10, True)])
def test_size_of_the_test_of_means(n, paired):
    rng = np.random.default_rng(n)
    rejected = [
        mean_permutation(*rng.standard_t(3, (2, n)), paired=paired, n_permutations=199).pvalue <= 0.05
        for _ in range(400)
    ]
    assert np.mean(rejected) <= 0.05 + slack(0.05, 400)


def test_points_in_time_are_not_replicates_but_seeds_are():
    rng = np.random.default_rng(1)
    process = autoregressive(0.5)
    pooled, by_seed = [], []
    for _ in range(150):
        runs = np.array([process(rng, 300) + 0.4 * rng.standard_normal() for _ in range(10)])
        pooled.append(scipy.stats.ks_2samp(runs[:5].ravel(), runs[5:].ravel()).pvalue <= 0.05)
        by_seed.append(mean_permutation(runs[:5].mean(axis=1), runs[5:].mean(axis=1)).pvalue <= 0.05)
    assert np.mean(pooled) >= 0.8
    assert np.mean(by_seed) <= 0.05 + slack(0.05, 150)


def test_planted_answers():
    different = rates(25, seeds=10, shift=2.5, shared=0.5)
    assert different["different"] >= 0.9
    equivalent = rates(15, seeds=50, shared=0.5)
    assert equivalent["equivalent"] >= 0.7
    assert equivalent["different"] <= 0.2
    at_the_margin = rates(15, seeds=40, shift=1.0, shared=0.5)
    assert at_the_margin["equivalent"] <= 0.2


@FULL
def test_planted_answers_in_full():
    assert rates(200, seeds=10, shift=2.5, shared=0.5)["different"] >= 0.95
    equivalent = rates(150, seeds=50, shared=0.5)
    assert equivalent["equivalent"] >= 0.8
    assert equivalent["different"] <= 0.05 + slack(0.05, 150)
    assert rates(150, seeds=40, shift=1.0, shared=0.5, n_shifted=1)["equivalent"] <= 0.05 + slack(0.05, 150)


def interaction_rate(
    seeds: int,
    runs: int,
    *,
    effect: float = 0.0,
    ratio: float = 1.0,
    blocked: bool = False,
    skewed: bool = False,
) -> float:
    rng = np.random.default_rng([seeds, runs, int(10 * effect), int(ratio), blocked])
    first = np.repeat([0, 1], 4 * seeds)
    second = np.tile(np.repeat(np.arange(4), seeds), 2)
    seed = np.tile(np.arange(seeds), 8)
    found = 0
    for _ in range(runs):
        y = rng.standard_normal(8 * seeds) * np.where(first == 1, ratio, 1.0) + first + 0.3 * second
        y = y + effect * first * (second == 3)
        if blocked:
            y = y + 1.5 * rng.standard_normal(seeds)[seed]
        block = seed.tolist() if blocked else None
        test = freedman_lane(y, first.tolist(), second.tolist(), block=block, n_permutations=199, rng=rng)
        found += test.pvalue <= 0.05
    return found / runs


INTERACTIONS = [  # seeds, arguments, most rejections under the null
    (5, {}, 0.057),
    (10, {}, 0.057),
    (5, {"ratio": 3.0}, 0.077),
    (10, {"blocked": True}, 0.057),
    (10, {"blocked": True, "ratio": 3.0}, 0.08),
]


@pytest.mark.parametrize(("seeds", "arguments", "most"), INTERACTIONS)
def test_size_of_the_interaction(seeds, arguments, most):
    assert interaction_rate(seeds, 150, **arguments) <= most + slack(most, 150)


@FULL
@pytest.mark.parametrize(("seeds", "arguments", "most"), INTERACTIONS)
def test_size_of_the_interaction_in_full(seeds, arguments, most):
    assert interaction_rate(seeds, 2000, **arguments) <= most + slack(most, 2000)


def test_power_of_the_interaction():
    assert interaction_rate(10, 60, effect=2.0) >= 0.7
    assert interaction_rate(10, 60, effect=2.0, blocked=True) >= 0.7


def identified(runs: int, **truth: object) -> tuple[float, float]:
    """Share of significant comparisons and of significant negative controls."""
    rng = np.random.default_rng(runs)
    found = np.zeros(2)
    for _ in range(runs):
        table = identifiability(
            grid(rng, **truth), features=FEATURES, n_permutations=N_CLASSIFIER_PERMUTATIONS // 5
        )
        found[0] += (table["pvalue"].iloc[0] <= 0.05) / runs
        found[1] += (table["pvalue"].iloc[1:] <= 0.05).mean() / runs
    return float(found[0]), float(found[1])


def test_identification_keeps_its_size_and_finds_what_is_there():
    null = identified(40, seeds=10)
    assert max(null) <= 0.05 + slack(0.05, 40)
    there = identified(10, seeds=10, shift=3.0)
    assert there[0] >= 0.9
    assert there[1] <= 0.25


@FULL
def test_identification_in_full():
    null = identified(300, seeds=10)
    assert max(null) <= 0.05 + slack(0.05, 300)
    paired = identified(200, seeds=10, shared=0.7)
    assert max(paired) <= 0.05 + slack(0.05, 200)
