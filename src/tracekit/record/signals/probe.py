"""Probe batch: the output layer on a fixed batch, so that its signals show the motion of the parameters alone."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from tracekit.record.observation import Observation
from tracekit.record.signal import signal
from tracekit.record.signals.classes import selected_logits, selected_units
from tracekit.record.signals.output_layer import euclidean
from tracekit.record.summary import SUMMARY, summarize, summarize_columns, summarize_groups

#: A signal of the probe batch. The cost is one forward pass for all of them, so they are recorded together, as often
#: as the jitter label needs (`tracekit_analysis.cross_sections`).
probe_signal = functools.partial(signal, cost="probe", reads=("probe batch",), schedule="every 3, 200 times")


@probe_signal("probe/logits", unit="logit", fields=SUMMARY)
def probe_logits(now: Observation) -> Sequence[float]:
    """Logits over the fixed probe batch and the classes, without dropout."""
    return summarize(now.probe.logits)


@probe_signal("probe/penultimate", unit="activation", fields=SUMMARY)
def probe_penultimate(now: Observation) -> Sequence[float]:
    """Inputs of the output layer over the fixed probe batch, without dropout."""
    return summarize(now.probe.penultimate)


@probe_signal("probe/logits_grad", unit="nat/logit", fields=(*SUMMARY, "norm"))
def probe_logits_gradient(now: Observation) -> Sequence[float]:
    """Gradient of the mean loss at the logits of the fixed probe batch; norm is Euclidean."""
    return [*summarize(now.probe.logits_gradient), euclidean(now.probe.logits_gradient)]


@probe_signal(
    "probe/class_logits",
    unit="logit",
    preset="full",
    fields=SUMMARY,
    index="class",
)
def probe_class_logits(now: Observation) -> Sequence[np.ndarray]:
    """Logit of each class over the probe batch."""
    return summarize_columns(now.probe.logits)


@probe_signal(
    "probe/class_logits_grad",
    unit="nat/logit",
    preset="full",
    fields=SUMMARY,
    index="class",
)
def probe_class_gradient(now: Observation) -> Sequence[np.ndarray]:
    """Gradient of the mean loss at the logit of each class over the probe batch."""
    return summarize_columns(now.probe.logits_gradient)


@probe_signal(
    "probe/class_penultimate",
    unit="activation",
    preset="full",
    fields=SUMMARY,
    index="label",
)
def probe_class_penultimate(now: Observation) -> Sequence[np.ndarray]:
    """Inputs of the output layer, over the probe batch's samples of each class and the units.

    NaN for a class of which the probe batch has no sample.
    """
    flow = now.probe
    return summarize_groups(flow.penultimate, now.probe_batch.labels, flow.logits.shape[1])


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
    """Inputs of the output layer from chosen units, for chosen samples of the probe batch."""
    return selected_units(now.probe.penultimate, now.selection)
