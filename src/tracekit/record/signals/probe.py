"""The output layer on a batch that never changes, so that what it shows is the motion of the parameters."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal
from tracekit.record.signals.classes import CLASS_FIELDS, by_class, selected_logits, selected_units
from tracekit.record.signals.output_layer import euclidean
from tracekit.record.summary import SUMMARY, summarize

#: A signal of the probe batch, which is passed through the network for all of them.
probe_signal = functools.partial(signal, cost="probe", reads=("probe batch",), schedule=NOW_AND_THEN)


# More often than the others: labels tell from it whether a run goes to and fro (`tracekit_analysis.cross_sections`).
@probe_signal("probe/logits", unit="logit", fields=SUMMARY, schedule="every 3")
def probe_logits(now: Observation) -> Sequence[float]:
    """Logits over the fixed probe batch and the classes, without dropout."""
    return summarize(now.probe.logits)


@probe_signal("probe/penultimate", unit="activation", fields=SUMMARY)
def probe_penultimate(now: Observation) -> Sequence[float]:
    """Activations that flow into the output layer, over the fixed probe batch, without dropout."""
    return summarize(now.probe.penultimate)


@probe_signal("probe/logits_grad", unit="nat/logit", fields=(*SUMMARY, "norm"))
def probe_logits_gradient(now: Observation) -> Sequence[float]:
    """Gradient of the mean loss at the logits of the fixed probe batch; norm is Euclidean."""
    return [*summarize(now.probe.logits_gradient), euclidean(now.probe.logits_gradient)]


@probe_signal(
    "probe/class_logits",
    unit="logit",
    preset="full",
    fields=CLASS_FIELDS,
    index="class",
)
def probe_class_logits(now: Observation) -> Sequence[np.ndarray]:
    """Mean and standard deviation over the probe batch of each class's logit."""
    return by_class(now.probe.logits)


@probe_signal(
    "probe/class_logits_grad",
    unit="nat/logit",
    preset="full",
    fields=CLASS_FIELDS,
    index="class",
)
def probe_class_gradient(now: Observation) -> Sequence[np.ndarray]:
    """Mean and standard deviation over the probe batch of the gradient at each class's logit."""
    return by_class(now.probe.logits_gradient)


@probe_signal(
    "probe/sample_logits",
    unit="logit",
    preset="request",
    index="number in `samples` x classes + class",
)
def probe_sample_logits(now: Observation) -> np.ndarray:
    """Logits of chosen samples of the probe batch."""
    return selected_logits(now.probe.logits, now.selection)


@probe_signal(
    "probe/sample_logits_grad",
    unit="nat/logit",
    preset="request",
    index="number in `samples` x classes + class",
)
def probe_sample_gradient(now: Observation) -> np.ndarray:
    """Gradient at the logits of chosen samples of the probe batch."""
    return selected_logits(now.probe.logits_gradient, now.selection)


@probe_signal(
    "probe/sample_penultimate",
    unit="activation",
    preset="request",
    index="number in `samples` x number of units + number in `units`",
)
def probe_sample_penultimate(now: Observation) -> np.ndarray:
    """Activations of chosen units that flow into the output layer for chosen samples of the probe batch."""
    return selected_units(now.probe.penultimate, now.selection)
