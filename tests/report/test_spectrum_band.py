"""The null band of a drawn spectrum: it holds as much of a smooth spectrum as it says, and little of a line."""

import numpy as np
import pytest
from scipy.signal import lfilter

from tracekit.report.figures.spectrum_band import null_ratio, smooth
from tracekit_analysis.statistics import welch_psd

N, RUNS, SEGMENT = 1200, 5, 100


def mean_log(make, rng):
    return np.mean([np.log(welch_psd(make(rng), segment=SEGMENT).density) for _ in range(RUNS)], axis=0)


def inside(make, rng):
    low, high = null_ratio(n=N, size=SEGMENT // 2, runs=RUNS)
    log = mean_log(make, rng)
    distance = log - smooth(log)
    return (low <= distance) & (distance <= high)


@pytest.mark.parametrize(("phi", "least"), [(0.0, 0.93), (0.5, 0.91)])
def test_a_smooth_spectrum_stays_inside(phi, least):
    rng = np.random.default_rng(4)

    def make(rng):
        return lfilter([1.0], [1.0, -phi], rng.normal(size=N))

    share = np.mean([inside(make, rng) for _ in range(40)])
    assert least < share < 0.97


def test_a_line_leaves_it():
    rng = np.random.default_rng(5)

    def make(rng):
        return rng.normal(size=N) + 0.5 * np.sin(2 * np.pi * 0.2 * np.arange(N) + rng.uniform(0, 6))

    at = round(0.2 * SEGMENT) - 1
    assert np.mean([inside(make, rng)[at] for _ in range(20)]) < 0.1
