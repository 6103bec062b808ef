"""Gauss-Newton diagonal of a batch, exact, and second moments of its per-sample gradients."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tracekit.engine.derivatives.persample import gradient_second_moments
from tracekit.engine.layers import Sequential
from tracekit.engine.layers.layer import capture
from tracekit.engine.ops.losses import softmax_cross_entropy


@dataclass(frozen=True, slots=True)
class GaussNewton:
    """Two diagonals of one batch, by parameter tensor, float64."""

    diagonal: dict[str, np.ndarray]  #: of the Gauss-Newton matrix of the mean loss
    second_moments: dict[str, np.ndarray]  #: means over the samples of their squared gradients


def gauss_newton_moments(
    model: Sequential, images: np.ndarray, labels: np.ndarray, *, label_smoothing: float = 0.0
) -> GaussNewton:
    """Compute the diagonal of the Gauss-Newton matrix of softmax cross-entropy, and gradient second moments.

    The Hessian in a sample's logits is diag(p) − p pᵀ = Σ_k p_k (e_k − p)(e_k − p)ᵀ, so that the diagonal is the
    mean over the samples of Σ_k (√p_k Jᵀ(e_k − p))²: squares of per-sample gradients, from one backward pass for
    each class (Dangel, Kunstner & Hennig 2020, BackPACK's DiagGGNExact). Dropout is off.

    Parameters
    ----------
    model : Sequential
        Its gradients are left as they were.
    images, labels : ndarray
        The batch.
    label_smoothing : float
        Of the loss; the Gauss-Newton matrix does not depend on it.
    """
    with _keeping_gradients(model):
        with capture(model) as calls:
            logits = model(images)
        softmax_cross_entropy(logits, labels, reduction="sum", label_smoothing=label_smoothing).backward()
        second_moments = gradient_second_moments(calls, reduction="sum")
        shifted = np.exp(logits.data - logits.data.max(axis=1, keepdims=True))
        probabilities = shifted / shifted.sum(axis=1, keepdims=True)
        n_classes = probabilities.shape[1]
        # Each sample once for each class: all passes at once.
        seeds = np.sqrt(probabilities)[..., np.newaxis] * (np.eye(n_classes) - probabilities[:, np.newaxis])
        with capture(model) as calls:
            logits = model(np.repeat(images, n_classes, axis=0))
        logits.backward(seeds.reshape(-1, n_classes).astype(probabilities.dtype))
        moments = gradient_second_moments(calls, reduction="sum")
        diagonal = {name: n_classes * moment for name, moment in moments.items()}
    return GaussNewton(diagonal, second_moments)


def check_per_sample(model: Sequential, image_shape: tuple[int, ...]) -> None:
    """Raise PerSampleError if this model has no per-sample gradients in training.

    The check computes them for two blank images with a copy of the model.
    """
    trial = copy.deepcopy(model)
    dtype = next(iter(trial.parameters().values())).dtype
    with np.errstate(all="ignore"):
        with capture(trial) as calls:
            logits = trial(np.zeros((2, *image_shape), dtype), training=True, rng=np.random.default_rng(0))
        softmax_cross_entropy(logits, np.zeros(2, np.int64)).backward()
        gradient_second_moments(calls, reduction="mean")


@contextmanager
def _keeping_gradients(model: Sequential) -> Iterator[None]:
    """Restore the parameters' gradients after a backward pass."""
    kept = {name: parameter.grad for name, parameter in model.parameters().items()}
    try:
        for parameter in model.parameters().values():
            parameter.grad = None
        yield
    finally:
        for name, parameter in model.parameters().items():
            parameter.grad = kept[name]
