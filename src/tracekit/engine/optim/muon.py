"""Muon: momentum orthogonalized so that its singular values are all near one."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.adam import scale_by_adam
from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import decoupled_weight_decay, descent
from tracekit.engine.optim.settings import Count, Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Arrays, ParameterSet, State, Transform, ema
from tracekit.errors import ArgumentError

#: Coefficients of Jordan's quintic: it maps (0, 1.21] into itself, and small singular values up fast.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrix: np.ndarray, *, steps: int = 5, epsilon: float = 1e-7) -> np.ndarray:
    """Compute an approximation of the nearest (semi-)orthogonal matrix by Newton-Schulz iteration (Jordan 2024).

    Parameters
    ----------
    matrix : ndarray, (rows, columns)
    steps : int
        Iterations of the quintic; singular values then lie roughly in [0.5, 1.2], by design not at 1.
    epsilon : float
        Added to the Frobenius norm that the matrix is divided by.

    Returns
    -------
    ndarray, (rows, columns)
    """
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (math.sqrt(float(np.sum(wide.astype(np.float64) ** 2))) + epsilon)
    for _ in range(steps):
        gram = x @ x.T
        x = _A * x + (_B * gram + _C * (gram @ gram)) @ x
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


@optimizer(
    "muon",
    family="matrix",
    rule="B ← μB + (1−μ)G;  M = (1−μ)G + μB;  θ ← θ − η (√max(1, rows/columns) NS₅(M) + λθ); AdamW for the rest",
    source="Jordan et al. 2024; Liu et al. 2025, arXiv:2502.16982; scale of the original, in full precision",
    verification="published rule",
)
def muon(
    learning_rate: Positive = 0.02,
    momentum: Fraction = 0.95,
    iterations: Count = 5,
    weight_decay: NotNegative = 0.0,
    adam_learning_rate: Positive = 3e-4,
    adam_beta1: Fraction = 0.9,
    adam_beta2: Fraction = 0.95,
    adam_epsilon: Positive = 1e-10,
) -> tuple[Transform, ...]:
    """Orthogonalized Nesterov momentum for hidden matrices, AdamW for everything else.

    Hidden matrices are the weights of linear and convolution layers other than the output layer; a
    convolution's weight counts as an (out, in * height * width) matrix.
    """

    def is_matrix(name: str, parameters: ParameterSet) -> bool:
        return parameters.kinds[name] == "weight" and parameters.arrays[name].ndim >= 2

    companion = scale_by_adam(adam_beta1, adam_beta2, adam_epsilon)

    def subset(parameters: ParameterSet) -> ParameterSet:
        rest = {name: a for name, a in parameters.arrays.items() if not is_matrix(name, parameters)}
        return ParameterSet(rest, parameters.kinds, parameters.decayed)

    def init(parameters: ParameterSet) -> State:
        matrices = [name for name in parameters.arrays if is_matrix(name, parameters)]
        if not matrices:
            raise ArgumentError(
                "muon needs at least one hidden weight matrix, and this model has none; use adamw, or a model "
                "with a hidden layer."
            )
        buffers = {name: np.zeros_like(parameters.arrays[name]) for name in matrices}
        return {"momentum": buffers, "adam": companion.init(subset(parameters))}

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        rest = {name: g for name, g in gradients.items() if name not in state["momentum"]}
        passed = companion.update(rest, state["adam"], subset(parameters))
        # One descent serves both groups: the companion's share carries the ratio of the two rates.
        ratio = adam_learning_rate / learning_rate
        passed = {name: value * ratio for name, value in passed.items()}
        for name, buffer in state["momentum"].items():
            g = gradients[name]
            ema(buffer, g, momentum)
            ahead = (1.0 - momentum) * g + momentum * buffer
            matrix = ahead.reshape(ahead.shape[0], -1)
            scale = math.sqrt(max(1.0, matrix.shape[0] / matrix.shape[1]))
            passed[name] = (scale * orthogonalize(matrix, steps=iterations)).reshape(ahead.shape)
        return passed

    return Transform("muon", init, update), *decoupled_weight_decay(weight_decay), descent(learning_rate)
