"""Error rates of the procedures on simulated processes with known truth, for a given length of series.

Each quantity is a mean over independent series: a share of rejections, of verdicts, of intervals that contain the
truth, or a mean estimate.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.processes import PROCESSES
from tracekit_analysis.errors import require_between, require_choice, require_count
from tracekit_analysis.series.input import Series, as_series
from tracekit_analysis.series.interleaving import detect_interleaving
from tracekit_analysis.statistics.bounds import MARGIN, stability_index
from tracekit_analysis.statistics.changepoints import change_points
from tracekit_analysis.statistics.constancy import kpss_cosine, lfq_test, scale_lfq
from tracekit_analysis.statistics.dependence import autocorrelation_time
from tracekit_analysis.statistics.long_memory import local_whittle
from tracekit_analysis.statistics.peaks import nyquist_test, peak_test
from tracekit_analysis.statistics.spectral import epoch_comb
from tracekit_analysis.statistics.stationarity import classify_stationarity
from tracekit_analysis.statistics.tails import tail_index
from tracekit_analysis.statistics.trend import mann_kendall
from tracekit_analysis.statistics.unit_root_extras import dfgls, phillips_perron, zivot_andrews
from tracekit_analysis.statistics.volatility import arch_test
from tracekit_analysis.tables.groups import Progress
from tracekit_analysis.tables.parallel import map_in_order, require_jobs

ALPHA = 0.05
TASK_RUNS = 25
TRUE_MEMORY = {"d=.3": 0.3}
BREAK_AT = 0.5
STEADY_DRIFT = {"trend": 1.0, "lower drift": -1.0}
"""Direction of a lower bound that drifts at a constant rate; such a drift is sqrt(12) times its index."""

Quantities = dict[str, float]


def _tests(series: Series, process: str) -> Quantities:
    level = kpss_cosine(series)
    lower, upper = lfq_test(series), lfq_test(series, side="upper")
    return {
        "LFQ lower": lower.pvalue < ALPHA,
        "LFQ upper": upper.pvalue < ALPHA,
        "level": level.pvalue < ALPHA,
        "scale": scale_lfq(series).pvalue < ALPHA,
        "warned": any("autocorrelation times" in note for note in level.notes),
    }


def _index(series: Series, process: str, margin: float) -> Quantities:
    index = stability_index(series)
    known = index.status == "ok"
    truth = _truth(process, index.tau) if known else math.nan
    drift = _true_drift(process, truth)
    return {
        "stable": index.ci_high < margin,
        "unstable": index.ci_low > margin,
        "I covered": _covered(index.ci_low, truth, index.ci_high),
        "drift covered": _covered(index.drift_ci_low, drift, index.drift_ci_high),
        "bound trend": math.nan if math.isnan(index.trend_pvalue) else float(index.trend_pvalue < ALPHA),
    }


def _truth(process: str, tau: float) -> float:
    index_at = PROCESSES[process].index_at
    return math.nan if index_at is None else index_at(tau)


def _true_drift(process: str, index: float) -> float:
    """Return the drift of the lower bound, in half-spreads; NaN if the bound does not drift at a constant rate."""
    if index == 0.0:
        return 0.0
    return STEADY_DRIFT.get(process, math.nan) * math.sqrt(12.0) * index


def _covered(low: float, truth: float, high: float) -> float:
    return math.nan if math.isnan(truth) else float(low <= truth <= high)


def _verdict(series: Series, process: str) -> Quantities:
    judged = classify_stationarity(series, remove_burn_in=False)
    return {
        "ADF": judged.adf_pvalue < ALPHA,
        "verdict S": judged.verdict == "stationary",
        "verdict C": judged.verdict == "contradictory",
        "verdict U": judged.verdict == "unit-root-like",
        "verdict I": judged.verdict == "uninformative",
    }


def _extras(series: Series, process: str) -> Quantities:
    return {
        "Phillips-Perron": phillips_perron(series).pvalue < ALPHA,
        "DF-GLS": dfgls(series).pvalue < ALPHA,
        "Zivot-Andrews": zivot_andrews(series).pvalue < ALPHA,
    }


def _trend_and_bursts(series: Series, process: str) -> Quantities:
    trend = mann_kendall(series)
    arch = arch_test(series)
    warned = any("bursts" in note for note in arch.notes)
    return {
        "Mann-Kendall": trend.pvalue < ALPHA if trend.status == "ok" else math.nan,
        "ARCH": arch.pvalue < ALPHA,
        "burst warning": warned,
        "LFQ lower unwarned": lfq_test(series).pvalue < ALPHA and not warned,
    }


def _spectral(series: Series, process: str) -> Quantities:
    comb = epoch_comb(series, 50 if series.n >= 800 else 20)
    return {
        "peak": peak_test(series).pvalue < ALPHA,
        "Nyquist": nyquist_test(series).pvalue < ALPHA,
        "comb": comb.pvalue < ALPHA,
        "VR(E)": comb.variance_ratio,
    }


def _breaks(series: Series, process: str) -> Quantities:
    found = change_points(series)
    return {
        "break found": found.n_changes > 0,
        "break misplaced by": abs(found.largest_at / series.n_used - BREAK_AT)
        if found.n_changes
        else math.nan,
    }


def _memory(series: Series, process: str) -> Quantities:
    memory = local_whittle(series)
    truth = TRUE_MEMORY.get(process, 0.0)
    return {
        "d covered": memory.ci_low <= truth <= memory.ci_high,
        "long memory": memory.verdict == "long memory",
    }


def _estimates(series: Series, process: str) -> Quantities:
    return {"tau": autocorrelation_time(series).tau_int, "Hill alpha": tail_index(series).alpha_050}


def _interleaving(series: Series, process: str) -> Quantities:
    return {"interleaved": detect_interleaving(series).interleaved}


_BATTERY = (_verdict, _extras, _trend_and_bursts)
COSTLY: dict[str, tuple[Callable[[Series, str], Quantities], ...]] = {
    "iid": (*_BATTERY, _spectral, _breaks, _memory, _interleaving),
    "t2": (_verdict, _trend_and_bursts, _spectral, _breaks),
    "Cauchy": (_trend_and_bursts, _estimates),
    "MA-.8": (_verdict, _trend_and_bursts, _spectral, _breaks),
    "AR.5": (*_BATTERY, _spectral, _breaks, _estimates, _interleaving),
    "AR.9": (*_BATTERY, _spectral, _breaks, _interleaving),
    "GARCH": (_verdict, _trend_and_bursts, _breaks),
    "d=.3": (_verdict, _breaks, _memory),
    "trend": (*_BATTERY,),
    "break": (*_BATTERY, _breaks),
    "variance x2": (_verdict, _trend_and_bursts),
    "walk": (*_BATTERY,),
    "noisy walk": (*_BATTERY,),
    "sawtooth": (_spectral,),
    "fixed order": (_spectral, _interleaving),
    "reshuffled": (_spectral, _breaks, _interleaving),
    "interleaved": (_interleaving,),
}
"""Measured only on the first series, and only for processes to which it applies."""


def error_rates(
    process: str | Sequence[str],
    n: int,
    *,
    margin: float = MARGIN,
    runs: int = 300,
    costly_runs: int = 0,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Measure each quantity on series of one or several processes.

    Parameters
    ----------
    process : str or sequence of str
        Names in ``tracekit_analysis.calibration.processes.PROCESSES``.
    n : int
        Values per series.
    margin : float
        Largest index that counts as stable, in half-spreads.
    runs : int
        Number of series for tests of bounds, level and scale and for the index.
    costly_runs : int
        Number of these series that are used for everything else.
    seed : int
        Seed of all draws.
    jobs : int
        Number of worker processes; it does not change the result.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of series.

    Returns
    -------
    DataFrame
        One row per process and quantity: its ``mean``, its standard error ``se`` and the number of ``runs`` in which
        it was defined.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.
    """
    names = [process] if isinstance(process, str) else list(process)
    for name in names:
        require_choice("process", name, PROCESSES)
    for count, given, least in (("n", n, 8), ("runs", runs, 1), ("costly_runs", costly_runs, 0)):
        require_count(count, given, least)
    require_between("margin", margin, 0.0, math.inf)
    require_jobs(jobs)
    tasks = list(_tasks(names, n, margin, runs, costly_runs, seed))
    pieces: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
    done = 0
    for task, piece in zip(tasks, map_in_order(_measure, tasks, jobs=jobs), strict=True):
        pieces[task[0]].append(piece)
        done += task[4]
        if progress is not None:
            progress(done, runs * len(names))
    rows = []
    for name in names:
        for quantity, values in pd.concat(pieces[name], ignore_index=True).items():
            known = values.dropna().to_numpy(dtype=np.float64)
            se = float(known.std(ddof=1)) / math.sqrt(known.size) if known.size > 1 else math.nan
            mean = float(known.mean()) if known.size else math.nan
            rows.append((name, n, str(quantity), mean, se, known.size))
    return pd.DataFrame.from_records(rows, columns=["process", "n", "quantity", "mean", "se", "runs"])


def _tasks(
    names: Sequence[str], n: int, margin: float, runs: int, costly_runs: int, seed: int
) -> Iterator[tuple[str, int, float, int, int, int, int]]:
    """Yield the work in pieces whose draws depend only on the piece, not on the worker."""
    for name in names:
        for first in range(0, runs, TASK_RUNS):
            costly = min(max(costly_runs - first, 0), TASK_RUNS)
            yield name, n, margin, first, min(TASK_RUNS, runs - first), costly, seed


def _measure(
    process: str, n: int, margin: float, first: int, runs: int, costly: int, seed: int
) -> pd.DataFrame:
    """Draw and measure the series of one piece."""
    rng = np.random.default_rng([seed, n, first, zlib.crc32(process.encode())])
    rows: list[dict[str, Any]] = []
    for run in range(runs):
        series = as_series(PROCESSES[process].draw(rng, n))
        row = _tests(series, process) | _index(series, process, margin)
        for measure in COSTLY.get(process, ()) if run < costly else ():
            row |= measure(series, process)
        rows.append(row)
    return pd.DataFrame.from_records(rows).astype(np.float64)
