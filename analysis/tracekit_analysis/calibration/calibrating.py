"""Calibration of labels: their error rates on simulated processes with known truth, for one design.

`calibrate` takes the user's number of values, number of seeds and margin. The full table of the documentation is
written by ``python -m tracekit_analysis.calibration.page``.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.processes import PROCESSES, half_spread, with_break, with_trend
from tracekit_analysis.errors import require_between, require_choice, require_count
from tracekit_analysis.labels.cell import Seed
from tracekit_analysis.labels.rule import label_cell
from tracekit_analysis.results import Side
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.series.input import as_series
from tracekit_analysis.statistics.bounds import MARGIN, stability_index
from tracekit_analysis.statistics.constancy import resolve_tau
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.groups import Progress
from tracekit_analysis.tables.parallel import map_in_order, require_jobs

NOISES = ("iid", "AR.5", "AR.9", "t2", "GARCH")
SHAPES = {"trend": math.sqrt(12.0), "break": 2.0}
"""Size, in half-spreads, of a movement of each shape whose index is 1."""
BEYOND = 5.0 / 3.0
COLUMNS = (
    "noise", "movement", "index", "stable", "unstable", "inconclusive", "wrong", "wrong_ci_low",
    "wrong_ci_high", "covered", "n_cells",
)  # fmt: skip
TASK_CELLS = 10


def calibrate(
    n: int,
    n_seeds: int = 5,
    margin: float = MARGIN,
    *,
    noises: Sequence[str] = NOISES,
    shapes: Sequence[str] = ("trend", "break"),
    side: Side = "lower",
    n_cells: int = 200,
    level: float = 0.95,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Measure how often a cell of `n_seeds` runs of `n` values gets each label, and how often a wrong one.

    Cells are drawn from noise of known distribution whose bound moves by a known index: not at all, by exactly
    the margin, and by 5/3 of it; along a linear trend, or in one jump halfway. Each series is treated as by
    `label`: transient cut, index, pooled interval, demotions.

    Parameters
    ----------
    n : int
        Values per series.
    n_seeds : int
        Runs per cell.
    margin : float
        Largest index that counts as stable, in half-spreads.
    noises : sequence of str
        Names of processes in ``tracekit_analysis.calibration.processes.PROCESSES`` whose bound does not move.
    shapes : sequence of {"trend", "break"}
        How the bound moves where it does.
    side : {"lower", "upper"}
        Bound to label.
    n_cells : int
        Cells per row; a share has a standard error of at most ``0.5 / sqrt(n_cells)``.
    level : float
        Confidence level of the labels.
    seed : int
        Seed of all draws.
    jobs : int
        Number of worker processes; it does not change the result.
    progress : callable, optional
        Called as ``progress(done, total)`` with numbers of cells.

    Returns
    -------
    DataFrame
        One row per noise, shape and true index. ``stable``, ``unstable`` and ``inconclusive`` are the shares of
        cells with these labels. ``wrong`` is the share with a label that contradicts the truth (``unstable``
        below the margin, ``stable`` above, either one at the margin), with its 95 % Wilson interval. ``covered``
        is, of the cells with an interval, the share whose interval contains the true index.

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    Examples
    --------
    >>> from tracekit_analysis import calibrate
    >>> rates = calibrate(300, n_seeds=5, margin=0.2, noises=["iid"], shapes=["trend"], n_cells=2)
    >>> rates[["movement", "index", "stable", "unstable", "inconclusive"]].round(2)
      movement  index  stable  unstable  inconclusive
    0     none   0.00     0.5       0.0           0.5
    1    trend   0.20     0.0       0.0           1.0
    2    trend   0.33     0.0       0.0           1.0
    """
    for name, number, least in (("n", n, 8), ("n_seeds", n_seeds, 1), ("n_cells", n_cells, 1)):
        require_count(name, number, least)
    require_between("margin", margin, 0.0, math.inf)
    require_between("level", level, 0.0, 1.0)
    require_choice("side", side, ("lower", "upper"))
    require_jobs(jobs)
    for noise in noises:
        require_choice("noises", noise, [name for name, process in PROCESSES.items() if process.index == 0.0])
    for shape in shapes:
        require_choice("shapes", shape, SHAPES)
    truths = [("none", 0.0), *((shape, index) for shape in shapes for index in (margin, BEYOND * margin))]
    rows = [(noise, shape, index) for noise in noises for shape, index in truths]
    tasks = list(_tasks(rows, n, n_seeds, margin, side, n_cells, level, seed))
    cells: dict[tuple[str, str, float], list[tuple[str, float]]] = {row: [] for row in rows}
    total, done = len(rows) * n_cells, 0
    for task, found in zip(tasks, map_in_order(_label_cells, tasks, jobs=jobs), strict=True):
        cells[task[0]] += found
        done += len(found)
        if progress is not None:
            progress(done, total)
    records = [_shares(row, cells[row], margin) for row in rows]
    table = pd.DataFrame.from_records(records, columns=COLUMNS)
    return table.assign(n=n, n_seeds=n_seeds, margin=margin)


