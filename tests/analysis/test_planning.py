"""The design helper against the design study, statsmodels and direct simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestIndPower, TTestPower

from tests.analysis.processes import NORMAL_05, level_break
from tracekit_analysis import AnalysisError, plan, stability_index
from tracekit_analysis.comparisons.planning import STABLE_UPDATES, UNSTABLE_UPDATES
from tracekit_analysis.labels import pooled_interval
from tracekit_analysis.seeds import detectable_effect, power_of_difference, power_of_sameness, tost


@pytest.mark.parametrize(
    ("effect", "n", "power"),
    [(2.0, 5, 0.52), (2.0, 10, 0.94), (1.2, 5, 0.17), (1.2, 10, 0.48), (1.2, 20, 0.87)],
)
def test_power_is_that_of_the_method_sheet(effect, n, power):
    assert power_of_difference(effect, n, alpha=0.05 / 4) == pytest.approx(power, abs=0.005)


@pytest.mark.parametrize("effect", [0.3, 1.0, 2.5])
def test_power_agrees_with_statsmodels(effect):
    unpaired = TTestIndPower().power(effect, nobs1=8, ratio=1.5, alpha=0.05)
    assert power_of_difference(effect, 8, 12) == pytest.approx(unpaired, abs=1e-3)
    paired = TTestPower().power(effect, nobs=9, alpha=0.05)
    assert power_of_difference(effect, 9, paired=True, correlation=0.5) == pytest.approx(paired, abs=1e-3)


@pytest.mark.parametrize(("n", "paired"), [(1, False), (2, False), (3, False), (4, True), (5, True)])
def test_too_few_seeds_cannot_show_anything(n, paired):
    assert power_of_difference(100.0, n, paired=paired) == 0.0
    assert detectable_effect(n, paired=paired) == math.inf


def test_four_seeds_cannot_pass_holm_over_four_batch_sizes():
    assert power_of_difference(100.0, 4) > 0.99
    assert power_of_difference(100.0, 4, alpha=0.05 / 4) == 0.0


def test_detectable_effect_inverts_power():
    effect = detectable_effect(10, alpha=0.0125)
    assert power_of_difference(effect, 10, alpha=0.0125) == pytest.approx(0.8, abs=1e-4)
    assert detectable_effect(10, paired=True, correlation=0.9) < detectable_effect(10) / 2


@pytest.mark.parametrize(("n", "shared"), [(10, 0.0), (20, 0.0), (8, 0.8), (12, 0.5)])
def test_power_of_sameness_agrees_with_simulation(n, shared):
    rng = np.random.default_rng(n)
    found = 0
    for _ in range(600):
        common = np.sqrt(shared) * rng.standard_normal(n)
        x, y = common + np.sqrt(1 - shared) * rng.standard_normal((2, n))
        found += tost(x, y, paired=shared > 0).pvalue <= 0.05
    expected = power_of_sameness(1.0, n, paired=shared > 0, correlation=shared)
    assert found / 600 == pytest.approx(expected, abs=0.06)
    assert power_of_sameness(1.0, 1) == 0.0


def test_the_plan_answers_every_question_in_a_row_and_a_sentence():
    table = plan(effects=(2.0,), margins=(1.0,), index_margins=(0.1,), seeds=(5,))
    assert table["question"].tolist() == [
        "difference", "difference", "sameness", "sameness", "stable", "unstable",
    ]  # fmt: skip
    assert table["n_seeds"].tolist() == [10, 10, 20, 12, 5, 5]
    assert table["n_updates"].tolist()[4:] == [1881, 1086]
    assert table["sentence"].tolist()[0] == (
        "A difference of 2 between-seed sd needs 10 seeds per arm, unpaired, for power 0.8 at level 0.05 over a "
        "family of 4 (noncentral t; with 10 the power is 0.94)."
    )
    assert table["sentence"].tolist()[4] == (
        "At margin 0.1 and correlation time 1, a constant bound is labelled stable with probability .8 by 5 seeds "
        "of 1881 updates each after the burn-in (stored simulation, normal noise)."
    )
    assert plan(tau=3.0)["n_updates"].max() > 3 * 1880
    assert plan(effects=(0.01,))["n_seeds"].iloc[0] == math.inf
    narrow = plan(margins=(0.9, 1.0), correlation=0.98)
    assert narrow[(narrow["question"] == "sameness") & narrow["paired"]]["n_seeds"].tolist() == [20, 10]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"effects": (0.0,)}, "`effects` (=0.0) must be a number strictly between 0 and inf."),
        ({"seeds": (7,)}, "`seeds` (=7) must be 5, 10 or 20, the numbers for which updates were simulated."),
        ({"family": 0}, "`family` (=0) must be a whole number of at least 1."),
        ({"correlation": 1.0}, "`correlation` (=1.0) must be a number strictly between -1 and 1."),
    ],
)
def test_plans_that_cannot_be_made(arguments, sentence):
    with pytest.raises(AnalysisError) as error:
        plan(**arguments)
    assert str(error.value) == sentence


def labels(n: int, seeds: int, margin: float, index: float, runs: int) -> tuple[float, float]:
    """Shares of cells that are labelled stable and unstable; normal noise with a level break."""
    rng = np.random.default_rng([n, seeds, runs])
    process = level_break(2 * index * NORMAL_05)
    stable = unstable = 0
    for _ in range(runs):
        found = [stability_index(process(rng, n)) for _ in range(seeds)]
        low, high = pooled_interval(
            [one.theta for one in found],
            [one.msb / one.spread**2 for one in found],
            [one.msw / one.spread**2 for one in found],
            [one.n_blocks for one in found],
            [one.blocks_k for one in found],
        )
        stable += high < margin**2
        unstable += low > margin**2
    return stable / runs, unstable / runs


def test_planned_updates_suffice():
    rows = plan(index_margins=(0.1,), seeds=(5,)).tail(2)
    for question, n, n_seeds in zip(rows["question"], rows["n_updates"], rows["n_seeds"], strict=True):
        stable, unstable = labels(int(n), int(n_seeds), 0.1, 0.0 if question == "stable" else 0.2, 40)
        assert (stable if question == "stable" else unstable) >= 0.8 - 2.58 * math.sqrt(0.16 / 40)


@pytest.mark.calibration
@pytest.mark.parametrize("n_seeds", [5, 10, 20])
@pytest.mark.parametrize("margin", [0.1, 0.2, 0.4])
def test_planned_updates_suffice_in_full(margin, n_seeds):
    rows = plan(index_margins=(margin,), seeds=(n_seeds,)).tail(2)
    for question, n in zip(rows["question"], rows["n_updates"], strict=True):
        index = 0.0 if question == "stable" else 2 * margin
        share = labels(int(n), n_seeds, margin, index, 200)[question == "unstable"]
        assert share >= 0.8 - 2.58 * math.sqrt(0.16 / 200)


@pytest.mark.calibration
@pytest.mark.parametrize("n_seeds", [5, 10, 20])
def test_cached_constants_are_those_of_the_simulation(n_seeds):
    def intervals(noncentrality: float, runs: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng([seed, n_seeds])
        found = []
        for _ in range(runs):
            within = rng.chisquare(48, n_seeds) / 48
            between = rng.noncentral_chisquare(15, max(noncentrality, 1e-12), n_seeds) / 15
            theta = (between - within) * 15 / 64
            found.append(pooled_interval(theta, between, within, [16] * n_seeds, [4] * n_seeds))
        return 64 * np.array(found)

    upper = np.quantile(intervals(0.0, 1000, 0)[:, 1], 0.8)
    assert upper == pytest.approx(STABLE_UPDATES[n_seeds], rel=0.08)
    needed = UNSTABLE_UPDATES[n_seeds]
    assert np.mean(intervals(4 * needed, 400, 1)[:, 0] > needed) == pytest.approx(0.8, abs=0.08)
