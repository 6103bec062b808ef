"""Multitaper spectra: averages over orthogonal tapers, with little leakage and known degrees of freedom.

Sine tapers cost no more than their transforms. Slepian sequences concentrate better but take seconds for a million
values, so they are available up to 20,000 values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal

import numpy as np
import scipy.fft
import scipy.signal
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import FloatArray
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.statistics.spectral import MIN_SPECTRUM_LENGTH, Spectrum

N_TAPERS = 7
TIME_BANDWIDTH = 4.0
MAX_SLEPIAN = 20_000

Tapers = Literal["sine", "slepian"]


def multitaper_psd(x: ArrayLike | Series, *, n_tapers: int = N_TAPERS, tapers: Tapers = "sine") -> Spectrum:
    """Estimate the spectrum as the mean of the periodograms of orthogonally tapered copies.

    With K tapers each ordinate is about f chi2(2K) / 2K. `entropy` and `flatness` are divided by their
    values for Gaussian white noise, ``1 - (psi(K + 1) - ln K) / ln M`` and ``exp(psi(K) - ln K)`` with M
    ordinates. Neighbouring ordinates within (K + 1) / n are dependent. Assumes an evenly spaced series
    without gaps; a strong trend or transient fills the lowest ordinates.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, evenly spaced.
    n_tapers : int
        Number K of tapers, 1 to 32; at most 7 for Slepian tapers.
    tapers : {"sine", "slepian"}
        Family of tapers; "slepian" (time-bandwidth product 4) up to 20,000 values, sine tapers above.

    Returns
    -------
    Spectrum

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Thomson (1982), Proc. IEEE 70:1055; sine tapers: Riedel and Sidorenko (1995), IEEE Trans. Signal Process.
    43:188.
    """
    require_choice("tapers", tapers, ("sine", "slepian"))
    most = 32 if tapers == "sine" else N_TAPERS
    if int(n_tapers) != n_tapers or not 1 <= n_tapers <= most:
        raise bad_argument("n_tapers", n_tapers, f"must be a whole number from 1 to {most}")
    series = as_series(x)
    empty = np.empty(0)
    refused = series.refusal(MIN_SPECTRUM_LENGTH)
    if refused:
        return Spectrum(empty, empty, math.nan, math.nan, series.n, 0, *refused, series.notes)
    n = series.n_used
    centred = series.values - series.values.mean()
    power = np.zeros(n // 2 + 1)
    for taper in each_taper(n, n_tapers, tapers):
        transform = scipy.fft.rfft(taper * centred)
        power += (transform.real**2 + transform.imag**2) / n_tapers
    frequency = np.arange(1, n // 2 + 1) / n
    inner = power[1 : (n - 1) // 2 + 1]
    total = float(inner.sum())
    if total <= 0.0:
        why = "no power below the Nyquist frequency"
        return Spectrum(empty, empty, math.nan, math.nan, series.n, 0, "degenerate", why, series.notes)
    share = inner / total
    m, k = inner.size, n_tapers
    white_entropy = math.log(m) - float(scipy.special.digamma(k + 1)) + math.log(k)
    with np.errstate(divide="ignore"):
        flatness = m * float(np.exp(np.mean(np.log(share))))
    with np.errstate(over="ignore", under="ignore"):
        density = power[1:] * np.where(frequency < 0.5, 2.0, 1.0) * series.scale * series.scale
    return Spectrum(
        frequency=frequency,
        density=density,
        entropy=float(scipy.special.entr(share).sum()) / white_entropy,
        flatness=flatness / math.exp(float(scipy.special.digamma(k)) - math.log(k)),
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def each_taper(n: int, n_tapers: int, tapers: Tapers) -> Iterator[FloatArray]:
    """Yield orthonormal tapers, one at a time; a matrix of sine tapers of a million values has 56 MB."""
    if tapers == "slepian" and n <= MAX_SLEPIAN:
        yield from _slepian(n, n_tapers)
        return
    angle = np.arange(1, n + 1) * (math.pi / (n + 1))
    for order in range(1, n_tapers + 1):
        yield math.sqrt(2.0 / (n + 1)) * np.sin(order * angle)


@lru_cache(maxsize=2)
def _slepian(n: int, n_tapers: int) -> FloatArray:
    return np.asarray(scipy.signal.windows.dpss(n, TIME_BANDWIDTH, n_tapers))
