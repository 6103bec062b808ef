"""Performance profiles and times to a target: the share of runs that reach a threshold, and how soon.

Runs that diverged or never reached the target are counted, never dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.comparisons.run_performance import DEFAULT_PERFORMANCE, performance
from tracekit_analysis.errors import AnalysisError, bad_argument, require_between
from tracekit_analysis.results import Record, Status
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.seeds.trimmed import MIN_SEEDS_INTERVAL
from tracekit_analysis.tables.configurations import configurations, with_one_value
from tracekit_analysis.tables.runs import OUTCOME, require_column, require_one_run_per_seed

MAX_THRESHOLDS = 100


@dataclass(frozen=True, slots=True)
class MedianTime(Record):
    """Median time to an event that some runs may not reach (censored times)."""

    estimate: float
    """Median; infinite if less than half of the runs reach the event."""
    ci_low: float
    """Lower end of its interval; NaN below 3 runs."""
    ci_high: float
    """Upper end; infinite if it is not reached."""
    level: float
    """Confidence level."""
    share: float
    """Kaplan-Meier share of runs that reached the event by the end."""
    n: int
    """Runs."""
    n_reached: int
    """Number of runs that reached the event."""
    method: str
    """How median and interval were computed."""
    status: Status
    """Whether the median could be computed."""


def median_time(times: ArrayLike, reached: ArrayLike, *, level: float = 0.95) -> MedianTime:
    """Return the Kaplan-Meier median of possibly censored times, with its log-log interval.

    Parameters
    ----------
    times : (n,) array-like
        Time of the event, or time up to which the run was observed without it; infinite for a run that can
        never reach it, such as a diverged run.
    reached : (n,) array-like of bool
        Whether the run reached the event.
    level : float
        Confidence level.

    Returns
    -------
    MedianTime

    Raises
    ------
    AnalysisError
        If lengths differ, or a time is missing or belongs to an event at infinity.

    References
    ----------
    Kaplan and Meier (1958), JASA 53:457; Brookmeyer and Crowley (1982), Biometrics 38:29.
    """
    require_between("level", level, 0.0, 1.0)
    when, came = np.asarray(times, dtype=np.float64), np.asarray(reached, dtype=bool)
    if when.ndim != 1 or when.shape != came.shape:
        raise AnalysisError(f"`times` has shape {when.shape}, but `reached` has {came.shape}.")
    if np.isnan(when).any() or np.isinf(when[came]).any():
        raise bad_argument("times", when, "must be numbers, finite where the event was reached")
    method = "Kaplan-Meier, log-log interval"
    if not when.size:
        return MedianTime(math.nan, math.nan, math.nan, level, math.nan, 0, 0, method, "inconclusive")
    z = float(scipy.special.ndtri(0.5 + level / 2.0))
    left, greenwood = 1.0, 0.0
    ends = {"low": math.inf, "median": math.inf, "high": math.inf}
    for time in np.unique(when[came]):
        at_risk, events = int((when >= time).sum()), int(((when == time) & came).sum())
        left *= 1.0 - events / at_risk
        bounds = {"low": left, "median": left, "high": left}
        if left > 0.0:
            greenwood += events / (at_risk * (at_risk - events))
            width = z * math.sqrt(greenwood) / abs(math.log(left)) if left < 1.0 else 0.0
            bounds |= {"low": left ** math.exp(width), "high": left ** math.exp(-width)}
        else:
            # No run is left, and log-log has no interval: use the exact one of 0 out of n.
            bounds |= {"high": 1.0 - (0.5 - level / 2.0) ** (1.0 / when.size)}
        for name, bound in bounds.items():
            if bound <= 0.5 and math.isinf(ends[name]):
                ends[name] = float(time)
    few = when.size < MIN_SEEDS_INTERVAL
    return MedianTime(
        estimate=ends["median"],
        ci_low=math.nan if few else ends["low"],
        ci_high=math.nan if few else ends["high"],
        level=level,
        share=1.0 - left,
        n=when.size,
        n_reached=int(came.sum()),
        method=method,
        status="ok",
    )


def time_to_target(
    frame: pd.DataFrame,
    target: float,
    *,
    by: str | Sequence[str] | None = None,
    signal: str = DEFAULT_PERFORMANCE,
    lower_is_better: bool = True,
    window: int = 1,
    replicate: str | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return for each cell how many updates its runs need to reach a target, and how many runs do not reach it.

    The median is the Kaplan-Meier median: runs that end before the target are censored at their end, diverged
    runs at infinity, because they will never reach it. Below 3 runs a median has no interval.

    Parameters
    ----------
    frame, signal, lower_is_better, window
        As for `performance`.
    target : float
        Value to reach.
    by : str or sequence of str, optional
        Columns that tell configurations apart; default: the attributes that vary between runs.
    replicate : str
        Column that distinguishes the seeds of a cell.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        One row per cell: `by`, then estimate (median), ci_low, ci_high, unit, share_reached with its Wilson
        interval, n_seeds, n_reached, n_diverged, method, sentence.

    Raises
    ------
    AnalysisError
        As for `performance`; also if two runs of a cell share a seed.

    Examples
    --------
    >>> import pandas as pd
    >>> from tracekit_analysis import time_to_target
    >>> traces = pd.DataFrame({"seed": [0, 0, 0, 1, 1, 1, 2, 2, 2], "step": [10, 20, 30] * 3})
    >>> traces = traces.assign(optimizer="sgd", signal="eval/loss")
    >>> traces["value"] = [2.0, 0.9, 0.4, 2.0, 1.5, 0.8, 2.0, 1.8, 1.7]
    >>> time_to_target(traces, 1.0, by="optimizer")[["optimizer", "estimate", "n_reached", "n_seeds"]]
      optimizer  estimate  n_reached  n_seeds
    0       sgd      30.0          2        3
    """
    found = configurations(frame, by=by)
    cell, replicate = list(found.by), replicate or found.replicate
    frame = with_one_value(frame, cell)
    for name in (*cell, replicate):
        require_column(frame, name)
    require_one_run_per_seed(frame, [*cell, replicate])
    runs = performance(frame, signal=signal, lower_is_better=lower_is_better, target=target, window=window)
    rows = []
    groups: Any = runs.groupby(cell, dropna=False, observed=True, sort=False) if cell else [((), runs)]
    for key, members in groups:
        came = members["reached"].to_numpy(dtype=bool)
        gone = (members[OUTCOME] == "diverged").to_numpy()
        times = np.where(came, members["time_to_target"], np.where(gone, math.inf, members["last_step"]))
        known = came | gone | np.isfinite(times)
        median = median_time(times[known], came[known], level=level)
        share_low, share_high = wilson_interval(median.n_reached, median.n, level)
        name = ", ".join(f"{column} {value}" for column, value in zip(cell, key, strict=True))
        reached = (
            f"median {median.estimate:g} updates [{median.ci_low:g}, {median.ci_high:g}]"
            if math.isfinite(median.estimate)
            else "median not reached"
        )
        rows.append(
            {
                **dict(zip(cell, key, strict=True)),
                "estimate": median.estimate,
                "ci_low": median.ci_low,
                "ci_high": median.ci_high,
                "unit": "updates",
                "share_reached": median.n_reached / median.n if median.n else math.nan,
                "share_ci_low": share_low,
                "share_ci_high": share_high,
                "level": level,
                "n_seeds": median.n,
                "n_reached": median.n_reached,
                "n_diverged": int(gone.sum()),
                "method": median.method,
                "sentence": f"{name[0].upper()}{name[1:]}: {median.n_reached} of {median.n} runs reached "
                f"{signal} {target:g} ({int(gone.sum())} diverged), {reached} ({median.method}).",
            }
        )
    return pd.DataFrame.from_records(rows)


