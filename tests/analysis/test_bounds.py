"""The stability index and the decision on one series."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ncf

from tests.analysis.processes import (
    NORMAL_05,
    autoregressive,
    iid,
    level_break,
    linear_trend,
    lower_tail,
    student,
)
from tracekit_analysis import AnalysisError, stability_index
from tracekit_analysis.statistics import lfq_test, stability_label
from tracekit_analysis.statistics.bounds import noncentrality_interval

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("process", "truth", "drift"),
    [
        (linear_trend(0.6 * NORMAL_05), 0.6 / np.sqrt(12), 0.6),
        (linear_trend(-2.0 * NORMAL_05), 2.0 / np.sqrt(12), -2.0),
        (level_break(2 / 3 * NORMAL_05), 1 / 3, None),
        (iid, 0.0, 0.0),
    ],
)
def test_index_and_drift_recover_the_truth_on_a_long_series(process, truth, drift):
    for side in ("lower", "upper"):
        index = stability_index(process(np.random.default_rng(11), 60_000), side=side)
        assert index.ci_low <= truth <= index.ci_high
        assert index.ci_high - index.ci_low < 0.08 + 0.5 * truth
        if drift is not None:
            assert index.drift == pytest.approx(drift, abs=0.12)
        assert index.spread == pytest.approx(NORMAL_05, rel=0.06)


def test_the_bound_is_given_in_the_direction_of_the_series():
    index = stability_index(10.0 + iid(np.random.default_rng(2), 20_000), side="upper")
    assert index.bound == pytest.approx(10.0 + NORMAL_05, abs=0.05)


def test_theta_is_unbiased_and_signed_without_movement():
    rng = np.random.default_rng(4)
    theta = np.array([stability_index(iid(rng, 600)).theta for _ in range(150)])
    assert (theta < 0).mean() > 0.3
    assert abs(theta.mean()) < 3 * theta.std() / np.sqrt(150)


@given(seeds, st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_location_and_scale_change_nothing_and_a_sign_swaps_the_bounds(seed, a, b):
    x = np.random.default_rng(seed).standard_normal(400)
    plain, moved = stability_index(x), stability_index(a * x + b)
    mirrored = stability_index(-x, side="upper")
    for name in ("theta", "ci_low", "ci_high", "drift", "bound_variance_scaled"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name), rel=1e-5, abs=1e-6)
    assert moved.spread == pytest.approx(a * plain.spread, rel=1e-6)
    assert mirrored.theta == plain.theta
    assert mirrored.drift == -plain.drift
    assert stability_label(moved).label == stability_label(plain).label


@given(seeds)
def test_reversed_time_keeps_the_index_and_turns_the_drift(seed):
    x = np.random.default_rng(seed).standard_normal(800)  # 8 blocks of 4 x 25: nothing is left over
    forward, backward = stability_index(x), stability_index(x[::-1])
    if forward.sub_block_length == backward.sub_block_length == 25:
        assert backward.theta == pytest.approx(forward.theta, abs=1e-9)
        assert backward.drift == pytest.approx(-forward.drift, abs=1e-9)


def test_extreme_units_are_rescaled():
    x = linear_trend(1.0)(np.random.default_rng(0), 2000)
    plain = stability_index(x)
    for unit in (2.0**1020, 2.0**-1040):
        index = stability_index(x * unit)
        assert index.index == pytest.approx(plain.index, rel=1e-6)
        assert index.spread == pytest.approx(plain.spread * unit, rel=1e-6)


def test_sub_blocks_are_longer_than_the_dependence():
    index = stability_index(autoregressive(0.9)(np.random.default_rng(0), 20_000))
    assert index.tau_loc > 3
    assert index.sub_block_length >= 8 * index.tau_loc
    assert index.n_blocks * index.blocks_k * index.sub_block_length <= index.n_used == 20_000


def test_single_large_values_do_not_move_the_index():
    rng = np.random.default_rng(8)
    x = iid(rng, 4000)
    spiked = x.copy()
    spiked[rng.choice(4000, 8, replace=False)] = -1e6
    assert (
        stability_label(stability_index(spiked)).label
        == stability_label(stability_index(x)).label
        == "stable"
    )


def test_labels_of_one_series():
    rng = np.random.default_rng(1)
    assert stability_label(stability_index(iid(rng, 10_000))).label == "stable"
    broken = stability_label(stability_index(level_break(2 / 3 * NORMAL_05)(rng, 10_000)))
    assert broken.label == "unstable"
    assert broken.label_at_040 != "unstable"
    short = stability_label(stability_index(iid(rng, 190)))
    assert (short.label, short.reason) == ("inconclusive", "190 usable values; a label needs at least 200")


def test_a_drift_below_the_margin_is_called_immaterial():
    x = lower_tail(lambda u: 1 + 0.4 * u)(np.random.default_rng(6), 20_000)
    decision = stability_label(stability_index(x), lfq=lfq_test(x))
    assert decision.label == "stable"
    assert decision.reason.startswith("drifting, immaterial: the 95% interval of the index, [")


@pytest.mark.parametrize(("df1", "df2"), [(7, 8), (15, 48), (75, 240)])
def test_interval_of_the_noncentrality_inverts_the_law_at_any_size(df1, df2):
    for f in (0.1, 1.0, 3.0, 30.0, 9e4, 1.1e5, 1e12, 1e300):
        low, high = noncentrality_interval(f, df1, df2, 0.9)
        assert 0.0 <= low <= high
        if f < 1e6:
            assert low == 0.0 or ncf.cdf(f, df1, df2, low) == pytest.approx(0.95, abs=1e-3)
            assert high == 0.0 or ncf.cdf(f, df1, df2, high) == pytest.approx(0.05, abs=1e-3)


def test_the_index_needs_no_moments():
    index = stability_index(student(1)(np.random.default_rng(0), 20_000))
    assert index.ci_low == 0.0
    assert index.ci_high < 0.4


def test_every_field_of_the_result_is_in_the_record():
    index = stability_index(iid(np.random.default_rng(0), 500))
    assert list(index.to_record()) == [field.name for field in dataclasses.fields(index)]


def test_margin_must_be_positive():
    with pytest.raises(AnalysisError) as error:
        stability_label(stability_index(iid(np.random.default_rng(0), 500)), margin=0.0)
    assert str(error.value) == "`margin` (=0.0) must be a number strictly between 0 and inf."
