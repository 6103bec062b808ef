"""The recorder: an observer of the training loop that writes signals on their schedules."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from tracekit.engine.training import EpochEnd, Observer, Step
from tracekit.record.memory import Memory
from tracekit.record.observation import Batch, EpochObservation, Observation, Selection
from tracekit.record.plan import Planned
from tracekit.record.schedule import Schedule, every
from tracekit.record.signal import Signal, Source, choose_signals
from tracekit.traces import RunWriter


class Recorder(Observer):
    """Records signals of a training run.

    Parameters
    ----------
    writer : RunWriter
        Where values go.
    signals : sequence of Signal or Planned, optional
        What to record, each with a schedule of its own if it was planned by `tracekit.record.plan`; the preset
        "standard" by default. Signals that need the probe batch or the test set are left out without it.
    schedule : callable, optional
        From the number of an update to whether to record those signals that have no schedule of their own;
        every update by default. It may be asked several times of an update, and of the next one.
    probe : (images, labels), optional
        The fixed probe batch.
    evaluation : (images, labels), optional
        The test set.
    selection : Selection, optional
        What the signals of chosen samples and units keep; the first sample and all units by default.
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
        self._at_epoch_end = [entry.signal for entry in planned if entry.signal.cost == "epoch"]
        self._at_steps = [entry for entry in planned if entry.signal.cost != "epoch"]
        coded = [entry for entry in self._at_epoch_end if "epoch's codes" in entry.reads]
        self._memory = Memory(
            keeps_codes=bool(coded), coded_layers=any("outputs" in entry.reads for entry in coded)
        )
        self._reads_initial = self._reading("initial parameters")
        self._reads_previous = self._reading("previous gradients")
        self._reads_calls = self._reading("per-sample gradients")
        self._started = time.perf_counter()

    def _reading(self, source: Source) -> list[Schedule]:
        return [entry.due for entry in self._at_steps if source in entry.signal.reads]

    def needs_calls(self, step: int) -> bool:
        """Whether a signal of per-sample gradients is due."""
        return any(due(step) for due in self._reads_calls)

    def on_step(self, step: Step) -> None:
        """Record what is due, and keep what a signal at the next update will want to compare with."""
        self._memory.gather(step)
        if self._reads_initial:
            self._memory.meet(step)
        if any(due(step.step + 1) for due in self._reads_previous):
            self._memory.tensors("gradients", step)
        due_now = [entry.signal for entry in self._at_steps if entry.due(step.step)]
        if not due_now:
            return
        now = Observation(
            step, self._memory, probe=self._probe, selection=self._selection, started=self._started
        )
        self._write(due_now, now, step.step, step.epoch)

    def on_epoch_end(self, epoch: EpochEnd) -> None:
        """Record what is recorded once an epoch."""
        if self._at_epoch_end:
            end = EpochObservation(epoch.model, self._evaluation, *self._memory.take_codes())
            self._write(self._at_epoch_end, end, epoch.step, epoch.epoch)

    def state(self) -> dict[str, np.ndarray]:
        """Return what must be known to go on recording: initial parameters, last gradients, codes of the epoch."""
        return self._memory.state()

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up what `state` returned."""
        self._memory.restore(state)

    def _write(
        self, signals: Sequence[Signal], state: Observation | EpochObservation, step: int, epoch: int
    ) -> None:
        for entry in signals:
            for name, layer, value in entry.rows(state):
                self._writer.record(step, epoch, name, value, layer=layer)
