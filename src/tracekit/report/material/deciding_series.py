"""Deciding series of a run in detail: spectrum, autocorrelation, breaks and spikes, by `tracekit_analysis`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tracekit.report.figures.drawing import Vector
from tracekit_analysis import as_series
from tracekit_analysis.series import detect_interleaving
from tracekit_analysis.statistics import change_points, find_spikes, welch_psd
from tracekit_analysis.statistics.dependence import autocovariance

#: Largest lag of the autocorrelation, in values.
LAGS = 60

#: Largest number of spikes kept for drawing, the largest ones.
SPIKES = 20


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One series after its initial transient; places in the run are in updates."""

    frequency: Vector = field(repr=False)  #: cycles per value; empty where the series is too short
    density: Vector = field(repr=False)  #: power spectral density over the variance, in values
    autocorrelation: Vector = field(repr=False)  #: at lags 0, 1, ...; empty where the series is too short
    n_used: int  #: values after the transient
    stride: float  #: updates from one value to the next
    points_per_epoch: float  #: NaN if unknown
    changes: Vector = field(repr=False)  #: updates at which the level breaks
    levels: Vector = field(repr=False)  #: median of each segment; one more than `changes`
    span: tuple[float, float]  #: first and last update after the transient
    spike_at: Vector = field(repr=False)  #: updates of the largest spikes
    spike_value: Vector = field(repr=False)  #: their values
    statistics: dict[str, Any]  #: columns of the full preset that the standard preset lacks, by name


def portray(rows: pd.DataFrame, *, burn_in: int, segment: int) -> Portrait:
    """Compute the portrait of one series.

    Parameters
    ----------
    rows : DataFrame
        ``step``, ``epoch`` and ``value`` of one series, by step.
    burn_in : int
        Number of values of the initial transient, which are left out.
    segment : int
        Values in a segment of the spectrum.
    """
    whole = as_series(rows["value"], steps=rows["step"], epochs=rows["epoch"])
    series = whole.since(burn_in)
    # Positions count usable values; a refused series has none, and a diverging one ends early.
    finite = np.isfinite(rows["value"].to_numpy(np.float64))
    steps = rows["step"].to_numpy(np.float64)[finite][burn_in : burn_in + series.n_used]
    values = rows["value"].to_numpy(np.float64)[finite][burn_in : burn_in + series.n_used]
    spectrum = welch_psd(series, segment=segment)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        variance = float(values.var()) if values.size else 0.0
        density = spectrum.density / variance if 0 < variance < np.inf else np.empty(0)
    sound = density.size > 0 and bool(np.isfinite(density).all())
    spikes, changes, channels = find_spikes(series), change_points(series), detect_interleaving(series)
    shown = np.sort(np.argsort(-np.abs(spikes.score), kind="stable")[:SPIKES])
    empty = np.empty(0)
    return Portrait(
        frequency=spectrum.frequency if sound else empty,
        density=density if sound else empty,
        autocorrelation=_autocorrelation(series.values),
        n_used=series.n_used,
        stride=float("nan") if series.stride is None else series.stride,
        points_per_epoch=float("nan") if whole.points_per_epoch is None else float(whole.points_per_epoch),
        changes=steps[changes.at],
        levels=changes.levels,
        span=(float(steps[0]), float(steps[-1])) if steps.size else (0.0, 0.0),
        spike_at=steps[spikes.at[shown]],
        spike_value=values[spikes.at[shown]],
        statistics={"interleaved": channels.interleaved, "n_channels": channels.n_channels},
    )


def _autocorrelation(values: Vector) -> Vector:
    if values.size < 50:
        return np.empty(0)
    covariance = autocovariance(values)
    if not covariance[0] > 0:
        return np.empty(0)
    return np.asarray(covariance[: min(LAGS, values.size // 4) + 1] / covariance[0])
