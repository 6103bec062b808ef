"""What a section may look at: the experiment, the traces that the report reads, and the analysis of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from tracekit.errors import StoreError, UnknownNameError, unknown_name
from tracekit.report.document import setting, show
from tracekit.report.verdicts import Verdict
from tracekit.traces import Experiment, Run, open_experiment, read, signal_names

#: The reference paper's own scalar: the class-0 logit of the first sample of each batch.
PAPER_SIGNAL = "train/first_logit"

#: The signal that decides by default. A statistic of the fixed probe batch would be a poor one: it has hardly
#: any noise from step to step, so that in units of its own spread every training looks unstable.
DEFAULT_SIGNAL = PAPER_SIGNAL

#: What the report draws besides the deciding signal, where it is recorded.
DRAWN_SIGNALS = (PAPER_SIGNAL, "train/loss", "eval/loss", "train/accuracy", "eval/accuracy")

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
    def optimizer(self) -> str:
        """Optimizer's name, with whatever else tells this row of the design from another."""
        others = zip(self.by[2:], self.key[2:], strict=True)
        return ", ".join([str(self.key[0]), *(f"{name} {_written(value)}" for name, value in others)])

    @property
    def batch_size(self) -> Any:
        """Batch size of the runs; "unknown" where none was recorded."""
        return self.key[1]

    @property
    def name(self) -> str:
        """How text and panel titles call the cell."""
        return f"{self.optimizer}, batch {show(self.batch_size)}"


@dataclass(frozen=True)
class Material:
    """Everything that a section is given; nothing in it may be written to."""

    experiment: Experiment
    settings: Settings
    by: tuple[str, ...]  #: attributes that tell cells apart
    cells: tuple[Cell, ...]  #: by row (optimizer), then by batch size
    recorded: dict[str, frozenset[str]]  #: names of the signals of each run
    traces: pd.DataFrame  #: tidy frame of the signals that the report reads
    features: pd.DataFrame  #: a row a series, from `tracekit_analysis.characterize`
    labels: pd.DataFrame  #: a row a cell, from `tracekit_analysis.label`
    verdicts: dict[tuple[Any, ...], Verdict]  #: the same by the cell's key

    @cached_property
    def signals(self) -> frozenset[str]:
        """Names of all signals that any run has recorded."""
        return frozenset().union(*self.recorded.values())

    @cached_property
    def last_step(self) -> float:
        """Last update of any run."""
        return float(max((run.step for run in self.experiment.runs), default=1))

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

    def signal(self, name: str) -> pd.DataFrame:
        """Values of one signal; MissingSignalError if no run has it.

        Where runs have several series of the signal (layers, positions), ``run`` names the series.
        """
        if name not in self.signals:
            raise MissingSignalError([name])
        return self._by_signal[name]

    @cached_property
    def _by_signal(self) -> dict[str, pd.DataFrame]:
        frames = {}
        for name, frame in self.traces.groupby("signal", observed=True, sort=True):
            if frame["layer"].notna().any() or frame["index"].notna().any():
                channel = frame["layer"].astype(str) + " " + frame["index"].astype(str)
                frame = frame.assign(run=frame["run"].astype(str) + " " + channel)
            frames[str(name)] = frame
        return frames

    def of_cell(self, data: pd.DataFrame, cell: Cell) -> pd.DataFrame:
        """Rows of a frame that belong to a cell."""
        chosen = pd.Series(True, index=data.index)
        for name, value in zip(self.by, cell.key, strict=True):
            chosen &= data[name] == value
        return data[chosen]


def without_diverged(data: pd.DataFrame) -> pd.DataFrame:
    """Leave out runs that diverged, if others remain: axes are chosen for what the others show."""
    calm = data[data["status"].astype(str) != "diverged"]
    return data if calm.empty else calm


def load(path: Any, settings: Settings) -> tuple[Experiment, dict[str, frozenset[str]], pd.DataFrame]:
    """Open a store and read the signals that the report draws or judges.

    Raises
    ------
    StoreError
        The folder holds no runs, or a part of one cannot be read.
    UnknownNameError
        The deciding signal was chosen by the caller and no run has it.
    """
    experiment = open_experiment(path)
    recorded = {run.name: frozenset(signal_names(run)) for run in experiment.runs}
    known = frozenset().union(*recorded.values())
    if settings.signal not in known and settings.signal != DEFAULT_SIGNAL:
        raise unknown_name("signal", settings.signal, known)
    wanted = sorted({settings.signal, *DRAWN_SIGNALS} & known)
    try:
        traces = read(path, signals=wanted)
    except UnknownNameError as error:
        raise StoreError(f"{path} changed while it was read ({error}); run the report again.") from error
    return experiment, recorded, _with_design(traces)


def design(experiment: Experiment) -> tuple[tuple[str, ...], tuple[Cell, ...]]:
    """Find what tells cells apart, and the cells.

    Optimizer and batch size always do; so does any other attribute, the seeds excepted, that differs
    between runs which share both (two learning rates of one optimizer are two rows, not one).
    """
    by = ["optimizer", "batch_size"]
    names = dict.fromkeys(name for run in experiment.runs for name in run.attributes)
    for name in names:
        if name in by or name.endswith("seed"):
            continue
        values: dict[tuple[Any, ...], set[Any]] = {}
        for run in experiment.runs:
            values.setdefault(_key(run, by[:2]), set()).add(run.attributes.get(name))
        if any(len(different) > 1 for different in values.values()):
            by.append(name)
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in experiment.runs:
        groups.setdefault(_key(run, by), []).append(run)
    cells = [Cell(tuple(by), key, tuple(runs)) for key, runs in groups.items()]
    cells.sort(key=lambda cell: [_sortable(part) for part in (cell.key[0], *cell.key[2:], cell.key[1])])
    return tuple(by), tuple(cells)


def replicate_column(cells: Sequence[Cell]) -> str:
    """Choose what tells replicates apart: the seed where every run has one of its own, else the run."""
    for cell in cells:
        seeds = [run.attributes.get("seed") for run in cell.runs]
        if None in seeds or len(set(seeds)) < len(seeds):
            return "run"
    return "seed"


def _written(value: Any) -> str:
    return setting(value) if isinstance(value, float) else str(value)


def _key(run: Run, names: Sequence[str]) -> tuple[Any, ...]:
    return tuple(run.attributes.get(name, _UNKNOWN) for name in names)


def _with_design(traces: pd.DataFrame) -> pd.DataFrame:
    """Fill in the attributes of imported runs, which may have none, so that no run falls out of a grouping."""
    attributes = [name for name in traces.columns if name not in _TABLE_COLUMNS]
    filled: dict[str, Any] = {}
    for name in dict.fromkeys(["optimizer", "batch_size", *attributes]):
        if name not in traces:
            filled[name] = _UNKNOWN
        elif traces[name].isna().any():
            filled[name] = traces[name].astype(object).where(traces[name].notna(), _UNKNOWN)
    return traces.assign(**filled)


_TABLE_COLUMNS = frozenset({"run", "status", "step", "epoch", "signal", "layer", "index", "value"})


def _sortable(value: Any) -> tuple[int, float, str]:
    if isinstance(value, (int, float)) and not math.isnan(value):
        return 0, float(value), ""
    return 1, 0.0, str(value)
