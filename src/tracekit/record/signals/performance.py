"""How well the model does: loss and accuracy, on the training batch and on the test set."""

from __future__ import annotations

import numpy as np

from tracekit.engine.training import Step
from tracekit.record.signal import Evaluation, signal


@signal("train/loss", unit="nat", precision="float64")
def train_loss(step: Step) -> float:
    """Mean cross-entropy of the batch, before the update."""
    return step.loss


@signal("train/accuracy", unit="share")
def train_accuracy(step: Step) -> float:
    """Share of the batch that is classified rightly, before the update."""
    return float(np.mean(step.logits.argmax(axis=1) == step.labels))


@signal("eval/loss", unit="nat", when="epoch", precision="float64")
def eval_loss(evaluation: Evaluation) -> float:
    """Mean cross-entropy of the test set, after the epoch's last update."""
    return evaluation.loss


@signal("eval/accuracy", unit="share", when="epoch")
def eval_accuracy(evaluation: Evaluation) -> float:
    """Share of the test set that is classified rightly, after the epoch's last update."""
    return evaluation.accuracy
