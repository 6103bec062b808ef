"""Mann-Kendall on block means and McLeod-Li on ranks: sizes, powers, and another library's numbers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tests.analysis.processes import autoregressive, garch, iid, linear_trend, scale_break, student
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis import AnalysisError, as_series, stability_index
from tracekit_analysis.statistics import (
    arch_test,
    autocorrelation_time,
    dependence,
    kpss,
    kpss_cosine,
    lfq_test,
    ljung_box,
    mann_kendall,
    nyquist_test,
    peak_test,
    scale_lfq,
)


def trend_pvalue(x):
    return mann_kendall(x).pvalue


def arch_pvalue(x):
    return arch_test(x).pvalue


@pytest.mark.parametrize("process", [iid, autoregressive(0.5), student(1)])
def test_a_constant_level_has_no_trend(process):
    assert rejection_rate(trend_pvalue, process, 500, 200) <= 0.05 + slack(0.05, 200)


def test_a_trend_is_found_and_measured():
    assert rejection_rate(trend_pvalue, linear_trend(0.5), 1000, 60) >= 0.9
    trend = mann_kendall(100.0 * linear_trend(1.0)(np.random.default_rng(0), 20_000) + 7.0)
    assert trend.slope_ci_low < 100.0 < trend.slope_ci_high
    assert trend.slope == pytest.approx(100.0, rel=0.1)
    assert trend.n_blocks == 50
    falling = mann_kendall(linear_trend(-1.0)(np.random.default_rng(0), 20_000))
    assert falling.statistic < 0 > falling.slope_ci_high


def test_a_short_series_with_bursts_warns_of_tests_that_reject_too_often():
    rng = np.random.default_rng(0)
    rejected = unwarned = warned = 0
    for _ in range(200):
        x = garch(rng, 200)
        warns = any("reject too often" in note for note in arch_test(x).notes)
        rejects = lfq_test(x).pvalue < 0.05
        warned, rejected, unwarned = warned + warns, rejected + rejects, unwarned + (rejects and not warns)
    assert rejected / 200 > 0.08
    assert unwarned / 200 <= 0.05 + slack(0.05, 200)
    assert warned / 200 >= 0.30 - slack(0.30, 200)
    long = arch_test(garch(rng, 5000))
    assert (long.pvalue < 0.05, long.notes) == (True, ())


def test_tests_that_dependence_deceives_say_so_and_the_others_keep_their_size():
    rng = np.random.default_rng(0)
    series = [as_series(autoregressive(0.9)(rng, 200)) for _ in range(200)]
    for test in (kpss, mann_kendall, kpss_cosine, lfq_test, scale_lfq, stability_index):
        notes = [test(x).notes for x in series if test(x).status == "ok"]
        assert np.mean([any("autocorrelation times" in note for note in some) for some in notes]) > 0.9
    for test in (arch_test, ljung_box, peak_test, nyquist_test):
        found = np.mean([test(x).pvalue < 0.05 for x in series])
        assert found <= 0.09 + slack(0.09, 200)
        assert not any("autocorrelation times" in note for x in series for note in test(x).notes)


def test_the_correlation_time_is_computed_once_per_series(monkeypatch):
    seen = []
    real = dependence.geyer_tau
    monkeypatch.setattr(dependence, "geyer_tau", lambda covariance: seen.append(1) or real(covariance))
    series = as_series(iid(np.random.default_rng(0), 2000))
    for test in (lfq_test, kpss_cosine, scale_lfq, autocorrelation_time, kpss):
        test(series)
    assert len(seen) == 1
    autocorrelation_time(series.since(10))
    assert len(seen) == 2


def test_block_means_agree_with_pymannkendall():
    from statsmodels.datasets import nile

    pairs = nile.load_pandas().data["volume"].to_numpy().reshape(50, 2).mean(axis=1)
    # Values that alternate around each mean make 50 blocks of 20, whose means are the pairs.
    x = np.repeat(pairs, 20) + np.resize([1e4, -1e4], 1000)
    trend = mann_kendall(x)
    assert (trend.n_blocks, trend.block_length) == (50, 20)
    assert trend.statistic == pytest.approx(-0.33877551)  # pymannkendall 1.4.3, original_test: Tau
    assert trend.slope == pytest.approx(-4.8333333 * 50)  # its slope is per block
    # Its z = -3.463051116 at s = -415 is brought one step towards zero; without that, the p-value is ours.
    assert trend.pvalue == pytest.approx(2 * norm.sf(3.463051116 * 415 / 414), rel=1e-6)


def test_too_much_dependence_for_blocks_is_said():
    trend = mann_kendall(autoregressive(0.99)(np.random.default_rng(0), 400))
    assert trend.status == "inconclusive"
    assert trend.reason.startswith("fewer than 6 stretches of 5 autocorrelation times (")


@pytest.mark.parametrize("process", [iid, autoregressive(0.5), student(2), student(1)])
def test_noise_without_bursts_has_none(process):
    assert rejection_rate(arch_pvalue, process, 1000, 150) <= 0.05 + slack(0.05, 150)


def test_bursts_and_scale_breaks_are_found():
    assert rejection_rate(arch_pvalue, garch, 1000, 60) >= 0.85
    assert rejection_rate(arch_pvalue, scale_break(3.0), 1000, 20) == 1.0


def test_bursts_do_not_depend_on_units_and_little_on_tails():
    x = garch(np.random.default_rng(5), 2000)
    assert arch_test(1e6 * x + 3.0).pvalue == pytest.approx(arch_test(x).pvalue, rel=1e-6)
    assert arch_test(np.sinh(x)).pvalue == pytest.approx(arch_test(x).pvalue, rel=1e-6)


def test_lags_must_fit():
    with pytest.raises(AnalysisError) as error:
        arch_test(np.arange(100.0), lags=30)
    assert str(error.value) == "`lags` (=30) must be a whole number from 1 to a fifth of the length (=100)."
    with pytest.raises(AnalysisError) as error:
        mann_kendall(np.arange(100.0), level=95)
    assert str(error.value) == "`level` (=95) must be a number strictly between 0 and 1."
