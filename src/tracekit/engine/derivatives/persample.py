"""Per-sample gradients, and moments of them, from one backward pass over the batch.

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

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.counting import count, count_products
from tracekit.engine.kernels.memory import empty
from tracekit.engine.layers import Conv2d, Layer, Linear
from tracekit.engine.layers.layer import LayerCall
from tracekit.engine.ops.losses import LossReduction
from tracekit.errors import ArgumentError, ShapeError, TracekitError, argument_sentence

Calls: TypeAlias = Mapping[str, LayerCall]

_PIECE_ELEMENTS = 2**18
"""Elements of an array that is needed for a moment only: a megabyte of float32, which stays in a cache."""
_GRADIENT_ELEMENTS = 2**24
"""Elements of the per-sample gradients of a layer that there are at a time: 64 MiB of float32."""


class PerSampleError(TracekitError):
    """A layer has no per-sample gradients, or none that are known here."""


@dataclass(frozen=True, slots=True)
class GradientGram:
    """Inner products of the samples' gradients, uncentered; their diagonals are squared norms."""

    layers: dict[str, Array]  #: (n, n) of float64 for each layer, weight and bias together
    total: Array  #: (n, n) of float64, of the gradients in all these layers


class SampleGradients:
    """The gradients of a batch's samples, of which the methods compute what is asked for.

    What several of them need is computed once: keep the object for as long as more than one is wanted.

    Parameters
    ----------
    calls : mapping of str to LayerCall
        From :func:`tracekit.engine.capture`, after ``backward()`` of the loss; leave layers out to leave out
        their parameters.
    reduction : {"mean", "sum"}
        How that loss combined the samples.

    Raises
    ------
    PerSampleError
        If a layer mixes samples or is of a kind other than Linear and Conv2d.
    GradientError
        If there was no backward pass yet.
    """

    def __init__(self, calls: Calls, *, reduction: LossReduction) -> None:
        self._layers = list(_all_factors(calls, reduction))

    def gradients(self) -> dict[str, Array]:
        """Compute all of them: (n, \\*shape of the parameter) by full name, in the parameter's dtype.

        Needs n times the memory of the parameters; the other methods do without.
        """
        gradients: dict[str, Array] = {}
        for factors in self._layers:
            weights = [block.astype(factors.weight.dtype, copy=False) for _, block in factors.blocks()]
            gradients[factors.full_name("weight")] = factors.as_weight(np.concatenate(weights, axis=1))
            if factors.has_bias:
                biases = factors.bias_gradients()
                gradients[factors.full_name("bias")] = biases.astype(factors.weight.dtype)
        return gradients

    def squared_norms(self) -> dict[str, Array]:
        """Return squared Euclidean norms by layer, weight and bias together: (n,) of float64.

        Norms in the whole model are their sum.
        """
        return {each.call.name: _squared_norms(each) for each in self._layers}

    def second_moments(self) -> dict[str, Array]:
        """Return means over the samples of the squares, element by element: float64, in each parameter's shape.

        Uncentered: the variance is this minus the square of the samples' mean gradient.
        """
        moments: dict[str, Array] = {}
        for factors in self._layers:
            moments[factors.full_name("weight")] = factors.as_weight(_squares(factors) / factors.n)
            if factors.has_bias:
                moments[factors.full_name("bias")] = np.square(factors.bias_gradients()).mean(axis=0)
        return moments

    def gram(self) -> GradientGram:
        """Return inner products ⟨g_i, g_j⟩, in each layer and in all of them.

        For the covariance of the gradients, center its rows and columns; divided by n, it has the covariance's
        nonzero eigenvalues. The diagonals are :meth:`squared_norms`.
        """
        layers = {each.call.name: _gram(each) for each in self._layers}
        return GradientGram(layers, functools.reduce(np.add, layers.values()))

    def count(self, cells: Array, places: Mapping[str, Array], n_cells: int) -> Array:
        """Count all elements by their sizes and places, as :func:`tracekit.engine.kernels.counting.count` does.

        Parameters
        ----------
        cells : ndarray of int32, (512,)
        places : mapping of str to ndarray of int32
            By full name, in each parameter's shape.
        n_cells : int
        """
        total = np.zeros(n_cells, np.int64)
        for factors in self._layers:
            own = factors.from_weight(places[factors.full_name("weight")])
            if factors.n_positions == 1:
                left, right = factors.deltas[:, 0], factors.windows.reshape(factors.n, -1)
                total += count_products(left, right, cells, own, n_cells)
            else:
                for rows, block in factors.blocks():
                    flat = block.reshape(factors.n, -1)
                    total += count(flat, cells, own[rows].reshape(-1), n_cells)
            if factors.has_bias:
                total += count(factors.bias_gradients(), cells, places[factors.full_name("bias")], n_cells)
        return total


