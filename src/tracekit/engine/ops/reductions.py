"""Reductions: sum, mean, maximum and log-sum-exp over some or all axes."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import reduction
from tracekit.engine.tensor import Axes, primitive
from tracekit.errors import ShapeError


@primitive(cases=[reduction()])
def sum(x: Array, /, axis: Axes = None, *, keepdims: bool = False) -> tuple[Array, Backward]:
    """Sum over `axis`."""
    kept = _kept_shape(x, axis)
    value = x.sum(axis=axis, keepdims=keepdims)
    return value, lambda g: (np.broadcast_to(g.reshape(kept), x.shape),)


@primitive(cases=[reduction(min_length=1)])
def mean(x: Array, /, axis: Axes = None, *, keepdims: bool = False) -> tuple[Array, Backward]:
    """Mean over `axis`."""
    kept = _kept_shape(x, axis)
    count = _count("mean", x, axis)
    value = x.mean(axis=axis, keepdims=keepdims)
    return value, lambda g: (np.broadcast_to((g / count).reshape(kept), x.shape),)


@primitive(cases=[reduction(min_length=1, distinct=True)])
def max(x: Array, /, axis: Axes = None, *, keepdims: bool = False) -> tuple[Array, Backward]:
    """Maximum over `axis`; elements that tie for it share its gradient equally."""
    kept = _kept_shape(x, axis)
    _count("max", x, axis)
    value = x.max(axis=axis, keepdims=keepdims)

    def backward(g: Array) -> tuple[Array]:
        is_max = x == value.reshape(kept)
        n_tied = np.count_nonzero(is_max, axis=axis, keepdims=True).reshape(kept)
        return (is_max * (g.reshape(kept) / np.maximum(n_tied, 1)).astype(g.dtype),)

    return value, backward


@primitive(cases=[reduction(min_length=1)])
def logsumexp(x: Array, /, axis: Axes = None, *, keepdims: bool = False) -> tuple[Array, Backward]:
    """Logarithm of the sum of exponentials over `axis`, for values of any size.

    The maximum is subtracted first, so that no exponential overflows; where one underflows, it is
    negligible beside the largest. The gradient is the softmax.
    """
    kept = _kept_shape(x, axis)
    _count("logsumexp", x, axis)
    largest = x.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(under="ignore", over="ignore", divide="ignore"):
        exponentials = np.exp(x - shift)
        total = exponentials.sum(axis=axis, keepdims=True)
        value = np.log(total) + shift

    def backward(g: Array) -> tuple[Array]:
        with np.errstate(under="ignore"):
            return (g.reshape(kept) * (exponentials / total),)

    return value if keepdims else value.squeeze(_axes(x, axis)), backward


def _axes(x: Array, axis: Axes) -> tuple[int, ...]:
    """Name the reduced axes by numbers from 0 on."""
    return np.lib.array_utils.normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)


def _kept_shape(x: Array, axis: Axes) -> tuple[int, ...]:
    """Shape of the result with keepdims=True."""
    reduced = _axes(x, axis)
    return tuple(1 if position in reduced else length for position, length in enumerate(x.shape))


def _count(op: str, x: Array, axis: Axes) -> int:
    """Return how many elements go into each result; ShapeError if there are none."""
    count = math.prod(x.shape[position] for position in _axes(x, axis))
    if count == 0:
        raise ShapeError(f"{op} needs at least one element along the reduced axes, got shape {x.shape}.")
    return count
