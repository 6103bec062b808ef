"""Output layer on the training batch: logits, penultimate activations, and gradient at the logits.

The same signals on the fixed probe batch, in `probe`, do not have the sampling noise of these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.record.observation import Observation
from tracekit.record.signal import signal
from tracekit.record.summary import SUMMARY, summarize


@signal(
    "train/first_logit",
    unit="logit",
    cost="free",
    preset="minimal",
    reads=("logits",),
    source="Ando, Fukuhara & Takefuji 2023 (their program prints it as SoftmaxCrossEntropy:Grad)",
)
def first_logit(now: Observation) -> float:
    """Class-0 logit of the batch's first sample: the scalar that the reference paper plots."""
    return float(now.step.logits[0, 0])


@signal("train/logits", unit="logit", fields=SUMMARY, reads=("logits",))
def train_logits(now: Observation) -> Sequence[float]:
    """Logits over the batch and the classes."""
    return summarize(now.train.logits)


@signal("train/penultimate", unit="activation", fields=SUMMARY, reads=("penultimate",))
def train_penultimate(now: Observation) -> Sequence[float]:
    """Inputs of the output layer, over the batch and the units."""
    return summarize(now.train.penultimate)


@signal("train/logits_grad", unit="nat/logit", fields=(*SUMMARY, "norm"), reads=("logits gradient",))
def train_logits_gradient(now: Observation) -> Sequence[float]:
    """Gradient of the reduced loss at the logits, over the batch and the classes; norm is Euclidean."""
    return [*summarize(now.train.logits_gradient), euclidean(now.train.logits_gradient)]


def euclidean(array: np.ndarray) -> float:
    """Return the Euclidean norm over all elements, summed in float64."""
    flat = array.ravel().astype(np.float64)
    return float(np.sqrt(flat @ flat))
