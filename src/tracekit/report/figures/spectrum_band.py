"""The band that an averaged spectrum stays in where the true one is smooth, from simulated white noise."""

from __future__ import annotations

import functools

import numpy as np
import scipy.ndimage

from tracekit.report.figures.drawing import Vector
from tracekit_analysis.statistics import welch_psd

#: Ordinates of the running median that stands for the smooth spectrum.
WINDOW = 15

_SIMULATIONS = 60


def smooth(log_density: Vector) -> Vector:
    """Give the running median of a logarithmic spectrum; its ends are continued by reflection."""
    return np.asarray(scipy.ndimage.median_filter(log_density, WINDOW, mode="reflect"))


@functools.lru_cache(maxsize=64)
def null_ratio(*, n: int, size: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """Give the ends of the band of log(estimate / running median) for white noise, treated as the runs were.

    Parameters
    ----------
    n : int
        Values of a run.
    size : int
        Frequencies of the estimate.
    runs : int
        Runs whose logarithmic spectra are averaged.
    level : float
        Share of ordinates inside the band.
    """
    rng = np.random.default_rng(20)
    n = max(1, round(n / (4 * size))) * 4 * size  # bands of nearly equal lengths are shared
    n = max(n, 8 * size)
    distances = []
    for _ in range(max(4, _SIMULATIONS // runs)):
        logs = [np.log(welch_psd(rng.normal(size=n), segment=2 * size).density) for _ in range(runs)]
        mean = np.mean(logs, axis=0)
        distances.append(mean - smooth(mean))
    low, high = np.quantile(np.concatenate(distances), [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)
