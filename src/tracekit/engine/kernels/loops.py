"""Compiled loops for ReLU, bias, softmax, pooling and windows: one pass over memory, where NumPy makes several.

Loading this module loads numba, and the first call of each function compiles it, once per machine. Arrays are of
float32 and contiguous.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracekit.engine.arrays import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")


@_loops
def relu(x: Array, out: Array) -> None:
    """Write max(x, 0), element by element; NaN stays NaN."""
    for i in range(x.size):
        out[i] = x[i] if not x[i] <= 0 else 0


@_loops
def relu_gradient(g: Array, value: Array, out: Array) -> None:
    """Write g where the value is positive, else 0."""
    for i in range(g.size):
        out[i] = g[i] if value[i] > 0 else 0


@_loops
def add_bias(rows: Array, bias: Array, rectify: bool) -> None:
    """Add the bias to each row, and replace by 0 what is negative then, if that is asked for."""
    low = np.float32(0) if rectify else np.float32(-np.inf)
    for row in range(len(rows)):
        line = rows[row]
        for c in range(bias.size):
            raised = line[c] + bias[c]
            line[c] = raised if not raised <= low else low


@_loops
def max_pool(x: Array, kernel: int, stride: int, value: Array, position: Array) -> None:
    """Write the maximum of each window, and its position in the window; of equal elements the first counts."""
    n, out_height, out_width, channels = value.shape
    for image in range(n):
        for row in range(out_height):
            for column in range(out_width):
                largest, where = value[image, row, column], position[image, row, column]
                first = x[image, row * stride, column * stride]
                for c in range(channels):
                    largest[c] = first[c]
                    where[c] = 0
                for k in range(1, kernel * kernel):
                    candidate = x[image, row * stride + k // kernel, column * stride + k % kernel]
                    for c in range(channels):
                        # A NaN is the maximum, and the first one stays it.
                        if not candidate[c] <= largest[c] and largest[c] == largest[c]:
                            largest[c] = candidate[c]
                            where[c] = k


@_loops
def max_pool_by_2(x: Array, value: Array, position: Array) -> None:
    """Do the same for the most frequent windows, 2x2 pixels side by side, in one pass."""
    n, out_height, out_width, channels = value.shape
    for image in range(n):
        for row in range(out_height):
            above, below = x[image, 2 * row], x[image, 2 * row + 1]
            for column in range(out_width):
                for c in range(channels):
                    largest, where = above[2 * column, c], np.uint8(0)
                    candidate = above[2 * column + 1, c]
                    if not candidate <= largest and largest == largest:
                        largest, where = candidate, np.uint8(1)
                    candidate = below[2 * column, c]
                    if not candidate <= largest and largest == largest:
                        largest, where = candidate, np.uint8(2)
                    candidate = below[2 * column + 1, c]
                    if not candidate <= largest and largest == largest:
                        largest, where = candidate, np.uint8(3)
                    value[image, row, column, c] = largest
                    position[image, row, column, c] = where


@_loops
def max_pool_gradient(g: Array, kernel: int, stride: int, position: Array, out: Array) -> None:
    """Write the gradient of each window to the position of its maximum."""
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


@_loops
def max_pool_by_2_gradient(g: Array, position: Array, out: Array) -> None:
    """Do the same for windows of 2x2 pixels side by side, which cover all pixels except at odd edges."""
    n, out_height, out_width, channels = g.shape
    for image in range(n):
        if out.shape[1] % 2 or out.shape[2] % 2:
            out[image] = 0
        for row in range(out_height):
            for column in range(out_width):
                received, where = g[image, row, column], position[image, row, column]
                for k in range(4):
                    target = out[image, 2 * row + k // 2, 2 * column + k % 2]
                    for c in range(channels):
                        target[c] = received[c] if where[c] == k else 0


@_loops
def columns(images: Array, stride: int, top: int, left: int, kernel_width: int, out: Array) -> None:
    """The windows of images of (n, height, width, channels) that begin `top` rows and `left` columns inside a frame.

    They are written to (n, out_height, out_width, kernel_height, kernel_width * channels).
    """
    n, height, width, channels = images.shape
    length = width * channels
    lines = images.reshape(n, height, length)
    size = kernel_width * channels
    _, out_height, out_width, kernel_height, _ = out.shape
    # Windows from `first` to `last` lie inside the image from left to right.
    first = min(-(-left // stride), out_width)
    last = max(first, min(out_width, (width - kernel_width + left) // stride + 1))
    for image in range(n):
        for row in range(out_height):
            for i in range(kernel_height):
                y = row * stride + i - top
                if y < 0 or y >= height:
                    for column in range(out_width):
                        for t in range(size):
                            out[image, row, column, i, t] = 0
                    continue
                line = lines[image, y]
                for column in range(out_width):
                    if first <= column < last:
                        continue
                    start = (column * stride - left) * channels
                    for t in range(size):
                        inside = 0 <= start + t < length
                        out[image, row, column, i, t] = line[start + t] if inside else 0
                # Windows of 3 pixels in colour or gray have a length that is known here: no loop remains.
                if size == 9:
                    for column in range(first, last):
                        for t in range(9):
                            out[image, row, column, i, t] = line[(column * stride - left) * channels + t]
                elif size == 3:
                    for column in range(first, last):
                        for t in range(3):
                            out[image, row, column, i, t] = line[(column * stride - left) * channels + t]
                else:
                    for column in range(first, last):
                        for t in range(size):
                            out[image, row, column, i, t] = line[(column * stride - left) * channels + t]


@_loops
def softmax(logits: Array, labels: Array, smoothing: float, probabilities: Array, losses: Array) -> None:
    """Write the softmax of each row, and its cross-entropy with the smoothed label."""
    n, n_classes = logits.shape
    one = np.float32(1)
    for row in range(n):
        largest = logits[row, 0]
        for k in range(1, n_classes):
            if logits[row, k] > largest:
                largest = logits[row, k]
        total, mean = np.float32(0), np.float32(0)
        for k in range(n_classes):
            shifted = logits[row, k] - largest
            mean += shifted
            probabilities[row, k] = np.exp(shifted)
            total += probabilities[row, k]
        for k in range(n_classes):
            probabilities[row, k] /= total
        expected = logits[row, labels[row]] - largest
        if smoothing > 0:
            expected = (one - smoothing) * expected + smoothing * (mean / np.float32(n_classes))
        losses[row] = np.log(total) - expected
