"""Spectra of one series: Welch estimate, periodogram, flatness, and the comb test of the epoch.

Gaps are not interpolated, because that would invent a spectrum: a series is used up to its first gap. Below 128
values nothing is estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.signal
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.regime import Regime

MIN_SPECTRUM_LENGTH = 128
MIN_EPOCHS = 8
N_HARMONICS = 5
N_NEIGHBOURS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum(Record):
    """Power spectral density of one series, one-sided, without the frequency zero."""

    frequency: FloatArray
    """Cycles per value, up to 1/2."""
    density: FloatArray
    """Squared units of the series times values."""
    entropy: float
    """Spectral entropy over its mean for white noise of the same length; 1 is white; NaN for Welch."""
    flatness: float
    """Geometric over arithmetic mean of the density, over that of white noise; 1 is white; NaN for Welch."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the spectrum could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


@dataclass(frozen=True, slots=True)
class EpochComb(Record):
    """Components of a series that repeat with the epoch: spectral lines and the variance of epoch means."""

    statistic: float
    """Mean ratio of the periodogram at the first harmonics of the epoch frequency to that of their neighbours."""
    pvalue: float
    """P-value by the F distribution; null: no line at the epoch frequency. NaN with fewer than 8 epochs."""
    n_harmonics: int
    """Number of harmonics used."""
    n_neighbours: int
    """Number of neighbouring ordinates on each side of a harmonic."""
    variance_ratio: float
    """VR(E) = E Var(epoch mean) / Var(x): 1 for independent values, far below 1 if each epoch visits the
    same batches in a new order, above 1 for a trend."""
    n_epochs: int
    """Number of full epochs."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values in full epochs."""
    status: Status
    """Whether the variance ratio could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def welch_psd(x: ArrayLike | Series, *, segment: int | None = None) -> Spectrum:
    """Estimate a smooth spectrum for display by Welch's method: Hann window, median over half-overlapping segments.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.
    segment : int, optional
        Number of values per segment, which sets the frequencies; by default min(1024, n/4), which is also the
        upper limit.

    Returns
    -------
    Spectrum

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Welch (1967), IEEE Trans. Audio Electroacoust. 15:70.
    """
    series = as_series(x)
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    if refused:
        return _no_spectrum(series, *refused)
    longest = min(1024, series.n_used // 4)
    frequency, density = scipy.signal.welch(
        series.values - series.values.mean(),
        nperseg=longest if segment is None else max(8, min(segment, longest)),
        window="hann",
        average="median",
    )
    return _spectrum(series, frequency[1:], density[1:], math.nan, math.nan)


def periodogram(x: ArrayLike | Series) -> Spectrum:
    """Compute the raw periodogram of the centred series, its entropy and its flatness.

    Both are divided by their exact means for Gaussian white noise of the same length. With M ordinates,
    these are ``(psi(M + 1) - psi(2)) / ln M`` for the entropy and ``Gamma(1 + 1/M)^M`` for the flatness,
    since the ordinates' shares of the total are uniform on the simplex.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.

    Returns
    -------
    Spectrum

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.
    """
    series = as_series(x)
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    if refused:
        return _no_spectrum(series, *refused)
    n = series.n_used
    power = np.abs(scipy.fft.rfft(series.values - series.values.mean())) ** 2 / n
    inner = power[1 : (n - 1) // 2 + 1]  # without the Nyquist ordinate, which has another distribution
    total = float(inner.sum())
    if total <= 0.0:
        return _no_spectrum(series, "degenerate", "no power below the Nyquist frequency")
    share = inner / total
    m = inner.size
    entropy = float(scipy.special.entr(share).sum())
    white_entropy = float(scipy.special.digamma(m + 1) - scipy.special.digamma(2))
    with np.errstate(divide="ignore"):
        flatness = m * float(np.exp(np.mean(np.log(share))))
    white_flatness = math.exp(m * math.lgamma(1.0 + 1.0 / m))
    frequency = np.arange(1, n // 2 + 1) / n
    density = power[1 : n // 2 + 1] * np.where(frequency < 0.5, 2.0, 1.0)
    return _spectrum(series, frequency, density, entropy / white_entropy, flatness / white_flatness)


def ordinates(values: FloatArray) -> FloatArray:
    """Return the periodogram at the frequencies 1/n, 2/n, ... below 1/2: |sum x exp(-i 2 pi f t)|^2 / n."""
    n = values.size
    transform = scipy.fft.rfft(values - values.mean())[1 : (n - 1) // 2 + 1]
    return np.asarray((transform.real**2 + transform.imag**2) / n)


def epoch_comb(x: ArrayLike | Series, updates_per_epoch: int) -> EpochComb:
    """Test for a line at the epoch frequency, and compare the variance of epoch means with that of independent values.

    ``F = mean_k (I(k/E) / mean of I over its neighbours) (1 - 1/2H) ~ F(2K, 4KH)`` for K <= 5 harmonics and
    H <= 8 ordinates on each side. Each line is compared with its own neighbours. With pooled neighbours, the
    harmonics where the spectrum is high would dominate (size .07 to .10 at 5 % for MA(-0.8), AR(0.9)). Null: the
    spectrum is smooth at the epoch frequency. A fixed order of the batches gives exact lines; reshuffling
    without replacement gives none, but a variance ratio far below 1.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced, starting at the first value of an epoch.
    updates_per_epoch : int
        Number E of values per epoch (updates per epoch divided by the recording stride), at least 2.

    Returns
    -------
    EpochComb

    Raises
    ------
    AnalysisError
        If `updates_per_epoch` is below 2, or `x` is not a one-dimensional array of numbers.
    """
    length = int(updates_per_epoch)
    if length != updates_per_epoch or length < 2:
        raise bad_argument("updates_per_epoch", updates_per_epoch, "must be a whole number of at least 2")
    series = as_series(x)
    nan = math.nan
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    n_epochs = series.n_used // length
    if refused is None and n_epochs < 2:
        refused = ("inconclusive", f"{n_epochs} full epochs; at least 2 are needed")
    if refused is None and series.values[: n_epochs * length].var() == 0.0:
        refused = ("degenerate", "constant over the full epochs")
    if refused:
        return EpochComb(nan, nan, 0, 0, nan, 0, series.n, 0, *refused, series.notes)
    values = series.values[: n_epochs * length]
    epochs = values.reshape(n_epochs, length)
    ratio = length * float(epochs.mean(axis=1).var(ddof=1)) / float(values.var(ddof=1))
    statistic, pvalue, harmonics, neighbours = _comb(values, n_epochs)
    return EpochComb(
        statistic=statistic,
        pvalue=pvalue,
        n_harmonics=harmonics,
        n_neighbours=neighbours,
        variance_ratio=ratio,
        n_epochs=n_epochs,
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _comb(values: FloatArray, n_epochs: int) -> tuple[float, float, int, int]:
    """Return F, its p-value, and the numbers of harmonics and of neighbours on each side."""
    # With fewer than 16 epochs, 8 neighbours of one harmonic would reach the next one.
    neighbours = N_NEIGHBOURS if n_epochs >= 2 * N_NEIGHBOURS else n_epochs // 2 - 1
    lines = n_epochs * np.arange(1, N_HARMONICS + 1)
    lines = lines[lines + neighbours < values.size / 2]
    if n_epochs < MIN_EPOCHS or lines.size == 0:
        return math.nan, math.nan, 0, 0
    power = np.abs(scipy.fft.rfft(values - values.mean())) ** 2
    offsets = np.concatenate([np.arange(-neighbours, 0), np.arange(1, neighbours + 1)])
    around = power[lines[:, None] + offsets].mean(axis=1)
    rounding = 1e-20 * float(power.max())
    found = np.where(
        power[lines] > rounding, power[lines], 0.0
    )  # rounding noise of an exact period is no line
    if found.any() and around.max() <= rounding:
        return math.inf, 0.0, int(lines.size), neighbours
    # A ratio to the mean of 2H ordinates has the mean 1 / (1 - 1/2H).
    statistic = float(np.mean(found / np.maximum(around, rounding))) * (1.0 - 0.5 / neighbours)
    pvalue = float(scipy.special.fdtrc(2 * lines.size, 4 * lines.size * neighbours, statistic))
    return statistic, pvalue, int(lines.size), neighbours


def _spectrum(
    series: Series, frequency: FloatArray, density: FloatArray, entropy: float, flatness: float
) -> Spectrum:
    with np.errstate(over="ignore", under="ignore"):
        density = density * series.scale * series.scale
    return Spectrum(
        frequency=frequency,
        density=density,
        entropy=entropy,
        flatness=flatness,
        n=series.n,
        n_used=series.n_used,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _no_spectrum(series: Series, status: Status, reason: str) -> Spectrum:
    empty = np.empty(0)
    return Spectrum(empty, empty, math.nan, math.nan, series.n, 0, status, reason, series.notes)


@column_group(
    "standard",
    "spectral.md#entropy-and-flatness",
    {
        "spectral_entropy": "spectral entropy over its mean for white noise; 1 is white, 0 a single line",
        "spectral_flatness": "spectral flatness over its mean for white noise; 1 is white, near 0 coloured",
    },
)
def spectrum_columns(series: Series) -> Cells:
    """Compute the spectrum columns."""
    spectrum = periodogram(series)
    values = {"spectral_entropy": spectrum.entropy, "spectral_flatness": spectrum.flatness}
    return Cells(values, (("spectrum", spectrum),))


@column_group(
    "standard",
    "spectral.md#epoch-comb-and-variance-ratio",
    {
        "points_per_epoch": Column(
            "values per epoch; missing if unknown or unequal", method="input.md#accepted-series"
        ),
        "epoch_comb_pvalue": "p-value of the comb test; null: no line at the epoch frequency",
        "epoch_variance_ratio": "E Var(epoch mean) / Var(x): 1 for independent values, far below 1 for "
        "fixed batches in a new order each epoch, above 1 for a trend",
    },
    takes_regime=True,
)
def epoch_columns(regime: Regime) -> Cells:
    """Compute the epoch columns."""
    length = regime.whole.points_per_epoch
    values = {
        "points_per_epoch": math.nan if length is None else length,
        "epoch_comb_pvalue": math.nan,
        "epoch_variance_ratio": math.nan,
    }
    if length is None or length < 2:
        return Cells(values)
    whole_epochs = math.ceil(regime.start / length) * length
    comb = epoch_comb(regime.whole.since(whole_epochs), length)
    values |= {"epoch_comb_pvalue": comb.pvalue, "epoch_variance_ratio": comb.variance_ratio}
    return Cells(values, (("epoch comb", comb),))
