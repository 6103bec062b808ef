"""Layers that shrink or rearrange images and have no parameters."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.layers.layer import Layer
from tracekit.engine.ops.arrangement import reshape
from tracekit.engine.ops.pooling import avg_pool2d, max_pool2d
from tracekit.engine.tensor import Tensor


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


class Flatten(Layer):
    """Each example as one row: (n, height, width, channels) to (n, height * width * channels)."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        # Not -1, which NumPy cannot resolve for an empty batch.
        return reshape(x, (x.shape[0], math.prod(x.shape[1:])))
