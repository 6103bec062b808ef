"""Epoch effects in a series: the sawtooth within epochs, the mean profile of an epoch, and its removal.

The comb test and the variance ratio of epochs are in `tracekit_analysis.statistics.spectral`. All epochs here are
complete and of equal length; values before the first and after the last complete epoch are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable

MIN_SAWTOOTH_EPOCHS = 5


@dataclass(frozen=True, slots=True)
class Sawtooth(Record):
    """Rise of a series within its epochs, beyond the trend across epochs."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    rise: float
    """Mean change within an epoch (least-squares slope times its length), in units of the series."""
    rise_se: float
    """Standard error of `rise`, epochs as replicates."""
    trend: float
    """Mean change from one epoch mean to the next, in units of the series."""
    excess: float
    """Sawtooth: mean over inner epochs of the rise minus half the difference of the two neighbouring epoch means."""
    excess_se: float
    """Its standard error, epochs as replicates."""
    pvalue: float
    """P-value of the t test that `excess` is 0."""
    profile_share: float
    """Share of the variance that the position within the epoch explains (adjusted eta squared)."""
    epoch_length: int
    """Number E of values per epoch."""
    n_epochs: int
    """Number of full epochs."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values in full epochs."""
    status: Status
    """Whether the slopes could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def sawtooth(x: ArrayLike | Series, *, epoch_length: int | None = None) -> Sawtooth:
    """Measure the epochal sawtooth: a change within each epoch that is reversed at the epoch's end.

    For each inner epoch e the contrast ``c_e = slope_e E - (mean_{e+1} - mean_{e-1}) / 2`` compares the
    change within the epoch with the trend around it; `excess` is the mean contrast, with a t test over
    epochs. Null: no sawtooth. Alternative: the series rises (falls) within epochs and jumps back between
    them. A linear trend gives 0. Epochs are the replicates; the test allows for correlation between
    neighbouring epochs only.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order. A `Series` with epochs knows where its first full epoch starts; an array
        is assumed to start with the first value of an epoch.
    epoch_length : int, optional
        Number E of values per epoch, at least 3; default: that of the `Series`.

    Returns
    -------
    Sawtooth

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    On the phenomenon: Liu and Ma (2025), Neural Process. Lett. 57(3), arXiv 2410.10056.
    """
    series = as_series(x)
    length = _length(series, epoch_length)
    known: dict[str, Any] = {
        "null": "the series changes within epochs as much as the trend across epochs does",
        "alternative": "the series rises or falls within epochs and jumps back between them",
        "epoch_length": 0 if length is None else length,
    }
    refused = series.refusal() or (
        ("inconclusive", "the length of an epoch is unknown") if length is None else None
    )
    if refused or length is None:
        return unavailable(Sawtooth, series, refused or ("inconclusive", ""), **known)
    epochs = _full_epochs(series, length)
    n_epochs = len(epochs)
    if n_epochs < MIN_SAWTOOTH_EPOCHS:
        refused = ("inconclusive", f"{n_epochs} full epochs; at least {MIN_SAWTOOTH_EPOCHS} are needed")
    elif float(epochs.var()) == 0.0:  # also where its squares vanish beside one huge value elsewhere
        refused = ("degenerate", "constant over the full epochs")
    if refused:
        return unavailable(Sawtooth, series, refused, **known)
    position = np.arange(length) - (length - 1) / 2.0
    rises = epochs @ position / (position @ position) * length
    means = epochs.mean(axis=1)
    contrasts = rises[1:-1] - (means[2:] - means[:-2]) / 2.0
    excess, excess_se = float(contrasts.mean()), _standard_error(contrasts)
    pvalue = 1.0
    if excess_se > 1e-12 * float(np.ptp(epochs)):
        pvalue = 2.0 * float(scipy.special.stdtr(contrasts.size - 1, -abs(excess) / excess_se))
    elif abs(excess) > 1e-9 * float(np.ptp(epochs)):
        pvalue = 0.0
    unit = series.scale
    return Sawtooth(
        **known,
        rise=float(rises.mean()) * unit,
        rise_se=float(rises.std(ddof=1)) / math.sqrt(n_epochs) * unit,
        trend=float(means[-1] - means[0]) / (n_epochs - 1) * unit,
        excess=excess * unit,
        excess_se=excess_se * unit,
        pvalue=pvalue,
        profile_share=_profile_share(epochs),
        n_epochs=n_epochs,
        n=series.n,
        n_used=epochs.size,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def remove_epoch_profile(x: ArrayLike | Series, *, epoch_length: int | None = None) -> Series:
    """Return the full epochs of a series after subtracting the mean profile of an epoch.

    From each value we subtract the mean over epochs at its position, and add the mean of the series.
    Every function here accepts the result as a series. With few epochs this also removes much noise
    (a share of one over the number of epochs).

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, as for `sawtooth`.
    epoch_length : int, optional
        Number of values per epoch, at least 3; default: that of the `Series`.

    Returns
    -------
    Series
        ``inconclusive`` with a reason where the epoch is unknown or there are fewer than 2 full epochs.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.
    """
    series = as_series(x)
    length = _length(series, epoch_length)
    if series.refusal():
        return series
    epochs = np.empty((0, 1)) if length is None else _full_epochs(series, length)
    empty = np.empty(0)
    if len(epochs) < 2:
        why = (
            "the length of an epoch is unknown"
            if length is None
            else f"{len(epochs)} full epochs; at least 2 are needed"
        )
        return replace(series, values=empty, status="inconclusive", reason=why)
    spread = float(np.ptp(epochs))
    left = (epochs - epochs.mean(axis=0) + epochs.mean()).ravel()
    if np.ptp(left) <= 1e-12 * spread:
        return replace(series, values=empty, status="degenerate", reason="every epoch repeats the first one")
    rest = replace(series, values=left, n_epochs=len(epochs), points_per_epoch=length, epoch_start=0)
    return rest.rescaled()


def _length(series: Series, epoch_length: int | None) -> int | None:
    """Return the number of values per epoch, as given or as the series knows it; None if unknown."""
    if epoch_length is None:
        known = series.points_per_epoch
        return known if known is not None and known >= 3 else None
    if int(epoch_length) != epoch_length or epoch_length < 3:
        raise bad_argument("epoch_length", epoch_length, "must be a whole number of at least 3")
    return int(epoch_length)


def _full_epochs(series: Series, length: int) -> FloatArray:
    """Return the full epochs as rows."""
    values = series.values[series.epoch_start :]
    return values[: values.size // length * length].reshape(-1, length)


def _standard_error(contrasts: FloatArray) -> float:
    """Return the standard error of a mean of contrasts; neighbouring contrasts may correlate, others not."""
    centred = contrasts - contrasts.mean()
    variance = float(centred @ centred) / (contrasts.size - 1)
    # The end of one epoch meets the start of the next: for MA(-0.8) this correlates contrasts (size .11).
    neighbours = float(centred[1:] @ centred[:-1]) / (contrasts.size - 1)
    return math.sqrt((variance + 2.0 * max(neighbours, 0.0)) / contrasts.size)


def _profile_share(epochs: FloatArray) -> float:
    """Return adjusted eta squared of the position within the epoch; negative if it explains less than by chance."""
    n, (n_epochs, length) = epochs.size, epochs.shape
    total = float(epochs.var()) * n
    between = n_epochs * float(((epochs.mean(axis=0) - epochs.mean()) ** 2).sum())
    within = (total - between) / (n - length)
    return 1.0 - within / (total / (n - 1))


@column_group(
    "full",
    "spectral.md#sawtooth",
    {
        "sawtooth": Column("rise within an epoch beyond the trend through it", "units of the series"),
        "sawtooth_se": Column("standard error of the sawtooth, epochs as replicates", "units of the series"),
        "sawtooth_pvalue": "p-value of the t test over epochs; null: no sawtooth",
        "epoch_rise": Column("change within an epoch, trend included", "units of the series"),
        "epoch_rise_se": Column(
            "standard error of the change within an epoch, epochs as replicates", "units of the series"
        ),
        "epoch_profile_share": "share of the variance that the position within the epoch explains",
    },
)
def sawtooth_columns(series: Series) -> Cells:
    """Compute the sawtooth columns."""
    saw = sawtooth(series)
    values = {
        "sawtooth": saw.excess,
        "sawtooth_se": saw.excess_se,
        "sawtooth_pvalue": saw.pvalue,
        "epoch_rise": saw.rise,
        "epoch_rise_se": saw.rise_se,
        "epoch_profile_share": saw.profile_share,
    }
    return Cells(values, (("sawtooth", saw),))
