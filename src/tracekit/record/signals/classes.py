"""Output layer class by class, and whole for chosen samples and units, on the training batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.errors import ArgumentError, argument_sentence
from tracekit.record.observation import Observation, Selection
from tracekit.record.signal import NOW_AND_THEN, signal
from tracekit.record.summary import SUMMARY, summarize_columns, summarize_groups


def selected_logits(values: np.ndarray, selection: Selection) -> np.ndarray:
    """Return the rows of the chosen samples, one after the other."""
    return values[_positions("samples", selection.samples, len(values))].ravel()


def selected_units(values: np.ndarray, selection: Selection) -> np.ndarray:
    """Return the chosen columns of the rows of the chosen samples, one row after the other."""
    rows = values[_positions("samples", selection.samples, len(values))]
    if selection.units is None:
        return rows.ravel()
    return rows[:, _positions("units", selection.units, rows.shape[1])].ravel()


def _positions(name: str, positions: tuple[int, ...], n: int) -> list[int]:
    if max(positions, default=0) >= n:
        raise ArgumentError(
            argument_sentence(name, positions, f"must lie in 0 ... {n - 1}, for there are {n}")
        )
    return list(positions)


@signal("train/class_logits", unit="logit", preset="full", fields=SUMMARY, index="class", reads=("logits",))
def class_logits(now: Observation) -> Sequence[np.ndarray]:
    """Logit of each class over the batch."""
    return summarize_columns(now.train.logits)


@signal(
    "train/class_logits_grad",
    unit="nat/logit",
    preset="full",
    fields=SUMMARY,
    index="class",
    reads=("logits gradient",),
)
def class_gradient(now: Observation) -> Sequence[np.ndarray]:
    """Gradient of the reduced loss at the logit of each class over the batch."""
    return summarize_columns(now.train.logits_gradient)


@signal(
    "train/class_penultimate",
    unit="activation",
    preset="full",
    fields=SUMMARY,
    index="label",
    schedule=NOW_AND_THEN,
    reads=("penultimate",),
)
def class_penultimate(now: Observation) -> Sequence[np.ndarray]:
    """Inputs of the output layer, over the batch's samples of each class and the units.

    NaN for a class of which the batch has no sample.
    """
    flow = now.train
    return summarize_groups(flow.penultimate, now.step.labels, flow.logits.shape[1])


@signal(
    "train/sample_logits",
    unit="logit",
    preset="request",
    index="number in `samples` x classes + class",
    reads=("logits",),
)
def sample_logits(now: Observation) -> np.ndarray:
    """Logits at chosen positions of the batch."""
    return selected_logits(now.train.logits, now.selection)


@signal(
    "train/sample_logits_grad",
    unit="nat/logit",
    preset="request",
    index="number in `samples` x classes + class",
    reads=("logits gradient",),
)
def sample_gradient(now: Observation) -> np.ndarray:
    """Gradient of the reduced loss at the logits at chosen positions of the batch."""
    return selected_logits(now.train.logits_gradient, now.selection)


@signal(
    "train/sample_penultimate",
    unit="activation",
    preset="request",
    index="number in `samples` x number of units + number in `units`",
    reads=("penultimate",),
)
def sample_penultimate(now: Observation) -> np.ndarray:
    """Activations of chosen units that flow into the output layer at chosen positions of the batch."""
    return selected_units(now.train.penultimate, now.selection)
