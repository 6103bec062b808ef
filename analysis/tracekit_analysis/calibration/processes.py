"""Simulated processes with known truth, from which tests of error rates and `calibrate` draw their series.

Lengths are in values, time is u = (t - 1/2) / n in (0, 1), and noise has variance 1 if its variance is finite.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.signal
import scipy.special
import scipy.stats

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import FloatArray

Draw = Callable[[np.random.Generator, int], FloatArray]

NORMAL_05 = 1.6448536269514722
"""Half-spread of the standard normal distribution at tau = .05."""
GARCH_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Process:
    """Named process and its true properties."""

    title: str
    """The process in words."""
    draw: Draw
    """Function of a generator and a length."""
    index_at: Callable[[float], float] | None
    """Stability index of the lower bound as a function of tau; None if it is random or undefined."""

    @property
    def index(self) -> float | None:
        """Stability index of the lower bound at tau = .05; None if it is random or undefined."""
        return None if self.index_at is None else self.index_at(0.05)


def simulate(name: str, n: int, *, rng: np.random.Generator | int) -> FloatArray:
    """Draw one series of a process with known truth.

    Parameters
    ----------
    name : str
        A key of ``tracekit_analysis.calibration.processes.PROCESSES``.
    n : int
        Number of values.
    rng : numpy.random.Generator or int
        Generator, or a seed for one.

    Returns
    -------
    (n,) ndarray

    Raises
    ------
    AnalysisError
        If the process is unknown or `n` is not a positive whole number.
    """
    require_choice("name", name, PROCESSES)
    if n < 1 or int(n) != n:
        raise bad_argument("n", n, "must be a whole number of at least 1")
    return PROCESSES[name].draw(np.random.default_rng(rng), int(n))


def time(n: int) -> FloatArray:
    """Return the time u of each of n values."""
    return (np.arange(n) + 0.5) / n


def iid(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw independent standard normal values."""
    return rng.standard_normal(n)


def autoregressive(coefficient: float) -> Draw:
    """Return AR(1) of variance 1."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        noise = rng.standard_normal(n + 500) * np.sqrt(1.0 - coefficient**2)
        return np.asarray(scipy.signal.lfilter([1.0], [1.0, -coefficient], noise)[500:])

    return draw


def student(degrees: float) -> Draw:
    """Return independent Student t values; 1 degree of freedom is Cauchy."""
    return lambda rng, n: rng.standard_t(degrees, n)


def negative_moving_average(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw an anti-persistent MA(1) with coefficient -.8."""
    noise = rng.standard_normal(n + 1)
    return noise[1:] - 0.8 * noise[:-1]


