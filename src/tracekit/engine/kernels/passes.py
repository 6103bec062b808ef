"""ReLU, bias, softmax and max pooling: kernels whose time is spent on memory, not on arithmetic.

Each is computed by one compiled loop (:mod:`tracekit.engine.kernels.loops`) if those are used. Otherwise NumPy
computes ReLU and pooling a few images at a time, so that they stay in the cache from one operation to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import loops_for
from tracekit.engine.kernels.memory import empty
from tracekit.engine.perturbation import PerturbedArray, perturbed

_PIECE_ELEMENTS = 2**15


def rectify(x: Array) -> Array:
    """Return max(x, 0), element by element."""
    if isinstance(x, PerturbedArray) or x.ndim == 0:
        return np.maximum(x, 0)
    loops = loops_for(x)
    value = empty(x.shape, x.dtype)

    def work(part: slice) -> None:
        if loops is not None:
            loops.relu(x[part].reshape(-1), value[part].reshape(-1))
            return
        for piece in _pieces(part, x):
            np.maximum(x[piece], 0, out=value[piece])

    parallel.over(len(x), x.size, work)
    return value


def gradient_of_rectify(g: Array, value: Array) -> Array:
    """Return g where the value is positive, and 0 elsewhere."""
    if isinstance(g, PerturbedArray) or g.ndim == 0:
        return np.asarray(g * (value > 0))
    loops = loops_for(g, value)
    gradient = empty(g.shape, g.dtype)

    def work(part: slice) -> None:
        if loops is not None:
            loops.relu_gradient(g[part].reshape(-1), value[part].reshape(-1), gradient[part].reshape(-1))
            return
        for piece in _pieces(part, g):
            np.multiply(g[piece], value[piece] > 0, out=gradient[piece])

    parallel.over(len(g), g.size, work)
    return gradient


def add_bias(rows: Array, bias: Array, *, rectify: bool) -> None:
    """Add the bias to each row, in place; with `rectify`, replace negative sums by 0."""
    loops = loops_for(rows, bias)
    if loops is not None:
        loops.add_bias(rows, bias, rectify)
        return
    rows += bias
    if rectify and isinstance(perturbed(rows), PerturbedArray):
        rows[...] = np.maximum(perturbed(rows), 0)
    elif rectify:
        np.maximum(rows, 0, out=rows)


def softmax(logits: Array, labels: Array, smoothing: float) -> tuple[Array, Array]:
    """Return the probabilities of each row, and its cross-entropy with the smoothed label."""
    loops = loops_for(logits)
    if loops is not None:
        probabilities, losses = np.empty_like(logits), np.empty(len(logits), logits.dtype)
        loops.softmax(logits, labels, np.float32(smoothing), probabilities, losses)
        return probabilities, losses
    # A class far below the largest has probability 0: the underflow is correct.
    with np.errstate(under="ignore"):
        shifted = logits - logits.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        totals = exponentials.sum(axis=1, keepdims=True)
        expected = shifted[np.arange(len(logits)), labels]
        if smoothing:
            expected = (1 - smoothing) * expected + smoothing * shifted.mean(axis=1)
        return exponentials / totals, np.log(totals[:, 0]) - expected


def gradient_of_softmax(probabilities: Array, labels: Array, smoothing: float, g: Array) -> Array:
    """Return the gradient at the logits, given the gradient of each row's cross-entropy."""
    with np.errstate(under="ignore"):
        gradient = probabilities - smoothing / probabilities.shape[1] if smoothing else probabilities.copy()
        gradient[np.arange(len(labels)), labels] -= 1 - smoothing
        gradient *= g
        return gradient


def max_pool(x: Array, kernel: int, stride: int) -> tuple[Array, Callable[[Array], Array]]:
    """Return the maximum of each window, and the function from its gradient to that of x."""
    loops = loops_for(x)
    if loops is not None and kernel < 16:
        return _compiled_max_pool(loops, x, kernel, stride)
    value = _largest(x, kernel, stride)
    return value, lambda g: _to_the_largest(g, x, value, kernel, stride)


def _compiled_max_pool(
    loops: Any, x: Array, kernel: int, stride: int
) -> tuple[Array, Callable[[Array], Array]]:
    n, height, width, channels = x.shape
    shape = (n, (height - kernel) // stride + 1, (width - kernel) // stride + 1, channels)
    value, position = empty(shape, x.dtype), empty(shape, np.uint8)
    by_2 = kernel == stride == 2

    def forward(part: slice) -> None:
        if by_2:
            loops.max_pool_by_2(x[part], value[part], position[part])
        else:
            loops.max_pool(x[part], kernel, stride, value[part], position[part])

    def gradient(g: Array) -> Array:
        g = np.ascontiguousarray(g)
        result = empty(x.shape, x.dtype)

        def backward(part: slice) -> None:
            if by_2:
                loops.max_pool_by_2_gradient(g[part], position[part], result[part])
            else:
                loops.max_pool_gradient(g[part], kernel, stride, position[part], result[part])

        parallel.over(n, x.size, backward)
        return result

    parallel.over(n, x.size, forward)
    return value, gradient


def _largest(x: Array, kernel: int, stride: int) -> Array:
    first, *others = window_offsets(x, kernel, stride)
    value = np.empty_like(first, order="C")

    def work(part: slice) -> None:
        for piece in _pieces(part, x):
            largest = first[piece]
            for candidate in others:
                largest = np.maximum(largest, candidate[piece])
            value[piece] = largest

    parallel.over(len(x), x.size, work)
    return value


def _to_the_largest(g: Array, x: Array, value: Array, kernel: int, stride: int) -> Array:
    gradient = np.zeros_like(x)
    candidates, targets = window_offsets(x, kernel, stride), window_offsets(gradient, kernel, stride)
    overlapping = stride < kernel

    def work(part: slice) -> None:
        for piece in _pieces(part, x):
            unclaimed = np.ones(value[piece].shape, dtype=bool)
            for candidate, target in zip(candidates, targets, strict=True):
                # Not `candidate == value`: a window with a NaN must pass its gradient on, too.
                claims = unclaimed > (candidate[piece] < value[piece])
                if overlapping:
                    target[piece] += g[piece] * claims
                else:
                    np.multiply(g[piece], claims, out=target[piece])
                unclaimed ^= claims

    parallel.over(len(x), x.size, work)
    return gradient


def window_offsets(x: Array, kernel: int, stride: int) -> list[Array]:
    """List views of `x`: the elements at one position in all windows, for each position in reading order."""
    reach_down, reach_right = ((length - kernel) // stride * stride + 1 for length in x.shape[1:3])
    return [
        x[:, row : row + reach_down : stride, column : column + reach_right : stride]
        for row in range(kernel)
        for column in range(kernel)
    ]


def _pieces(part: slice, x: Array) -> list[slice]:
    each = max(1, x[:1].size)
    return list(parallel.pieces(part, max(1, _PIECE_ELEMENTS // each)))
