"""Random processes whose truth is known, for tests of error rates; lengths in values, time u in (0, 1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

FloatArray = NDArray[np.float64]
Process = Callable[[np.random.Generator, int], FloatArray]

NORMAL_05 = 1.6448536269514722
"""Half-spread of the standard normal law at tau = .05."""


def time(n: int) -> FloatArray:
    return (np.arange(n) + 0.5) / n


def iid(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_normal(n)


def autoregressive(coefficient: float) -> Process:
    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        noise = rng.standard_normal(n + 500) * np.sqrt(1.0 - coefficient**2)
        return np.asarray(lfilter([1.0], [1.0, -coefficient], noise)[500:])

    return draw


def student(degrees: float) -> Process:
    return lambda rng, n: rng.standard_t(degrees, n)


def negative_moving_average(rng: np.random.Generator, n: int) -> FloatArray:
    noise = rng.standard_normal(n + 1)
    return noise[1:] - 0.8 * noise[:-1]


def garch(rng: np.random.Generator, n: int) -> FloatArray:
    shocks = rng.standard_normal(n + 300)
    values = np.empty(n + 300)
    variance = 1.0
    for t, shock in enumerate(shocks):
        values[t] = np.sqrt(variance) * shock
        variance = 0.05 + 0.1 * values[t] ** 2 + 0.85 * variance
    return values[300:]


def linear_trend(rise: float) -> Process:
    return lambda rng, n: rng.standard_normal(n) + rise * time(n)


def level_break(height: float, at: float = 0.5) -> Process:
    return lambda rng, n: rng.standard_normal(n) + height * (time(n) > at)


def scale_break(ratio: float) -> Process:
    """Widen noise by a factor at half of the run; both bounds then have index (ratio - 1) / (ratio + 1)."""
    return lambda rng, n: rng.standard_normal(n) * np.where(time(n) > 0.5, ratio, 1.0)


def lower_tail(factor: Callable[[FloatArray], FloatArray]) -> Process:
    """Stretch the negative half of normal noise by a factor of time, with the mean held at zero."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        stretch = factor(time(n))
        values = rng.standard_normal(n)
        return np.where(values < 0, values * stretch, values) + (stretch - 1.0) / np.sqrt(2.0 * np.pi)

    return draw


def random_walk(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_normal(n).cumsum()


def noisy_random_walk(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_normal(n) + 0.1 * rng.standard_normal(n).cumsum()


def start_up(height: float, decay: float) -> Process:
    return lambda rng, n: rng.standard_normal(n) + height * np.exp(-time(n) / decay)


def sawtooth(length: int, height: float = 0.5) -> Process:
    """Noise with a ramp of sd `height` within every epoch of `length` values."""
    ramp = (np.arange(length) + 0.5) / length - 0.5
    return lambda rng, n: rng.standard_normal(n) + np.resize(height * ramp / ramp.std(), n)


def reshuffled(length: int, share: float = 0.92) -> Process:
    """Fixed batches, visited in a new order every epoch; `share` of the variance is the batch's identity."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        batches = rng.standard_normal(length) * np.sqrt(share)
        order = [rng.permutation(length) for _ in range(-(-n // length))]
        return batches[np.concatenate(order)[:n]] + rng.standard_normal(n) * np.sqrt(1.0 - share)

    return draw


def traces(
    process: Process,
    *,
    seeds: int = 5,
    n: int | list[int] = 1000,
    optimizer: str = "sgd",
    batch_size: int = 32,
    signal: str = "train/first_logit",
    layer: object = pd.NA,
    epoch_length: int = 50,
    first_seed: int = 0,
) -> pd.DataFrame:
    """Return a table as the store returns it, one run per seed."""
    lengths = [n] * seeds if isinstance(n, int) else n
    runs = []
    for seed, length in zip(range(first_seed, first_seed + seeds), lengths, strict=True):
        steps = np.arange(length)
        runs.append(
            pd.DataFrame(
                {
                    "run": f"{optimizer}-{batch_size}-{seed}",
                    "optimizer": optimizer,
                    "batch_size": batch_size,
                    "learning_rate": 0.1,
                    "seed": seed,
                    "status": "finished",
                    "step": steps,
                    "epoch": steps // epoch_length,
                    "signal": signal,
                    "layer": layer,
                    "index": pd.NA,
                    "value": process(np.random.default_rng([seed, batch_size, len(optimizer)]), length),
                }
            )
        )
    return pd.concat(runs, ignore_index=True)