def performance_profile(
    table: pd.DataFrame,
    *,
    metric: str = "final",
    factor: str = "optimizer",
    problem: str | Sequence[str] | None = None,
    thresholds: Sequence[float] | None = None,
    lower_is_better: bool = True,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return, for each level and threshold, the share of runs that are at least as good as the threshold.

    With `problem`, values are ratios to the best run of the same problem (Dolan and More), and thresholds are
    such ratios; without it, they are the values themselves. Diverged runs count and never qualify. Intervals
    are Wilson intervals for one threshold at a time; below 3 runs there are none.

    Parameters
    ----------
    table : DataFrame
        Result of `performance`, or any table with one row per run.
    metric : str
        Column of values; infinite or missing where a run diverged.
    factor : str
        Column whose levels are profiled.
    problem : str or sequence of str, optional
        Columns that form a problem, such as batch size and seed; values must then be positive.
    thresholds : sequence of float, optional
        By default the values that occur, at most 100 of them.
    lower_is_better : bool
        False for accuracies.
    level : float
        Confidence level.

    Returns
    -------
    DataFrame
        Columns `factor`, threshold, estimate, ci_low, ci_high, n_seeds, unit, method.

    Raises
    ------
    AnalysisError
        If a column is missing, or ratios are asked of values that are not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> from tracekit_analysis import performance_profile
    >>> losses = {"sgd": [0.5, 0.6, 0.7, 0.8], "adam": [0.3, 0.4, 0.5, float("inf")]}
    >>> runs = pd.DataFrame(losses).melt(var_name="optimizer", value_name="final")
    >>> performance_profile(runs, thresholds=[0.5, 0.8])[["optimizer", "threshold", "estimate"]]
      optimizer  threshold  estimate
    0      adam        0.5      0.75
    1      adam        0.8      0.75
    2       sgd        0.5      0.25
    3       sgd        0.8      1.00
    """
    require_between("level", level, 0.0, 1.0)
    for name in (metric, factor):
        require_column(table, name)
    if OUTCOME in table.columns:
        table = table[table[OUTCOME] != "unfinished"]
    worst = math.inf if lower_is_better else -math.inf
    values = table[metric].to_numpy(dtype=np.float64, na_value=np.nan)
    values = np.where(np.isnan(values), worst, values)
    if problem is not None:
        keys = [problem] if isinstance(problem, str) else list(problem)
        for name in keys:
            require_column(table, name)
        if not (values[np.isfinite(values)] > 0.0).all():
            raise bad_argument("metric", metric, "must be positive for ratios", "leave out `problem`")
        groups = pd.Series(values, index=table.index).groupby([table[name] for name in keys], dropna=False)
        best = groups.transform("min" if lower_is_better else "max").to_numpy()
        with np.errstate(invalid="ignore"):
            values = values / best
        values = np.where(np.isnan(values), worst, values)
    if thresholds is None:
        known = np.unique(values[np.isfinite(values)])
        if known.size > MAX_THRESHOLDS:
            known = np.quantile(known, np.linspace(0.0, 1.0, MAX_THRESHOLDS), method="nearest")
        thresholds = known.tolist()
    rows = []
    for one in sorted(pd.unique(table[factor].dropna()), key=str):
        own = values[(table[factor] == one).to_numpy()]
        for threshold in thresholds:
            good = int(np.count_nonzero(own <= threshold if lower_is_better else own >= threshold))
            low, high = wilson_interval(good, own.size, level)
            few = own.size < MIN_SEEDS_INTERVAL
            rows.append(
                {
                    factor: one,
                    "threshold": float(threshold),
                    "estimate": good / own.size,
                    "ci_low": math.nan if few else low,
                    "ci_high": math.nan if few else high,
                    "n_seeds": own.size,
                    "unit": "share of runs",
                    "method": "ratio to the best run of a problem" if problem is not None else "value",
                }
            )
    columns = [factor, "threshold", "estimate", "ci_low", "ci_high", "n_seeds", "unit", "method"]
    return pd.DataFrame.from_records(rows, columns=columns)
