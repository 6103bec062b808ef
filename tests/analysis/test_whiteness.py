"""The whiteness test on ranks: its size under any tail, its power, and its statistic as statsmodels has it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from tests.analysis.processes import autoregressive, garch, iid, negative_moving_average, student
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis.statistics import turning_point_test, whiteness_test


def pvalue(x):
    return whiteness_test(x).pvalue


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("process", [iid, student(2), student(1)])
def test_independent_values_are_white_whatever_their_tails(process, n):
    assert rejection_rate(pvalue, process, n, 300) <= 0.05 + slack(0.05, 300)


def test_bursts_of_volatility_are_taken_for_colour_a_little_too_often():
    assert rejection_rate(pvalue, garch, 600, 300) <= 0.10 + slack(0.10, 300)


def test_colour_is_found_and_told_from_blue():
    assert rejection_rate(pvalue, autoregressive(0.3), 500, 60) >= 0.95
    rng = np.random.default_rng(0)
    assert whiteness_test(autoregressive(0.5)(rng, 1000)).sum_of_correlations > 0.5
    assert whiteness_test(negative_moving_average(rng, 1000)).sum_of_correlations < -0.3


def test_the_statistic_is_ljung_and_boxs_of_the_normal_scores():
    from statsmodels.stats.diagnostic import acorr_ljungbox

    x = autoregressive(0.1)(np.random.default_rng(1), 400)
    theirs = acorr_ljungbox(ndtri((rankdata(x) - 0.5) / x.size), lags=[10]).iloc[0]
    ours = whiteness_test(np.sinh(3.0 * x))
    assert (ours.statistic, ours.pvalue) == pytest.approx((theirs["lb_stat"], theirs["lb_pvalue"]), rel=1e-9)


def turning_pvalue(x):
    return turning_point_test(x).pvalue


def test_mean_and_variance_of_turning_points_are_those_of_all_orders():
    """Every order of 7 values is equally likely under the null: the count's law is known by enumeration."""
    counts = []
    for order in itertools.permutations(range(7)):
        x = np.array(order)
        inner = x[1:-1]
        counts.append(np.sum((inner > np.maximum(x[:-2], x[2:])) | (inner < np.minimum(x[:-2], x[2:]))))
    assert np.mean(counts) == pytest.approx(2 * 5 / 3)
    assert np.var(counts) == pytest.approx((16 * 7 - 29) / 90)
    x = np.random.default_rng(0).standard_normal(300)
    brute = sum(x[i] == max(x[i - 1 : i + 2]) or x[i] == min(x[i - 1 : i + 2]) for i in range(1, 299))
    assert turning_point_test(x).count == brute


@pytest.mark.parametrize("process", [iid, student(1), garch])
def test_turning_points_keep_their_level_whatever_the_tails(process):
    assert rejection_rate(turning_pvalue, process, 400, 400) <= 0.05 + slack(0.05, 400)


def test_turning_points_tell_smooth_from_jagged_and_leave_a_slow_drift_alone():
    assert rejection_rate(turning_pvalue, autoregressive(0.5), 500, 60) >= 0.95
    rng = np.random.default_rng(0)
    assert turning_point_test(autoregressive(0.5)(rng, 1000)).ratio < 0.9
    assert turning_point_test(autoregressive(-0.5)(rng, 1000)).ratio > 1.1
    drift = np.linspace(0.0, 3.0, 1000)
    rejected = [turning_pvalue(rng.standard_normal(1000) + drift) < 0.05 for _ in range(200)]
    assert np.mean(rejected) <= 0.05 + slack(0.05, 200)


def test_values_that_repeat_have_no_turning_points_to_count():
    found = turning_point_test(np.resize([0.0, 0.0, 1.0], 300))
    assert found.status == "inconclusive"
    assert found.reason == "33% of neighbouring values are equal; at most 1% may be"
