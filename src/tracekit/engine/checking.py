"""Gradient checking: what the backward pass returns against central differences in float64."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.ops.cases import Option
from tracekit.engine.tape import GradientError, no_grad
from tracekit.engine.tensor import Primitive, Tensor, TensorLike


class WrongGradientError(GradientError):
    """A backward pass disagrees with central differences."""


class RandomDraw:
    """Draws the inputs of a case from a random generator.

    Parameters
    ----------
    rng : Generator or int
        Where the draws come from.
    """

    def __init__(self, rng: np.random.Generator | int) -> None:
        self._rng = np.random.default_rng(rng)

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return int(self._rng.integers(low, high, endpoint=True))

    def choice(self, options: Sequence[Option]) -> Option:
        """Return one of `options`."""
        return options[self.integer(0, len(options) - 1)]

    def seed(self) -> int:
        """Return a seed for a random generator."""
        return self.integer(0, 2**32 - 1)


def check_gradient(
    function: Callable[..., Tensor],
    inputs: Sequence[TensorLike],
    *,
    rng: np.random.Generator | int,
    name: str | None = None,
    directions: int | None = None,
    step: float = 1e-5,
    rtol: float = 1e-5,
    floor: float = 1e-3,
) -> float:
    """Compare the gradients of a function with central differences.

    A function with more than one output is reduced to the sum of its outputs, weighted by random
    numbers, so that one backward pass checks all of them. For a direction d in the space of one input,
    ``(f(x + h d) - f(x - h d)) / (2 h)`` is compared with the product of the gradient and d; the error of
    the difference is of order h² and, by rounding, 1e-16 / h.

    Parameters
    ----------
    function : callable
        Takes one tensor for each input and returns a tensor; equal inputs must give equal outputs.
    inputs : sequence of array_like or Tensor
        Where to check; converted to float64. Keep away from points without a derivative.
    rng : Generator or int
        Draws the weights of the outputs and the directions.
    name : str, optional
        What the error calls the function; its ``__name__`` unless given.
    directions : int, optional
        How many random directions to check for each input; all coordinates, one by one, unless given.
    step : float
        h, for inputs of size up to 1; grows with the largest element.
    rtol : float
        Largest allowed relative error |backward - difference| / max(|backward|, |difference|, floor).
    floor : float
        Smallest number that errors are divided by, so that gradients near zero are compared absolutely.

    Returns
    -------
    float
        The largest relative error; 0.0 if there was nothing to compare.

    Raises
    ------
    WrongGradientError
        If an error exceeds `rtol`; it names the function, the input and the worst index or direction.

    Examples
    --------
    >>> from tracekit.engine import check_gradient, ops
    >>> check_gradient(ops.tanh, [[0.5, -1.0]], rng=0) < 1e-8
    True
    >>> check_gradient(ops.relu, [[0.5, 0.0]], rng=0)
    Traceback (most recent call last):
        ...
    tracekit.engine.checking.WrongGradientError: the gradient of relu ... is wrong at index (1,): ...
    """
    rng = np.random.default_rng(rng)
    label = name or getattr(function, "__name__", repr(function))
    leaves = [
        Tensor(np.array(each.data if isinstance(each, Tensor) else each, np.float64), requires_grad=True)
        for each in inputs
    ]
    output = function(*leaves)
    weights = rng.standard_normal(output.shape)
    output.backward(weights)
    comparisons = [
        _compare(function, leaves, position, directions, rng, step, floor, weights)
        for position in range(len(leaves))
    ]
    worst = max(itertools.chain.from_iterable(comparisons), key=lambda each: each.error, default=None)
    if worst is None:
        return 0.0
    if worst.error > rtol:
        raise WrongGradientError(
            f"the gradient of {label} with respect to input {worst.position} is wrong at {worst.place}: "
            f"backward gives {worst.backward:.9g}, central differences give {worst.difference:.9g}, and the "
            f"relative error {worst.error:.2g} exceeds {rtol:g}."
        )
    return worst.error


def check_op(op: Primitive, *, rng: np.random.Generator | int, n_draws: int = 20) -> float:
    """Check the gradient of an op on inputs drawn from each of its cases.

    Parameters
    ----------
    op : Primitive
        An entry of :data:`tracekit.engine.OPS`.
    rng : Generator or int
        Where the draws come from.
    n_draws : int
        Draws from each case.

    Returns
    -------
    float
        The largest relative error.

    Raises
    ------
    WrongGradientError
        As :func:`check_gradient`.
    """
    rng = np.random.default_rng(rng)
    cases = [build(RandomDraw(rng)) for build in op.cases for _ in range(n_draws)]
    return max(
        check_gradient(functools.partial(op, **case.settings), case.operands, rng=rng, name=op.name)
        for case in cases
    )


@dataclass(frozen=True, slots=True)
class _Comparison:
    position: int
    place: str
    backward: float
    difference: float
    error: float


def _compare(
    function: Callable[..., Tensor],
    leaves: Sequence[Tensor],
    position: int,
    directions: int | None,
    rng: np.random.Generator,
    step: float,
    floor: float,
    weights: Array,
) -> Iterator[_Comparison]:
    """Compare the derivatives along directions in the space of one input."""
    leaf = leaves[position]
    gradient = np.zeros(leaf.shape) if leaf.grad is None else leaf.grad
    width = step * max(1.0, float(np.abs(leaf.data).max(initial=0.0)))

    def evaluate(moved: Array) -> Array:
        points = [each.data for each in leaves]
        points[position] = moved
        with no_grad():
            return function(*map(Tensor, points)).data

    for place, direction in _directions(leaf.shape, directions, rng):
        change = evaluate(leaf.data + width * direction) - evaluate(leaf.data - width * direction)
        difference = float((weights * change).sum()) / (2 * width)
        backward = float((gradient * direction).sum())
        error = abs(backward - difference) / max(abs(backward), abs(difference), floor)
        yield _Comparison(position, place, backward, difference, math.inf if math.isnan(error) else error)


def _directions(
    shape: tuple[int, ...], count: int | None, rng: np.random.Generator
) -> Iterator[tuple[str, Array]]:
    """Yield each coordinate, or `count` random unit vectors, with the words that name it."""
    if count is None:
        for index in np.ndindex(shape):
            direction = np.zeros(shape)
            direction[index] = 1
            yield f"index {index}", direction
        return
    for number in range(count):
        direction = rng.standard_normal(shape)
        yield f"random direction {number}", direction / max(float(np.linalg.norm(direction)), 1e-300)
