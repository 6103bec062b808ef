"""The whiteness test on ranks: its size under any tail, its power, and its statistic as statsmodels has it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import rankdata

from tests.analysis.processes import autoregressive, garch, iid, negative_moving_average, student
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis.statistics import whiteness_test


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
