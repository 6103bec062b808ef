"""The output layer class by class, and whole for chosen samples and units, on the training batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.errors import ArgumentError, bad_argument
from tracekit.record.observation import Observation, Selection
from tracekit.record.signal import signal

CLASS_FIELDS = ("mean", "std")


def by_class(values: np.ndarray) -> Sequence[np.ndarray]:
    """Mean and population standard deviation of each column, in float64."""
    return [values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)]


def selected_logits(values: np.ndarray, selection: Selection) -> np.ndarray:
    """Rows of the chosen samples, one after the other."""
    return values[_positions("samples", selection.samples, len(values))].ravel()


def selected_units(values: np.ndarray, selection: Selection) -> np.ndarray:
    """Chosen columns of the rows of the chosen samples, one row after the other."""
    rows = values[_positions("samples", selection.samples, len(values))]
    if selection.units is None:
        return rows.ravel()
    return rows[:, _positions("units", selection.units, rows.shape[1])].ravel()


def _positions(name: str, positions: tuple[int, ...], n: int) -> list[int]:
    if max(positions, default=0) >= n:
        raise ArgumentError(bad_argument(name, positions, f"must lie in 0 ... {n - 1}, for there are {n}"))
    return list(positions)


@signal(
    "train/class_logits", unit="logit", preset="full", fields=CLASS_FIELDS, index="class", reads=("logits",)
)
def class_logits(now: Observation) -> Sequence[np.ndarray]:
    """Mean and standard deviation over the batch of each class's logit."""
    return by_class(now.train.logits)


@signal(
    "train/class_logits_grad",
    unit="nat/logit",
    preset="full",
    fields=CLASS_FIELDS,
    index="class",
    reads=("logits gradient",),
)
def class_gradient(now: Observation) -> Sequence[np.ndarray]:
    """Mean and standard deviation over the batch of the gradient of the reduced loss at each class's logit."""
    return by_class(now.train.logits_gradient)


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
