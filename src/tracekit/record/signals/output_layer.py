"""What flows into and out of the output layer: logits, penultimate activations, gradient at the logits.

The probe signals use a batch that never changes, so that what they show is the motion of the parameters;
the same signals on the training batch add the sampling noise of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tracekit.engine.training import Step
from tracekit.record.signal import Probe, signal

SUMMARY = ("mean", "std", "q05", "q50", "q95")
_QUANTILES = (0.05, 0.50, 0.95)


def summarize(values: np.ndarray) -> list[float]:
    """Mean, standard deviation and the 5, 50 and 95 % quantiles over all elements, in float64.

    Quantiles interpolate linearly (Hyndman & Fan 1996, type 7). A non-finite element makes every
    figure non-finite, so that it cannot be overlooked.
    """
    flat = np.sort(values, axis=None).astype(np.float64)
    mean = float(flat.mean())
    if not math.isfinite(mean):
        return [mean] * len(SUMMARY)
    # The three quantiles come from one sort: np.quantile partitions anew and costs several times more.
    positions = np.multiply(_QUANTILES, flat.size - 1)
    low = positions.astype(np.intp)
    high = np.minimum(low + 1, flat.size - 1)
    quantiles = flat[low] + (positions - low) * (flat[high] - flat[low])
    return [mean, float(flat.std()), *quantiles.tolist()]


@signal(
    "train/first_logit",
    unit="logit",
    source="Ando, Fukuhara & Takefuji 2023 (their program prints it as SoftmaxCrossEntropy:Grad)",
)
def first_logit(step: Step) -> float:
    """Class-0 logit of the batch's first sample: the scalar that the reference paper plots."""
    return float(step.logits[0, 0])


@signal("train/logits", unit="logit", fields=SUMMARY)
def train_logits(step: Step) -> Sequence[float]:
    """Logits over the batch and the classes."""
    return summarize(step.logits)


@signal("train/penultimate", unit="activation", fields=SUMMARY)
def train_penultimate(step: Step) -> Sequence[float]:
    """Activations that flow into the output layer, over the batch and the units."""
    return summarize(step.penultimate)


@signal("train/logits_grad", unit="nat/logit", fields=(*SUMMARY, "norm"))
def train_logits_gradient(step: Step) -> Sequence[float]:
    """Gradient of the reduced loss at the logits, over the batch and the classes; norm is Euclidean."""
    gradient = step.logits_gradient
    return [*summarize(gradient), float(np.linalg.norm(gradient.astype(np.float64)))]


@signal("probe/logits", unit="logit", when="probe", fields=SUMMARY)
def probe_logits(probe: Probe) -> Sequence[float]:
    """Logits over the fixed probe batch and the classes, without dropout."""
    return summarize(probe.logits)


@signal("probe/penultimate", unit="activation", when="probe", fields=SUMMARY)
def probe_penultimate(probe: Probe) -> Sequence[float]:
    """Activations that flow into the output layer, over the fixed probe batch, without dropout."""
    return summarize(probe.penultimate)
