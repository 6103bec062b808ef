"""Spectral peaks of one series: its strongest line, and the oscillation of period 2 at the Nyquist frequency.

Each ordinate is compared with its neighbours, not with the total: under autocorrelation Fisher's g rejects in
71 to 100 % of series without a line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.spectral import MIN_SPECTRUM_LENGTH, ordinates

N_LOWEST = 10
"""Number of lowest ordinates that are not tested, because the spectrum of a dependent series is too steep there."""
N_SIDE, GUARD = 10, 1
NYQUIST_ORDINATES, NYQUIST_REFERENCE = 3, 20


@dataclass(frozen=True, slots=True)
class PeakTest(Record):
    """Test of the strongest line of a spectrum against its neighbourhood."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    frequency: float
    """Frequency of the strongest peak, in cycles per value."""
    period: float
    """Its period, in values."""
    amplitude: float
    """Amplitude of the sine at that frequency, in units of the series."""
    statistic: float
    """F: the ordinate of the peak over the mean of 10 neighbours on each side."""
    pvalue: float
    """P-value of the strongest F, corrected for the number of tested ordinates (Sidak)."""
    band_low: float
    """Lower end of the frequencies that the series cannot distinguish from the peak: frequency - 1/n."""
    band_high: float
    """Upper end of these frequencies: frequency + 1/n."""
    cycles_per_epoch: float
    """Cycles per epoch; NaN if the length of an epoch is unknown."""
    n_peaks: int
    """Number of ordinates that are significant at `alpha` after the correction."""
    n_tested: int
    """Number of tested ordinates: all with 10 neighbours on both sides, without the lowest ones."""
    alpha: float
    """Level at which `n_peaks` are counted."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


@dataclass(frozen=True, slots=True)
class NyquistTest(Record):
    """Test whether a series alternates between high and low at each update, as at the edge of stability."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    statistic: float
    """F: mean of the 3 highest ordinates over that of the 20 below."""
    pvalue: float
    """P-value of F(6, 40)."""
    lag1: float
    """Autocorrelation at lag 1; negative for an oscillation of period 2."""
    oscillates: bool
    """True if the p-value is below `alpha` and the lag-1 autocorrelation is negative."""
    alpha: float
    """Level of the decision."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def peak_test(x: ArrayLike | Series, *, alpha: float = 0.05) -> PeakTest:
    """Test for a periodic component of unknown frequency.

    ``F_j = I_j / mean of 10 ordinates on each side (the nearest one left out) ~ F(2, 40)``; the p-value of
    the largest is Sidak-corrected for the number of ordinates. Null: the spectrum is smooth over 23
    neighbouring ordinates. Alternative: a line. The lowest ordinates are not tested, nor the 11 highest,
    which `nyquist_test` covers. Assumes approximately exponential ordinates: with heavy tails the test is
    conservative (t2: .01 to .03). A line between two Fourier frequencies loses up to 60 % of its power.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.
    alpha : float
        Level at which peaks are counted.

    Returns
    -------
    PeakTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    The F ratio of a line to its surroundings: Thomson (1982), Proc. IEEE 70:1055; Sidak (1967), JASA
    62:626.
    """
    require_between("alpha", alpha, 0.0, 1.0)
    series = as_series(x)
    known: dict[str, Any] = {
        "null": "the spectrum has no line",
        "alternative": "the series has a periodic component",
        "alpha": alpha,
    }
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    if refused:
        return unavailable(PeakTest, series, refused, **known)
    power = ordinates(series.values)
    around = _neighbourhood(power)
    reach = N_SIDE + GUARD
    first = max(reach, N_LOWEST)
    tested = power[first:-reach]
    around = around[first - reach :]
    if not around.max() > 1e-20 * power.max():
        return unavailable(
            PeakTest, series, ("inconclusive", "the spectrum is empty around its lines"), **known
        )
    ratio = tested / np.maximum(around, np.finfo(np.float64).tiny)
    ratio = np.where(tested > 1e-20 * power.max(), ratio, 0.0)  # rounding noise of an exact period is no line
    n, n_tested = series.n_used, tested.size
    pvalues = -np.expm1(
        n_tested * np.log1p(-np.minimum(scipy.special.fdtrc(2, 4 * N_SIDE, ratio), 1.0 - 1e-16))
    )
    strongest = int(np.argmax(ratio))
    frequency = (first + strongest + 1) / n
    length = series.points_per_epoch
    return PeakTest(
        **known,
        frequency=frequency,
        period=1.0 / frequency,
        amplitude=2.0 * math.sqrt(float(tested[strongest]) / n) * series.scale,
        statistic=float(ratio[strongest]),
        pvalue=float(pvalues[strongest]),
        band_low=frequency - 1.0 / n,
        band_high=frequency + 1.0 / n,
        cycles_per_epoch=math.nan if length is None else frequency * length,
        n_peaks=int(np.count_nonzero(pvalues < alpha)),
        n_tested=n_tested,
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def nyquist_test(x: ArrayLike | Series, *, alpha: float = 0.05) -> NyquistTest:
    """Test for an oscillation of period 2, a sign of training at the edge of stability.

    ``F = mean of the 3 highest ordinates / mean of the 20 below ~ F(6, 40)``, together with a negative
    autocorrelation at lag 1. Null: the spectrum is flat near its upper end. Alternative: the series
    alternates. If the number of values is even, the first is dropped, so that no ordinate lies at 1/2, where
    the distribution differs. The test needs every update: with an even recording stride the oscillation is
    aliased to frequency zero. Short anti-persistent series have steep spectra near 1/2 and exceed the level
    (AR(-0.5), n = 200: .14).

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, one per update.
    alpha : float
        Level of the decision.

    Returns
    -------
    NyquistTest

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Cohen, Kaur, Li, Kolter and Talwalkar (2021), Gradient descent on neural networks typically occurs at
    the edge of stability, ICLR.
    """
    require_between("alpha", alpha, 0.0, 1.0)
    series = as_series(x)
    known: dict[str, Any] = {
        "null": "the spectrum is flat near its upper end",
        "alternative": "the series alternates between consecutive values",
        "alpha": alpha,
    }
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    if refused is None and series.stride is not None and series.stride % 2 == 0:
        why = f"every {series.stride:g}th step was recorded: an even stride hides an oscillation of period 2"
        refused = ("inconclusive", why)
    values = series.values[1 - series.n_used % 2 :]
    power = ordinates(values) if refused is None else np.empty(0)
    below = power[-NYQUIST_ORDINATES - NYQUIST_REFERENCE : -NYQUIST_ORDINATES]
    if refused is None and not below.sum() > 1e-20 * power.sum():
        refused = ("inconclusive", "the spectrum is empty below its upper end")
    if refused:
        return unavailable(NyquistTest, series, refused, **known)
    statistic = float(power[-NYQUIST_ORDINATES:].mean() / below.mean())
    pvalue = float(scipy.special.fdtrc(2 * NYQUIST_ORDINATES, 2 * NYQUIST_REFERENCE, statistic))
    centred = values - values.mean()
    lag1 = float(centred[1:] @ centred[:-1] / (centred @ centred))
    notes = series.notes
    if series.stride is not None and series.stride != 1:
        notes += (f"every {series.stride:g}th step was recorded; an oscillation of period 2 is still seen",)
    return NyquistTest(
        **known,
        statistic=statistic,
        pvalue=pvalue,
        lag1=lag1,
        oscillates=pvalue < alpha and lag1 < 0.0,
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=notes,
    )


def _neighbourhood(power: FloatArray) -> FloatArray:
    """Return the mean of the neighbours of each ordinate that has a full set of neighbours."""
    windows = np.lib.stride_tricks.sliding_window_view(power, 2 * (N_SIDE + GUARD) + 1)
    weights = np.full(windows.shape[1], 1.0 / (2 * N_SIDE))
    weights[N_SIDE : N_SIDE + 2 * GUARD + 1] = 0.0
    return np.asarray(windows @ weights)


@column_group(
    "standard",
    "spectral.md#peaks",
    {
        "peak_pvalue": "p-value of the strongest spectral peak; null: no line",
        "peak_frequency": Column("frequency of the strongest spectral peak", "cycles per value"),
        "peak_period": Column("period of the strongest spectral peak", "values"),
        "peak_amplitude": Column("amplitude of the strongest spectral peak", "units of the series"),
        "peak_cycles_per_epoch": Column(
            "frequency of the strongest peak in cycles per epoch; missing without epochs", "cycles per epoch"
        ),
        "n_peaks": "spectral peaks that are significant at 5% after correction",
    },
)
def peak_columns(series: Series) -> Cells:
    """Compute the peak columns."""
    peak = peak_test(series)
    values = {
        "peak_pvalue": peak.pvalue,
        "peak_frequency": peak.frequency,
        "peak_period": peak.period,
        "peak_amplitude": peak.amplitude,
        "peak_cycles_per_epoch": peak.cycles_per_epoch,
        "n_peaks": peak.n_peaks,
    }
    return Cells(values, (("peaks", peak),))


@column_group(
    "standard",
    "spectral.md#edge-of-stability",
    {
        "nyquist_pvalue": "p-value of the test for an oscillation of period 2; missing for an even stride",
        "lag1": "autocorrelation at lag 1",
        "edge_of_stability": "True if the series oscillates with period 2 (Nyquist p < 5%, lag 1 negative)",
    },
)
def nyquist_columns(series: Series) -> Cells:
    """Compute the nyquist columns."""
    nyquist = nyquist_test(series)
    values = {
        "nyquist_pvalue": nyquist.pvalue,
        "lag1": nyquist.lag1,
        "edge_of_stability": nyquist.oscillates,
    }
    return Cells(values, (("period 2", nyquist),))
