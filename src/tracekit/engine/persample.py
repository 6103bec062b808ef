"""Gradients of the single samples' losses, and moments of them, from one backward pass over the batch.

The gradient of a linear or convolution weight is a sum of products, over samples i and positions p:
``Σ_i Σ_p δ_ip ⊗ a_ip``, where a is the layer's input (of a convolution: the window under an output pixel)
and δ the gradient at its output. The inner sum is the gradient of one sample. :func:`tracekit.engine.capture`
gives a and δ; here they are multiplied without a loop over samples, and moments are computed from the
factors wherever that is cheaper than from the gradients.

A loss that is a mean over n samples divides each sample's gradient by n. Everything here is about the
gradient of a sample's own loss, so that δ is multiplied by n again if `reduction` says "mean". A
parameter's gradient is then the mean, or for "sum" the sum, of its per-sample gradients.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, get_args

import numpy as np

from tracekit.engine.capture import LayerCall
from tracekit.engine.layers import Conv2d, Layer, Linear
from tracekit.engine.ops.losses import LossReduction
from tracekit.engine.tape import Array
from tracekit.errors import ArgumentError, ShapeError, TracekitError, bad_argument

Calls: TypeAlias = Mapping[str, LayerCall]

_PIECE_ELEMENTS = 2**20
"""Elements of an array that is needed for a moment only: 8 MiB of float64."""
_GRADIENT_ELEMENTS = 2**23
"""Elements of the per-sample gradients that are multiplied with each other at a time: 64 MiB."""


class PerSampleError(TracekitError):
    """A layer has no per-sample gradients, or none that are known here."""


@dataclass(frozen=True, slots=True)
class GradientGram:
    """Inner products of the samples' gradients, uncentered; their diagonals are squared norms."""

    layers: dict[str, Array]  #: (n, n) of float64 for each layer, weight and bias together
    total: Array  #: (n, n) of float64, of the gradients in all these layers


