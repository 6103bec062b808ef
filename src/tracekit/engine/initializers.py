"""Initializers: random initial weights, scaled by the number of inputs and outputs of a unit ("fan").

All have one signature, ``(shape, rng, dtype)``. The shape is that of a linear weight,
``(out_features, in_features)``, or of a convolution's, ``(out_channels, in_channels, kernel_height,
kernel_width)``. Numbers are drawn in float64 and then rounded, so that a float32 model starts from the
float64 model's weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.arrays import Array
from tracekit.errors import ShapeError, argument_sentence

Shape: TypeAlias = tuple[int, ...]
Initializer: TypeAlias = Callable[[Shape, np.random.Generator | int, DTypeLike], Array]


def he_normal(shape: Shape, rng: np.random.Generator | int, dtype: DTypeLike = np.float32) -> Array:
    """Normal with variance 2 / fan_in, for layers followed by ReLU (He, Zhang, Ren and Sun, ICCV 2015)."""
    fan_in, _ = fans(shape)
    return _normal(shape, 2 / fan_in, rng, dtype)


def he_uniform(shape: Shape, rng: np.random.Generator | int, dtype: DTypeLike = np.float32) -> Array:
    """Uniform around 0 with variance 2 / fan_in, for layers followed by ReLU (He et al., ICCV 2015)."""
    fan_in, _ = fans(shape)
    return _uniform(shape, 2 / fan_in, rng, dtype)


def glorot_normal(shape: Shape, rng: np.random.Generator | int, dtype: DTypeLike = np.float32) -> Array:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010, equation 12)."""
    return _normal(shape, 2 / sum(fans(shape)), rng, dtype)


def glorot_uniform(shape: Shape, rng: np.random.Generator | int, dtype: DTypeLike = np.float32) -> Array:
    """Uniform around 0 with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010, equation 16)."""
    return _uniform(shape, 2 / sum(fans(shape)), rng, dtype)


def zeros(shape: Shape, rng: np.random.Generator | int | None = None, dtype: DTypeLike = np.float32) -> Array:
    """All zeros, in any shape; draws nothing, and takes `rng` only to be called as the others are."""
    return np.zeros(shape, dtype)


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs an output unit of a layer has, and how many outputs an input unit."""
    if len(shape) not in (2, 4) or min(shape) < 1:
        need = "must be (out, in) or (out, in, kernel height, kernel width), each at least 1"
        raise ShapeError(argument_sentence("shape", shape, need))
    n_out, n_in, *kernel = shape
    return n_in * math.prod(kernel), n_out * math.prod(kernel)


def _normal(shape: Shape, variance: float, rng: np.random.Generator | int, dtype: DTypeLike) -> Array:
    return (math.sqrt(variance) * np.random.default_rng(rng).standard_normal(shape)).astype(dtype)


def _uniform(shape: Shape, variance: float, rng: np.random.Generator | int, dtype: DTypeLike) -> Array:
    bound = math.sqrt(3 * variance)
    return np.random.default_rng(rng).uniform(-bound, bound, shape).astype(dtype)
