"""Elementwise ops: exponentials, activations, absolute value and clipping."""

from __future__ import annotations

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.kernels import passes
from tracekit.engine.ops.cases import elementwise
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, argument_sentence


@primitive(cases=[elementwise()])
def exp(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise exponential."""
    value = np.exp(x)
    return value, lambda g: (g * value,)


@primitive(cases=[elementwise(low=0.1)])
def log(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise natural logarithm."""
    return np.log(x), lambda g: (g / x,)


@primitive(cases=[elementwise(low=0.1)])
def sqrt(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise square root."""
    value = np.sqrt(x)
    return value, lambda g: (g / (2 * value),)


@primitive(cases=[elementwise()])
def tanh(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise hyperbolic tangent."""
    value = np.tanh(x)
    return value, lambda g: (g * (1 - value * value),)


@primitive(cases=[elementwise(low=-6, high=6)])
def sigmoid(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise logistic function 1 / (1 + exp(-x))."""
    value = _logistic(x)
    return value, lambda g: (g * (value * (1 - value)),)


@primitive(cases=[elementwise(kinks=(0,))])
def relu(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise max(x, 0); the derivative at 0 is taken as 0."""
    value = passes.rectify(x)
    return value, lambda g: (passes.gradient_of_rectify(g, value),)


@primitive(
    cases=[elementwise(kinks=(0,), settings=lambda draw: {"negative_slope": draw.choice([0.01, 0.3])})]
)
def leaky_relu(x: Array, /, negative_slope: float = 0.01) -> tuple[Array, Backward]:
    """Elementwise x where x > 0, else `negative_slope` times x; the derivative at 0 is `negative_slope`."""
    slope = float(negative_slope)
    return np.where(x > 0, x, slope * x), lambda g: (np.where(x > 0, g, slope * g),)


@primitive(cases=[elementwise(low=-6, high=6)])
def silu(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise x times its logistic function, also called swish (Hendrycks and Gimpel, 2016)."""
    gate = _logistic(x)
    with np.errstate(under="ignore"):
        value = x * gate
        slope = gate + value * (1 - gate)
    return value, lambda g: (g * slope,)


@primitive(cases=[elementwise(kinks=(0,), settings=lambda draw: {"alpha": draw.choice([0.5, 1.0, 2.0])})])
def elu(x: Array, /, alpha: float = 1.0) -> tuple[Array, Backward]:
    """Elementwise x where x > 0, else alpha (exp(x) - 1); the derivative at 0 is `alpha`.

    Clevert, Unterthiner and Hochreiter (ICLR 2016), equation 15.
    """
    alpha = float(alpha)
    with np.errstate(under="ignore"):
        below = alpha * np.expm1(np.minimum(x, 0))
    return np.where(x > 0, x, below), lambda g: (g * np.where(x > 0, 1, below + alpha),)


@primitive(cases=[elementwise(kinks=(0,))])
def abs(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise absolute value; the derivative at 0 is taken as 0."""
    return np.abs(x), lambda g: (g * np.sign(x),)


@primitive(cases=[elementwise(kinks=(-1, 0.5), settings=lambda draw: {"low": -1, "high": 0.5})])
def clip(x: Array, /, low: float, high: float) -> tuple[Array, Backward]:
    """Elementwise min(max(x, low), high); the derivative at both bounds is taken as 1."""
    low, high = float(low), float(high)
    if not low <= high:
        raise ArgumentError(argument_sentence("low", low, f"must not exceed `high` (={high!r})"))
    return np.clip(x, low, high), lambda g: (np.where((x >= low) & (x <= high), g, 0),)


def _logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), from exp(-|x|), which cannot overflow; where it underflows, 0 is the right limit."""
    with np.errstate(under="ignore"):
        tail = np.exp(-np.abs(x))
        return np.where(x >= 0, 1, tail) / (1 + tail)
