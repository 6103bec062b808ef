"""Pooling of channels-last images over square windows; rows and columns that fill no window are left out."""

from __future__ import annotations

import operator

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.kernels import passes
from tracekit.engine.kernels.passes import window_offsets
from tracekit.engine.ops.cases import BuildCase, Case, Draw, draw_values
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, argument_sentence


def _pooling(*, distinct: bool) -> BuildCase:
    def build(draw: Draw) -> Case:
        kernel = draw.integer(1, 3)
        shape = (
            draw.integer(0, 2),
            draw.integer(kernel, 6),
            draw.integer(kernel, 6),
            draw.integer(1, 3),
        )
        settings = {"kernel": kernel, "stride": draw.choice([None, 1, 2, 3])}
        return Case((draw_values(draw, shape, distinct=distinct),), settings)

    return build


@primitive(cases=[_pooling(distinct=True)])
def max_pool2d(x: Array, /, kernel: int, *, stride: int | None = None) -> tuple[Array, Backward]:
    """Maximum of each window; of elements that tie for it, the first one in reading order gets the gradient.

    Parameters
    ----------
    x : (n, height, width, channels)
        Images.
    kernel : int
        Side of the windows, pixels.
    stride : int, optional
        Distance between neighbouring windows, pixels; `kernel` unless given.

    Returns
    -------
    (n, (height - kernel) // stride + 1, (width - kernel) // stride + 1, channels)
    """
    stride = _checked_stride(x, kernel, stride)
    value, gradient = passes.max_pool(x, kernel, stride)
    return value, lambda g: (gradient(g),)


@primitive(cases=[_pooling(distinct=False)])
def avg_pool2d(x: Array, /, kernel: int, *, stride: int | None = None) -> tuple[Array, Backward]:
    """Mean of each window.

    Parameters
    ----------
    x : (n, height, width, channels)
        Images.
    kernel : int
        Side of the windows, pixels.
    stride : int, optional
        Distance between neighbouring windows, pixels; `kernel` unless given.

    Returns
    -------
    (n, (height - kernel) // stride + 1, (width - kernel) // stride + 1, channels)
    """
    stride = _checked_stride(x, kernel, stride)
    first, *others = window_offsets(x, kernel, stride)
    value = first.copy()
    for summand in others:
        value += summand
    value /= kernel**2

    def backward(g: Array) -> tuple[Array]:
        gradient = np.zeros_like(x)
        share = g / kernel**2
        for target in window_offsets(gradient, kernel, stride):
            target += share
        return (gradient,)

    return value, backward


def _checked_stride(x: Array, kernel: int, stride: int | None) -> int:
    if x.ndim != 4:
        raise ShapeError(argument_sentence("x", x.shape, "must have 4 axes: n, height, width, channels"))
    if operator.index(kernel) < 1:
        raise ArgumentError(argument_sentence("kernel", kernel, "must be at least 1"))
    if kernel > min(x.shape[1:3]):
        need = f"does not fit into `x` of {x.shape[1]}x{x.shape[2]} pixels"
        raise ShapeError(argument_sentence("kernel", kernel, need, "use a smaller one"))
    if stride is None:
        return kernel
    if operator.index(stride) < 1:
        raise ArgumentError(argument_sentence("stride", stride, "must be at least 1"))
    return stride
