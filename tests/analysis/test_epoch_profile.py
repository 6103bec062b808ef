"""Sawtooth within the epoch, and the series without what repeats in every epoch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, iid, linear_trend, negative_moving_average, reshuffled
from tests.analysis.processes import sawtooth as sawtooth_process
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis import AnalysisError, as_series
from tracekit_analysis.series import remove_epoch_profile, sawtooth
from tracekit_analysis.statistics import epoch_comb

PROCESSES = {
    "iid": iid,
    "AR.5": autoregressive(0.5),
    "AR.9": autoregressive(0.9),
    "MA-.8": negative_moving_average,
    "trend": linear_trend(3.0),
    "reshuffled": reshuffled(50),
}


def pvalue(x):
    return sawtooth(x, epoch_length=50).pvalue


@pytest.mark.parametrize("process", PROCESSES)
def test_size(process):
    rate = 0.08 if process == "MA-.8" else 0.05
    assert rejection_rate(pvalue, PROCESSES[process], 1000, 250) <= rate + slack(rate, 250)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [1000, 10_000])
@pytest.mark.parametrize("process", PROCESSES)
def test_size_in_full(process, n):
    rate = 0.08 if process == "MA-.8" else 0.05
    assert rejection_rate(pvalue, PROCESSES[process], n, 2000) <= rate + slack(rate, 2000)


def test_the_rise_of_a_sawtooth_is_found_on_top_of_a_trend():
    rng = np.random.default_rng(0)
    ramp = np.arange(50) / 50
    found = []
    for _ in range(100):
        x = np.resize(2.0 * ramp, 2000) - 4.0 * np.arange(2000) / 2000 + iid(rng, 2000)
        saw = sawtooth(x, epoch_length=50)
        found.append((saw.rise, saw.trend, saw.excess))
        assert saw.pvalue < 1e-4
    assert np.mean(found, axis=0) == pytest.approx([1.9, -0.1, 2.0], abs=0.06)


def test_its_standard_error_is_the_spread_of_the_estimate():
    rng = np.random.default_rng(1)
    for process in (iid, autoregressive(0.5)):
        found = [sawtooth(process(rng, 1000), epoch_length=50) for _ in range(200)]
        spread = np.std([saw.excess for saw in found])
        assert np.mean([saw.excess_se for saw in found]) == pytest.approx(spread, rel=0.15)


def test_the_epochs_of_a_series_keep_their_phase_after_a_cut():
    n = 1000
    series = as_series(
        sawtooth_process(40, height=1.0)(np.random.default_rng(0), n), epochs=np.arange(n) // 40
    )
    cut = series.since(50)
    assert (series.epoch_start, cut.epoch_start, cut.since(30).epoch_start) == (0, 30, 0)
    assert sawtooth(cut).excess == pytest.approx(sawtooth(series).excess, rel=0.05)
    late = as_series(series.values[25:], epochs=np.arange(25, n) // 40)
    assert late.epoch_start == 15


def test_without_its_profile_a_fixed_order_is_noise():
    rng = np.random.default_rng(0)
    x = np.resize(rng.standard_normal(50), 2000) + iid(rng, 2000)
    assert epoch_comb(x, 50).pvalue < 1e-10
    assert sawtooth(x, epoch_length=50).profile_share == pytest.approx(0.5, abs=0.1)
    rest = remove_epoch_profile(x, epoch_length=50)
    assert epoch_comb(rest, 50).pvalue > 0.5
    assert sawtooth(rest).profile_share < 0
    assert rest.values.mean() == pytest.approx(x.mean())
    assert rest.points_per_epoch == 50


def test_what_is_missing_is_said():
    noise = iid(np.random.default_rng(0), 400)
    assert sawtooth(noise).reason == "the length of an epoch is unknown"
    assert sawtooth(noise, epoch_length=100).reason == "4 full epochs; at least 5 are needed"
    assert remove_epoch_profile(noise, epoch_length=300).reason == "1 full epochs; at least 2 are needed"
    exact = remove_epoch_profile(np.resize([0.0, 1.0, 5.0], 300), epoch_length=3)
    assert (exact.status, exact.reason) == ("degenerate", "every epoch repeats the first one")
    with pytest.raises(AnalysisError) as error:
        sawtooth(noise, epoch_length=2)
    assert str(error.value) == "`epoch_length` (=2) must be a whole number of at least 3."
