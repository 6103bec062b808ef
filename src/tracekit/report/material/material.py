"""What a section may look at: the experiment, the traces that the report reads, and the analysis of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from tracekit.errors import StoreError
from tracekit.report.document import setting, show
from tracekit.report.material.deciding_series import Portrait
from tracekit.report.material.digest import RunDigest, SeriesDigest, stack
from tracekit.report.material.labels import Verdict
from tracekit.traces import Experiment, Run, read
from tracekit_analysis.tables.configurations import Configurations, configurations, with_one_value

#: The reference paper's own scalar: the class-0 logit of the first sample of each batch.
PAPER_SIGNAL = "train/first_logit"

#: The signal that decides by default. A statistic of the fixed probe batch would be a poor one: it has hardly
#: any noise from step to step, so that in units of its own spread every training looks unstable.
DEFAULT_SIGNAL = PAPER_SIGNAL

#: What the report draws besides the deciding signal, where it is recorded.
DRAWN_SIGNALS = (PAPER_SIGNAL, "train/loss", "eval/loss", "train/accuracy", "eval/accuracy")

#: Signals whose statistics are tabulated, besides the deciding one.
CHARACTERIZED_SIGNALS = (PAPER_SIGNAL, "train/loss")

#: By which runs are ranked: the first one that is recorded; lower is better.
PERFORMANCE_SIGNALS = ("eval/loss", "train/loss")

#: What is shown layer by layer, where it is recorded.
LAYER_SIGNALS = ("layer/grad_norm", "layer/update_ratio", "layer/step_size/q50", "layer/relu/dead")

#: Characters that fit along the axis of a panel; more are put on two lines.
_AXIS_LENGTH = 26

_UNKNOWN = "unknown"


class MissingSignalError(StoreError):
    """A section needs signals that no run has recorded; the report says so in the section's place."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"no run has recorded {', '.join(names)}.")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the report decides: arguments of `write_report`, printed wherever a verdict is."""

    signal: str = DEFAULT_SIGNAL  #: the signal whose lower bound is judged
    margin: float = 0.2  #: largest index I that counts as stable, in lower half-spreads
    level: float = 0.95  #: confidence of the interval of I
    by: tuple[str, ...] | None = None  #: columns that tell configurations apart; None: what varies

    @property
    def threshold(self) -> str:
        """The margin as a reader says it."""
        return setting(self.margin)

    @property
    def confidence(self) -> str:
        """The level as a reader says it."""
        return f"{setting(100 * self.level)} %"


@dataclass(frozen=True, slots=True)
class Cell:
    """Runs that differ by their seed alone."""

    by: tuple[str, ...]  #: attributes that cells are told apart by: optimizer, batch size, and others
    key: tuple[Any, ...]  #: their values
    runs: tuple[Run, ...]

    @property
    def row(self) -> tuple[Any, ...]:
        """Values of all attributes but the batch size."""
        return tuple(value for name, value in zip(self.by, self.key, strict=True) if name != "batch_size")

    @property
    def optimizer(self) -> str:
        """Optimizer's name, with whatever else tells this row of the design from another."""
        said = [
            str(value) if name == "optimizer" else f"{name} {_written(value)}"
            for name, value in zip(self.by, self.key, strict=True)
            if name != "batch_size"
        ]
        return ", ".join(said) or "all"

    @property
    def batch_size(self) -> Any:
        """Batch size of the runs; "unknown" where none was recorded, "all" where they are not told apart by it."""
        return self.key[self.by.index("batch_size")] if "batch_size" in self.by else "all"

    @property
    def name(self) -> str:
        """How text and panel titles call the cell."""
        return f"{self.optimizer}, batch {show(self.batch_size)}"


