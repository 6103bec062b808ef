"""Activation layers and dropout: one function of each element, or elements dropped in training."""

from __future__ import annotations

import numpy as np

from tracekit.engine.layers.layer import Layer
from tracekit.engine.ops.elementwise import elu, leaky_relu, relu, sigmoid, silu, tanh
from tracekit.engine.ops.gaussian import gelu
from tracekit.engine.ops.regularization import check_rate, dropout
from tracekit.engine.tensor import Tensor
from tracekit.errors import ArgumentError, argument_sentence


class ReLU(Layer):
    """Elementwise max(x, 0)."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return relu(x)


class LeakyReLU(Layer):
    """Elementwise x where x > 0, else `negative_slope` times x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return leaky_relu(x, self.negative_slope)


class ELU(Layer):
    """Elementwise x where x > 0, else `alpha` times exp(x) - 1."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return elu(x, self.alpha)


class GELU(Layer):
    """Elementwise x times the normal distribution function, in its exact form."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return gelu(x)


class SiLU(Layer):
    """Elementwise x times its logistic function."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return silu(x)


class Tanh(Layer):
    """Elementwise hyperbolic tangent."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return tanh(x)


class Sigmoid(Layer):
    """Elementwise logistic function."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return sigmoid(x)


class Dropout(Layer):
    """In training, zero each element with probability `rate` and scale the others up; else do nothing."""

    def __init__(self, rate: float = 0.5) -> None:
        check_rate(rate)
        self.rate = rate

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        if not training:
            return x
        if rng is None:
            raise ArgumentError(
                argument_sentence("rng", rng, "must be a Generator for dropout in training", "pass `rng=`")
            )
        return dropout(x, self.rate, rng=rng)
