"""Two-dimensional convolution of channels-last images, as products of matrices.

Each output pixel is the product of the window under it, written as one row of a matrix of columns
("im2col"), with the kernel. The rows of a whole batch would not fit into the cache, so they are written
and multiplied a few images at a time. The input's gradient is itself a convolution: of the output's
gradient, spread out by the stride, with the kernel turned by 180 degrees.

Kernels of 3x3 pixels have shorter ways where numba is installed: on many channels, the most frequent and the most
expensive (:mod:`tracekit.engine.kernels.winograd`), and on one or three (:mod:`tracekit.engine.kernels.direct`).
This one is the reference.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np

from tracekit.engine.arrays import Array, Backward, Gradient
from tracekit.engine.kernels import direct, parallel, passes, winograd
from tracekit.engine.kernels.memory import empty
from tracekit.engine.kernels.windows import Windows
from tracekit.engine.ops.cases import Case, Draw, draw_values
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, argument_sentence


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
    x: Array,
    weight: Array,
    bias: Array | None = None,
    /,
    *,
    stride: int = 1,
    padding: int = 0,
    rectify: bool = False,
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
    rectify : bool
        Whether to return max(., 0) of the result, as :func:`relu` would, without passing over it once more.

    Returns
    -------
    (n, out_height, out_width, out_channels)
        ``out_height = (height + 2 * padding - kernel_height) // stride + 1``, the width likewise.
    """
    _check(x, weight, bias, stride, padding)
    if winograd.is_faster(x, weight, stride):
        return _by_winograd(x, weight, bias, padding, rectify)
    height, width = x.shape[1:3]
    kernel = weight.transpose(2, 3, 1, 0)
    kernel_height, kernel_width = kernel.shape[:2]
    windows = Windows(
        x, (height + 2 * padding, width + 2 * padding), (padding, padding), kernel.shape[:2], stride=stride
    )

    def gradient_of_x(g: Array) -> Array:
        frame = height + kernel_height - 1, width + kernel_width - 1
        offset = kernel_height - 1 - padding, kernel_width - 1 - padding
        spread = Windows(g, frame, offset, kernel.shape[:2], spacing=stride)
        return _correlate(spread, kernel[::-1, ::-1].swapaxes(2, 3), None)

    def gradients_of_parameters(g: Array) -> tuple[Array, Array]:
        of_kernel, of_bias = _sum_products(windows, g)
        return of_kernel.reshape(kernel.shape).transpose(3, 2, 0, 1), of_bias

    if direct.is_faster(x, weight, stride):
        value = direct.correlate(x, weight, bias, padding, rectify=rectify)
        rectified = value if rectify else None

        def gradients(g: Array) -> tuple[Array, Array, Array]:
            received = g if rectified is None else passes.gradient_of_rectify(g, rectified)
            return gradient_of_x(received), *direct.gradients_of_parameters(
                x, g, padding, rectified=rectified
            )

        return value, _backward(
            bias, gradients, lambda g: direct.gradients_of_parameters(x, g, padding, rectified=rectified)
        )
    value = _correlate(windows, kernel, bias, rectify=rectify)
    return value, _backward(
        bias,
        lambda g: (gradient_of_x(g), *gradients_of_parameters(g)),
        gradients_of_parameters,
        rectified=value if rectify else None,
    )


def _by_winograd(
    x: Array, weight: Array, bias: Array | None, padding: int, rectify: bool
) -> tuple[Array, Backward]:
    kernel = winograd.transformed(weight)
    value = winograd.correlate(x, kernel, bias, padding, rectify=rectify)
    rectified = value if rectify else None
    return value, _backward(
        bias,
        lambda g: winograd.gradients(x, kernel, g, padding, rectified=rectified),
        lambda g: winograd.gradients(x, kernel, g, padding, rectified=rectified, of_x=False)[1:],
    )


