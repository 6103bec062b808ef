"""Recorder: an observer of the training loop that writes signals on their schedules."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from tracekit.engine.training.loop import EpochEnd, Observer, Step
from tracekit.record.memory import Memory
from tracekit.record.observation import Batch, EpochObservation, Observation, Selection
from tracekit.record.plan import Planned
from tracekit.record.schedule import Schedule, every
from tracekit.record.signal import Shape, Signal, Source, choose_signals
from tracekit.traces import Channel, Columns, RunWriter

#: The smallest float32 with all its digits.
_SMALLEST = float(np.finfo(np.float32).smallest_normal)
#: Name of the recorder's own entry in its state, beside those of its memory.
_SECONDS = "seconds"


class Recorder(Observer):
    """Observer that records signals of a training run.

    Parameters
    ----------
    writer : RunWriter
        Writer of the run.
    signals : sequence of Signal or Planned, optional
        Signals to record, each with its own schedule if it was planned by `tracekit.record.plan`; the preset
        "standard" by default. Signals that need the probe batch or the test set are left out without it.
    schedule : callable, optional
        From the number of an update to whether to record the signals that have no schedule of their own;
        every update by default. It may be called several times for one update, and for the next one.
    probe : (images, labels), optional
        The fixed probe batch.
    evaluation : (images, labels), optional
        The test set.
    selection : Selection, optional
        Samples and units that signals of whole vectors keep; the first sample and all units by default.
    """

    def __init__(
        self,
        writer: RunWriter,
        *,
        signals: Sequence[Signal | Planned] | None = None,
        schedule: Schedule | None = None,
        probe: tuple[np.ndarray, np.ndarray] | None = None,
        evaluation: tuple[np.ndarray, np.ndarray] | None = None,
        selection: Selection | None = None,
    ) -> None:
        otherwise = schedule or every(1)
        chosen = choose_signals(None) if signals is None else signals
        planned = [
            entry if isinstance(entry, Planned) else Planned(entry, "as the recorder", otherwise)
            for entry in chosen
        ]
        absent = {"probe batch"} if probe is None else set()
        absent |= {"test set"} if evaluation is None else set()
        planned = [entry for entry in planned if not absent & set(entry.signal.reads)]
        self._writer = writer
        self._probe = None if probe is None else Batch(*probe)
        self._evaluation = None if evaluation is None else Batch(*evaluation)
        self._selection = selection
        at_epoch_end = [entry.signal for entry in planned if entry.signal.cost == "epoch"]
        self._at_epoch_end = _Group(at_epoch_end)
        self._planned = [entry for entry in planned if entry.signal.cost != "epoch"]
        # Signals with one schedule are due together, and their values are one row.
        self._at_steps = {
            due: _Group([entry.signal for entry in self._planned if entry.due == due])
            for due in dict.fromkeys(entry.due for entry in self._planned)
        }
        coded = [entry for entry in at_epoch_end if "epoch's codes" in entry.reads]
        self._codes_layers = any("outputs" in entry.reads for entry in coded)
        self._memory = Memory(keeps_codes=bool(coded), coded_layers=self._codes_layers)
        self._reads_outputs = self._reading("outputs")
        self._reads_initial = self._reading("initial parameters")
        self._reads_previous = self._reading("previous gradients")
        self._reads_calls = self._reading("per-sample gradients")
        self._started = time.perf_counter()  # moved back by the time recorded before an interruption

    def _reading(self, source: Source) -> list[Schedule]:
        return list(dict.fromkeys(entry.due for entry in self._planned if source in entry.signal.reads))

    def needs_calls(self, step: int) -> bool:
        """Return whether a signal of per-sample gradients is due."""
        return any(due(step) for due in self._reads_calls)

    def needs_outputs(self, step: int) -> bool:
        """Return whether a signal of the layers' outputs is due."""
        return self._codes_layers or any(due(step) for due in self._reads_outputs)

    def on_step(self, step: Step) -> None:
        """Record the signals that are due, and keep what a signal at the next update will compare with."""
        self._memory.gather(step)
        if self._reads_initial:
            self._memory.meet(step)
        if any(due(step.step + 1) for due in self._reads_previous):
            self._memory.tensors("gradients", step)
        due_now = [group for due, group in self._at_steps.items() if due(step.step)]
        if not due_now:
            return
        now = Observation(
            step, self._memory, probe=self._probe, selection=self._selection, started=self._started
        )
        for group in due_now:
            group.record(now, step.step, step.epoch, self._writer)

    def on_epoch_end(self, epoch: EpochEnd) -> None:
        """Record the signals that are recorded once per epoch."""
        if self._at_epoch_end.signals:
            end = EpochObservation(epoch.model, self._evaluation, *self._memory.take_codes())
            self._at_epoch_end.record(end, epoch.step, epoch.epoch, self._writer)

    def state(self) -> dict[str, np.ndarray]:
        """Return what is needed to continue: initial parameters, last gradients, codes of the epoch, the time."""
        return self._memory.state() | {_SECONDS: np.array(time.perf_counter() - self._started)}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        self._started = time.perf_counter() - float(state[_SECONDS]) if _SECONDS in state else self._started
        self._memory.restore({name: array for name, array in state.items() if name != _SECONDS})


class _Group:
    """Signals that are recorded together, as one row of values; its columns are built once per shape."""

    def __init__(self, signals: Sequence[Signal]) -> None:
        self.signals = signals
        self._columns: dict[tuple[Shape | None, ...], tuple[Columns, list[int]]] = {}

    def record(self, state: Observation | EpochObservation, step: int, epoch: int, writer: RunWriter) -> None:
        values: list[float] = []
        shapes = tuple([entry.compute(state, values) for entry in self.signals])
        if not values:
            return
        found = self._columns.get(shapes)
        if found is None:
            found = self._columns[shapes] = self._new_columns(shapes)
        columns, kept_wide = found
        wide = np.array(values, np.float64)
        with np.errstate(over="ignore", under="ignore"):
            rounded = wide.astype(np.float32).astype(np.float64)
            size = np.abs(rounded)
        # A number outside the range of float32 is kept in float64: it must not become infinite or lose digits.
        outside = ((size < _SMALLEST) & (wide != 0)) | ((size == np.inf) & np.isfinite(wide))
        outside[kept_wide] = True
        np.copyto(rounded, wide, where=outside)
        writer.record_row(step, epoch, columns, rounded)

    def _new_columns(self, shapes: tuple[Shape | None, ...]) -> tuple[Columns, list[int]]:
        """Return the channels of a row, and the positions of those that are not rounded to float32."""
        channels: list[Channel] = []
        units: dict[str, str] = {}
        kept_wide: list[int] = []
        for entry, shape in zip(self.signals, shapes, strict=True):
            if shape is not None:
                first = len(channels)
                channels += entry.channels(shape)
                units |= {name: entry.unit_of(name) for name, _, _ in channels[first:]}
                if entry.precision == "float64":
                    kept_wide += range(first, len(channels))
        return Columns(channels, units=units), kept_wide
