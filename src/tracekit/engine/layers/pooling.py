"""Pooling, padding and flattening layers: layers without parameters that change the shape of images."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.layers.layer import Layer
from tracekit.engine.ops.arrangement import index, pad, reshape
from tracekit.engine.ops.pooling import avg_pool2d, max_pool2d
from tracekit.engine.ops.reductions import mean
from tracekit.engine.tensor import Tensor
from tracekit.errors import ArgumentError, argument_sentence


class MaxPool2d(Layer):
    """Maximum of square windows of `kernel` pixels a side, `stride` (or `kernel`) pixels apart."""

    def __init__(self, kernel: int, *, stride: int | None = None) -> None:
        self.kernel = kernel
        self.stride = stride

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return max_pool2d(x, self.kernel, stride=self.stride)


class AvgPool2d(Layer):
    """Mean of square windows of `kernel` pixels a side, `stride` (or `kernel`) pixels apart."""

    def __init__(self, kernel: int, *, stride: int | None = None) -> None:
        self.kernel = kernel
        self.stride = stride

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return avg_pool2d(x, self.kernel, stride=self.stride)


class GlobalAvgPool2d(Layer):
    """Mean over all pixels of each channel: (n, height, width, channels) to (n, channels)."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return mean(x, axis=(1, 2))


class PaddedShortcut(Layer):
    """Every `stride`-th pixel, with channels of zeros put around those that there are.

    The shortcut without parameters by which He, Zhang, Ren and Sun (CVPR 2016) let a residual block change
    the size of images ("option A").

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after; half of the new ones, rounded down, come first.
    stride : int
        Distance between the pixels that are kept.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        if out_channels < in_channels:
            need = f"must be at least `in_channels` (={in_channels})"
            raise ArgumentError(argument_sentence("out_channels", out_channels, need))
        if stride < 1:
            raise ArgumentError(argument_sentence("stride", stride, "must be at least 1"))
        self.stride = stride
        n_new = out_channels - in_channels
        self._widths = ((0, 0), (0, 0), (0, 0), (n_new // 2, n_new - n_new // 2))

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        every = slice(None, None, self.stride)
        return pad(index(x, (slice(None), every, every)), self._widths)


class Flatten(Layer):
    """Each example as one row: (n, height, width, channels) to (n, height * width * channels)."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        # Not -1, which NumPy cannot resolve for an empty batch.
        return reshape(x, (x.shape[0], math.prod(x.shape[1:])))
