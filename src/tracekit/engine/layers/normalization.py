"""Normalization layers: batch, layer and group normalization, with a learned scale and bias."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.arrays import Array
from tracekit.engine.layers.layer import Layer
from tracekit.engine.ops.normalization import batch_norm, check_groups, group_norm, layer_norm, normalize
from tracekit.engine.perturbation import is_perturbing
from tracekit.engine.tensor import Tensor
from tracekit.errors import ArgumentError, argument_sentence


class _Normalization(Layer):
    """A layer that scales and shifts what it has normalized; it starts with scale 1 and bias 0."""

    def __init__(self, shape: int | tuple[int, ...], dtype: DTypeLike, epsilon: float) -> None:
        if epsilon < 0:
            raise ArgumentError(argument_sentence("epsilon", epsilon, "must be at least 0"))
        self.epsilon = epsilon
        self.scale = Tensor(np.ones(shape, dtype), requires_grad=True, name="scale")
        self.bias = Tensor(np.zeros(shape, dtype), requires_grad=True, name="bias")

    def parameters(self) -> dict[str, Tensor]:
        """Return "scale" and "bias"."""
        return {"scale": self.scale, "bias": self.bias}

    def kinds(self) -> dict[str, str]:
        """Return the parameters' own names."""
        return {"scale": "scale", "bias": "bias"}


class BatchNorm(_Normalization):
    """Normalization of each channel over the batch, of images (channels last) or of rows.

    In training by the moments of the batch, which then enter the running ones; else by the running ones.

    Parameters
    ----------
    n_channels : int
        Length of the last axis.
    momentum : float
        Weight in [0, 1] of the batch in ``running = (1 - momentum) * running + momentum * batch``, where the
        batch's variance is the unbiased one, as in PyTorch.
    epsilon : float
        Added to the variance.
    dtype : dtype
        float32 or float64.
    """

    mixes_samples = True

    def __init__(
        self,
        n_channels: int,
        *,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if not 0 <= momentum <= 1:
            raise ArgumentError(argument_sentence("momentum", momentum, "must be in [0, 1]"))
        super().__init__(n_channels, dtype, epsilon)
        self.momentum = momentum
        self.running_mean: Array = np.zeros(n_channels, dtype)
        self.running_var: Array = np.ones(n_channels, dtype)

    def buffers(self) -> dict[str, Array]:
        """Return "running_mean" and "running_var"."""
        return {"running_mean": self.running_mean, "running_var": self.running_var}

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        if training:
            return batch_norm(x, self.scale, self.bias, epsilon=self.epsilon, observe=self._follow)
        moments = (self.running_mean, self.running_var)
        return normalize(x, self.scale, self.bias, *moments, epsilon=self.epsilon)

    def _follow(self, mean: Array, variance: Array) -> None:
        if is_perturbing():
            return  # A pass that measures derivatives is no step of training.
        for running, of_batch in ((self.running_mean, mean), (self.running_var, variance)):
            running += self.momentum * (of_batch - running)


class LayerNorm(_Normalization):
    """Normalization of each example over its last axes.

    Parameters
    ----------
    shape : int or tuple of int
        Lengths of the axes that are normalized together: the last ones, or the last one.
    epsilon : float
        Added to the variance.
    dtype : dtype
        float32 or float64.
    """

    def __init__(
        self, shape: int | tuple[int, ...], *, epsilon: float = 1e-5, dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__(shape, dtype, epsilon)

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return layer_norm(x, self.scale, self.bias, epsilon=self.epsilon)


class GroupNorm(_Normalization):
    """Normalization of each example over groups of neighbouring channels, the last axis, and all pixels.

    Parameters
    ----------
    n_groups, n_channels : int
        How many groups the channels are divided into.
    epsilon : float
        Added to the variance.
    dtype : dtype
        float32 or float64.
    """

    def __init__(
        self, n_groups: int, n_channels: int, *, epsilon: float = 1e-5, dtype: DTypeLike = np.float32
    ) -> None:
        check_groups(n_groups, n_channels)
        super().__init__(n_channels, dtype, epsilon)
        self.n_groups = n_groups

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return group_norm(x, self.scale, self.bias, self.n_groups, epsilon=self.epsilon)