def per_sample_gradients(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute the gradient of each sample's loss in each parameter.

    Needs n times the memory of the parameters; the other functions of this module do without.

    Parameters
    ----------
    calls : mapping of str to LayerCall
        From :func:`tracekit.engine.capture`, after ``backward()`` of the loss; leave layers out to leave out
        their parameters.
    reduction : {"mean", "sum"}
        How that loss combined the samples.

    Returns
    -------
    dict of str to ndarray
        (n, \\*shape of the parameter) by full name, in the parameter's dtype.

    Raises
    ------
    PerSampleError
        If a layer mixes samples or is of a kind other than Linear and Conv2d.
    GradientError
        If there was no backward pass yet.
    """
    gradients: dict[str, Array] = {}
    for factors in _all_factors(calls, reduction):
        weights = np.empty((factors.n, *factors.shape), factors.call.layer.parameters()["weight"].dtype)
        for part, inputs, deltas in factors.pieces(factors.n_in * factors.n_out):
            weights[part] = deltas.transpose(0, 2, 1) @ inputs
        gradients[factors.full_name("weight")] = factors.as_weight(weights)
        if factors.has_bias:
            gradients[factors.full_name("bias")] = factors.bias_gradients().astype(weights.dtype)
    return gradients


def per_sample_squared_norms(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute the squared Euclidean norm of each sample's gradient in each layer.

    Parameters
    ----------
    calls, reduction
        As in :func:`per_sample_gradients`, and with the same errors.

    Returns
    -------
    dict of str to ndarray
        (n,) of float64 for each layer, weight and bias together; norms in the whole model are their sum.
    """
    return {each.call.name: _squared_norms(each) for each in _all_factors(calls, reduction)}


def gradient_second_moments(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute the mean over the samples of the squares of their gradients, element by element.

    Parameters
    ----------
    calls, reduction
        As in :func:`per_sample_gradients`, and with the same errors.

    Returns
    -------
    dict of str to ndarray
        Of float64, in the shape of each parameter, by full name. Uncentered: the variance is this minus the
        square of the samples' mean gradient.
    """
    moments: dict[str, Array] = {}
    for factors in _all_factors(calls, reduction):
        moments[factors.full_name("weight")] = factors.as_weight(_squares(factors) / factors.n)
        if factors.has_bias:
            moments[factors.full_name("bias")] = np.square(factors.bias_gradients()).mean(axis=0)
    return moments


def gradient_gram(calls: Calls, *, reduction: LossReduction) -> GradientGram:
    """Compute the inner products ⟨g_i, g_j⟩ of the samples' gradients, in each layer and in all of them.

    For the covariance of the gradients, center its rows and columns; divided by n, it has the covariance's
    nonzero eigenvalues. The diagonals are :func:`per_sample_squared_norms`.

    Parameters
    ----------
    calls, reduction
        As in :func:`per_sample_gradients`, and with the same errors.

    Returns
    -------
    GradientGram
    """
    layers = {each.call.name: _gram(each) for each in _all_factors(calls, reduction)}
    return GradientGram(layers, functools.reduce(np.add, layers.values()))


@dataclass(frozen=True, slots=True)
class _Factors:
    """A layer's per-sample weight gradients g_i = Σ_p δ_ip ⊗ a_ip as their factors."""

    call: LayerCall
    windows: Array  #: (n, ..., ...): a view of a_ip, positions before features
    deltas: Array  #: (n, positions, n_out): δ_ip of the sample's own loss, float64
    n_in: int  #: features of a_ip

    @property
    def n(self) -> int:
        return len(self.deltas)

    @property
    def n_positions(self) -> int:
        return self.deltas.shape[1]

    @property
    def n_out(self) -> int:
        return self.deltas.shape[2]

    @property
    def shape(self) -> tuple[int, int]:
        return self.n_out, self.n_in

    @property
    def has_bias(self) -> bool:
        return "bias" in self.call.layer.parameters()

    def full_name(self, parameter: str) -> str:
        return f"{self.call.name}.{parameter}" if self.call.name else parameter

    def pieces(self, n_elements: int) -> Iterator[tuple[slice, Array, Array]]:
        """Yield (samples, a, δ) for as many samples at a time as may have arrays of `n_elements` each."""
        n_at_once = max(1, _PIECE_ELEMENTS // max(1, n_elements, self.n_positions * self.n_in))
        for start in range(0, self.n, n_at_once):
            part = slice(start, start + n_at_once)
            deltas = self.deltas[part]
            yield part, self.windows[part].astype(np.float64).reshape(*deltas.shape[:2], self.n_in), deltas

    def bias_gradients(self) -> Array:
        return self.deltas.sum(axis=1)

    def as_weight(self, matrices: Array) -> Array:
        """Bring (..., n_out, n_in) into the shape of the weight, whose channels come before its pixels."""
        n_out, channels, *kernel = self.call.layer.parameters()["weight"].shape
        spread = matrices.reshape(*matrices.shape[:-2], n_out, *kernel, channels)
        return np.ascontiguousarray(np.moveaxis(spread, -1, -1 - len(kernel)))


def _squared_norms(factors: _Factors) -> Array:
    n_out, n_in, n_positions = factors.n_out, factors.n_in, factors.n_positions
    total = np.empty(factors.n)
    # ‖g‖² = Σ_pq (δ_p·δ_q)(a_p·a_q), or from g itself: whichever takes fewer multiplications.
    by_positions = n_positions * (n_in + n_out) <= n_in * n_out
    for part, inputs, deltas in factors.pieces(n_positions**2 if by_positions else n_in * n_out):
        if by_positions:
            products = (inputs @ inputs.transpose(0, 2, 1)) * (deltas @ deltas.transpose(0, 2, 1))
            total[part] = products.sum(axis=(1, 2))
        else:
            weights = (deltas.transpose(0, 2, 1) @ inputs).reshape(len(deltas), -1)
            total[part] = np.einsum("ij,ij->i", weights, weights)
    if factors.has_bias:
        total += np.square(factors.bias_gradients()).sum(axis=1)
    return total


def _squares(factors: _Factors) -> Array:
    """Sum of the squared weight gradients, (n_out, n_in)."""
    total = np.zeros(factors.shape)
    for _, inputs, deltas in factors.pieces(1 if factors.n_positions == 1 else factors.n_in * factors.n_out):
        if factors.n_positions == 1:
            total += np.square(deltas[:, 0]).T @ np.square(inputs[:, 0])
        else:
            weights = deltas.transpose(0, 2, 1) @ inputs
            total += np.square(weights, out=weights).sum(axis=0)
    return total


def _gram(factors: _Factors) -> Array:
    n, n_positions, (n_out, n_in) = factors.n, factors.n_positions, factors.shape
    total = np.zeros((n, n))
    # As in _squared_norms, for all pairs of samples.
    if n * n_positions**2 * (n_in + n_out) <= (n_positions + n) * n_in * n_out:
        inputs, deltas = (
            factors.windows.astype(np.float64).reshape(-1, n_in),
            factors.deltas.reshape(-1, n_out),
        )
        products = (inputs @ inputs.T) * (deltas @ deltas.T)
        total += products.reshape(n, n_positions, n, n_positions).sum(axis=(1, 3))
    else:
        n_out_at_once = max(1, _GRADIENT_ELEMENTS // (n * n_in))
        for first in range(0, n_out, n_out_at_once):
            rows = slice(first, first + n_out_at_once)
            weights = np.empty((n, min(n_out_at_once, n_out - first), n_in))
            for part, inputs, deltas in factors.pieces(1):
                np.matmul(deltas[:, :, rows].transpose(0, 2, 1), inputs, out=weights[part])
            flat = weights.reshape(n, -1)
            total += flat @ flat.T
    if factors.has_bias:
        biases = factors.bias_gradients()
        total += biases @ biases.T
    return total


def _all_factors(calls: Calls, reduction: LossReduction) -> Iterator[_Factors]:
    """Check all calls, then yield the factors of one after the other."""
    if reduction not in get_args(LossReduction):
        raise ArgumentError(bad_argument("reduction", reduction, "must be 'mean' or 'sum'"))
    if not calls:
        raise ArgumentError(bad_argument("calls", calls, "must hold a call of a layer that has parameters"))
    for call in calls.values():
        _check(call)
    counts = [len(call.input) for call in calls.values()]
    if len(set(counts)) > 1:
        raise ShapeError(f"`calls` must all be of one batch, but the numbers of samples are {counts}.")
    return (_factors(call, reduction) for call in calls.values())


def _check(call: LayerCall) -> None:
    if call.layer.mixes_samples and call.training:
        raise PerSampleError(
            f"layer {call.name!r} ({type(call.layer).__name__}) mixes the samples of a batch in training, so that "
            f"no gradient belongs to one sample; call the model with training=False."
        )
    if type(call.layer) not in _WINDOWS:
        known = " and ".join(kind.__name__ for kind in _WINDOWS)
        raise PerSampleError(
            f"layer {call.name!r} is a {type(call.layer).__name__}, and per-sample gradients are known for {known} "
            f"only; leave it out of `calls`."
        )


def _factors(call: LayerCall, reduction: LossReduction) -> _Factors:
    gradient = call.gradient
    n, n_out = len(gradient), gradient.shape[-1]
    deltas = gradient.astype(np.float64).reshape(n, math.prod(gradient.shape[1:-1]), n_out)
    if reduction == "mean":
        deltas *= n
    n_in = math.prod(call.layer.parameters()["weight"].shape[1:])
    return _Factors(call, _WINDOWS[type(call.layer)](call), deltas, n_in)


def _linear_windows(call: LayerCall) -> Array:
    return call.input[:, None, :]


def _conv2d_windows(call: LayerCall) -> Array:
    layer = call.layer
    assert isinstance(layer, Conv2d)
    border = (layer.padding, layer.padding)
    padded = np.pad(call.input, ((0, 0), border, border, (0, 0)))
    kernel = layer.weight.shape[2:]
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, axis=(1, 2))
    return windows[:, :: layer.stride, :: layer.stride].transpose(0, 1, 2, 4, 5, 3)


_WINDOWS: dict[type[Layer], Callable[[LayerCall], Array]] = {
    Linear: _linear_windows,
    Conv2d: _conv2d_windows,
}
"""By kind of layer, what the weight multiplies at each position: views of (n, positions, features)."""