def _tasks(
    rows: Sequence[tuple[str, str, float]], n: int, n_seeds: int, margin: float, side: Side, n_cells: int,
    level: float, seed: int,
) -> Iterator[tuple[Any, ...]]:  # fmt: skip
    """Yield the work in pieces whose draws depend only on the piece, not on the worker."""
    for row in rows:
        for first in range(0, n_cells, TASK_CELLS):
            count = min(TASK_CELLS, n_cells - first)
            key = [seed, n, first, zlib.crc32(f"{row[0]} {row[1]} {row[2]:.6f}".encode())]
            yield row, n, n_seeds, margin, side, count, level, key


def _label_cells(
    row: tuple[str, str, float], n: int, n_seeds: int, margin: float, side: Side, count: int, level: float,
    key: list[int],
) -> list[tuple[str, float]]:  # fmt: skip
    """Return the labels of simulated cells, and whether the interval contains the truth (1, 0; NaN without one)."""
    noise, shape, index = row
    draw = PROCESSES[noise].draw
    if index > 0.0:
        size = index * SHAPES[shape] * half_spread(noise, resolve_tau("auto", n))
        draw = with_trend(draw, size) if shape == "trend" else with_break(draw, size)
    rng = np.random.default_rng(key)
    found = []
    for _ in range(count):
        cell = label_cell([_seed(draw(rng, n), side) for _ in range(n_seeds)], "", side, margin, level)
        known = not math.isnan(cell.ci_low)
        found.append((str(cell.label), float(cell.ci_low <= index <= cell.ci_high) if known else math.nan))
    return found


def _seed(values: np.ndarray[Any, np.dtype[np.float64]], side: Side) -> Seed:
    """Return what one series contributes to its cell."""
    index = stability_index(Regime(as_series(values)).late, side=side)
    if index.status != "ok":
        return Seed("unusable")
    square = index.spread * index.spread
    return Seed(
        "used",
        theta=index.theta,
        msb=index.msb / square,
        msw=index.msw / square,
        n_blocks=index.n_blocks,
        blocks_k=index.blocks_k,
    )


def _shares(row: tuple[str, str, float], cells: Sequence[tuple[str, float]], margin: float) -> dict[str, Any]:
    """Return the shares of each label, of wrong labels, and of intervals that contain the truth."""
    noise, shape, index = row
    labels = [label for label, _ in cells]
    known = [held for _, held in cells if not math.isnan(held)]
    stable, unstable = labels.count("stable"), labels.count("unstable")
    below, above = index <= margin * (1.0 - 1e-9), index >= margin * (1.0 + 1e-9)
    wrong = unstable if below else stable if above else stable + unstable
    low, high = wilson_interval(wrong, len(labels))
    return {
        "noise": noise,
        "movement": shape,
        "index": index,
        "stable": stable / len(labels),
        "unstable": unstable / len(labels),
        "inconclusive": labels.count("inconclusive") / len(labels),
        "wrong": wrong / len(labels),
        "wrong_ci_low": low,
        "wrong_ci_high": high,
        "covered": sum(known) / len(known) if known else math.nan,
        "n_cells": len(labels),
    }
