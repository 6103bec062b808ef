"""Serial dependence of one series: integrated autocorrelation time and effective sample size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from tracekit_analysis.results import Record, Status
from tracekit_analysis.series import FloatArray, Series, as_series

MIN_TAUS = 50
"""A p-value is trusted from this many autocorrelation times on."""


@dataclass(frozen=True, slots=True)
class AutocorrelationTime(Record):
    """How many values of a series carry as much information on its mean as one independent value."""

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
    values = series.values
    n = values.size
    tau = max(geyer_tau(autocovariance(values)), 1.0 / math.log10(n))
    return AutocorrelationTime(
        tau, n / tau, series.n, n, series.status, series.reason, series.notes + short_note(n, tau)
    )


def effective_sample_size(x: ArrayLike | Series) -> float:
    """Return the number of independent values that `x` is worth for its mean; NaN for unusable data."""
    return autocorrelation_time(x).ess


def short_note(n: int, tau: float) -> tuple[str, ...]:
    """Return the warning for a series that is short in units of its own dependence; empty if it is not."""
    if n >= MIN_TAUS * tau:
        return ()
    return (
        f"{n} values are fewer than {MIN_TAUS} autocorrelation times of {tau:.1f}: p-values may be too small",
    )


def autocovariance(values: FloatArray) -> FloatArray:
    """Return the autocovariances at lags 0 .. n-1 (divisor n), by FFT."""
    n = values.size
    spectrum = np.abs(scipy.fft.rfft(values - values.mean(), scipy.fft.next_fast_len(2 * n, real=True))) ** 2
    return np.asarray(scipy.fft.irfft(spectrum, scipy.fft.next_fast_len(2 * n, real=True))[:n] / n)


def geyer_tau(covariance: FloatArray) -> float:
    """Sum autocovariances into a correlation time over Geyer's initial monotone positive sequence."""
    if covariance[0] <= 0.0:
        return 1.0
    pairs = covariance[: covariance.size // 2 * 2].reshape(-1, 2).sum(axis=1) / covariance[0]
    negative = np.flatnonzero(pairs <= 0.0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if negative.size else None])
    return float(2.0 * pairs.sum() - 1.0)


def local_bound_tau(values: FloatArray, tau: float, *, n_blocks: int = 8) -> float:
    """Return the correlation time of bound crossings, estimated inside blocks; at least 1.

    The larger one of ``1{x <= q_tau}`` and ``1{|x - median| > q_.8}``, autocovariances pooled over the
    blocks. Over the whole series a level shift would count as dependence and gate itself out.
    """
    length = values.size // n_blocks
    blocks = values[: n_blocks * length].reshape(n_blocks, length)
    bound = np.partition(blocks, math.ceil(tau * length) - 1, axis=1)[:, [math.ceil(tau * length) - 1]]
    distance = np.abs(blocks - np.median(blocks, axis=1, keepdims=True))
    wide = np.quantile(distance, 0.8, axis=1, keepdims=True)
    longest = 1.0
    for crossing in (blocks <= bound, distance > wide):
        pooled = np.sum([autocovariance(row) for row in crossing.astype(np.float64)], axis=0)
        longest = max(longest, geyer_tau(pooled))
    return longest
