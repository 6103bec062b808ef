"""Local Whittle memory: coverage, and verdicts that do not mistake short memory for long."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
from scipy.signal import fftconvolve

from tests.analysis.nile_minima import NILE_MINIMA
from tests.analysis.processes import autoregressive, iid, random_walk, student
from tests.analysis.rates import slack
from tracekit_analysis.statistics import local_whittle
from tracekit_analysis.statistics.spectral import ordinates


def fractional_noise(d: float):
    """Return ARFIMA(0, d, 0) from its moving average, for d of either sign."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        lags = np.arange(1, n + 2000)
        weights = np.concatenate([[1.0], np.cumprod((lags - 1 + d) / lags)])
        return fftconvolve(rng.standard_normal(2 * n + 4000), weights)[n + 4000 : 2 * n + 4000]

    return draw


PROCESSES = {  # process, true d
    "iid": (iid, 0.0),
    "t2": (student(2), 0.0),
    "d=.3": (fractional_noise(0.3), 0.3),
    "d=-.3": (fractional_noise(-0.3), -0.3),
    "AR.5": (autoregressive(0.5), 0.0),
    "AR.9": (autoregressive(0.9), 0.0),
}


def found(process: str, n: int, runs: int):
    rng = np.random.default_rng([n, runs, *process.encode()])
    return [local_whittle(PROCESSES[process][0](rng, n)) for _ in range(runs)]


def check_coverage(process: str, n: int, runs: int) -> None:
    truth = PROCESSES[process][1]
    memories = found(process, n, runs)
    least = 0.91 if n == 200 else 0.93  # measured at n = 200: .92, against .94 in the design study
    robust = np.mean([m.ci_low_robust <= truth <= m.ci_high_robust for m in memories])
    assert robust >= 0.91 - slack(0.91, runs)
    if not process.startswith("AR"):
        wide = np.mean([m.ci_low <= truth <= m.ci_high for m in memories])
        assert least - slack(least, runs) <= wide <= 0.98 + slack(0.98, runs)


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("process", ["iid", "t2", "d=.3", "d=-.3"])
def test_coverage(process, n):
    check_coverage(process, n, 200)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [200, 1000, 10_000])
@pytest.mark.parametrize("process", ["iid", "t2", "d=.3", "d=-.3"])
def test_coverage_in_full(process, n):
    check_coverage(process, n, 2000)


def test_autoregressions_fake_memory_at_the_wide_bandwidth_but_not_in_the_verdict():
    memories = found("AR.9", 1000, 200)
    assert np.mean([m.d for m in memories]) == pytest.approx(0.57, abs=0.03)
    assert np.mean([m.d_robust for m in memories]) == pytest.approx(0.24, abs=0.03)
    assert np.mean([m.verdict == "long memory" for m in memories]) <= 0.025 + slack(0.025, 200)
    for process in ("iid", "t2", "AR.5"):
        assert np.mean([m.verdict == "long memory" for m in found(process, 1000, 200)]) <= 0.03


def test_long_memory_is_found():
    verdicts = [m.verdict for m in found("d=.3", 2000, 60)]
    assert verdicts.count("long memory") >= 40
    assert "anti-persistent" in [m.verdict for m in found("d=-.3", 2000, 20)]
    walk = local_whittle(random_walk(np.random.default_rng(0), 2000))
    assert walk.verdict == "long memory"
    assert walk.d > 0.9


def test_twice_integrated_noise_is_at_the_edge_of_the_range():
    memory = local_whittle(random_walk(np.random.default_rng(0), 2000).cumsum())
    assert memory.notes == ("the estimate is at the edge of its range [-0.5, 1]: trend or unit root",)


def test_d_is_a_number_without_units():
    x = fractional_noise(0.3)(np.random.default_rng(0), 700)
    assert local_whittle(-4.0 * x + 9.0).d == pytest.approx(local_whittle(x).d, abs=1e-8)
    assert local_whittle(x[::-1]).d == pytest.approx(local_whittle(x).d, abs=1e-8)


def fractional_arima(angle: np.ndarray, hurst: float) -> np.ndarray:
    """Return the spectrum of ARIMA(0, H - 1/2, 0) with innovations of variance one, up to 2 pi."""
    return (2.0 * np.sin(angle / 2.0)) ** (1.0 - 2.0 * hurst)


def fractional_gaussian(angle: np.ndarray, hurst: float) -> np.ndarray:
    """Return the spectrum of fractional Gaussian noise, brought to geometric mean one as in Beran (1994)."""
    aliases = 2.0 * np.pi * np.arange(-1000, 1001)[:, None]
    power = (np.abs(aliases + angle) ** (-2.0 * hurst - 1.0)).sum(axis=0)
    scale = math.sin(math.pi * hurst) * math.gamma(2.0 * hurst + 1.0) / math.pi
    spectrum = scale * (1.0 - np.cos(angle)) * power
    return spectrum / np.exp(2.0 / len(NILE_MINIMA) * np.log(spectrum).sum())


@pytest.mark.parametrize(("spectrum", "hurst"), [(fractional_gaussian, 0.837), (fractional_arima, 0.899)])
def test_the_nile_minima_have_the_published_long_memory(spectrum, hurst):
    """Both models hold at all frequencies; local Whittle supposes less, and its interval holds what they say."""
    power = ordinates(np.array(NILE_MINIMA, dtype=float))
    angle = 2.0 * np.pi * np.arange(1, power.size + 1) / len(NILE_MINIMA)
    whole = scipy.optimize.minimize_scalar(
        lambda h: np.sum(power / spectrum(angle, h)), bounds=(0.5, 0.99), method="bounded"
    )
    assert whole.x == pytest.approx(hurst, abs=5e-4)  # help page of WhittleEst in R's longmemo
    memory = local_whittle(NILE_MINIMA)
    assert memory.verdict == "long memory"
    assert memory.ci_low < hurst - 0.5 < memory.ci_high
    assert memory.ci_low_robust < hurst - 0.5 < memory.ci_high_robust
    assert memory.d == pytest.approx(0.41, abs=0.005)
