"""Serial dependence of one series: autocorrelation time, effective sample size, shape of the ACF."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.stats
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series

MIN_TAUS = 50
"""Number of autocorrelation times from which on p-values get no warning."""
MIN_LOCAL_LENGTH = 62
"""Minimum block length that shows the correlation time of crossings; blocks are shorter in series below 500 values."""
MAX_AUTOREGRESSION = 0.98


@dataclass(frozen=True, slots=True)
class AutocorrelationTime(Record):
    """Number of values of a series with as much information on its mean as one independent value."""

    tau_int: float
    """Integrated autocorrelation time 1 + 2 sum_k rho_k, in values; 1 for independent values."""
    ess: float
    """Effective sample size n_used / tau_int."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the estimate could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader, such as a series shorter than 50 autocorrelation times."""


def autocorrelation_time(x: ArrayLike | Series) -> AutocorrelationTime:
    """Estimate the integrated autocorrelation time by the initial monotone positive sequence.

    ``tau = -1 + 2 sum_k min_{i<=k} (rho_2i + rho_2i+1)`` up to the first pair sum that is not positive;
    never below ``1 / log10 n``, so that anti-persistence cannot claim an unbounded sample size.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.

    Returns
    -------
    AutocorrelationTime

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Geyer (1992), Practical Markov chain Monte Carlo, Statist. Sci. 7:473.
    """
    series = as_series(x)
    refused = series.refusal()
    if refused:
        return AutocorrelationTime(math.nan, math.nan, series.n, 0, *refused, series.notes)
    n, tau = series.n_used, _tau_of(series)
    return AutocorrelationTime(
        tau, n / tau, series.n, n, series.status, series.reason, series.notes + short_note(series)
    )


def effective_sample_size(x: ArrayLike | Series) -> float:
    """Return the number of independent values that `x` is worth for its mean; NaN for unusable data."""
    return autocorrelation_time(x).ess


def _tau_of(series: Series) -> float:
    """Return the integrated autocorrelation time of a usable series, computed once."""
    if "tau_int" not in series.known:
        least = 1.0 / math.log10(series.n_used)
        series.known["tau_int"] = max(geyer_tau(autocovariance(series.values)), least)
    return float(series.known["tau_int"])


def short_note(series: Series) -> tuple[str, ...]:
    """Return the warning for a series of few autocorrelation times; empty if there are enough.

    It is for tests whose size depends on the number of independent values. Not for unit-root tests (dependence
    is their null), nor for tests that first remove dependence (ARCH, Ljung-Box), test for it (whiteness) or
    compare neighbouring frequencies (peaks, Nyquist).
    """
    n, tau = series.n_used, _tau_of(series)
    if n >= MIN_TAUS * tau:
        return ()
    return (
        f"{n} values are fewer than {MIN_TAUS} autocorrelation times of {tau:.1f}: p-values may be too small",
    )


def autocovariance(values: FloatArray) -> FloatArray:
    """Return the autocovariances at lags 0 .. n-1 (divisor n), by FFT; for a matrix, those of each row."""
    n = values.shape[-1]
    padded = scipy.fft.next_fast_len(2 * n, real=True)
    transform = scipy.fft.rfft(values - values.mean(axis=-1, keepdims=True), padded)
    spectrum = transform.real**2 + transform.imag**2
    return np.asarray(scipy.fft.irfft(spectrum, padded)[..., :n] / n)


def geyer_tau(covariance: FloatArray) -> float:
    """Return the correlation time from autocovariances, by Geyer's initial monotone positive sequence."""
    if covariance[0] <= 0.0:
        return 1.0
    pairs = covariance[: covariance.size // 2 * 2].reshape(-1, 2).sum(axis=1) / covariance[0]
    negative = np.flatnonzero(pairs <= 0.0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if negative.size else None])
    return float(2.0 * pairs.sum() - 1.0)


def local_bound_tau(values: FloatArray, tau: float, *, n_blocks: int = 8) -> float:
    """Return the correlation time of bound crossings, estimated inside blocks; at least 1.

    It is the larger of the correlation times of ``1{x <= q_tau}`` and ``1{|x - median| > q_.8}``, with
    autocovariances pooled over the blocks. Over the whole series a level shift would count as dependence and
    hide itself. Short blocks cannot show long correlation of crossings, so in short series the result is at least
    the time that an AR(1) implies.
    """
    length = values.size // n_blocks
    blocks = values[: n_blocks * length].reshape(n_blocks, length)
    bound = np.partition(blocks, math.ceil(tau * length) - 1, axis=1)[:, [math.ceil(tau * length) - 1]]
    distance = np.abs(blocks - np.median(blocks, axis=1, keepdims=True))
    wide = np.quantile(distance, 0.8, axis=1, keepdims=True)
    longest = 1.0
    for crossing in (blocks <= bound, distance > wide):
        longest = max(longest, geyer_tau(autocovariance(crossing.astype(np.float64)).sum(axis=0)))
    return (
        longest
        if length >= MIN_LOCAL_LENGTH
        else max(longest, _autoregressive_crossing_tau(values, n_blocks))
    )


def _autoregressive_crossing_tau(values: FloatArray, n_blocks: int) -> float:
    """Return the correlation time of bound crossings of an AR(1) with the lag-1 autocorrelation of the ranks in blocks.

    In a block of L values that autocorrelation is biased by -(1 + 4 rho) / L (Marriott and Pope, 1954,
    Biometrika 41:390); we correct this. Tail crossings of a Gaussian AR(1) have about half the correlation time of
    the values: .53 to .57 times (1 + rho) / (1 - rho) at tau = .10 for rho from .7 to .95.
    """
    length = values.size // n_blocks
    if length <= 4:
        return 1.0
    ranks = scipy.stats.rankdata(values)[: n_blocks * length].reshape(n_blocks, length)
    covariance = autocovariance(ranks).sum(axis=0)
    if covariance[0] <= 0.0:
        return 1.0
    rho = (covariance[1] / covariance[0] + 1.0 / length) / (1.0 - 4.0 / length)
    rho = min(rho, MAX_AUTOREGRESSION)
    return float(0.5 * (1.0 + rho) / (1.0 - rho))


@column_group(
    "minimal",
    "dependence.md#autocorrelation-time",
    {
        "tau_int": Column("integrated autocorrelation time", "values"),
        "ess": "effective sample size: independent values worth as much for the mean, n_used / tau_int",
    },
)
def time_columns(series: Series) -> Cells:
    """Compute the correlation-time columns."""
    dependence = autocorrelation_time(series)
    values = {"tau_int": dependence.tau_int, "ess": dependence.ess}
    return Cells(values, (("autocorrelation time", dependence),))
