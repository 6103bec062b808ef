"""Layers: ops together with the parameters that they are called with.

A layer is called as ``layer(x, training=..., rng=...)`` and returns a tensor. It holds no other state:
what it returns depends on its parameters and its arguments only.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.initializers import Initializer, he_normal, zeros
from tracekit.engine.ops.arrangement import reshape
from tracekit.engine.ops.convolution import conv2d
from tracekit.engine.ops.elementwise import leaky_relu, relu, sigmoid, tanh
from tracekit.engine.ops.linear_algebra import linear
from tracekit.engine.ops.pooling import avg_pool2d, max_pool2d
from tracekit.engine.ops.regularization import check_rate, dropout
from tracekit.engine.tensor import Tensor, TensorLike, as_tensor
from tracekit.errors import ArgumentError, bad_argument


class Layer(ABC):
    """What all layers have in common: they can be called, and they list their parameters."""

    def parameters(self) -> dict[str, Tensor]:
        """Return the trainable tensors by name, in the order in which they are used."""
        return {}

    @abstractmethod
    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        """Compute the output; what a new layer defines."""

    def __call__(
        self, x: TensorLike, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> Tensor:
        """Compute the output.

        Parameters
        ----------
        x : Tensor or ndarray
            The layer's input.
        training : bool
            Whether layers that behave otherwise in training shall do so.
        rng : Generator, optional
            Where layers that are random in training draw from.
        """
        return self._forward(as_tensor(x), training, rng)


class _WeightedLayer(Layer):
    """A layer with a weight and perhaps a bias."""

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        rng: np.random.Generator | int,
        dtype: DTypeLike,
        initializer: Initializer,
        bias: bool,
    ) -> None:
        self.weight = Tensor(initializer(shape, rng, dtype), requires_grad=True, name="weight")
        self.bias: Tensor | None = None
        if bias:
            self.bias = Tensor(zeros(shape[:1], dtype=dtype), requires_grad=True, name="bias")

    def parameters(self) -> dict[str, Tensor]:
        """Return "weight" and, if there is one, "bias"."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})


class Linear(_WeightedLayer):
    """Affine map x Wᵀ + b of the rows of a matrix.

    Parameters
    ----------
    in_features, out_features : int
        Length of a row before and after.
    rng : Generator or int
        Draws the initial weight, of shape (out_features, in_features).
    dtype : dtype
        float32 or float64.
    initializer : callable
        One of :mod:`tracekit.engine.initializers`; the bias starts at zero.
    bias : bool
        Whether there is a bias, of shape (out_features,).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator | int,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ) -> None:
        shape = (out_features, in_features)
        super().__init__(shape, rng=rng, dtype=dtype, initializer=initializer, bias=bias)

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return linear(x, self.weight, self.bias)


class Conv2d(_WeightedLayer):
    """Convolution of channels-last images with square kernels.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    kernel : int
        Side of the kernel, pixels.
    stride, padding : int
        As in :func:`tracekit.engine.ops.conv2d`.
    rng : Generator or int
        Draws the initial weight, of shape (out_channels, in_channels, kernel, kernel).
    dtype : dtype
        float32 or float64.
    initializer : callable
        One of :mod:`tracekit.engine.initializers`; the bias starts at zero.
    bias : bool
        Whether there is a bias, of shape (out_channels,).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        rng: np.random.Generator | int,
        stride: int = 1,
        padding: int = 0,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ) -> None:
        shape = (out_channels, in_channels, kernel, kernel)
        super().__init__(shape, rng=rng, dtype=dtype, initializer=initializer, bias=bias)
        self.stride = stride
        self.padding = padding

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)


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


class Tanh(Layer):
    """Elementwise hyperbolic tangent."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return tanh(x)


class Sigmoid(Layer):
    """Elementwise logistic function."""

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return sigmoid(x)


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
                bad_argument("rng", rng, "must be a Generator for dropout in training", "pass `rng=`")
            )
        return dropout(x, self.rate, rng=rng)


class Sequential(Layer):
    """Layers that are called one after the other; the last one's output is the result.

    Parameters
    ----------
    layers : mapping of str to Layer, not empty
        In the order of the calls. Building the model names each parameter "<layer>.<parameter>".

    Attributes
    ----------
    layers : dict of str to Layer
        The layers by name, in order.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        if not layers:
            raise ArgumentError(bad_argument("layers", layers, "must hold at least one layer"))
        self.layers = dict(layers)
        owners: dict[int, str] = {}
        for name, parameter in self.parameters().items():
            if id(parameter) in owners:
                raise ArgumentError(
                    f"`layers` holds one tensor as {owners[id(parameter)]!r} and as {name!r}, which an "
                    f"optimizer would update twice; give each layer its own parameters."
                )
            owners[id(parameter)] = name
            parameter.name = name

    def parameters(self) -> dict[str, Tensor]:
        """Return the parameters of all layers as "<layer>.<parameter>", in order."""
        return {
            f"{name}.{own_name}": parameter
            for name, layer in self.layers.items()
            for own_name, parameter in layer.parameters().items()
        }

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return self(x, training=training, rng=rng)

    def __call__(
        self,
        x: TensorLike,
        *,
        training: bool = False,
        rng: np.random.Generator | None = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Call the layers in order.

        Parameters
        ----------
        x : Tensor or ndarray
            Input of the first layer.
        training : bool
            Passed to each layer.
        rng : Generator, optional
            Passed to each layer.
        outputs : dict, optional
            Receives the output of each layer of this model under the layer's name.
        """
        signal = as_tensor(x)
        for name, layer in self.layers.items():
            signal = layer(signal, training=training, rng=rng)
            if outputs is not None:
                outputs[name] = signal
        return signal
