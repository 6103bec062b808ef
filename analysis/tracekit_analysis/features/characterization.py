"""`characterize`: one row of statistics per series, from a tidy table in memory or in Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tracekit_analysis.columns import PRESETS, Preset
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.features.registry import describe_columns, row_of
from tracekit_analysis.series.input import as_series
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.groups import Progress, Row, apply_over_groups
from tracekit_analysis.tables.parallel import require_jobs
from tracekit_analysis.tables.parquet import apply_over_dataset, column_names, with_run_attributes
from tracekit_analysis.tables.runs import RUN_STATUS, WALL_TIME, require_column

__all__ = ["RUN_STATUS", "WALL_TIME", "Progress", "SeriesRow", "characterize"]


def characterize(
    frame: pd.DataFrame | str | Path,
    *,
    by: str | Sequence[str] | None = None,
    value: str = "value",
    step: str = "step",
    epoch: str = "epoch",
    preset: Preset = "standard",
    jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Compute the statistics of every series in a tidy table of traces: one row per series.

    All statistics describe the part after the initial transient (`burn_in` values are cut off), except
    the columns that end in ``_whole``. A series that does not settle within its first quarter is used
    whole, and `settled` is False: the index then answers for the transient too.
    A series that cannot be analysed is a row with a status and a reason.

    Parameters
    ----------
    frame : DataFrame or path
        Tidy table, rows of each series in the order of its steps; other series may lie in between. A path
        names a Parquet file, or a folder of Parquet files, which are read in the order of their paths a few
        series at a time: memory is bounded by the largest series, not by the folder. Folders ``quarantine`` and
        names that start with a dot are left out. Of a trace store the result holds the runs' attributes and
        ``run_status`` too, as a table from `tracekit.read` would, unless `by` is given.
    by : str or sequence of str, optional
        Columns that tell series apart; they may hold NA. Default: every column other than `value`,
        `step`, `epoch` and ``wall_time``.
    value, step, epoch : str
        Names of the columns of values, of update numbers and of epochs; `epoch` may be absent.
    preset : {"minimal", "standard", "full"}
        How many columns; "minimal" leaves out stationarity, spectrum, tails and events, "full" adds the costly and the
        descriptive ones.
    jobs : int
        Processes to spread the series over; the result is the same, byte for byte, for any number. BLAS is
        held to one thread in each.
    progress : callable, optional
        Called as ``progress(done, total)`` after every series; `progress_bar` makes one that draws a bar.

    Returns
    -------
    DataFrame
        The columns of `by`, in order of first appearance, then those of `describe_columns`. A grouping
        column named ``status`` (how the run ended) is called ``run_status``.

    Raises
    ------
    AnalysisError
        If a column is missing, a path does not exist or a choice is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import characterize
    >>> traces = pd.DataFrame({"seed": np.repeat([0, 1], 300), "step": np.tile(range(300), 2)})
    >>> traces["value"] = np.random.default_rng(0).standard_normal(600)
    >>> traces["value"] += 0.02 * traces["step"] * traces["seed"]
    >>> characterize(traces, preset="minimal")[["seed", "n", "lower_drift", "lower_label"]].round(1)
       seed    n  lower_drift lower_label
    0     0  300          0.0      stable
    1     1  300          5.4    unstable
    """
    require_choice("preset", preset, PRESETS)
    require_jobs(jobs)
    present = list(frame.columns) if isinstance(frame, pd.DataFrame) else column_names(frame)
    for name in (value, step):
        if isinstance(frame, pd.DataFrame):
            require_column(frame, name)
        elif name not in present:
            known = ", ".join(repr(column) for column in present)
            raise bad_argument("frame", str(frame), f"must have a column {name!r}", f"it has {known}")
    keys = [by] if isinstance(by, str) else list(by or ())
    if by is None:
        keys = [str(name) for name in present if name not in (value, step, epoch, WALL_TIME)]
    measured = [name for name in (value, step, epoch) if name in present]
    function = SeriesRow(preset, value, step, epoch)
    columns = list(describe_columns(preset))
    if isinstance(frame, pd.DataFrame):
        return apply_over_groups(
            frame, keys, function, measured=measured, columns=columns, progress=progress, jobs=jobs
        )
    table = apply_over_dataset(
        frame, keys, function, measured=measured, columns=columns, progress=progress, jobs=jobs
    )
    return with_run_attributes(table, frame) if by is None else table


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """The row of one series, as a callable that can be sent to another process."""

    preset: Preset
    """Which groups of columns."""
    value: str
    """Column of values."""
    step: str
    """Column of update numbers."""
    epoch: str
    """Column of epochs, which may be absent."""

    def __call__(self, series: pd.DataFrame) -> Row:
        """Compute the row."""
        epochs = series[self.epoch] if self.epoch in series.columns else None
        return row_of(
            Regime(as_series(series[self.value], steps=series[self.step], epochs=epochs)), self.preset
        )
