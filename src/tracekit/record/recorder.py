"""The recorder: an observer of the training loop that writes signals on their schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.engine.layers import Sequential
from tracekit.engine.tape import no_grad
from tracekit.engine.training import EpochEnd, Observer, Step, evaluate
from tracekit.record.schedule import Schedule, every
from tracekit.record.signal import Evaluation, Probe, Signal, choose_signals
from tracekit.traces import RunWriter


class Recorder(Observer):
    """Records signals of a training run.

    Parameters
    ----------
    writer : RunWriter
        Where values go.
    signals : sequence of Signal, optional
        What to record; every defined signal by default.
    schedule : Schedule, optional
        At which updates; every one by default. Epoch signals are recorded at every epoch's end.
    probe_images : ndarray, (n_probe, height, width, channels), optional
        The fixed probe batch; without it probe signals are not recorded.
    evaluation : (images, labels), optional
        The test set; without it evaluation signals are not recorded.
    """

    def __init__(
        self,
        writer: RunWriter,
        *,
        signals: Sequence[Signal] | None = None,
        schedule: Schedule | None = None,
        probe_images: np.ndarray | None = None,
        evaluation: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        chosen = choose_signals(None) if signals is None else signals
        self._writer = writer
        self._due = schedule or every(1)
        self._probe_images = probe_images
        self._evaluation = evaluation
        self._batch_signals = [entry for entry in chosen if entry.when == "batch"]
        self._probe_signals = [entry for entry in chosen if entry.when == "probe"]
        self._epoch_signals = [entry for entry in chosen if entry.when == "epoch"]

    def on_step(self, step: Step) -> None:
        """Record batch and probe signals if the update is due."""
        if not self._due(step.step):
            return
        self._write(self._batch_signals, step, step.step, step.epoch)
        if self._probe_images is not None and self._probe_signals:
            self._write(self._probe_signals, _probe(step.model, self._probe_images), step.step, step.epoch)

    def on_epoch_end(self, epoch: EpochEnd) -> None:
        """Evaluate on the test set and record it."""
        if self._evaluation is not None and self._epoch_signals:
            loss, accuracy = evaluate(epoch.model, *self._evaluation)
            self._write(self._epoch_signals, Evaluation(loss, accuracy), epoch.step, epoch.epoch)

    def _write(
        self, signals: Sequence[Signal], state: Step | Probe | Evaluation, step: int, epoch: int
    ) -> None:
        for entry in signals:
            for name, layer, value in entry.values(state):
                self._writer.record(step, epoch, name, value, layer=layer)


def _probe(model: Sequential, images: np.ndarray) -> Probe:
    outputs: dict = {}
    with no_grad():
        logits = model(images, outputs=outputs)
    return Probe(logits.data, list(outputs.values())[-2].data)