@dataclass(frozen=True)
class Material:
    """Everything that a section is given; nothing in it may be written to.

    Traces are not held: `series` has what the report draws, thinned, and `read` fetches a signal whole.
    """

    experiment: Experiment
    settings: Settings
    by: tuple[str, ...]  #: attributes that tell cells apart
    replicate: str  #: what tells the runs of a cell apart: "seed" where each has its own, else "run"
    cells: tuple[Cell, ...]  #: by row (optimizer), then by batch size
    digests: dict[str, RunDigest]  #: what is kept of each run, by its name
    features: pd.DataFrame  #: one row per series, from `tracekit_analysis.characterize`
    labels: pd.DataFrame  #: one row per cell, from `tracekit_analysis.label`
    verdicts: dict[tuple[Any, ...], Verdict]  #: the same by the cell's key

    @cached_property
    def signals(self) -> frozenset[str]:
        """Names of all signals that any run has recorded."""
        return frozenset().union(*(digest.signals for digest in self.digests.values()))

    @cached_property
    def last_step(self) -> float:
        """Last update of any run."""
        return last_step(self.experiment)

    @property
    def rows(self) -> list[str]:
        """Rows of the design, in order."""
        return list(dict.fromkeys(cell.optimizer for cell in self.cells))

    @property
    def batch_sizes(self) -> list[Any]:
        """Columns of the design, in order."""
        return sorted({cell.batch_size for cell in self.cells}, key=_sortable)

    @property
    def unsettled(self) -> tuple[int, int]:
        """Series of the deciding signal whose level still moves at their end, and how many series there are."""
        if "settled" not in self.features:
            return 0, 0
        settled = self.features.loc[self.features["signal"] == self.settings.signal, "settled"]
        return int(settled.eq(False).sum()), len(settled)

    @cached_property
    def performance_signal(self) -> str | None:
        """Signal by which runs are ranked; None where none of `PERFORMANCE_SIGNALS` is recorded."""
        return next((name for name in PERFORMANCE_SIGNALS if name in self.signals), None)

    @cached_property
    def performance(self) -> pd.DataFrame:
        """One row per run: how well it did in `performance_signal`, from `tracekit_analysis.performance`."""
        name = self.performance_signal
        found = [digest.performance[name] for digest in self.digests.values() if name in digest.performance]
        return fill_design(stack(found), self.experiment.runs)

    def axis(self, name: str) -> str:
        """Name a signal and its unit, as an axis of its values does; the name alone where the store has no unit."""
        unit = self.experiment.unit(name)
        if not unit:
            return name
        one_line = f"{name}, {unit}"
        return one_line if len(one_line) <= _AXIS_LENGTH else f"{name},\n{unit}"

    def require(self, *names: str) -> None:
        """Raise MissingSignalError unless some run has recorded one of the signals."""
        if not self.signals.intersection(names):
            raise MissingSignalError(names)

    def series(self, name: str, cell: Cell | None = None) -> list[SeriesDigest]:
        """Give the series of a drawn signal, thinned, of one cell or of all; MissingSignalError if no run has it."""
        self.require(name)
        runs = self.experiment.runs if cell is None else cell.runs
        return [series for run in runs for series in self.digests[run.name].series.get(name, ())]

    def portraits(self, cell: Cell) -> list[Portrait]:
        """Give the close look at the deciding series of a cell's runs, diverged and unfinished ones left out."""
        found = [self.digests[run.name].portrait for run in cell.runs if run.status == "finished"]
        return [portrait for portrait in found if portrait is not None]

    def read(self, name: str, cell: Cell | None = None) -> pd.DataFrame:
        """Read a signal whole from the store, one row per value, as `tracekit.traces.read` gives it.

        Memory grows with the experiment: ask for a cell at a time where that is enough.
        """
        self.require(name)
        runs = self.experiment.runs if cell is None else cell.runs
        there = [run.name for run in runs if name in self.digests[run.name].signals]
        return fill_design(read(self.experiment.path, signals=name, runs=there), runs)

    def judged(self, cell: Cell | None = None) -> pd.DataFrame:
        """Give the rows of `features` that describe the deciding signal, of one cell or of all."""
        if "signal" not in self.features:
            return self.features
        rows = self.features[self.features["signal"] == self.settings.signal]
        return rows if cell is None else self.of_cell(rows, cell)

    def of_cell(self, data: pd.DataFrame, cell: Cell) -> pd.DataFrame:
        """Rows of a frame that belong to a cell."""
        chosen = pd.Series(True, index=data.index)
        for name, value in zip(self.by, cell.key, strict=True):
            chosen &= data[name] == value
        return data[chosen]


def without_diverged(series: Sequence[SeriesDigest]) -> list[SeriesDigest]:
    """Leave out runs that diverged, if others remain: axes are chosen for what the others show."""
    calm = [one for one in series if one.status != "diverged"]
    return calm or list(series)


def last_step(experiment: Experiment) -> float:
    """Give the last update of any run, at least 1."""
    return float(max((run.step for run in experiment.runs), default=1) or 1)


def design(
    experiment: Experiment, by: Sequence[str] | None = None
) -> tuple[Configurations, tuple[Cell, ...]]:
    """Find what tells configurations apart, as `tracekit label` does, and the runs of each.

    Optimizer and batch size are always among the columns, "unknown" where no run says them, unless `by` names others.
    """
    table = pd.DataFrame([{**run.attributes, "run": run.name} for run in experiment.runs])
    table = fill_design(table, experiment.runs)
    found = configurations(table, by=by)
    if found.replicate == "seed" and table.duplicated([*found.by, "seed"]).any():
        found = replace(found, replicate="run")  # a report is written all the same
    values = table[list(found.by)].to_dict("records")
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run, row in zip(experiment.runs, values, strict=True):
        groups.setdefault(tuple(row.values()), []).append(run)
    cells = [Cell(found.by, key, tuple(runs)) for key, runs in groups.items()]
    cells.sort(key=lambda cell: [_sortable(part) for part in (*cell.row, cell.batch_size)])
    return found, tuple(cells)


def _written(value: Any) -> str:
    return setting(value) if isinstance(value, float) else str(value)


def fill_design(frame: pd.DataFrame, runs: Sequence[Run]) -> pd.DataFrame:
    """Fill in the attributes of runs that have none, such as imported ones, so that no row falls out of a grouping."""
    attributes = dict.fromkeys(name for run in runs for name in run.attributes)
    filled: dict[str, Any] = {}
    for name in dict.fromkeys(["optimizer", "batch_size", *attributes]):
        if name not in frame:
            filled[name] = _UNKNOWN
        elif frame[name].isna().any():
            filled[name] = frame[name].astype(object).where(frame[name].notna(), _UNKNOWN)
    return with_one_value(frame.assign(**filled), [name for name in attributes if name in frame])


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)) and not math.isnan(value):
        return 0, float(value), ""
    return 1, 0.0, str(value)
