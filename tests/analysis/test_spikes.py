"""Robust spikes, and the spike rules of two frameworks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, garch, iid, level_break, linear_trend, student
from tracekit_analysis import AnalysisError
from tracekit_analysis.calibration.processes import with_zeros
from tracekit_analysis.statistics import find_spikes, relative_spike_rule, running_mean_rule

FALSE_SPIKES = {  # per 10,000 values at 5 and 8, in the design study
    "iid": (iid, 0.5, 0.0),
    "AR.9": (autoregressive(0.9), 0.9, 0.0),
    "GARCH": (garch, 0.4, 0.0),
    "t3": (student(3), 120.0, 32.0),
}


@pytest.mark.parametrize("process", FALSE_SPIKES)
def test_false_spikes_per_ten_thousand_values(process):
    draw, at_5, at_8 = FALSE_SPIKES[process]
    rng = np.random.default_rng(0)
    found = [find_spikes(draw(rng, 10_000)) for _ in range(20)]
    rate_5, rate_8 = np.mean([s.n_5 for s in found]), np.mean([s.n_8 for s in found])
    if at_8:
        assert (rate_5, rate_8) == pytest.approx((at_5, at_8), rel=0.15)
        assert np.mean([10 * s.expected_rate for s in found]) == pytest.approx(rate_5, rel=0.1)
    else:
        assert rate_5 <= at_5 + 2.58 * np.sqrt(at_5 / 20)
        assert rate_8 <= 0.1


def test_spikes_are_found_where_they_are_and_grouped():
    x = iid(np.random.default_rng(0), 2000)
    x[[300, 301, 302, 900, 1500]] += [15, 18, 15, -20, 25]
    spikes = find_spikes(x)
    assert spikes.at.tolist() == [300, 301, 302, 900, 1500]
    assert spikes.cluster.tolist() == [0, 0, 0, 1, 2]
    assert (spikes.n_spikes, spikes.n_clusters, spikes.n_above) == (5, 3, 4)
    assert spikes.score[3] < -15
    assert spikes.rate == 2.5


def test_trends_and_breaks_are_no_spikes():
    rng = np.random.default_rng(0)
    assert find_spikes(linear_trend(100.0)(rng, 2000)).n_8 == 0
    assert find_spikes(level_break(50.0)(rng, 2000)).n_8 <= 3


def test_the_window_grows_with_the_correlation_time():
    rng = np.random.default_rng(0)
    assert find_spikes(iid(rng, 4000)).window == 51
    slow = find_spikes(autoregressive(0.95)(rng, 4000))
    assert 120 < slow.window < 300
    assert slow.gap > 20


def test_exact_zeros_give_no_scale():
    rng = np.random.default_rng(0)
    x = with_zeros(0.7)(rng, 3000)
    x[1000] = 40.0
    spikes = find_spikes(x)
    assert 1000 in spikes.at
    assert spikes.n_spikes <= 3
    assert spikes.notes == (f"{spikes.zeros:.0%} of the values are exactly zero and were left out",)
    assert find_spikes(np.where(np.arange(400) % 50 == 7, 1.0, 0.0)).status == "inconclusive"


def test_spikes_do_not_depend_on_units():
    x = student(3)(np.random.default_rng(0), 2000)
    np.testing.assert_array_equal(find_spikes(-3.0 * x + 8.0).at, find_spikes(x).at)
    np.testing.assert_array_equal(find_spikes(1e200 * x).at, find_spikes(x).at)


def loss(*spikes: tuple[int, float], n: int = 400) -> np.ndarray:
    values = 1.0 + 0.01 * iid(np.random.default_rng(0), n)
    for place, height in spikes:
        values[place] = height
    return values


def test_the_relative_rule_asks_for_a_rise_by_two_running_means():
    assert relative_spike_rule(loss((100, 2.9))).n_alarms == 0
    alarms = relative_spike_rule(loss((100, 3.2), (101, 3.3), (200, 3.1)))
    assert alarms.at.tolist() == [100, 101, 200]  # an alarm does not enter the running mean
    assert alarms.first == 100
    falling = np.concatenate([np.full(50, 10.0), np.full(50, 1.0)])
    assert relative_spike_rule(falling).n_alarms == 0
    assert relative_spike_rule(loss()).first == -1


def test_the_running_rule_asks_for_more_than_four_values_in_a_row():
    four = loss(*((t, 2.5) for t in range(200, 204)))
    five = loss(*((t, 2.5) for t in range(200, 205)))
    early = loss(*((t, 2.5) for t in range(50, 60)))
    assert running_mean_rule(four).n_alarms == 0
    assert running_mean_rule(five).at.tolist() == [204]
    assert running_mean_rule(early).n_alarms == 0  # no alarm before a full window
    assert running_mean_rule(loss() + 10.5).n_high == 200
    assert running_mean_rule(loss()).n_high == 0


def test_the_running_rule_is_the_counter_that_it_describes():
    x = np.exp(autoregressive(0.9)(np.random.default_rng(3), 3000))
    counter, expected = 0, []
    for t in range(100, x.size):
        counter = counter + 1 if x[t] >= 2.0 * x[t - 100 : t].mean() else 0
        if counter > 4:
            expected.append(t)
    assert len(expected) > 10
    assert running_mean_rule(x).at.tolist() == expected


def test_arguments_are_checked():
    with pytest.raises(AnalysisError) as error:
        relative_spike_rule(loss(), window=0)
    assert str(error.value) == "`window` (=0) must be a whole number of at least 1."
    with pytest.raises(AnalysisError):
        find_spikes(loss(), threshold=0.0)
