"""The low-frequency tests: null law, invariance, and what they can and cannot see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.processes import iid, linear_trend, lower_tail, reshuffled
from tracekit_analysis import AnalysisError, stability_index
from tracekit_analysis.statistics import kpss_cosine, lfq_test, scale_lfq
from tracekit_analysis.statistics.constancy import trend_pvalue

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(("n_bands", "critical"), [(12, 0.416), (20, 0.437), (24, 0.444), (43, 0.451)])
def test_critical_values_agree_with_simulated_ones(n_bands, critical):
    assert trend_pvalue(critical, n_bands) == pytest.approx(0.05, abs=0.0015)


def test_tail_of_the_trend_statistic_agrees_with_simulation():
    rng = np.random.default_rng(7)
    power = rng.chisquare(1.0, (200_000, 16))
    statistic = (power / (np.pi * np.arange(1, 17)) ** 2).sum(axis=1) / power.mean(axis=1)
    for critical in (0.1, 0.3, 0.6, 0.9):
        share = np.mean(statistic > critical)
        assert trend_pvalue(critical, 16) == pytest.approx(share, abs=4 * np.sqrt(share / 200_000))


def test_pvalues_fall_with_the_statistic_down_to_the_floor():
    pvalues = [trend_pvalue(statistic, 20) for statistic in np.linspace(0.01, 2.5, 250)]
    assert np.all(np.diff(pvalues) <= 0)
    assert pvalues[0] == pytest.approx(1.0)
    assert pvalues[-1] == 1e-12


@given(seeds, st.sampled_from([64, 201, 600]))
def test_lfq_depends_on_the_order_of_values_only(seed, n):
    x = np.random.default_rng(seed).standard_normal(n)
    for side in ("lower", "upper"):
        pvalue = lfq_test(x, side=side).pvalue
        assert lfq_test(np.exp(x), side=side).pvalue == pvalue
        assert lfq_test(x**3, side=side).pvalue == pvalue


@given(seeds)
def test_lfq_does_not_see_the_direction_of_time(seed):
    x = np.random.default_rng(seed).standard_normal(300)
    assert lfq_test(x[::-1]).pvalue == pytest.approx(lfq_test(x).pvalue, rel=1e-6)


@given(seeds, st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_location_and_scale_change_nothing_and_a_sign_swaps_the_bounds(seed, a, b):
    x = np.random.default_rng(seed).standard_normal(256)
    for test in (lfq_test, kpss_cosine, scale_lfq):
        assert test(a * x + b).pvalue == pytest.approx(test(x).pvalue, rel=1e-6)
    assert lfq_test(-x, side="upper").pvalue == lfq_test(x, side="lower").pvalue
    assert scale_lfq(-x).pvalue == scale_lfq(x).pvalue


def test_a_moving_lower_bound_is_seen_though_the_level_is_constant():
    x = lower_tail(lambda u: 1 + u)(np.random.default_rng(3), 5000)
    assert lfq_test(x).pvalue < 1e-4
    assert kpss_cosine(x).pvalue > 0.05


def test_a_shuffled_trend_looks_constant_which_is_why_order_must_be_attested():
    rng = np.random.default_rng(5)
    x = linear_trend(2.0)(rng, 1000)
    assert lfq_test(x).pvalue < 1e-4
    shuffled = [lfq_test(rng.permutation(x)).pvalue < 0.05 for _ in range(40)]
    assert np.mean(shuffled) < 0.15


def test_the_band_stays_below_the_number_of_epochs():
    x = reshuffled(50)(np.random.default_rng(0), 1000)
    assert lfq_test(x).n_bands == 20
    assert lfq_test(x, n_epochs=14).n_bands == 14
    few = lfq_test(x, n_epochs=3)
    assert few.n_bands == 12
    assert few.notes == ("3 epochs: the band contains the epoch frequency, so the test is conservative",)


def test_short_dependent_series_carry_a_warning():
    x = np.repeat(iid(np.random.default_rng(1), 20), 10)
    (note,) = kpss_cosine(x).notes
    assert note.startswith("200 values are fewer than 50 autocorrelation times of ")


def test_a_bound_far_out_asks_for_a_long_series():
    x = iid(np.random.default_rng(0), 9999)
    (note,) = lfq_test(x, tau=0.01).notes
    assert note == "tau = 0.01 is meant for 10,000 values or more; of these 9999 few lie beyond the bound"
    assert stability_index(x, tau=0.01).notes == (note,)
    assert scale_lfq(x, tau=0.01).notes == (note,)
    assert lfq_test(x, tau=0.05).notes == lfq_test(np.append(x, 0.0), tau=0.01).notes == ()


def test_hypotheses_are_said_in_words():
    test = lfq_test(iid(np.random.default_rng(0), 600), side="upper")
    assert test.null == "the upper bound (quantile at 0.05 from that side) is constant over the series"
    assert test.alternative == "the upper bound drifts, breaks or wanders"
    assert test.to_record()["name"] == "lfq_upper"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tau": 0.7}, "`tau` (=0.7) must be a number strictly between 0 and 0.5."),
        ({"tau": "best"}, "`tau` (='best') must be one of 'auto'."),
        ({"side": "left"}, "`side` (='left') must be one of 'lower', 'upper'."),
        ({"n_epochs": 0}, "`n_epochs` (=0) must be at least 1; leave it out if it is unknown."),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(AnalysisError) as error:
        lfq_test(np.arange(100.0), **arguments)
    assert str(error.value) == message
