"""Hessian and Gauss-Newton products with vectors, and local quadratics, of a loss in a model's parameters.

Products are computed by the complex step (:mod:`tracekit.engine.perturbation`), one gradient in complex
arithmetic each: exact to rounding, and at a kink, as of ReLU, of the side that the gradient itself takes. A
difference of two gradients would be cheaper by a third, but useless: each unit that crosses its kink between
the two adds its jump, and of the millions in a batch some do.

Eigenvalues and traces of the matrices are found from these products in :mod:`tracekit.engine.derivatives.spectrum`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.ops.losses import LossReduction
from tracekit.engine.perturbation import LARGEST_STEPS, perturbation
from tracekit.engine.tape import no_grad
from tracekit.engine.tensor import Tensor
from tracekit.errors import ArgumentError, ShapeError, argument_sentence

Parameters: TypeAlias = Mapping[str, Tensor]
Vector: TypeAlias = Mapping[str, Array]
Precision = Literal["double", "single"]


@dataclass(frozen=True, slots=True)
class LocalQuadratic:
    """The parabola that a loss follows along a direction d, as far as its second derivative tells."""

    loss: float  #: where the parameters are
    slope: float  #: g·d, the first derivative along d
    curvature: float  #: d·H d, the second derivative along d

    @property
    def step_length(self) -> float:
        """How many times d leads to the parabola's lowest point; infinite where it has none."""
        return -self.slope / self.curvature if self.curvature > 0 else math.inf

    @property
    def alpha(self) -> float:
        """Where d ends: -1 at the start, 0 at the lowest point, 1 as high as the start on the other side.

        The normalized step length of Schneider, Dangel and Hennig (Cockpit, NeurIPS 2021), from exact
        derivatives at the start; below -1 where the parabola bends downwards, NaN if d is level there.
        """
        return -self.curvature / self.slope - 1 if self.slope != 0 else math.nan


def hessian_vector_product(
    loss: Callable[[], Tensor], parameters: Parameters, vector: Vector, *, precision: Precision = "double"
) -> dict[str, Array]:
    """Multiply the Hessian of a loss in some parameters with a vector.

    H v is the derivative of the gradient along v. Costs one forward and backward pass in complex128: 2.3 to
    3.4 gradient evaluations in float64, the more the larger the network; half of that in single precision.

    Parameters
    ----------
    loss : callable
        Computes the loss, a tensor of one number, from the parameters as they are when it is called, and
        the same whenever it is called. Dropout must be off or drop the same each time (call the model with
        ``training=False``, or with a generator created inside, from the same seed), and nothing
        that the model keeps, as running moments, may be updated.
    parameters : mapping of str to Tensor
        What to differentiate by; all others are constants. While this function runs, they hold other
        data; then they hold their own again, and no ``grad`` has changed.
    vector : mapping of str to ndarray
        v: an array for each parameter, in its shape.
    precision : {"double", "single"}
        Of the passes: complex128 or complex64. A constant in float64 that enters the loss makes them double.

    Returns
    -------
    dict of str to ndarray
        H v in float64, in the order of the parameters; zero for a parameter that the loss does not depend on.

    Raises
    ------
    ShapeError
        If `vector` does not match the parameters.
    """
    return _gradient_along(loss, parameters, vector, precision=precision)[2]


def gauss_newton_vector_product(
    logits: Callable[[], Tensor], parameters: Parameters, vector: Vector, *, reduction: LossReduction = "mean"
) -> dict[str, Array]:
    """Multiply the Gauss-Newton matrix of softmax cross-entropy with a vector.

    G v = Jᵀ H_L J v, where J is the Jacobian of the logits and H_L, the Hessian of the loss in the logits,
    is diag(p) - p pᵀ for each sample with class probabilities p, and does not depend on the labels
    (Schraudolph, Neural Computation 14(7), 2002). G is positive semidefinite; it is the Hessian without the
    curvature of the network itself, and the Fisher information matrix of the model's probabilities. Costs
    one forward pass in complex128 and one gradient evaluation in float64: 1.4 to 2 of the latter in all.

    Parameters
    ----------
    logits : callable
        Computes the logits, (n, n_classes), under the conditions of :func:`hessian_vector_product`.
    parameters, vector
        As in :func:`hessian_vector_product`.
    reduction : {"mean", "sum"}
        How the loss combines the samples.

    Returns
    -------
    dict of str to ndarray
        G v in float64.

    Raises
    ------
    ShapeError
        If `vector` does not match the parameters, or the logits are not a matrix.
    """
    if reduction not in get_args(LossReduction):
        raise ArgumentError(argument_sentence("reduction", reduction, "must be 'mean' or 'sum'"))
    with no_grad(), _perturbed(parameters, vector) as step:
        change = logits().data.imag / step
    in_float64 = {name: each.data.astype(np.float64) for name, each in parameters.items()}
    with perturbation(), _holding(parameters, in_float64):
        output = logits()
        if output.ndim != 2:
            raise ShapeError(f"`logits` must return a tensor of shape (n, n_classes), not {output.shape}.")
        probabilities = _softmax(output.data)
        weighted = probabilities * change
        weighted -= probabilities * weighted.sum(axis=1, keepdims=True)
        return _gradients(output, parameters, weighted / (len(weighted) if reduction == "mean" else 1))


