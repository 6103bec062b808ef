"""Coherence of two recorded signals, such as two layers: do they move together more than by chance or shared data?

Layers of one run see the same minibatches, so they are never independent. The null that can be tested is that they
are no more coherent than each is with the other layer in another run, which had its own order of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.multitaper import N_TAPERS, TIME_BANDWIDTH, each_taper
from tracekit_analysis.statistics.spectral import MIN_SPECTRUM_LENGTH

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class Coherence(Record):
    """Magnitude-squared coherence of two series at each frequency, and tests of it."""

    null: str
    """Null hypothesis of `pvalue`, in words."""
    alternative: str
    """Alternative, in words."""
    frequency: FloatArray
    """Cycles per value, above 0 and below 1/2."""
    coherence: FloatArray
    """Squared coherence at each frequency, 0 to 1; biased upwards by about 1/7."""
    threshold: float
    """Pointwise threshold 1 - alpha^(1/(K - 1)); exceeded with probability `alpha` under independence."""
    mean: float
    """Mean squared coherence; 1/7 for unrelated series."""
    largest: float
    """Largest squared coherence."""
    largest_at: float
    """Frequency of the largest squared coherence, in cycles per value."""
    pvalue: float
    """P-value of the largest squared coherence, Bonferroni over all frequencies."""
    excess: float
    """Mean coherence minus that with the reference; NaN without a reference."""
    excess_pvalue: float
    """One-sided p-value of `excess`: t test over bands of width 4 NW / n; NaN without a reference."""
    alpha: float
    """Level of the threshold."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used, up to the end of the shorter series."""
    status: Status
    """Whether the coherence could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def multitaper_coherence(
    x: ArrayLike | Series,
    y: ArrayLike | Series,
    *,
    reference: ArrayLike | Series | None = None,
    alpha: float = 0.05,
) -> Coherence:
    """Estimate the coherence of two series with 7 Slepian tapers (sine tapers beyond 20,000 values).

    Under independence ``P(C > c) = (1 - c)^(K - 1)`` at one frequency with K = 7 tapers. Null of `pvalue`:
    the series are independent. The largest coherence is corrected for all n/2 frequencies: with the n / (2 NW)
    that are often counted as independent the size is .16 (n = 1,000). Null of `excess_pvalue`: `x` is no
    more coherent with `y` than with the reference. Assumes that all were recorded at the same steps from the
    first value on: leading NaN of one are cut from all, and all are cut to the shortest. Common trends and
    common epochs count as coherence; remove the epoch profile first if you do not want them.

    Parameters
    ----------
    x, y : (n,) array-like
        Values in recorded order at the same steps.
    reference : (n,) array-like, optional
        Signal of `y` from another run with another shuffle seed.
    alpha : float
        Level of the pointwise threshold.

    Returns
    -------
    Coherence

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Thomson (1982), Proc. IEEE 70:1055.
    """
    require_between("alpha", alpha, 0.0, 1.0)
    parts = [part for part in (x, y, reference) if part is not None]
    start = _common_start(parts)
    all_series = [part if isinstance(part, Series) else as_series(np.asarray(part)[start:]) for part in parts]
    known = {
        "null": "the two series are independent",
        "alternative": "the two series share a component at some frequency",
        "alpha": alpha,
        "threshold": 1.0 - alpha ** (1.0 / (N_TAPERS - 1)),
    }
    for series, name in zip(all_series, ("first", "second", "reference"), strict=False):
        refused = series.refusal(MIN_SPECTRUM_LENGTH)
        if refused:
            return unavailable(Coherence, series, (refused[0], f"{name} series: {refused[1]}"), **known)
    n = min(series.n_used for series in all_series)
    notes = tuple(dict.fromkeys(note for series in all_series for note in series.notes))
    if len({series.n_used for series in all_series}) > 1:
        notes += (f"cut to the first {n} values, the length of the shortest series",)
    common = [series.values[:n] for series in all_series]
    if any(values.min() == values.max() for values in common):
        return unavailable(
            Coherence, all_series[0], ("degenerate", "constant over the common values"), **known
        )
    spectra = [_eigencoefficients(values) for values in common]
    squared = _squared_coherence(spectra[0], spectra[1])
    strongest = int(np.argmax(squared))
    excess = excess_pvalue = math.nan
    if reference is not None:
        excess, excess_pvalue = _excess(squared - _squared_coherence(spectra[0], spectra[2]))
    worst = next((series for series in all_series if series.status != "ok"), all_series[0])
    return Coherence(
        **known,
        frequency=np.arange(1, squared.size + 1) / n,
        coherence=squared,
        mean=float(squared.mean()),
        largest=float(squared[strongest]),
        largest_at=(strongest + 1) / n,
        pvalue=min(1.0, squared.size * (1.0 - float(squared[strongest])) ** (N_TAPERS - 1)),
        excess=excess,
        excess_pvalue=excess_pvalue,
        n=all_series[0].n + start,
        n_used=n,
        status=worst.status,
        reason=worst.reason,
        notes=notes,
    )


def _common_start(parts: list[Any]) -> int:
    """Return the first index at which no array is NaN; cutting leading NaN separately would shift the arrays."""
    arrays = [np.asarray(part) for part in parts if not isinstance(part, Series)]
    if any(array.ndim != 1 or array.dtype.kind != "f" for array in arrays):
        return 0  # as_series reports what is wrong, or there can be no NaN
    shortest = min((array.size for array in arrays), default=0)
    usable = (
        ~np.any([np.isnan(array[:shortest]) for array in arrays], axis=0) if arrays else np.empty(0, bool)
    )
    return int(np.argmax(usable)) if usable.any() else 0


def _eigencoefficients(values: FloatArray) -> ComplexArray:
    """Return the transforms of the tapered series below 1/2, one row per taper."""
    centred = (values - values.mean()) / np.ptp(values)
    rows = [scipy.fft.rfft(taper * centred) for taper in each_taper(values.size, N_TAPERS, "slepian")]
    return np.asarray(rows)[:, 1 : (values.size - 1) // 2 + 1]


def _squared_coherence(first: ComplexArray, second: ComplexArray) -> FloatArray:
    """Return |sum_k X_k conj Y_k|^2 / (sum_k |X_k|^2 sum_k |Y_k|^2); 0 where a series has no power."""
    cross = np.abs((first * second.conj()).sum(axis=0)) ** 2
    powers = (np.abs(first) ** 2).sum(axis=0) * (np.abs(second) ** 2).sum(axis=0)
    return np.divide(cross, powers, out=np.zeros_like(powers), where=powers > 0.0).clip(0.0, 1.0)


def _excess(difference: FloatArray) -> tuple[float, float]:
    """Return the mean difference and its one-sided p-value; the replicates are bands of two resolution widths."""
    width = int(4.0 * TIME_BANDWIDTH)
    bands = difference[: difference.size // width * width].reshape(-1, width).mean(axis=1)
    se = float(bands.std(ddof=1)) / math.sqrt(bands.size)
    mean = float(bands.mean())
    if se <= 1e-12:
        return mean, 1.0 if mean <= 1e-12 else 0.0
    return mean, float(scipy.special.stdtr(bands.size - 1, -mean / se))
