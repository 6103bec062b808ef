"""Two-dimensional convolution of channels-last images, as products of matrices.

Each output pixel is the product of the window under it, written as one row of a matrix of columns
("im2col"), with the kernel. The rows of a whole batch would not fit into the cache, so they are written
and multiplied a few images at a time. The input's gradient is itself a convolution: of the output's
gradient, spread out by the stride, with the kernel turned by 180 degrees.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator

import numpy as np

from tracekit.engine.ops.cases import Case, Draw, draw_values
from tracekit.engine.tape import Array, Backward, Gradient
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, bad_argument

_PIECE_ELEMENTS = 2**18
"""Elements of the matrix of columns at a time: 1 MiB of float32, the size of a second-level cache."""


def _conv2d_case(draw: Draw) -> Case:
    kernel_height, kernel_width = draw.integer(1, 3), draw.integer(1, 3)
    padding = draw.integer(0, min(kernel_height, kernel_width) - 1)
    height, width = (
        draw.integer(max(1, kernel - 2 * padding), 5) for kernel in (kernel_height, kernel_width)
    )
    n, channels, out_channels = draw.integer(0, 2), draw.integer(1, 2), draw.integer(1, 3)
    operands = (
        draw_values(draw, (n, height, width, channels)),
        draw_values(draw, (out_channels, channels, kernel_height, kernel_width)),
        draw_values(draw, (out_channels,)),
    )
    settings = {"stride": draw.integer(1, 3), "padding": padding}
    return Case(draw.choice([operands, operands[:2]]), settings)


@primitive(cases=[_conv2d_case])
def conv2d(
    x: Array, weight: Array, bias: Array | None = None, /, *, stride: int = 1, padding: int = 0
) -> tuple[Array, Backward]:
    """Cross-correlation of images with a kernel, as deep learning calls convolution.

    Parameters
    ----------
    x : (n, height, width, in_channels)
        Images, channels last.
    weight : (out_channels, in_channels, kernel_height, kernel_width)
        Kernel, in PyTorch's order of axes.
    bias : (out_channels,), optional
        Added to every pixel.
    stride : int
        Distance between neighbouring windows, pixels.
    padding : int
        Width of the border of zeros, pixels; smaller than the kernel.

    Returns
    -------
    (n, out_height, out_width, out_channels)
        ``out_height = (height + 2 * padding - kernel_height) // stride + 1``, the width likewise.
    """
    _check(x, weight, bias, stride, padding)
    out_channels, channels, kernel_height, kernel_width = weight.shape
    kernel = weight.transpose(2, 3, 1, 0)
    padded = _surround(x, padding)
    value = _correlate(padded, kernel, stride)
    if bias is not None:
        value += bias

    def gradient_of_x(g: Array) -> Array:
        n, height, width, _ = x.shape
        spread = np.zeros((n, height + kernel_height - 1, width + kernel_width - 1, out_channels), g.dtype)
        top, left = kernel_height - 1 - padding, kernel_width - 1 - padding
        # The slices reach the end of `spread`, which may leave room for one more window: g says how many.
        spread[:, top::stride, left::stride][:, : g.shape[1], : g.shape[2]] = g
        return _correlate(spread, kernel[::-1, ::-1].swapaxes(2, 3), 1)

    def gradient_of_weight(g: Array) -> Array:
        total = np.zeros((kernel_height * kernel_width * channels, out_channels), g.dtype)
        for part, columns in _columns(padded, (kernel_height, kernel_width), stride):
            total += columns.T @ g[part].reshape(-1, out_channels)
        return total.reshape(kernel.shape).transpose(3, 2, 0, 1)

    def backward(g: Array) -> tuple[Gradient, ...]:
        gradients = (lambda: gradient_of_x(g), lambda: gradient_of_weight(g), g)
        return gradients if bias is not None else gradients[:2]

    return value, backward


def _surround(images: Array, padding: int) -> Array:
    """Put a border of zeros around each image."""
    if padding == 0:
        return images
    n, height, width, channels = images.shape
    padded = np.zeros((n, height + 2 * padding, width + 2 * padding, channels), images.dtype)
    padded[:, padding:-padding, padding:-padding] = images
    return padded


def _correlate(images: Array, kernel: Array, stride: int) -> Array:
    """Correlate (n, height, width, c) with (kernel_height, kernel_width, c, k) where the kernel fits."""
    kernel_shape, out_channels = kernel.shape[:2], kernel.shape[3]
    height, width = (
        (length - size) // stride + 1 for length, size in zip(images.shape[1:3], kernel_shape, strict=True)
    )
    value = np.empty((len(images), height, width, out_channels), np.result_type(images, kernel))
    matrix = kernel.reshape(-1, out_channels)
    for part, columns in _columns(images, kernel_shape, stride):
        np.matmul(columns, matrix, out=value[part].reshape(-1, out_channels))
    return value


def _columns(images: Array, kernel_shape: tuple[int, ...], stride: int) -> Iterator[tuple[slice, Array]]:
    """Yield a few images at a time as (images, matrix with the window under each output pixel as a row).

    The matrix is written over when the next one is asked for.
    """
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel_shape, axis=(1, 2))
    windows = windows[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    n_images, height, width, *window_shape = windows.shape
    window_size = int(np.prod(window_shape))
    n_at_once = max(1, min(n_images, _PIECE_ELEMENTS // max(1, height * width * window_size)))
    columns = np.empty((n_at_once, *windows.shape[1:]), images.dtype)
    for start in range(0, n_images, n_at_once):
        part = slice(start, min(start + n_at_once, n_images))
        piece = columns[: part.stop - start]
        np.copyto(piece, windows[part])
        yield part, piece.reshape(-1, window_size)


def _check(x: Array, weight: Array, bias: Array | None, stride: int, padding: int) -> None:
    if weight.ndim != 4:
        raise ShapeError(
            bad_argument("weight", weight.shape, "must have 4 axes: out, in, kernel height, kernel width")
        )
    if x.ndim != 4:
        raise ShapeError(bad_argument("x", x.shape, "must have 4 axes: n, height, width, channels"))
    if x.shape[3] != weight.shape[1]:
        need = f"needs `x` with {weight.shape[1]} channels, got {x.shape[3]}"
        raise ShapeError(bad_argument("weight", weight.shape, need))
    if bias is not None and bias.shape != weight.shape[:1]:
        need = f"needs `bias` of shape {weight.shape[:1]}, got {bias.shape}"
        raise ShapeError(bad_argument("weight", weight.shape, need))
    if operator.index(stride) < 1:
        raise ArgumentError(bad_argument("stride", stride, "must be at least 1"))
    smallest = min(weight.shape[2:])
    if not 0 <= operator.index(padding) < max(smallest, 1):
        need = f"must be at least 0 and smaller than the kernel (={weight.shape[2]}x{weight.shape[3]})"
        raise ArgumentError(bad_argument("padding", padding, need))
    if any(length + 2 * padding < size for length, size in zip(x.shape[1:3], weight.shape[2:], strict=True)):
        need = f"does not fit into `x` of {x.shape[1]}x{x.shape[2]} pixels with padding {padding}"
        raise ShapeError(bad_argument("weight", weight.shape, need))