def local_quadratic(
    loss: Callable[[], Tensor], parameters: Parameters, direction: Vector, *, precision: Precision = "double"
) -> LocalQuadratic:
    """Find the parabola that a loss follows along a direction, such as an optimizer's update.

    One Hessian-vector product gives all of it, gradient included.

    Parameters
    ----------
    loss, parameters, precision
        As in :func:`hessian_vector_product`.
    direction : mapping of str to ndarray
        d: what would be added to each parameter.

    Returns
    -------
    LocalQuadratic
        Its loss, slope and curvature are in the units of `loss`, per whole step d.

    Raises
    ------
    ShapeError
        If `direction` does not match the parameters.
    """
    value, gradient, product = _gradient_along(
        loss, parameters, direction, name="direction", precision=precision
    )
    flat = flatten(direction, parameters)
    return LocalQuadratic(
        loss=value,
        slope=float(flat @ flatten(gradient, parameters)),
        curvature=float(flat @ flatten(product, parameters)),
    )


def _gradient_along(
    loss: Callable[[], Tensor],
    parameters: Parameters,
    vector: Vector,
    *,
    name: str = "vector",
    precision: Precision,
) -> tuple[float, dict[str, Array], dict[str, Array]]:
    """Return the loss, its gradient, and the derivative of the gradient along a vector."""
    with _perturbed(parameters, vector, name=name, precision=precision) as step:
        value = loss()
        gradients = _gradients(value, parameters)
    return (
        float(value.data.real.item()),
        {key: gradient.real.astype(np.float64) for key, gradient in gradients.items()},
        {key: gradient.imag.astype(np.float64) / step for key, gradient in gradients.items()},
    )


@contextmanager
def _perturbed(
    parameters: Parameters, vector: Vector, *, name: str = "vector", precision: Precision = "double"
) -> Iterator[float]:
    """Let the parameters carry the derivative along a vector; yields the factor of the derivatives."""
    if precision not in get_args(Precision):
        raise ArgumentError(argument_sentence("precision", precision, "must be 'double' or 'single'"))
    check_vector(parameters, vector, name)
    dtype = np.dtype(np.complex128 if precision == "double" else np.complex64)
    largest_step = LARGEST_STEPS[dtype]
    largest = max((float(np.abs(vector[key]).max(initial=0)) for key in parameters), default=0.0)
    step = largest_step / largest if largest > 0 else largest_step
    moved = {
        key: np.asarray(parameter.data + 1j * (step * np.asarray(vector[key], np.float64)), dtype)
        for key, parameter in parameters.items()
    }
    with perturbation(), _holding(parameters, moved):
        yield step


@contextmanager
def _holding(parameters: Parameters, data: Mapping[str, Array]) -> Iterator[None]:
    """Let the parameters hold other data and no gradient, and put back what they had."""
    held = {name: (each.data, each.grad) for name, each in parameters.items()}
    try:
        for name, parameter in parameters.items():
            parameter.data, parameter.grad = data[name], None
        yield
    finally:
        for name, parameter in parameters.items():
            parameter.data, parameter.grad = held[name]


def _gradients(result: Tensor, parameters: Parameters, seed: Array | None = None) -> dict[str, Array]:
    """Return the gradients of the parameters, zero if there is none, and leave none in any other leaf."""
    own = {id(parameter) for parameter in parameters.values()}
    others = [leaf for leaf in _leaves(result) if id(leaf) not in own]
    try:
        for leaf in others:
            leaf.requires_grad = False
        result.backward(seed)
    finally:
        for leaf in others:
            leaf.requires_grad = True
    return {
        name: np.zeros_like(parameter.data) if parameter.grad is None else parameter.grad
        for name, parameter in parameters.items()
    }


def _leaves(result: Tensor) -> list[Tensor]:
    """List the tensors that a result depends on and that no op made, if they require a gradient."""
    seen = {id(result): result}
    stack = [result]
    while stack:
        node = stack.pop()._node
        for parent in cast("Sequence[Tensor]", () if node is None else node.parents):
            if parent.requires_grad and id(parent) not in seen:
                seen[id(parent)] = parent
                stack.append(parent)
    return [tensor for tensor in seen.values() if tensor._node is None]


def _softmax(logits: Array) -> Array:
    with np.errstate(under="ignore"):
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


def check_vector(parameters: Parameters, vector: Vector, name: str = "vector") -> None:
    """Raise ShapeError unless there is an array for each parameter, in its shape, and no other."""
    needed = {key: parameter.shape for key, parameter in parameters.items()}
    given = {key: np.shape(array) for key, array in vector.items()}
    for key in [*needed, *given]:
        if needed.get(key) != given.get(key):
            raise ShapeError(
                f"`{name}` must hold an array for each parameter, in its shape; for {key!r} it holds "
                f"{_in_words(given.get(key))}, and `parameters` {_in_words(needed.get(key))}."
            )


def _in_words(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else f"one of shape {shape}"


def flatten(vector: Vector, parameters: Parameters) -> Array:
    """Join the arrays of a vector, in the order of the parameters, to one of float64."""
    return np.concatenate([np.asarray(vector[name], np.float64).reshape(-1) for name in parameters])


def unflatten(flat: Array, parameters: Parameters) -> dict[str, Array]:
    """Split a flat array into views, one per parameter, in its shape."""
    ends = np.cumsum([parameter.size for parameter in parameters.values()])[:-1]
    pieces = np.split(flat, ends)
    return {
        name: piece.reshape(parameter.shape)
        for (name, parameter), piece in zip(parameters.items(), pieces, strict=True)
    }
