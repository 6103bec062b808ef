"""Functions applied over the groups of a tidy table, in one process or several, with the same result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracekit_analysis.tables.parallel import map_in_order, require_jobs
from tracekit_analysis.tables.runs import RUN_STATUS, require_column

MAX_TASK_GROUPS = 32
MAX_TASK_ROWS = 500_000

Row = dict[str, Any]
RowFunction = Callable[[pd.DataFrame], Row]
Progress = Callable[[int, int], None]
"""Called with the number of groups done and the number of all groups."""


def apply_over_groups(
    frame: pd.DataFrame,
    by: Sequence[str],
    function: RowFunction,
    *,
    measured: Sequence[str],
    columns: Sequence[str],
    progress: Progress | None = None,
    jobs: int = 1,
) -> pd.DataFrame:
    """Apply a function to every group of rows and stack what it returns under the keys of the groups.

    Parameters
    ----------
    frame : DataFrame
        Tidy table.
    by : sequence of str
        Grouping columns; NA is a key like any other.
    function : callable
        Takes the rows of one group, in their order in `frame`, and returns a dict with `columns` as keys.
    measured : sequence of str
        Columns that `function` is given.
    columns : sequence of str
        Columns of the result after `by`.
    progress : callable, optional
        Called as ``progress(done, total)`` after every group.
    jobs : int
        Processes to spread the groups over; the result is the same for any number.

    Returns
    -------
    DataFrame
        One row per group, in order of first appearance; ``status`` among `by` becomes ``run_status``.

    Raises
    ------
    AnalysisError
        If a grouping column is missing or `jobs` is not a positive whole number.
    """
    for name in by:
        require_column(frame, name)
    first_rows, groups = split_groups(frame[list(measured)], group_numbers(frame, by))
    rows = map_groups(function, groups, jobs=jobs, progress=progress)
    return stack_rows(frame[list(by)].iloc[first_rows], rows, columns)


def group_numbers(frame: pd.DataFrame, by: Sequence[str]) -> NDArray[np.intp]:
    """Return for every row the number of its group, in order of first appearance."""
    telling = [name for name in by if not _is_constant(frame[name])]
    if not telling:
        return np.zeros(len(frame), dtype=np.intp)
    numbers = frame.groupby(telling, dropna=False, observed=True, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.intp)


def _is_constant(column: pd.Series) -> bool:
    """Return whether one value fills a column: grouping by it (an attribute of the only run) would only cost time."""
    values = column.cat.codes.to_numpy() if isinstance(column.dtype, pd.CategoricalDtype) else column.array
    if isinstance(values, pd.arrays.NumpyExtensionArray):
        values = values.to_numpy()
    return (
        isinstance(values, np.ndarray) and values.dtype.kind in "biuf" and bool((values == values[:1]).all())
    )


def split_groups(
    measured: pd.DataFrame, numbers: NDArray[np.intp]
) -> tuple[NDArray[np.intp], list[pd.DataFrame]]:
    """Return the first row of every group and the rows of every group, in order of the group numbers."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    ends = np.append(starts[1:], len(order))
    sorted_rows = measured.iloc[order]
    sorted_rows.index = pd.RangeIndex(len(order))
    groups = [sorted_rows.iloc[start:end] for start, end in zip(starts, ends[: len(starts)], strict=True)]
    return order[starts], groups


def stack_rows(keys: pd.DataFrame, rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """Put the rows of results beside the keys of their groups."""
    keys = keys.reset_index(drop=True).rename(columns={"status": RUN_STATUS})
    table = pd.concat([keys, pd.DataFrame.from_records(list(rows), columns=list(columns))], axis=1)
    return table.copy()  # one block per type, so that a caller may add columns without a warning


def map_groups(
    function: RowFunction,
    groups: Sequence[pd.DataFrame],
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    done: int = 0,
    total: int | None = None,
) -> list[Row]:
    """Apply a function to every group, in order; `done` of `total` groups were handled before."""
    require_jobs(jobs)
    total = len(groups) if total is None else total
    rows: list[Row] = []
    tasks = ((function, task) for task in _tasks(groups, jobs))
    for task_rows in map_in_order(_rows_of_task, tasks, jobs=jobs if len(groups) > 1 else 1):
        for row in task_rows:
            rows.append(row)
            if progress is not None:
                progress(done + len(rows), total)
    return rows


def progress_bar(stream: TextIO | None = None) -> Progress:
    """Return a progress callable that keeps one line of text up to date on `stream`, by default stderr.

    Examples
    --------
    >>> import io
    >>> from tracekit_analysis import progress_bar
    >>> stream = io.StringIO()
    >>> show = progress_bar(stream)
    >>> show(1, 2)
    >>> stream.getvalue().strip()
    '[###############               ] 1/2 series'
    """
    target = sys.stderr if stream is None else stream
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if percent != shown or done == total:
            shown = percent
            filled = "#" * (percent * 30 // 100)
            target.write(f"\r[{filled:<30}] {done}/{total} series" + ("\n" if done == total else ""))
            target.flush()

    return show


def _tasks(groups: Sequence[pd.DataFrame], jobs: int) -> Iterator[list[pd.DataFrame]]:
    """Bundle groups into tasks: small enough to balance the load, large enough to be worth sending."""
    most = 1 if jobs == 1 else min(MAX_TASK_GROUPS, max(1, len(groups) // (4 * jobs)))
    task: list[pd.DataFrame] = []
    n_rows = 0
    for group in groups:
        if task and (len(task) >= most or n_rows + len(group) > MAX_TASK_ROWS):
            yield task
            task, n_rows = [], 0
        task.append(group)
        n_rows += len(group)
    if task:
        yield task


def _rows_of_task(function: RowFunction, groups: list[pd.DataFrame]) -> list[Row]:
    """Apply the function to the groups of one task."""
    return [function(group) for group in groups]
