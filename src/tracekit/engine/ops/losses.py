"""Losses: softmax cross-entropy and mean squared error, one number per batch."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.kernels import passes
from tracekit.engine.ops.cases import Case, Draw, draw_values
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, argument_sentence

LossReduction: TypeAlias = Literal["mean", "sum"]


def _cross_entropy_case(draw: Draw) -> Case:
    n, n_classes = draw.integer(1, 5), draw.integer(1, 5)
    labels = np.random.default_rng(draw.seed()).integers(n_classes, size=n)
    settings = {
        "labels": labels,
        "reduction": draw.choice(["mean", "sum"]),
        "label_smoothing": draw.choice([0.0, 0.1, 1.0]),
    }
    return Case((draw_values(draw, (n, n_classes), low=-4, high=4),), settings)


@primitive(cases=[_cross_entropy_case])
def softmax_cross_entropy(
    logits: Array,
    /,
    labels: ArrayLike,
    reduction: LossReduction = "mean",
    *,
    label_smoothing: float = 0.0,
) -> tuple[Array, Backward]:
    """Negative logarithm of the probability that softmax gives to the right class, nats.

    Parameters
    ----------
    logits : (n, n_classes)
        Unnormalized log-probabilities, of any size: the largest of each row is subtracted first.
    labels : (n,) of int
        Right classes, from 0 to n_classes - 1.
    reduction : {"mean", "sum"}
        What is returned of the n losses.
    label_smoothing : float
        Share s in [0, 1] of the target probability that is spread evenly over all classes, the right one
        included: (1 - s) + s / n_classes for the right class, s / n_classes for each other (Szegedy,
        Vanhoucke, Ioffe, Shlens and Wojna, CVPR 2016, section 7).
    """
    targets = np.asarray(labels)
    _check_labels(logits, targets)
    if reduction not in get_args(LossReduction):
        raise ArgumentError(argument_sentence("reduction", reduction, "must be 'mean' or 'sum'"))
    if not 0 <= label_smoothing <= 1:
        raise ArgumentError(argument_sentence("label_smoothing", label_smoothing, "must be in [0, 1]"))
    smoothing = float(label_smoothing)
    probabilities, losses = passes.softmax(logits, targets, smoothing)
    count = len(logits) if reduction == "mean" else 1
    return losses.sum() / count, lambda g: (
        passes.gradient_of_softmax(probabilities, targets, smoothing, g / count),
    )


def _check_labels(logits: Array, labels: Array) -> None:
    if logits.ndim != 2 or logits.size == 0:
        raise ShapeError(argument_sentence("logits", logits.shape, "must be (n, n_classes), both at least 1"))
    if labels.dtype.kind not in "iu":
        need = "must be an integer type"
        raise ArgumentError(argument_sentence("labels.dtype", str(labels.dtype), need, "use .astype(int)"))
    if labels.shape != logits.shape[:1]:
        need = f"must be one for each of the {len(logits)} rows of `logits`, in shape {logits.shape[:1]}"
        raise ShapeError(argument_sentence("labels.shape", labels.shape, need))
    # As unsigned numbers, negative labels are too large ones.
    if labels.astype(np.uint64, copy=False).max() >= logits.shape[1]:
        wrong = int(labels[(labels < 0) | (labels >= logits.shape[1])][0])
        need = f"must be in 0..{logits.shape[1] - 1}, got {wrong}"
        raise ArgumentError(f"`labels` {need}; `logits` has {logits.shape[1]} classes.")


def _squared_error_case(draw: Draw) -> Case:
    shape = (draw.integer(1, 4), draw.integer(1, 3))
    return Case((draw_values(draw, shape), draw_values(draw, shape)))


@primitive(cases=[_squared_error_case])
def mean_squared_error(prediction: Array, target: Array, /) -> tuple[Array, Backward]:
    """Mean of (prediction - target)² over all elements; shapes must be equal, nothing is broadcast."""
    if prediction.shape != target.shape or prediction.size == 0:
        need = f"needs `target` of the same shape with at least one element, got {target.shape}"
        raise ShapeError(argument_sentence("prediction.shape", prediction.shape, need))
    error = prediction - target

    def backward(g: Array) -> tuple[Array, Array]:
        gradient = error * (g * 2 / error.size)
        return gradient, -gradient

    return (error * error).mean(), backward
