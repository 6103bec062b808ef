"""Spectrum band: range of an averaged spectrum around its running median if the true spectrum is smooth."""

from __future__ import annotations

import functools

import numpy as np
import scipy.ndimage

from tracekit.report.figures.drawing import Vector
from tracekit_analysis.statistics import welch_psd

#: Ordinates in the window of the running median, which estimates the smooth spectrum.
WINDOW = 15

_SIMULATIONS = 60


def smooth(log_density: Vector) -> Vector:
    """Return the running median of a logarithmic spectrum, reflected at its ends."""
    return np.asarray(scipy.ndimage.median_filter(log_density, WINDOW, mode="reflect"))


@functools.lru_cache(maxsize=64)
def null_ratio(*, n: int, size: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Simulate the band of log(estimate / running median) for white noise, and return its ends.

    Parameters
    ----------
    n : int
        Number of values of a run.
    size : int
        Number of frequencies of the estimate.
    runs : int
        Number of runs whose logarithmic spectra are averaged.
    level : float
        Share of ordinates inside the band.
    """
    rng = np.random.default_rng(20)
    n = max(1, round(n / (4 * size))) * 4 * size  # series of nearly equal lengths share a band
    n = max(n, 8 * size)
    distances = []
    for _ in range(max(4, _SIMULATIONS // runs)):
        logs = [np.log(welch_psd(rng.normal(size=n), segment=2 * size).density) for _ in range(runs)]
        mean = np.mean(logs, axis=0)
        distances.append(mean - smooth(mean))
    low, high = np.quantile(np.concatenate(distances), [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