def _backward(
    bias: Array | None,
    gradients: Callable[[Array], tuple[Array, Array, Array]],
    gradients_of_parameters: Callable[[Array], tuple[Array, Array]],
    *,
    rectified: Array | None = None,
) -> Backward:
    """Return the backward closure: one pass over the batch serves all gradients that are asked for."""

    def backward(g: Array) -> tuple[Gradient, ...]:
        of_parameters: list[Array] = []
        if rectified is not None:
            g = passes.gradient_of_rectify(g, rectified)

        def of_x() -> Array:
            gradient, *of_parameters[:] = gradients(g)
            return gradient

        def of_parameter(position: int) -> Array:
            of_parameters[:] = of_parameters or gradients_of_parameters(g)
            return of_parameters[position]

        of_weight, of_bias = (lambda: of_parameter(0)), (lambda: of_parameter(1))
        return (of_x, of_weight) if bias is None else (of_x, of_weight, of_bias)

    return backward


def _correlate(windows: Windows, kernel: Array, bias: Array | None, *, rectify: bool = False) -> Array:
    """Multiply all windows with a kernel of (kernel_height, kernel_width, channels, out_channels)."""
    out_channels = kernel.shape[3]
    matrix = np.ascontiguousarray(kernel.reshape(-1, out_channels))
    value = empty((*windows.shape, out_channels), np.result_type(windows.images.dtype, kernel))
    parts = windows.parts()

    def work(number: int) -> None:
        for images, columns in windows.pieces(parts[number]):
            products = value[images].reshape(-1, out_channels)
            np.matmul(columns, matrix, out=products)
            if bias is not None or rectify:
                passes.add_bias(
                    products, np.zeros(out_channels, value.dtype) if bias is None else bias, rectify=rectify
                )

    parallel.run(work, len(parts))
    return value


def _sum_products(windows: Windows, g: Array) -> tuple[Array, Array]:
    """Sum over all windows the products of their elements with the gradient there, and the gradient itself."""
    out_channels = g.shape[3]
    parts = windows.parts()
    sums = np.zeros((len(parts), windows.size + 1, out_channels), np.result_type(g, windows.images.dtype))

    def work(number: int) -> None:
        for images, columns in windows.pieces(parts[number]):
            rows = g[images].reshape(-1, out_channels)
            sums[number, :-1] += columns.T @ rows
            # A product with ones: BLAS adds rows up many times faster than sum(axis=0) does.
            sums[number, -1] += np.ones(len(rows), rows.dtype) @ rows

    parallel.run(work, len(parts))
    total = sums[0] if len(parts) == 1 else sums.sum(axis=0)
    return total[:-1], total[-1]


def _check(x: Array, weight: Array, bias: Array | None, stride: int, padding: int) -> None:
    if weight.ndim != 4:
        raise ShapeError(
            argument_sentence(
                "weight", weight.shape, "must have 4 axes: out, in, kernel height, kernel width"
            )
        )
    if x.ndim != 4:
        raise ShapeError(argument_sentence("x", x.shape, "must have 4 axes: n, height, width, channels"))
    if x.shape[3] != weight.shape[1]:
        need = f"needs `x` with {weight.shape[1]} channels, got {x.shape[3]}"
        raise ShapeError(argument_sentence("weight", weight.shape, need))
    if bias is not None and bias.shape != weight.shape[:1]:
        need = f"needs `bias` of shape {weight.shape[:1]}, got {bias.shape}"
        raise ShapeError(argument_sentence("weight", weight.shape, need))
    if operator.index(stride) < 1:
        raise ArgumentError(argument_sentence("stride", stride, "must be at least 1"))
    smallest = min(weight.shape[2:])
    if not 0 <= operator.index(padding) < max(smallest, 1):
        need = f"must be at least 0 and smaller than the kernel (={weight.shape[2]}x{weight.shape[3]})"
        raise ArgumentError(argument_sentence("padding", padding, need))
    if any(length + 2 * padding < size for length, size in zip(x.shape[1:3], weight.shape[2:], strict=True)):
        need = f"does not fit into `x` of {x.shape[1]}x{x.shape[2]} pixels with padding {padding}"
        raise ShapeError(argument_sentence("weight", weight.shape, need))
