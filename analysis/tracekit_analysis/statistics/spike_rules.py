"""Spike rules of two training frameworks, as baselines for `tracekit_analysis.statistics.spikes`.

Both compare a loss with its running mean, so they assume a positive level and depend on it: adding a constant to
the loss changes their alarms. Neither has a known error rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.errors import bad_argument, require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.statistics.spikes import IntArray

RELATIVE = "rises by a multiple of its running mean"
RUNNING = "a run above a multiple of the running mean"


@dataclass(frozen=True, slots=True, eq=False)
class RuleAlarms(Record):
    """Alarms of a framework's rule, if training continues after each alarm."""

    rule: str
    """The rule, in words."""
    at: IntArray
    """Index of each alarm among the usable values."""
    n_alarms: int
    """Number of alarms."""
    first: int
    """Index of the first alarm; -1 if there is none."""
    n_high: int
    """Number of values at which at least half of the window lies above the cap; 0 for a rule without a cap."""
    window: int
    """Number of values in the running mean."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the rule could be applied."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def relative_spike_rule(
    x: ArrayLike | Series, *, window: int = 10, tolerance: float = 2.0, warmup: int = 1
) -> RuleAlarms:
    """Apply the rule of Lightning's SpikeDetection: a rise by 2 running means or more.

    Alarm at t if ``x_t > last`` and ``|x_t - m_t| >= tolerance |m_t|``, with m the mean of the last
    `window` values without alarm, and `last` the last of them. The rule also calls non-finite values spikes;
    here a series ends before its first one. Assumes a loss that is positive and not close to zero.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, one per update.
    window : int
        Values in the running mean.
    tolerance : float
        Multiple of the running mean.
    warmup : int
        Number of values before the first one that can raise an alarm; at least 1.

    Returns
    -------
    RuleAlarms

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Lightning, ``lightning.fabric.utilities.spike.SpikeDetection`` (window 10, warmup 1, rtol 2).
    """
    for name, value in (("window", window), ("warmup", warmup)):
        _require_count(name, value)
    require_between("tolerance", tolerance, 0.0, math.inf)
    series = as_series(x)
    refused = series.refusal()
    if refused:
        return _no_alarms(series, refused, RELATIVE, window)
    recent: list[float] = []
    alarms = []
    for t, value in enumerate(series.values.tolist()):
        if t >= warmup and value > recent[-1]:
            mean = math.fsum(recent) / len(recent)
            if abs(value - mean) >= tolerance * abs(mean):
                alarms.append(t)
                continue
        recent.append(value)
        del recent[:-window]
    return _alarms(series, RELATIVE, np.array(alarms, dtype=np.intp), 0, window)


def running_mean_rule(
    x: ArrayLike | Series,
    *,
    window: int = 100,
    multiple: float = 2.0,
    patience: int = 4,
    cap: float = 10.0,
) -> RuleAlarms:
    """Apply the rule of llm-foundry's KillLossSpike: more than 4 consecutive values of at least 2 running means.

    Alarm at t if t and at least `patience` values before it satisfy ``x >= multiple m``, where m is the mean
    of the `window` values before each of them. After 2 windows, `n_high` counts the values at which at least
    half of the window lies above `cap`. Assumes a loss that is positive and in the units of the cap.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order, one per update.
    window : int
        Values in the running mean.
    multiple : float
        Multiple of the running mean.
    patience : int
        Number of consecutive values that are tolerated.
    cap : float
        Loss that counts as high, in units of the series.

    Returns
    -------
    RuleAlarms

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    MosaicML llm-foundry, ``KillLossSpike`` (window 100, multiplier 2, patience 4, cap 10).
    """
    for name, value in (("window", window), ("patience", patience)):
        _require_count(name, value)
    require_between("multiple", multiple, 0.0, math.inf)
    require_between("cap", cap, -math.inf, math.inf)
    series = as_series(x)
    refused = series.refusal(window + 1)
    if refused:
        return _no_alarms(series, refused, RUNNING, window)
    values = series.values
    judged = values[window:]
    outlier = judged >= multiple * _moving_mean(values, window)
    index = np.arange(judged.size)
    run = index - np.maximum.accumulate(np.where(outlier, -1, index))
    alarms = np.flatnonzero(outlier & (run > patience)) + window
    above = np.concatenate([[0], np.cumsum(values > cap / series.scale)])
    high = above[window:-1] - above[: -window - 1] >= window / 2.0
    n_high = int(np.count_nonzero(high[window:]))
    return _alarms(series, RUNNING, alarms, n_high, window)


def _moving_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the `window` values before each value from index `window` on."""
    return np.lib.stride_tricks.sliding_window_view(values[:-1], window).mean(axis=1)


def _require_count(name: str, value: int) -> None:
    if int(value) != value or value < 1:
        raise bad_argument(name, value, "must be a whole number of at least 1")


def _alarms(series: Series, rule: str, at: IntArray, n_high: int, window: int) -> RuleAlarms:
    return RuleAlarms(
        rule=rule,
        at=at,
        n_alarms=at.size,
        first=int(at[0]) if at.size else -1,
        n_high=n_high,
        window=window,
        n=series.n,
        n_used=series.n_used,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _no_alarms(series: Series, refused: tuple[Status, str], rule: str, window: int) -> RuleAlarms:
    return unavailable(
        RuleAlarms, series, refused, rule=rule, at=np.empty(0, dtype=np.intp), first=-1, window=window
    )


@column_group(
    "full",
    "tails-and-events.md#industry-spike-rules",
    {
        "rule_relative_alarms": "alarms of the rule: a rise by 2 running means of 10 values (Lightning)",
        "rule_running_alarms": "alarms of the rule: over 4 in a row at 2 running means of 100 (llm-foundry)",
    },
)
def rule_columns(series: Series) -> Cells:
    """Compute the spike-rule columns."""
    relative, running = relative_spike_rule(series), running_mean_rule(series)
    values = {"rule_relative_alarms": relative.n_alarms, "rule_running_alarms": running.n_alarms}
    return Cells(values, (("rule alarms", relative), ("rule alarms", running)))