def per_sample_gradients(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute :meth:`SampleGradients.gradients`."""
    return SampleGradients(calls, reduction=reduction).gradients()


def per_sample_squared_norms(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute :meth:`SampleGradients.squared_norms`."""
    return SampleGradients(calls, reduction=reduction).squared_norms()


def gradient_second_moments(calls: Calls, *, reduction: LossReduction) -> dict[str, Array]:
    """Compute :meth:`SampleGradients.second_moments`."""
    return SampleGradients(calls, reduction=reduction).second_moments()


def gradient_gram(calls: Calls, *, reduction: LossReduction) -> GradientGram:
    """Compute :meth:`SampleGradients.gram`."""
    return SampleGradients(calls, reduction=reduction).gram()


class _Factors:
    """A layer's per-sample weight gradients g_i = Σ_p δ_ip ⊗ a_ip as their factors."""

    def __init__(self, call: LayerCall, windows: Array, deltas: Array) -> None:
        self.call = call
        self.windows = windows  #: (n, ..., ...): a view of a_ip, positions before features
        self.deltas = deltas  #: (n, positions, n_out): δ_ip of the sample's own loss
        self.weight = call.layer.parameters()["weight"]
        self.n, self.n_positions, self.n_out = deltas.shape
        self.n_in = math.prod(self.weight.shape[1:])  #: features of a_ip
        self.has_bias = "bias" in call.layer.parameters()
        self._all_rows: Array | None = None

    def full_name(self, parameter: str) -> str:
        return f"{self.call.name}.{parameter}" if self.call.name else parameter

    def blocks(self) -> Iterator[tuple[slice, Array]]:
        """Yield (rows of the weight, g_i there): of all rows at once, and kept, if that does not take too much memory.

        Each is (n, rows, n_in), in the dtype of the training, as the parameters' own gradients are.
        """
        n_rows = min(self.n_out, max(1, _GRADIENT_ELEMENTS // max(1, self.n * self.n_in)))
        if n_rows == self.n_out:
            if self._all_rows is None:
                self._all_rows = self._rows(slice(0, self.n_out))
            yield slice(0, self.n_out), self._all_rows
            return
        for rows in parallel.pieces(slice(0, self.n_out), n_rows):
            yield rows, self._rows(rows)

    def _rows(self, rows: slice) -> Array:
        dtype = np.result_type(self.deltas, self.windows)
        result = empty((self.n, min(rows.stop, self.n_out) - rows.start, self.n_in), dtype)
        n_at_once = max(1, _PIECE_ELEMENTS // max(1, self.n_positions * self.n_in))

        def work(part: slice) -> None:
            for some in parallel.pieces(part, n_at_once):
                inputs = self.windows[some].reshape(-1, self.n_positions, self.n_in)
                np.matmul(self.deltas[some, :, rows].transpose(0, 2, 1), inputs, out=result[some])

        parallel.over(self.n, result.size * self.n_positions, work)
        return result

    def wide(self, some: slice) -> tuple[Array, Array]:
        """Return (a, δ) of some samples in float64: (samples, positions, features) each."""
        deltas = self.deltas[some].astype(np.float64)
        inputs = self.windows[some].astype(np.float64)
        return inputs.reshape(*deltas.shape[:2], self.n_in), deltas

    def bias_gradients(self) -> Array:
        return self.deltas.sum(axis=1, dtype=np.float64)

    def as_weight(self, matrices: Array) -> Array:
        """Bring (..., n_out, n_in) into the shape of the weight, whose channels come before its pixels."""
        n_out, channels, *kernel = self.weight.shape
        spread = matrices.reshape(*matrices.shape[:-2], n_out, *kernel, channels)
        return np.ascontiguousarray(np.moveaxis(spread, -1, -1 - len(kernel)))

    def from_weight(self, weight: Array) -> Array:
        """Bring the shape of the weight into (n_out, n_in), as :meth:`as_weight` undoes it."""
        spread = weight.reshape(self.weight.shape)
        return np.ascontiguousarray(np.moveaxis(spread, 1, -1)).reshape(self.n_out, self.n_in)


def _squared_norms(factors: _Factors) -> Array:
    n_out, n_in, n_positions = factors.n_out, factors.n_in, factors.n_positions
    total = np.zeros(factors.n)
    # ‖g‖² = Σ_pq (δ_p·δ_q)(a_p·a_q), or from g itself: whichever takes fewer multiplications.
    if n_positions * (n_in + n_out) <= n_in * n_out:
        for some in parallel.pieces(slice(0, factors.n), max(1, _PIECE_ELEMENTS // n_positions**2)):
            inputs, deltas = factors.wide(some)
            products = (inputs @ inputs.transpose(0, 2, 1)) * (deltas @ deltas.transpose(0, 2, 1))
            total[some] = products.sum(axis=(1, 2))
    else:
        for _, block in factors.blocks():
            flat = block.reshape(factors.n, -1).astype(np.float64, copy=False)
            total += np.einsum("ij,ij->i", flat, flat)
    if factors.has_bias:
        total += np.square(factors.bias_gradients()).sum(axis=1)
    return total


def _squares(factors: _Factors) -> Array:
    """Sum of the squared weight gradients, (n_out, n_in)."""
    if factors.n_positions == 1:
        inputs, deltas = factors.wide(slice(None))
        squares: Array = np.square(deltas[:, 0]).T @ np.square(inputs[:, 0])
        return squares
    total = np.empty((factors.n_out, factors.n_in))
    for rows, block in factors.blocks():
        wide = block.astype(np.float64)
        np.sum(np.square(wide, out=wide), axis=0, out=total[rows])
    return total


def _gram(factors: _Factors) -> Array:
    n, n_positions, n_out, n_in = factors.n, factors.n_positions, factors.n_out, factors.n_in
    total = np.zeros((n, n))
    # As in _squared_norms, for all pairs of samples.
    if n * n_positions**2 * (n_in + n_out) <= (n_positions + n) * n_in * n_out:
        wide = factors.wide(slice(None))
        inputs, deltas = wide[0].reshape(-1, n_in), wide[1].reshape(-1, n_out)
        products = (inputs @ inputs.T) * (deltas @ deltas.T)
        total += products.reshape(n, n_positions, n, n_positions).sum(axis=(1, 3))
    else:
        for _, block in factors.blocks():
            flat = block.reshape(n, -1).astype(np.float64, copy=False)
            total += flat @ flat.T
    if factors.has_bias:
        biases = factors.bias_gradients()
        total += biases @ biases.T
    return total


def _all_factors(calls: Calls, reduction: LossReduction) -> Iterator[_Factors]:
    """Check all calls, then yield the factors of one after the other."""
    if reduction not in get_args(LossReduction):
        raise ArgumentError(argument_sentence("reduction", reduction, "must be 'mean' or 'sum'"))
    if not calls:
        raise ArgumentError(
            argument_sentence("calls", calls, "must hold a call of a layer that has parameters")
        )
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
    deltas = gradient.reshape(n, math.prod(gradient.shape[1:-1]), n_out)
    if reduction == "mean":
        deltas = deltas * n
    return _Factors(call, _WINDOWS[type(call.layer)](call), deltas)


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
