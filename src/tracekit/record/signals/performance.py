"""Performance: loss and accuracy on the training batch and on the test set, and wall time."""

from __future__ import annotations

import numpy as np

from tracekit.record.observation import EpochObservation, Observation
from tracekit.record.signal import signal


@signal(
    "train/loss",
    unit="nat",
    cost="free",
    preset="minimal",
    reads=("loss",),
    cockpit="Loss",
    precision="float64",
)
def train_loss(now: Observation) -> float:
    """Mean cross-entropy of the batch, before the update."""
    return now.step.loss


@signal("train/accuracy", unit="share", cost="free", preset="minimal", reads=("logits",))
def train_accuracy(now: Observation) -> float:
    """Share of the batch that is classified correctly, before the update."""
    return np.count_nonzero(now.step.logits.argmax(axis=1) == now.step.labels) / now.step.labels.size


@signal(
    "eval/loss", unit="nat", cost="epoch", preset="minimal", reads=("model", "test set"), precision="float64"
)
def eval_loss(end: EpochObservation) -> float | None:
    """Mean cross-entropy of the test set, after the epoch's last update."""
    return None if end.evaluation is None else end.evaluation[0]


@signal("eval/accuracy", unit="share", cost="epoch", preset="minimal", reads=("model", "test set"))
def eval_accuracy(end: EpochObservation) -> float | None:
    """Share of the test set that is classified correctly, after the epoch's last update."""
    return None if end.evaluation is None else end.evaluation[1]


@signal(
    "time/seconds",
    unit="s",
    cost="free",
    preset="request",
    reads=("clock",),
    cockpit="Time",
    precision="float64",
)
def seconds(now: Observation) -> float:
    """Wall time since the recording began, without the pauses of an interrupted run.

    In no preset: it is the one signal that differs between two runs of the same seed, which are otherwise equal byte
    by byte. The time of the whole run is always in its status.
    """
    return now.seconds()
