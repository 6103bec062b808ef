"""What must not matter does not: order of seeds, units, direction of time; p-values are uniform where nothing moves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from tests.analysis.processes import autoregressive, iid, level_break, student, traces
from tracekit_analysis import characterize, label_from_features, stability_index
from tracekit_analysis.labels.cell import Seed
from tracekit_analysis.labels.rule import label_cell
from tracekit_analysis.statistics import (
    adf,
    arch_test,
    dfgls,
    kpss_cosine,
    lfq_test,
    mann_kendall,
    phillips_perron,
    scale_lfq,
    stability_label,
    variance_ratio,
    zivot_andrews,
)

seeds = st.integers(0, 2**32 - 1)
PROCESSES = st.sampled_from([iid, autoregressive(0.5), student(2), level_break(1.5)])


@given(seeds, PROCESSES, st.floats(1e-6, 1e6), st.floats(-10, 10))
def test_labels_and_pvalues_do_not_know_units(seed, process, a, shift):
    x = process(np.random.default_rng(seed), 400)
    moved = a * x + shift * a
    for test in (lfq_test, kpss_cosine, scale_lfq, mann_kendall, arch_test, phillips_perron, variance_ratio):
        assert test(moved).pvalue == pytest.approx(test(x).pvalue, rel=1e-4, abs=1e-9)
    plain, other = stability_index(x), stability_index(moved)
    assert other.index == pytest.approx(plain.index, rel=1e-4, abs=1e-6)
    assert other.drift == pytest.approx(plain.drift, rel=1e-4, abs=1e-6)
    if min(abs(plain.ci_low - 0.2), abs(plain.ci_high - 0.2)) > 1e-4:
        assert stability_label(other).label == stability_label(plain).label


@settings(max_examples=10)
@given(seeds, st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_unit_root_tests_do_not_know_units(seed, a, shift):
    x = autoregressive(0.5)(np.random.default_rng(seed), 200)
    for test in (adf, dfgls, zivot_andrews):
        assert test(a * x + shift * a).statistic == pytest.approx(test(x).statistic, rel=1e-5)


@given(seeds, PROCESSES)
def test_a_sign_swaps_the_bounds(seed, process):
    x = process(np.random.default_rng(seed), 400)
    up, down = stability_index(x, side="upper"), stability_index(-x, side="lower")
    for field in dataclasses.fields(up):
        if field.name not in ("side", "bound", "drift", "drift_ci_low", "drift_ci_high"):
            assert getattr(up, field.name) == getattr(down, field.name)
    assert (up.bound, up.drift, up.drift_ci_low) == (-down.bound, -down.drift, -down.drift_ci_high)
    assert lfq_test(x, side="upper").pvalue == lfq_test(-x).pvalue


@given(seeds)
def test_reversed_time_turns_the_trend(seed):
    x = np.random.default_rng(seed).standard_normal(500)
    forward, backward = mann_kendall(x), mann_kendall(x[::-1])
    if forward.n_blocks * forward.block_length == backward.n_blocks * backward.block_length == 500:
        assert backward.pvalue == pytest.approx(forward.pvalue, rel=1e-9)
        assert backward.slope == pytest.approx(-forward.slope, rel=1e-9)
    for test in (lfq_test, kpss_cosine, scale_lfq):
        assert test(x[::-1]).pvalue == pytest.approx(test(x).pvalue, rel=1e-6)


@given(seeds, PROCESSES)
def test_reversed_time_keeps_the_index_and_turns_the_drift(seed, process):
    x = process(np.random.default_rng(seed), 832)
    forward, backward = stability_index(x), stability_index(x[::-1])
    if forward.n_blocks * forward.blocks_k * forward.sub_block_length == 832:  # else a remainder is left out
        for name in ("index", "ci_low", "ci_high", "theta", "bound", "spread"):
            assert getattr(backward, name) == pytest.approx(getattr(forward, name), rel=1e-9, abs=1e-12), name
        assert backward.drift == pytest.approx(-forward.drift, rel=1e-9, abs=1e-12)
        assert backward.drift_ci_low == pytest.approx(-forward.drift_ci_high, rel=1e-9, abs=1e-12)


@given(seeds)
def test_rank_tests_see_the_order_of_values_only(seed):
    x = np.random.default_rng(seed).standard_normal(300)
    for monotone in (np.exp, np.arctan, np.cbrt):
        assert lfq_test(monotone(x)).pvalue == lfq_test(x).pvalue
        assert arch_test(monotone(x)).pvalue == pytest.approx(arch_test(x).pvalue, rel=1e-9)


theta = st.floats(-0.05, 0.5)
one_seed = st.builds(
    lambda value, msw, outcome: Seed(
        outcome, theta=value, msb=msw + value * 4, msw=msw, n_blocks=16, blocks_k=4, lfq_pvalue=0.5
    ),
    theta,
    st.floats(0.3, 1.0),
    st.sampled_from(["used", "used", "used", "diverged", "unusable", "unfinished"]),
)


@given(st.lists(one_seed, min_size=1, max_size=12), st.randoms())
def test_the_order_of_seeds_does_not_matter(members, random):
    shuffled = members[:]
    random.shuffle(shuffled)
    one = label_cell(members, "", "lower", 0.2, 0.95).to_record()
    two = label_cell(shuffled, "", "lower", 0.2, 0.95).to_record()
    for name, value in one.items():
        if isinstance(value, float):
            assert two[name] == pytest.approx(value, rel=1e-9, nan_ok=True)
        elif name not in ("seed_label", "stationarity", "reason"):
            assert two[name] == value


def test_the_order_of_rows_of_features_does_not_matter():
    frame = pd.concat([traces(iid, n=300), traces(level_break(4.0), n=300, optimizer="adam")])
    features = characterize(frame, preset="minimal")
    turned = label_from_features(features.iloc[::-1]).set_index("optimizer")
    straight = label_from_features(features).set_index("optimizer")
    for name in ("label", "n_used", "ci_low", "ci_high"):
        for optimizer in ("sgd", "adam"):
            expected = straight.loc[optimizer, name]
            assert turned.loc[optimizer, name] == (
                pytest.approx(expected, rel=1e-9) if isinstance(expected, float) else expected
            )


UNIFORM = {
    "kpss_cosine": lambda x: kpss_cosine(x).pvalue,
    "trend part of LFQ": lambda x: lfq_test(x).trend_pvalue,
    "wander part of LFQ": lambda x: lfq_test(x, side="upper").wander_pvalue,
    "mann_kendall": lambda x: mann_kendall(x).pvalue,
    "arch_test": lambda x: arch_test(x).pvalue,
}


@pytest.mark.parametrize("name", UNIFORM)
def test_pvalues_are_uniform_where_nothing_moves(name):
    rng = np.random.default_rng(1)
    pvalues = [UNIFORM[name](rng.standard_normal(600)) for _ in range(400)]
    assert kstest(pvalues, "uniform").pvalue > 0.01


def test_the_combined_pvalue_of_lfq_is_not_below_uniform():
    rng = np.random.default_rng(2)
    pvalues = [lfq_test(rng.standard_normal(600)).pvalue for _ in range(400)]
    assert kstest(pvalues, "uniform", alternative="greater").pvalue > 0.01  # Bonferroni over two parts
