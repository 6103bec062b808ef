"""Spectral peaks and the oscillation of period 2."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import Process, autoregressive, iid, random_walk, student
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis import AnalysisError, as_series
from tracekit_analysis.calibration.processes import fractional_noise
from tracekit_analysis.statistics import nyquist_test, peak_test

FULL = pytest.mark.calibration
PROCESSES: dict[str, Process] = {
    "iid": iid,
    "AR.5": autoregressive(0.5),
    "AR.9": autoregressive(0.9),
    "AR-.5": autoregressive(-0.5),
    "d=.3": fractional_noise(0.3),
    "t2": student(2),
    "walk": random_walk,
}
SIZES = [  # process, n, rate that the design study allows for the peak test and for the Nyquist test
    ("iid", 200, 0.054, 0.07),
    ("AR.5", 200, 0.05, 0.07),
    ("AR.9", 200, 0.05, 0.07),
    ("AR-.5", 200, 0.05, 0.14),
    ("t2", 200, 0.05, 0.07),
    ("iid", 1000, 0.057, 0.07),
    ("AR.5", 1000, 0.057, 0.07),
    ("AR.9", 1000, 0.053, 0.07),
    ("AR-.5", 1000, 0.05, 0.07),
    ("d=.3", 1000, 0.055, 0.07),
    ("t2", 1000, 0.05, 0.07),
    ("walk", 1000, 0.05, 0.07),
]


def check_sizes(process: str, n: int, peak_rate: float, nyquist_rate: float, runs: int) -> None:
    draw = PROCESSES[process]
    assert rejection_rate(lambda x: peak_test(x).pvalue, draw, n, runs) <= peak_rate + slack(peak_rate, runs)
    found = rejection_rate(lambda x: nyquist_test(x).pvalue, draw, n, runs)
    assert found <= nyquist_rate + slack(nyquist_rate, runs)


@pytest.mark.parametrize(("process", "n", "peak_rate", "nyquist_rate"), SIZES)
def test_size(process, n, peak_rate, nyquist_rate):
    check_sizes(process, n, peak_rate, nyquist_rate, 200)


@FULL
@pytest.mark.parametrize(
    ("process", "n", "peak_rate", "nyquist_rate"),
    [*SIZES, *((process, 10_000, 0.05, 0.07) for process in PROCESSES)],
)
def test_size_in_full(process, n, peak_rate, nyquist_rate):
    check_sizes(process, n, peak_rate, nyquist_rate, 2000)


def test_a_sine_is_found_with_its_period_and_amplitude():
    t = np.arange(1000)
    x = 0.5 * np.sin(2 * np.pi * t / 50) + autoregressive(0.5)(np.random.default_rng(0), 1000)
    peak = peak_test(as_series(x, epochs=t // 100))
    assert peak.pvalue < 1e-3
    assert peak.n_peaks == 1
    assert peak.period == pytest.approx(50)
    assert peak.cycles_per_epoch == pytest.approx(2)
    assert peak.amplitude == pytest.approx(0.5, abs=0.15)
    assert peak.band_low < 1 / 50 < peak.band_high


def test_the_sunspots_have_a_period_of_eleven_years():
    from statsmodels.datasets import sunspots

    peak = peak_test(sunspots.load_pandas().data["SUNACTIVITY"])
    assert peak.period == pytest.approx(11.04, abs=0.005)
    assert peak.pvalue < 0.001


def test_the_edge_of_stability_oscillates_with_period_two():
    rng = np.random.default_rng(0)
    t = np.arange(1000)
    for n in (1000, 999):
        oscillating = iid(rng, n) + 0.3 * (-1.0) ** t[:n]
        assert nyquist_test(oscillating).oscillates
    assert not nyquist_test(autoregressive(0.5)(rng, 1000)).oscillates


def test_a_slow_oscillation_in_antiphase_is_not_mistaken_for_it():
    upper = np.random.default_rng(0).standard_normal(1000).cumsum()
    assert nyquist_test(upper).lag1 > 0.9
    assert not nyquist_test(upper).oscillates


def test_an_even_stride_hides_the_oscillation():
    x = iid(np.random.default_rng(0), 400)
    even = nyquist_test(as_series(x, steps=np.arange(400) * 10))
    assert (even.status, even.reason) == (
        "inconclusive",
        "every 10th step was recorded: an even stride hides an oscillation of period 2",
    )
    odd = nyquist_test(as_series(x, steps=np.arange(400) * 5))
    assert odd.status == "ok"
    assert odd.notes == ("every 5th step was recorded; an oscillation of period 2 is still seen",)


@pytest.mark.parametrize("test", [peak_test, nyquist_test])
def test_changing_units_changes_no_pvalue(test):
    x = autoregressive(0.5)(np.random.default_rng(1), 500)
    assert test(3.5 * x - 20.0).pvalue == pytest.approx(test(x).pvalue, rel=1e-8)
    assert test(x[::-1]).pvalue == pytest.approx(test(x).pvalue, rel=1e-8 if test is peak_test else 0.5)


def test_levels_must_be_probabilities():
    with pytest.raises(AnalysisError) as error:
        peak_test(np.arange(500.0), alpha=1.5)
    assert str(error.value) == "`alpha` (=1.5) must be a number strictly between 0 and 1."
