"""Spikes of a series, that is isolated large deviations: their number, clusters, and the number expected from its tail.

Spike counts depend on the tail of a series: t3 noise has 120 values beyond 5 in 10,000. So the expected rate is
given with the counts. The rules of training frameworks are in `tracekit_analysis.statistics.spike_rules`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.dependence import autocovariance, geyer_tau
from tracekit_analysis.statistics.tails import pareto_fit

MIN_WINDOW = 51
NORMAL_MAD = 1.4826
MIN_SPIKE_LENGTH = 2 * MIN_WINDOW
TAIL_SHARE = 0.05
MIN_TAIL = 10

IntArray = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Spikes(Record):
    """Values far from the rolling median, with distances in rolling robust standard deviations."""

    at: IntArray
    """Index of each spike among the usable values."""
    score: FloatArray
    """Robust z of each spike; negative below the median."""
    cluster: IntArray
    """Number of the cluster of each spike, from 0."""
    threshold: float
    """|z| from which a value counts as a spike."""
    n_spikes: int
    """Number of spikes."""
    n_clusters: int
    """Number of clusters: spikes no further apart than the correlation time."""
    n_above: int
    """Number of spikes above the median."""
    n_5: int
    """Number of values with |z| >= 5."""
    n_8: int
    """Number of values with |z| >= 8."""
    rate: float
    """Spikes per 1,000 values."""
    expected_rate: float
    """Spikes per 1,000 values expected from a generalized Pareto fit to the largest 5 % of |z|; NaN without a fit."""
    largest: float
    """Largest |z|."""
    window: int
    """Number of values in the centred window."""
    gap: int
    """Largest distance within a cluster, in values."""
    zeros: float
    """Share of values that are exactly zero; zeros are left out if more than half of a window is equal."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the search could be made."""
    reason: str
    """Why not, in one sentence; empty if they could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def find_spikes(x: ArrayLike | Series, *, threshold: float = 5.0) -> Spikes:
    """Find spikes: values far from the rolling median.

    ``z = (x - rolling median) / (1.4826 rolling median of |x - rolling median|)`` in a centred window of
    max(51, 5 tau) values, at most a quarter of the series. A level break is no spike, nor is a burst longer
    than half a window. False spikes in 10,000 values at 5 / 8: independent or AR(0.9) normal .5-.9 / 0,
    GARCH .4 / 0, t3 120 / 32. If the median deviation of a window is 0, exact zeros are left out of all
    windows; a window whose deviation is still 0 takes that of the whole series.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    threshold : float
        |z| from which a value counts.

    Returns
    -------
    Spikes

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Hampel (1974), JASA 69:383; clusters by runs: Smith and Weissman (1994), J. R. Statist. Soc. B 56:515.
    """
    require_between("threshold", threshold, 0.0, math.inf)
    series = as_series(x)
    none = np.empty(0, dtype=np.intp)
    known: dict[str, Any] = {"at": none, "cluster": none, "threshold": threshold, "zeros": series.zeros}
    refused = series.refusal(MIN_SPIKE_LENGTH)
    if refused:
        return unavailable(Spikes, series, refused, **known)
    values, notes = series.values, series.notes
    places: IntArray = np.arange(values.size)
    tau = max(1.0, geyer_tau(autocovariance(values)))
    window = _window(values.size, tau)
    median, deviation = _rolling(values, window)
    if not deviation.min() > 0.0 and series.zeros > 0.0:
        places = np.flatnonzero(values)
        if places.size >= MIN_SPIKE_LENGTH:
            notes += (f"{series.zeros:.0%} of the values are exactly zero and were left out",)
            window = _window(places.size, tau)
            median, deviation = _rolling(values[places], window)
        else:
            places = np.arange(values.size)
    values = values[places]
    overall = float(np.median(np.abs(values - median)))
    if not overall > 0.0:
        why = "more than half of the values equal their rolling median, so there is no scale"
        return unavailable(Spikes, series, ("inconclusive", why), **known)
    # In a window of nearly equal values, a rounding error would count as a spike.
    deviation = np.maximum(np.where(deviation > 0.0, deviation, overall), 1e-12 * np.abs(median))
    z = (values - median) / (NORMAL_MAD * deviation)
    distance = np.abs(z)
    found = np.flatnonzero(distance >= threshold)
    at = places[found]
    gap = max(1, math.ceil(tau))
    cluster: IntArray = np.cumsum((np.diff(at, prepend=at[:1]) > gap).astype(np.intp))
    return Spikes(
        at=at,
        score=z[found],
        cluster=cluster,
        threshold=threshold,
        n_spikes=found.size,
        n_clusters=int(cluster[-1]) + 1 if found.size else 0,
        n_above=int(np.count_nonzero(z[found] > 0.0)),
        n_5=int(np.count_nonzero(distance >= 5.0)),
        n_8=int(np.count_nonzero(distance >= 8.0)),
        rate=1000.0 * found.size / values.size,
        expected_rate=1000.0 * _expected_share(distance, threshold),
        largest=float(distance.max()),
        window=window,
        gap=gap,
        zeros=series.zeros,
        n=series.n,
        n_used=values.size,
        status=series.status,
        reason=series.reason,
        notes=notes,
    )


def _window(n: int, tau: float) -> int:
    """Return an odd window of max(51, 5 tau) values, at most a quarter of the series but at least 51."""
    length = min(max(MIN_WINDOW, round(5.0 * tau)), max(MIN_WINDOW, n // 4))
    return length + 1 - length % 2


def _rolling(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Return the rolling median and the rolling median distance from it; the series is reflected at its ends."""
    median = scipy.ndimage.median_filter(values, window, mode="reflect")
    return median, scipy.ndimage.median_filter(np.abs(values - median), window, mode="reflect")


