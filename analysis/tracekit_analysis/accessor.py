"""``frame.trace``: the analyses as methods of a pandas DataFrame, for ad-hoc work.

``import tracekit_analysis.accessor`` registers it; nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import pandas as pd

from tracekit_analysis.columns import Preset
from tracekit_analysis.errors import require_choice
from tracekit_analysis.features.characterization import characterize
from tracekit_analysis.labels.labelling import label
from tracekit_analysis.results import Side
from tracekit_analysis.series.input import as_series
from tracekit_analysis.statistics.bounds import StabilityIndex, stability_index
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.groups import Progress, Row, apply_over_groups
from tracekit_analysis.tables.runs import DEFAULT_SIGNAL, WALL_TIME, require_column


@pd.api.extensions.register_dataframe_accessor("trace")
class TraceAccessor:
    """Analyses of a tidy table of traces (columns ``step``, ``value``, perhaps ``epoch``, and keys)."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def characterize(
        self,
        *,
        by: str | Sequence[str] | None = None,
        preset: Preset = "standard",
        jobs: int = 1,
        progress: Progress | None = None,
        **columns: str,
    ) -> pd.DataFrame:
        """Compute one row of statistics per series; see `tracekit_analysis.characterize`."""
        return characterize(self._frame, by=by, preset=preset, jobs=jobs, progress=progress, **columns)

    def lower_bound(self, **arguments: Any) -> pd.DataFrame:
        """Measure how far the lower bound of every series moves; takes the arguments of `bound` but `side`."""
        return self.bound("lower", **arguments)

    def upper_bound(self, **arguments: Any) -> pd.DataFrame:
        """Measure how far the upper bound of every series moves; takes the arguments of `bound` but `side`."""
        return self.bound("upper", **arguments)

    def bound(
        self,
        side: Side,
        *,
        by: str | Sequence[str] | None = None,
        value: str = "value",
        step: str = "step",
        epoch: str = "epoch",
        tau: float | Literal["auto"] = "auto",
        level: float = 0.95,
        remove_burn_in: bool = True,
        jobs: int = 1,
    ) -> pd.DataFrame:
        """Measure how far one bound of every series moves.

        Parameters
        ----------
        side : {"lower", "upper"}
            Which bound.
        by : str or sequence of str, optional
            Columns that tell series apart; default: all but `value`, `step`, `epoch` and ``wall_time``.
        value, step, epoch : str
            Names of the columns of values, of update numbers and of epochs; `epoch` may be absent.
        tau, level
            As for `tracekit_analysis.stability_index`.
        remove_burn_in : bool
            Cut off a transient of up to a quarter of the series first, as `characterize` does.
        jobs : int
            Processes to spread the series over.

        Returns
        -------
        DataFrame
            One row per series: its keys, then the fields of `StabilityIndex`.

        Raises
        ------
        AnalysisError
            If a column is missing or an argument cannot be used.
        """
        require_choice("side", side, ("lower", "upper"))
        for name in (value, step):
            require_column(self._frame, name)
        if by is None:
            inner = (value, step, epoch, WALL_TIME)
            by = [str(name) for name in self._frame.columns if name not in inner]
        return apply_over_groups(
            self._frame,
            [by] if isinstance(by, str) else list(by),
            _Bound(value, step, epoch, side, tau, level, remove_burn_in),
            measured=[name for name in (value, step, epoch) if name in self._frame.columns],
            columns=[field.name for field in fields(StabilityIndex)],
            jobs=jobs,
        )

    def label(
        self,
        by: str | Sequence[str] | None = None,
        *,
        signal: str = DEFAULT_SIGNAL,
        **arguments: Any,
    ) -> pd.DataFrame:
        """Label every cell; see `tracekit_analysis.label`."""
        return label(self._frame, by, signal=signal, **arguments)


@dataclass(frozen=True, slots=True)
class _Bound:
    """The row of one series, as a callable that can be sent to another process."""

    value: str
    step: str
    epoch: str
    side: Side
    tau: float | Literal["auto"]
    level: float
    remove_burn_in: bool

    def __call__(self, series: pd.DataFrame) -> Row:
        epochs = series[self.epoch] if self.epoch in series.columns else None
        regime = Regime(
            as_series(series[self.value], steps=series[self.step], epochs=epochs),
            remove_burn_in=self.remove_burn_in,
        )
        return stability_index(regime.late, tau=self.tau, side=self.side, level=self.level).to_record()
