"""The processes have the truth that they claim."""

from __future__ import annotations

import numpy as np
import pytest

from tracekit_analysis import AnalysisError, as_series, stability_index
from tracekit_analysis.calibration import simulate
from tracekit_analysis.calibration.processes import PROCESSES, fractional_noise, garch, half_spread
from tracekit_analysis.statistics import autocorrelation_time

LONG = 60_000


@pytest.mark.parametrize("name", [name for name, process in PROCESSES.items() if process.index is not None])
@pytest.mark.parametrize("tau", [0.05, 0.10])
def test_the_true_index_lies_in_the_interval_of_a_long_series(name, tau):
    truth = PROCESSES[name].index_at(tau)
    index = stability_index(simulate(name, LONG, rng=11), tau=tau)
    assert index.ci_low - 0.02 <= truth <= index.ci_high + 0.02
    assert index.ci_high - index.ci_low < 0.15 + 0.5 * truth


@pytest.mark.parametrize(
    ("name", "sd"), [("iid", 1.0), ("AR.5", 1.0), ("AR.9", 1.0), ("GARCH", 1.0), ("reshuffled", 1.0)]
)
def test_noise_has_the_stated_variance(name, sd):
    draws = [simulate(name, 20_000, rng=seed).std() for seed in range(5)]
    assert np.mean(draws) == pytest.approx(sd, rel=0.08)


def test_garch_obeys_its_recursion():
    x = garch(np.random.default_rng(3), 2000)
    shocks = np.random.default_rng(3).standard_normal(2300)
    variance = 1.0
    for t, shock in enumerate(shocks[:1000]):
        value = np.sqrt(variance) * shock
        if t >= 300:
            assert x[t - 300] == pytest.approx(value, rel=1e-9)
        variance = 0.05 + 0.1 * value**2 + 0.85 * variance


def test_fractional_noise_has_its_first_autocorrelation():
    x = np.concatenate([fractional_noise(0.3)(np.random.default_rng(seed), 5000) for seed in range(8)])
    rho = np.corrcoef(x[1:], x[:-1])[0, 1]
    assert rho == pytest.approx(0.3 / 0.7, abs=0.03)  # d / (1 - d), Hosking (1981)


def test_autocorrelation_times_are_the_exact_ones():
    for name, truth in (("AR.5", 3.0), ("AR.9", 19.0)):
        tau = np.mean([autocorrelation_time(simulate(name, 5000, rng=seed)).tau_int for seed in range(20)])
        assert tau == pytest.approx(truth, rel=0.15)


def test_half_spreads_are_those_of_the_laws():
    for name in ("iid", "AR.9", "t2", "Cauchy", "GARCH"):
        x = simulate(name, 200_000, rng=1)
        for tau in (0.05, 0.10):
            spread = np.median(x) - np.quantile(x, tau)
            assert half_spread(name, tau) == pytest.approx(spread, rel=0.05)


def test_a_divergent_series_is_refused():
    assert as_series(simulate("divergent", 1000, rng=0)).status == "divergent"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_seed_gives_the_same_bytes_and_the_length_asked_for(name):
    assert simulate(name, 333, rng=5).tobytes() == simulate(name, 333, rng=5).tobytes()
    assert simulate(name, 333, rng=np.random.default_rng(5)).shape == (333,)
    assert simulate(name, 1, rng=0).shape == (1,)


def test_wrong_arguments_are_named():
    with pytest.raises(AnalysisError) as error:
        simulate("walkk", 10, rng=0)
    assert str(error.value).startswith("`name` (='walkk') must be one of 'iid', 't2', ")
    with pytest.raises(AnalysisError) as error:
        simulate("walk", 0, rng=0)
    assert str(error.value) == "`n` (=0) must be a whole number of at least 1."