def _expected_share(distance: FloatArray, threshold: float) -> float:
    """Return the share beyond the threshold, by a generalized Pareto fit to the largest 5 % of distances."""
    k = round(TAIL_SHARE * distance.size)
    base = float(np.partition(distance, -k - 1)[-k - 1])
    excesses = distance[distance > base] - base
    if excesses.size < MIN_TAIL or base >= threshold:
        return math.nan
    xi, scale = pareto_fit(excesses)
    if not (math.isfinite(xi) and scale > 0.0):
        return math.nan
    share = excesses.size / distance.size
    if abs(xi) < 1e-9:
        return share * math.exp(-(threshold - base) / scale)
    reach = 1.0 + xi * (threshold - base) / scale
    return share * reach ** (-1.0 / xi) if reach > 0.0 else 0.0


@column_group(
    "standard",
    "tails-and-events.md#spikes",
    {
        "n_spikes": "values at least 5 rolling robust standard deviations from the rolling median",
        "n_spikes_8": "values at least 8 rolling robust standard deviations from the rolling median",
        "spike_clusters": "clusters of spikes (at 5) no further apart than the correlation time",
        "spike_rate": "spikes (at 5) per 1,000 values",
        "spike_rate_expected": "spikes (at 5) per 1,000 values that the tail of the series makes expect",
        "spike_largest": Column(
            "largest distance from the rolling median", "rolling robust standard deviations"
        ),
        "spikes_above": "spikes (at 5) that lie above the rolling median",
    },
)
def spike_columns(series: Series) -> Cells:
    """Compute the spike columns."""
    spikes = find_spikes(series)
    values = {
        "n_spikes": spikes.n_5,
        "n_spikes_8": spikes.n_8,
        "spike_clusters": spikes.n_clusters,
        "spike_rate": spikes.rate,
        "spike_rate_expected": spikes.expected_rate,
        "spike_largest": spikes.largest,
        "spikes_above": spikes.n_above,
    }
    return Cells(values, (("spikes", spikes),))
