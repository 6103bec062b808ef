"""Interleaved channels: a test whether one recorded series holds several quantities in turn.

A logger that writes all tensors to one file makes such a series. Mixed channels of different scale look
heavy-tailed, periodic and stationary, whatever each channel is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
import scipy.special
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.errors import bad_argument, require_between, require_count
from tracekit_analysis.holm import holm_adjusted
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, numbers, unavailable

MAX_CHANNELS = 64
MIN_PER_CHANNEL = 8
MAX_VALUES = 100_000
MAX_CYCLE, MIN_PER_PLACE = 1000, 4
STRICT = 0.001
N_SIDE, GUARD = 8, 1
WARNING = "this looks like"


@dataclass(frozen=True, slots=True)
class Interleaving(Record):
    """Outcome of the test whether the size of a value depends on its position modulo some number."""

    null: str
    """Null hypothesis, in words."""
    alternative: str
    """Alternative, in words."""
    interleaved: bool
    """True if all three p-values are below `alpha`."""
    n_channels: int
    """Number P of channels that explains the ranks best by BIC; 1 if no P is significant."""
    statistic: float
    """Kruskal-Wallis H of |x| by index mod P, for that P or, if none is significant, the P of smallest p-value."""
    pvalue: float
    """Its p-value after Holm's correction over all P."""
    line_pvalue: float
    """P-value of spectral lines of the ranks at the multiples of 1/P, Bonferroni over the P tried. Without lines
    that stand out of their neighbourhood, serial dependence alone explains `pvalue`."""
    spread_pvalue: float
    """The larger of the two p-values, for that P alone, on the distances from the median of each position. Without
    unequal distances, levels that repeat with the epoch or an oscillation explain the other two p-values."""
    explained: float
    """Share of the variance of the ranks of |x| that the position explains at that P."""
    alpha: float
    """Level of the decision."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used, at most the first 100,000."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def detect_interleaving(
    x: ArrayLike | Series, *, max_channels: int = MAX_CHANNELS, alpha: float = STRICT
) -> Interleaving:
    """Test whether a series is an interleaving of channels of different size.

    Null: |x| has the same distribution at all positions. Alternative: it does not. Three tests must reject:

    * Kruskal-Wallis test of |x| by index mod P for P = 2 .. `max_channels`, Holm-adjusted over P. Of the
      significant P we take the one of least ``n ln(1 - H / (n - 1)) + P ln n``, because every multiple of the
      true number separates the channels too. It assumes independent values (AR(0.9), n = 1,000: size .31 at 5 %).
    * An F test that the ranks have spectral lines at the multiples of 1/P, against neighbouring frequencies.
    * Both tests on the distance from the median of each position. Epochs of at most 64 values in fixed order,
      and oscillations of period 2 around a level other than 0, pass the first two but have equal spreads.

    The test does not find channels of equal spread, except channels that do not vary at all.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    max_channels : int
        Largest P, 2 to 1,000; at least 8 values per channel are needed, so P is at most n/8.
    alpha : float
        Level of the decision.

    Returns
    -------
    Interleaving

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Kruskal and Wallis (1952), JASA 47:583.
    """
    if isinstance(max_channels, str) or int(max_channels) != max_channels or not 2 <= max_channels <= 1000:
        raise bad_argument("max_channels", max_channels, "must be a whole number from 2 to 1000")
    require_between("alpha", alpha, 0.0, 1.0)
    series = as_series(x)
    asked = f"interleaving {max_channels} {alpha!r}"
    if asked not in series.known:
        series.known[asked] = _detect(series, int(max_channels), alpha)
    found: Interleaving = series.known[asked]
    return found


def interleaving_note(series: Series) -> tuple[str, ...]:
    """Return the warning for a series of interleaved channels (p < .001); empty if none are found."""
    return tuple(note for note in detect_interleaving(series).notes if note.startswith(WARNING))


def _detect(series: Series, max_channels: int, alpha: float) -> Interleaving:
    known: dict[str, Any] = {
        "null": "the size of a value does not depend on its position modulo any number",
        "alternative": "several channels of different size are interleaved",
        "alpha": alpha,
    }
    refused = series.refusal(2 * MIN_PER_CHANNEL)
    size = np.abs(series.values[:MAX_VALUES])
    if refused is None and size.min() == size.max():
        refused = ("degenerate", "all values have the same size")
    if refused:
        return unavailable(Interleaving, series, refused, **known, n_channels=1)
    n = size.size
    ranks = scipy.stats.rankdata(size)
    ranks -= ranks.mean()
    periods = np.arange(2, min(int(max_channels), n // MIN_PER_CHANNEL) + 1)
    explained = _explained(ranks, periods)
    # With the tied-rank variance in the denominator, H is corrected for ties.
    statistics = (n - 1) * explained
    adjusted = holm_adjusted(np.asarray(scipy.special.chdtrc(periods - 1, statistics), dtype=np.float64))
    significant = np.flatnonzero(adjusted < alpha)
    if significant.size:
        with np.errstate(divide="ignore"):
            criterion = n * np.log1p(-np.minimum(explained, 1.0)) + periods * math.log(n)
        best = int(significant[np.argmin(criterion[significant])])
    else:
        best = int(np.argmin(adjusted))
    period = int(periods[best])
    line_pvalue = min(1.0, periods.size * _line_pvalue(ranks, period))
    interleaved = bool(significant.size) and line_pvalue < alpha
    spread_pvalue = _spread_pvalue(series.values[:MAX_VALUES], period) if interleaved else math.nan
    interleaved = interleaved and spread_pvalue < alpha
    notes = series.notes
    if interleaved:
        notes += (
            f"{WARNING} {period} interleaved channels of different size: split them (`split_channels`)",
        )
    if n < series.n_used:
        notes += (f"tested on the first {n} values",)
    return Interleaving(
        **known,
        interleaved=interleaved,
        n_channels=period if interleaved else 1,
        statistic=float(statistics[best]),
        pvalue=float(adjusted[best]),
        line_pvalue=line_pvalue,
        spread_pvalue=spread_pvalue,
        explained=float(explained[best]),
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=notes,
    )


def split_channels(x: ArrayLike, n_channels: int) -> list[FloatArray]:
    """Return the channels of an interleaved array: the values at positions c, c + P, c + 2 P, ...

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    n_channels : int
        Number P of channels, at least 1.

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers, or `n_channels` not a whole number of at least 1.
    """
    require_count("n_channels", n_channels, 1)
    values = numbers("x", x)
    return [values[channel :: int(n_channels)] for channel in range(int(n_channels))]


def _explained(ranks: FloatArray, periods: NDArray[np.int_]) -> FloatArray:
    """Return, for each period, the share of the variance of centred ranks between positions modulo that period.

    Sums by position modulo P are sums modulo 2 P added in pairs, so only the larger half of the periods reads
    all values.
    """
    sums: dict[int, FloatArray] = {}
    shares = np.empty(periods.size)
    total = float(ranks @ ranks)
    for place in range(periods.size - 1, -1, -1):
        period = int(periods[place])
        if 2 * period in sums:
            found = sums[2 * period].reshape(2, period).sum(axis=0)
        else:
            full = ranks.size // period
            found = np.ones(full) @ ranks[: full * period].reshape(full, period)
            found[: ranks.size - full * period] += ranks[full * period :]
        sums[period] = found
        counts = np.full(period, float(ranks.size // period))
        counts[: ranks.size % period] += 1.0
        shares[place] = float(np.sum(found * found / counts)) / total
    return shares


def _spread_pvalue(values: FloatArray, period: int) -> float:
    """Return the larger p-value of the Kruskal-Wallis and the line test on distances from each position's median.

    Channels that do not vary differ in their levels alone; for them the result is 0.
    """
    cycle = _level_cycle(values, period)
    values = values[
        : values.size // cycle * cycle
    ]  # as many values at every place: their median shrinks distances
    places = values.reshape(-1, cycle)
    distance = np.abs(places - np.median(places, axis=0)).ravel()
    if distance.min() == distance.max():
        return 0.0
    ranks = scipy.stats.rankdata(distance)
    ranks -= ranks.mean()
    statistic = (ranks.size - 1) * float(_explained(ranks, np.array([period]))[0])
    return max(float(scipy.special.chdtrc(period - 1, statistic)), _line_pvalue(ranks, period))


def _level_cycle(values: FloatArray, period: int) -> int:
    """Return the multiple of the period after which the level repeats, by adjusted R^2 on the ranks of the values.

    An epoch of 50 in fixed order repeats sizes modulo 25 too, but then each position mixes two levels. A cycle that
    is too long does no harm.
    """
    longest = max(period, min(MAX_CYCLE, values.size // MIN_PER_PLACE))
    cycles = np.arange(period, longest + 1, period)
    ranks = scipy.stats.rankdata(values)
    ranks -= ranks.mean()
    return int(cycles[np.argmin((1.0 - _explained(ranks, cycles)) / (values.size - cycles))])


def _line_pvalue(ranks: FloatArray, period: int) -> float:
    """Return the p-value of spectral lines at k/P, compared with the neighbouring frequencies."""
    values = ranks[: ranks.size // period * period]
    cycles = values.size // period
    power = np.abs(scipy.fft.rfft(values - values.mean())) ** 2 / values.size
    lines = cycles * np.arange(1, period // 2 + 1)
    reach = min(N_SIDE, cycles // 2 - 1)
    offsets = np.concatenate([np.arange(-reach, -GUARD), np.arange(GUARD + 1, reach + 1)])
    beside = lines[:, None] + offsets
    # The spectrum is symmetric about 1/2, so that only one side of a line there counts.
    usable = (beside < values.size / 2).astype(np.float64)
    n_beside = usable.sum(axis=1)
    levels = (power[np.minimum(beside, power.size - 1)] * usable).sum(axis=1) / n_beside
    if not levels.min() > 0.0:
        return 0.0 if power[lines].max() > 0.0 else 1.0
    # Each line over its own level, which has the mean n / (n - 1): in a steep spectrum the lowest would dominate.
    ratios = power[lines] / levels * (1.0 - 1.0 / n_beside)
    freedom = np.where(2 * lines == values.size, 1.0, 2.0)
    mean_ratio = float(np.average(ratios, weights=freedom))
    return float(scipy.special.fdtrc(period - 1, 2.0 * usable.sum(), mean_ratio))


@column_group(
    "full",
    "input.md#interleaved-channels",
    {
        "interleaved": "True if channels of different size are interleaved in the series (p < .001)",
        "n_channels": "number of interleaved channels; 1 if none were found",
        "interleaving_pvalue": "Kruskal p-value, Holm over 2 to 64 channels; presumes independent values",
        "interleaving_line_pvalue": "p-value of spectral lines at the channels' frequencies",
        "interleaving_spread_pvalue": "p-value of unequal spreads of the channels; missing unless those are below .001",
    },
)
def interleaving_columns(series: Series) -> Cells:
    """Compute the interleaving columns."""
    found = detect_interleaving(series)
    values = {
        "interleaved": found.interleaved,
        "n_channels": found.n_channels,
        "interleaving_pvalue": found.pvalue,
        "interleaving_line_pvalue": found.line_pvalue,
        "interleaving_spread_pvalue": found.spread_pvalue,
    }
    return Cells(values, (("", found),))


@column_group("standard", "input.md#interleaved-channels", {})
def interleaving_warning(series: Series) -> Cells:
    """Only for the notes: interleaved channels look heavy-tailed, periodic and stationary."""
    return Cells({}, (("", detect_interleaving(series)),))
