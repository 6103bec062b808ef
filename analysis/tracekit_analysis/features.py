"""From a tidy table of traces to one row of statistics per series."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tracekit_analysis.columns import PRESETS, Preset, Row, describe_columns, groups_of
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.regime import Regime
from tracekit_analysis.series import as_series

WALL_TIME = "wall_time"
RUN_STATUS = "run_status"

Progress = Callable[[int, int], None]
"""Called with the number of groups done and the number of all groups."""


def characterize(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    value: str = "value",
    step: str = "step",
    epoch: str = "epoch",
    preset: Preset = "standard",
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Compute the statistics of every series in a tidy table of traces: one row per series.

    All statistics describe the part after the initial transient (`burn_in` values are cut off), except
    the columns that end in ``_whole``. A series that does not settle within its first quarter is used
    whole, and `settled` is False: the index then answers for the transient too.
    A series that cannot be analysed is a row with a status and a reason.

    Parameters
    ----------
    frame : DataFrame
        Tidy table, rows of each series in the order of its steps; other series may lie in between.
    by : str or sequence of str, optional
        Columns that tell series apart; they may hold NA. Default: every column other than `value`,
        `step`, `epoch` and ``wall_time``.
    value, step, epoch : str
        Names of the columns of values, of update numbers and of epochs; `epoch` may be absent.
    preset : {"minimal", "standard"}
        How many columns; "minimal" leaves out ADF, KPSS and the spectrum.
    progress : callable, optional
        Called as ``progress(done, total)`` after every series.

    Returns
    -------
    DataFrame
        The columns of `by`, in order of first appearance, then those of `describe_columns`. A grouping
        column named ``status`` (how the run ended) is called ``run_status``.

    Raises
    ------
    AnalysisError
        If a column is missing or a choice is unknown.
    """
    require_choice("preset", preset, PRESETS)
    for name in (value, step):
        require_column(frame, name)
    if by is None:
        by = [str(name) for name in frame.columns if name not in (value, step, epoch, WALL_TIME)]
    keys = [by] if isinstance(by, str) else list(by)
    measured = [name for name in (value, step, epoch) if name in frame.columns]
    groups = list(groups_of(preset))

    def row_of(series: pd.DataFrame) -> Row:
        regime = Regime(
            as_series(
                series[value], steps=series[step], epochs=series[epoch] if epoch in series.columns else None
            )
        )
        return {name: cell for group in groups for name, cell in group.compute(regime).items()}

    return apply_over_groups(
        frame, keys, row_of, measured=measured, columns=list(describe_columns(preset)), progress=progress
    )


def apply_over_groups(
    frame: pd.DataFrame,
    by: Sequence[str],
    function: Callable[[pd.DataFrame], Row],
    *,
    measured: Sequence[str],
    columns: Sequence[str],
    progress: Progress | None = None,
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

    Returns
    -------
    DataFrame
        One row per group, in order of first appearance; ``status`` among `by` becomes ``run_status``.

    Raises
    ------
    AnalysisError
        If a grouping column is missing.
    """
    for name in by:
        require_column(frame, name)
    if by:
        numbers = frame.groupby(list(by), dropna=False, observed=True, sort=False).ngroup().to_numpy()
    else:
        numbers = np.zeros(len(frame), dtype=np.intp)
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    first_rows = order[starts]
    sorted_rows = frame[list(measured)].iloc[order]
    ends = np.append(starts, len(order))[1:]
    rows = []
    for done, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        rows.append(function(sorted_rows.iloc[start:end]))
        if progress is not None:
            progress(done, len(starts))
    keys = frame[list(by)].iloc[first_rows].reset_index(drop=True)
    results = pd.DataFrame.from_records(rows, columns=list(columns))
    return pd.concat([keys.rename(columns={"status": RUN_STATUS}), results], axis=1)


def require_column(frame: pd.DataFrame, name: str) -> None:
    """Raise AnalysisError if a table lacks a column."""
    if name not in frame.columns:
        known = ", ".join(repr(column) for column in frame.columns)
        raise bad_argument("frame", f"{len(frame)} rows", f"must have a column {name!r}", f"it has {known}")
