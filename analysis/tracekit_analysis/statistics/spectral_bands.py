"""Band power, centroid and edge of a spectrum: the frequencies at which its power lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import bad_argument, require_between
from tracekit_analysis.series.input import Series
from tracekit_analysis.statistics.multitaper import multitaper_psd
from tracekit_analysis.statistics.spectral import Spectrum

BANDS: Mapping[str, tuple[float, float]] = {
    "slow": (0.0, 0.01),
    "low": (0.01, 0.1),
    "middle": (0.1, 0.4),
    "high": (0.4, 0.5),
}
"""Named bands in cycles per value: periods above 100 values, 10 to 100, 2.5 to 10, below 2.5."""


def band_power(spectrum: Spectrum, low: float, high: float) -> float:
    """Return the share of the power at frequencies in (low, high]; NaN for an empty spectrum.

    White noise has the share ``2 (high - low)``.

    Parameters
    ----------
    spectrum : Spectrum
        From `periodogram`, `multitaper_psd` or `welch_psd`.
    low, high : float
        Ends of the band, in cycles per value, within [0, 1/2].

    Raises
    ------
    AnalysisError
        If the band is empty or reaches beyond [0, 1/2].
    """
    if not 0.0 <= low < high <= 0.5:
        raise bad_argument("low, high", (low, high), "must be an interval within [0, 0.5]")
    share = _shares(spectrum)
    inside = (spectrum.frequency > low) & (spectrum.frequency <= high)
    return float(share[inside].sum()) if share.size else math.nan


def spectral_centroid(spectrum: Spectrum) -> float:
    """Return the mean frequency, weighted by power, in cycles per value; 1/4 for white noise, NaN if empty."""
    share = _shares(spectrum)
    return float(spectrum.frequency @ share) if share.size else math.nan


def spectral_edge(spectrum: Spectrum, share: float = 0.95) -> float:
    """Return the frequency below which a share of the power lies, in cycles per value; NaN if empty."""
    require_between("share", share, 0.0, 1.0)
    cumulated = np.cumsum(_shares(spectrum))
    if not cumulated.size:
        return math.nan
    return float(spectrum.frequency[min(int(np.searchsorted(cumulated, share)), cumulated.size - 1)])


def _shares(spectrum: Spectrum) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the density scaled to the sum 1; empty if there is no power or it overflowed."""
    largest = float(spectrum.density.max(initial=0.0))
    if not 0.0 < largest < math.inf:
        return np.empty(0)
    scaled = spectrum.density / largest
    return np.asarray(scaled / scaled.sum())


@column_group(
    "full",
    "spectral.md#centroid-edge-and-bands",
    {
        "spectral_centroid": Column(
            "mean frequency weighted by power, in cycles per value; 1/4 for white noise", "cycles per value"
        ),
        "spectral_edge": Column("frequency below which 95% of the power lies", "cycles per value"),
        "multitaper_entropy": Column(
            "spectral entropy of 7 sine tapers over that of white noise; 1 is white",
            method="spectral.md#entropy-and-flatness",
        ),
        "multitaper_flatness": Column(
            "spectral flatness of 7 sine tapers over that of white noise; 1 is white",
            method="spectral.md#entropy-and-flatness",
        ),
        **{
            f"power_{name}": f"share of the power at {low:g} to {high:g} cycles per value; "
            f"{2 * (high - low):.2g} if white"
            for name, (low, high) in BANDS.items()
        },
    },
)
def band_columns(series: Series) -> Cells:
    """Compute the spectral-band columns."""
    spectrum = multitaper_psd(series)
    values = {
        "spectral_centroid": spectral_centroid(spectrum),
        "spectral_edge": spectral_edge(spectrum),
        "multitaper_entropy": spectrum.entropy,
        "multitaper_flatness": spectrum.flatness,
        **{f"power_{name}": band_power(spectrum, low, high) for name, (low, high) in BANDS.items()},
    }
    return Cells(values, (("spectrum", spectrum),))
