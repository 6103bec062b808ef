"""Compiled loops for ops that only pass over memory, where NumPy would pass over it several times.

Loading this module loads numba, and the first call of each function compiles it, once a machine. Arrays are of
float32 and contiguous.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from tracekit.engine.tape import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")


@_loops
def relu(x: Array, out: Array) -> None:
    """max(x, 0), element by element; NaN stays NaN."""
    for i in range(x.size):
        out[i] = x[i] if not x[i] <= 0 else 0


@_loops
def relu_gradient(g: Array, value: Array, out: Array) -> None:
    """g where the value is positive, else 0."""
    for i in range(g.size):
        out[i] = g[i] if value[i] > 0 else 0


@_loops
def max_pool(x: Array, kernel: int, stride: int, value: Array, position: Array) -> None:
    """Maximum of each window, and where in the window the first of those is that tie for it."""
    n, out_height, out_width, channels = value.shape
    for image in range(n):
        for row in range(out_height):
            for column in range(out_width):
                largest, where = value[image, row, column], position[image, row, column]
                for c in range(channels):
                    largest[c] = x[image, row * stride, column * stride, c]
                    where[c] = 0
                for k in range(1, kernel * kernel):
                    candidate = x[image, row * stride + k // kernel, column * stride + k % kernel]
                    for c in range(channels):
                        # A NaN is the maximum, and the first one stays it.
                        if not candidate[c] <= largest[c] and largest[c] == largest[c]:
                            largest[c] = candidate[c]
                            where[c] = k


@_loops
def max_pool_gradient(g: Array, kernel: int, stride: int, position: Array, out: Array) -> None:
    """The gradient of each window goes to the position of its maximum."""
    n, out_height, out_width, channels = g.shape
    out[:] = 0
    for image in range(n):
        for row in range(out_height):
            for column in range(out_width):
                received, where = g[image, row, column], position[image, row, column]
                for k in range(kernel * kernel):
                    target = out[image, row * stride + k // kernel, column * stride + k % kernel]
                    for c in range(channels):
                        target[c] += received[c] if where[c] == k else 0
