"""Normalization: subtract a mean, divide by a standard deviation, then scale and shift.

Which elements share their moments makes the kinds: those of one channel in the whole batch (batch), of one
example (layer), of one group of channels of one example (group). Channels are the last axis everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import Case, Draw, draw_shape, draw_values
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, argument_sentence

Observe: TypeAlias = Callable[[Array, Array], None]

_PIXELS_AT_ONCE = 64
"""Pixels whose channels are treated as one long row, because NumPy is slow on rows of a few elements."""


def _draw_operands(draw: Draw, shape: tuple[int, ...], parameter_shape: tuple[int, ...]) -> tuple[Array, ...]:
    return tuple(draw_values(draw, each) for each in (shape, parameter_shape, parameter_shape))


def _draw_images(draw: Draw, n_channels: int) -> tuple[int, ...]:
    return (draw.integer(2, 4), *draw_shape(draw, max_ndim=2, min_length=1), n_channels)


def _batch_norm_case(draw: Draw) -> Case:
    n_channels = draw.integer(1, 3)
    operands = _draw_operands(draw, _draw_images(draw, n_channels), (n_channels,))
    return Case(operands, {"epsilon": draw.choice([0.1, 1.0])})


@primitive(cases=[_batch_norm_case])
def batch_norm(
    x: Array, scale: Array, shift: Array, /, *, epsilon: float = 1e-5, observe: Observe | None = None
) -> tuple[Array, Backward]:
    """Normalize each channel by its moments in this batch (Ioffe and Szegedy, ICML 2015, algorithm 1).

    ``scale * (x - mean) / sqrt(variance + epsilon) + shift``; the gradient flows through both moments.

    Parameters
    ----------
    x : (n, ..., channels)
        Images or rows.
    scale, shift : (channels,)
        γ and β.
    epsilon : float
        Keeps the divisor from zero; the variance here is the mean squared deviation.
    observe : callable, optional
        Receives the mean and the unbiased variance of each channel, both (channels,) of float64.
    """
    _check_parameters("batch_norm", x, scale, shift, x.shape[-1:])
    n_channels = x.shape[-1]
    count = math.prod(x.shape[:-1])
    _check_count("batch_norm in training", count, 2, x)
    n_together = math.gcd(count, _PIXELS_AT_ONCE)
    folded = (count // n_together, n_together * n_channels)

    def total(values: Array) -> Array:
        partial = np.ones(len(values), values.dtype) @ values  # by BLAS; see tape._undo_broadcasting
        return partial.reshape(n_together, n_channels).sum(axis=0, dtype=np.float64)

    def repeated(per_channel: Array) -> Array:
        return np.tile(per_channel.astype(x.dtype), n_together)

    rows = x.reshape(folded)
    mean = total(rows) / count
    centered = rows - repeated(mean)
    variance = _mean_square(centered, total, count)
    if observe is not None:
        observe(mean, variance * (count / (count - 1)))
    inverse = 1 / np.sqrt(variance + epsilon)
    value = centered * repeated(scale * inverse)
    value += repeated(shift)

    def backward(g: Array) -> tuple[Array, Array, Array]:
        g_rows = g.reshape(folded)
        sum_g = total(g_rows)
        sum_g_centered = total(g_rows * centered)
        gradient = centered * repeated(-(inverse**2) * sum_g_centered / count)
        gradient += g_rows
        gradient -= repeated(sum_g / count)
        gradient *= repeated(scale * inverse)
        return gradient.reshape(x.shape), sum_g_centered * inverse, sum_g

    return value.reshape(x.shape), backward


def _normalize_case(draw: Draw) -> Case:
    n_channels = draw.integer(1, 3)
    shape = (*draw_shape(draw), n_channels)
    mean = draw_values(draw, (n_channels,))
    variance = draw_values(draw, (n_channels,), low=0.1)
    return Case(_draw_operands(draw, shape, (n_channels,)), {"mean": mean, "variance": variance})


@primitive(cases=[_normalize_case])
def normalize(
    x: Array, scale: Array, shift: Array, /, mean: Array, variance: Array, *, epsilon: float = 1e-5
) -> tuple[Array, Backward]:
    """Normalize each channel by moments that are given, as batch normalization does outside of training.

    Parameters
    ----------
    x : (..., channels)
        Images or rows.
    scale, shift : (channels,)
        γ and β.
    mean, variance : (channels,)
        Constants; no gradient flows to them.
    epsilon : float
        Added to the variance.
    """
    _check_parameters("normalize", x, scale, shift, x.shape[-1:])
    center = np.asarray(mean, x.dtype)
    inverse = (1 / np.sqrt(variance + epsilon)).astype(x.dtype)
    factor = scale * inverse
    value = x - center
    value *= factor
    value += shift
    return value, lambda g: (lambda: g * factor, lambda: g * ((x - center) * inverse), g)


def _layer_norm_case(draw: Draw) -> Case:
    parameter_shape = draw_shape(draw, min_ndim=1, max_ndim=2, min_length=1, max_length=3)
    shape = (*draw_shape(draw, min_ndim=1, max_ndim=2, max_length=3), *parameter_shape)
    return Case(_draw_operands(draw, shape, parameter_shape), {"epsilon": draw.choice([0.1, 1.0])})


@primitive(cases=[_layer_norm_case])
def layer_norm(x: Array, scale: Array, shift: Array, /, *, epsilon: float = 1e-5) -> tuple[Array, Backward]:
    """Normalize each example by the moments of its own elements (Ba, Kiros and Hinton, 2016, equation 4).

    Parameters
    ----------
    x : (..., *features)
        The last axes, as many as `scale` has, are normalized together.
    scale, shift : (*features,), at least one axis
        Gain and bias of each element.
    epsilon : float
        Added to the variance.
    """
    _check_parameters("layer_norm", x, scale, shift, x.shape[-scale.ndim :] if scale.ndim else ())
    _check_count("layer_norm", scale.size, 1, x)

    def total(values: Array) -> Array:
        return values.sum(axis=1, keepdims=True, dtype=np.float64)

    return _scaled_and_shifted(x, x.reshape(-1, scale.size), scale, shift, total, scale.size, epsilon)


def _group_norm_case(draw: Draw) -> Case:
    n_groups = draw.integer(1, 3)
    n_channels = n_groups * draw.integer(1, 2)
    operands = _draw_operands(draw, _draw_images(draw, n_channels), (n_channels,))
    return Case(operands, {"n_groups": n_groups, "epsilon": draw.choice([0.1, 1.0])})


@primitive(cases=[_group_norm_case])
def group_norm(
    x: Array, scale: Array, shift: Array, /, n_groups: int, *, epsilon: float = 1e-5
) -> tuple[Array, Backward]:
    """Normalize groups of neighbouring channels of each example (Wu and He, ECCV 2018, section 3.1).

    Parameters
    ----------
    x : (n, ..., channels)
        Images or rows.
    scale, shift : (channels,)
        γ and β.
    n_groups : int
        How many groups; divides the number of channels.
    epsilon : float
        Added to the variance.
    """
    _check_parameters("group_norm", x, scale, shift, x.shape[-1:])
    n_channels = x.shape[-1]
    check_groups(n_groups, n_channels)
    n_pixels = math.prod(x.shape[1:-1])
    group_size = n_channels // n_groups
    _check_count("group_norm", n_pixels * group_size, 1, x)

    def total(values: Array) -> Array:
        per_channel = np.ones((1, n_pixels), values.dtype) @ values
        groups = per_channel.reshape(len(values), n_groups, group_size).sum(axis=2, dtype=np.float64)
        return groups.repeat(group_size, axis=1)[:, None]

    images = x.reshape(len(x), n_pixels, n_channels)
    return _scaled_and_shifted(x, images, scale, shift, total, n_pixels * group_size, epsilon)


def check_groups(n_groups: int, n_channels: int) -> None:
    """Raise ArgumentError unless the channels can be divided into that many groups."""
    if n_groups < 1 or n_channels % n_groups != 0:
        raise ArgumentError(
            argument_sentence(
                "n_groups", n_groups, f"must be at least 1 and divide the {n_channels} channels"
            )
        )


def _scaled_and_shifted(
    x: Array,
    arranged: Array,
    scale: Array,
    shift: Array,
    total: Callable[[Array], Array],
    count: int,
    epsilon: float,
) -> tuple[Array, Backward]:
    """Normalize sets of `count` elements; `total` sums each set of an array arranged as `arranged` is.

    Here scale and shift vary within a set, so that they cannot be drawn out of the sums.
    """
    centered = arranged - (total(arranged) / count).astype(x.dtype)
    inverse = (1 / np.sqrt(_mean_square(centered, total, count) + epsilon)).astype(x.dtype)
    standardized = centered * inverse
    as_x = standardized.reshape(x.shape)

    def gradient_of_x(g: Array) -> Array:
        scaled = (g * scale).reshape(arranged.shape)
        gradient = scaled - (total(scaled) / count).astype(x.dtype)
        gradient -= standardized * (total(scaled * standardized) / count).astype(x.dtype)
        gradient *= inverse
        return gradient.reshape(x.shape)

    return as_x * scale + shift, lambda g: (lambda: gradient_of_x(g), lambda: g * as_x, g)


def _mean_square(centered: Array, total: Callable[[Array], Array], count: int) -> Array:
    # A deviation whose square underflows is nothing beside epsilon.
    with np.errstate(under="ignore"):
        return total(centered * centered) / count


def _check_parameters(op: str, x: Array, scale: Array, shift: Array, expected_shape: tuple[int, ...]) -> None:
    if not expected_shape or not scale.shape == shift.shape == expected_shape:
        raise ShapeError(
            f"{op} needs `scale` and `shift` in the shape of the last axes of `x`, got shapes {scale.shape}, "
            f"{shift.shape} and {x.shape}."
        )


def _check_count(op: str, count: int, smallest: int, x: Array) -> None:
    if count < smallest:
        need = f"at least {smallest} value{'s' if smallest > 1 else ''}"
        raise ShapeError(f"{op} needs {need} for each pair of moments, got `x` of shape {x.shape}.")