def garch(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw GARCH(.1, .85) of variance 1."""
    shocks = rng.standard_normal(n + 300)
    growth = 0.1 * shocks**2 + 0.85
    variance = np.empty(shocks.size + 1)
    variance[0] = 1.0
    # v_{t+1} = .05 + growth_t v_t, solved in chunks over which the product of the growths cannot vanish
    for start in range(0, shocks.size, GARCH_CHUNK):
        product = np.cumprod(growth[start : start + GARCH_CHUNK])
        stop = start + product.size
        variance[start + 1 : stop + 1] = product * (variance[start] + 0.05 * np.cumsum(1.0 / product))
    return (np.sqrt(variance[:-1]) * shocks)[300:]


def fractional_noise(d: float) -> Draw:
    """Return ARFIMA(0, d, 0), with long memory for d > 0, from a moving average over 2,000 values or more."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        lags = np.arange(1, n + 2000)
        # The recursion of Γ(k + d) / (Γ(k + 1) Γ(d)), which keeps the sign that log-gammas lose for d < 0.
        weights = np.cumprod(np.concatenate([[1.0], (lags - 1 + d) / lags]))
        noise = rng.standard_normal(2 * n + 4000)
        return np.asarray(scipy.signal.fftconvolve(noise, weights, mode="full")[n + 4000 : 2 * n + 4000])

    return draw


def with_trend(base: Draw, rise: float) -> Draw:
    """Add a linear trend that rises by `rise` over the run."""
    return lambda rng, n: base(rng, n) + rise * time(n)


def with_break(base: Draw, height: float, at: float = 0.5) -> Draw:
    """Add a jump of the level."""
    return lambda rng, n: base(rng, n) + height * (time(n) > at)


def linear_trend(rise: float) -> Draw:
    """Return normal noise on a linear trend."""
    return with_trend(iid, rise)


def level_break(height: float, at: float = 0.5) -> Draw:
    """Return normal noise with a jump of the level; for a jump halfway the index is half the jump / 1.645."""
    return with_break(iid, height, at)


def scale_break(ratio: float) -> Draw:
    """Widen noise by a factor halfway through the run; both bounds then have index (ratio - 1) / (ratio + 1)."""
    return lambda rng, n: rng.standard_normal(n) * np.where(time(n) > 0.5, ratio, 1.0)


def lower_tail(factor: Callable[[FloatArray], FloatArray]) -> Draw:
    """Stretch the negative half of normal noise by a factor of time, with the mean held at zero."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        stretch = factor(time(n))
        values = rng.standard_normal(n)
        return np.where(values < 0, values * stretch, values) + (stretch - 1.0) / np.sqrt(2.0 * np.pi)

    return draw


def random_walk(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw a random walk."""
    return rng.standard_normal(n).cumsum()


def noisy_random_walk(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw a random walk under noise ten times its step."""
    return rng.standard_normal(n) + 0.1 * rng.standard_normal(n).cumsum()


def start_up(height: float, decay: float) -> Draw:
    """Return normal noise on an exponential approach that decays over the share `decay` of the run."""
    return lambda rng, n: rng.standard_normal(n) + height * np.exp(-time(n) / decay)


def sine(period: int, amplitude: float = 0.5) -> Draw:
    """Return normal noise on a sine wave."""
    return lambda rng, n: rng.standard_normal(n) + amplitude * np.sin(2 * np.pi * np.arange(n) / period)


def sawtooth(length: int, height: float = 0.5) -> Draw:
    """Return noise with a ramp of sd `height` within every epoch of `length` values."""
    ramp = (np.arange(length) + 0.5) / length - 0.5
    return lambda rng, n: rng.standard_normal(n) + np.resize(height * ramp / ramp.std(), n)


def fixed_order(length: int, share: float = 0.2) -> Draw:
    """Return fixed batches in one order; the batch explains the share `share` of the variance."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        batches = rng.standard_normal(length) * np.sqrt(share)
        return np.resize(batches, n) + rng.standard_normal(n) * np.sqrt(1.0 - share)

    return draw


def reshuffled(length: int, share: float = 0.92) -> Draw:
    """Return fixed batches in a new order in each epoch; the batch explains the share `share` of the variance."""

    def draw(rng: np.random.Generator, n: int) -> FloatArray:
        batches = rng.standard_normal(length) * np.sqrt(share)
        order = [rng.permutation(length) for _ in range(-(-n // length))]
        return batches[np.concatenate(order)[:n]] + rng.standard_normal(n) * np.sqrt(1.0 - share)

    return draw


def shuffled(base: Draw) -> Draw:
    """Destroy the time order of another process."""
    return lambda rng, n: rng.permutation(base(rng, n))


def interleaved(channels: int = 8, ratio: float = 2.0) -> Draw:
    """Return interleaved channels of different scale."""
    return lambda rng, n: rng.standard_normal(n) * np.resize(ratio ** np.arange(channels), n)


def with_zeros(share: float = 0.38) -> Draw:
    """Return normal noise in which a share of the values is exactly zero."""
    return lambda rng, n: np.where(rng.random(n) < share, 0.0, rng.standard_normal(n))


def divergent(rng: np.random.Generator, n: int) -> FloatArray:
    """Draw noise that grows exponentially over the last tenth of the run."""
    return rng.standard_normal(n) * np.exp(np.maximum(time(n) - 0.9, 0.0) * 400.0)


def _still(tau: float) -> float:
    return 0.0


def _normal(tau: float) -> float:
    """Return the half-spread of the standard normal distribution."""
    return -float(scipy.special.ndtri(tau))


def _stretched(tau: float) -> float:
    """Return the index of a lower tail per unit of the stretch's standard deviation, for a stretch of median 1.5."""
    return (_normal(tau) - 1.0 / math.sqrt(2.0 * math.pi)) / (1.5 * _normal(tau))


PROCESSES: dict[str, Process] = {
    "iid": Process("independent normal", iid, _still),
    "t2": Process("independent Student t with 2 degrees of freedom", student(2), _still),
    "Cauchy": Process("independent Cauchy", student(1), _still),
    "MA-.8": Process("moving average with coefficient -.8", negative_moving_average, _still),
    "AR.5": Process("autoregression with coefficient .5", autoregressive(0.5), _still),
    "AR.9": Process("autoregression with coefficient .9", autoregressive(0.9), _still),
    "GARCH": Process("GARCH(.1, .85)", garch, _still),
    "d=.3": Process("fractional noise, d = .3", fractional_noise(0.3), None),
    "trend": Process(
        "normal, linear trend of 1 sd", linear_trend(1.0), lambda tau: 1.0 / _normal(tau) / math.sqrt(12)
    ),
    "break": Process(
        "normal, level break of .5 sd at half", level_break(0.5), lambda tau: 0.25 / _normal(tau)
    ),
    "variance x2": Process("normal, sd doubled at half", scale_break(2.0), lambda tau: 1.0 / 3.0),
    "lower drift": Process(
        "normal, negative half stretched to twice its size, mean fixed",
        lower_tail(lambda u: 1.0 + u),
        lambda tau: _stretched(tau) / math.sqrt(12),
    ),
    "lower wander": Process(
        "normal, negative half stretched by up to 2 in two cycles, mean fixed",
        lower_tail(lambda u: 1.5 + 0.5 * np.sin(4.0 * np.pi * u)),
        lambda tau: _stretched(tau) * math.sqrt(0.125),
    ),
    "walk": Process("random walk", random_walk, None),
    "noisy walk": Process("random walk under noise ten times its step", noisy_random_walk, None),
    "sine": Process("normal, sine of amplitude .5 and period 50", sine(50), _still),
    "sawtooth": Process("normal, ramp of sd .5 in every epoch of 50", sawtooth(50), _still),
    "fixed order": Process("50 fixed batches in one order, 20 % of the variance", fixed_order(50), _still),
    "reshuffled": Process("50 fixed batches in a new order each epoch, 92 %", reshuffled(50), _still),
    "shuffled trend": Process("linear trend of 2 sd, shuffled", shuffled(linear_trend(2.0)), _still),
    "interleaved": Process("8 channels of scales 1 to 128 that take turns", interleaved(), _still),
    "zeros": Process("normal, 38 % exact zeros", with_zeros(), _still),
    "divergent": Process("normal, growing exponentially from .9 on", divergent, None),
}
"""Processes by their short names."""


@functools.cache
def half_spread(name: str, tau: float = 0.05) -> float:
    """Return the distance from the median to the tau-quantile of a process; simulated if no formula is known."""
    if name in ("iid", "AR.5", "AR.9"):
        return _normal(tau)
    if name in ("t2", "Cauchy"):
        return -float(scipy.stats.t.ppf(tau, {"t2": 2, "Cauchy": 1}[name]))
    draws = PROCESSES[name].draw(np.random.default_rng(0), 2_000_000)
    return float(np.median(draws) - np.quantile(draws, tau))
