"""Arithmetic ops: sums, products, quotients and powers, broadcast as in NumPy."""

from __future__ import annotations

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import broadcast, elementwise
from tracekit.engine.tensor import primitive


@primitive(cases=[broadcast((-2, 2), (-2, 2))])
def add(x: Array, y: Array, /) -> tuple[Array, Backward]:
    """Elementwise x + y."""
    return x + y, lambda g: (g, g)


@primitive(cases=[broadcast((-2, 2), (-2, 2))])
def subtract(x: Array, y: Array, /) -> tuple[Array, Backward]:
    """Elementwise x - y."""
    return x - y, lambda g: (g, lambda: -g)


@primitive(cases=[broadcast((-2, 2), (-2, 2))])
def multiply(x: Array, y: Array, /) -> tuple[Array, Backward]:
    """Elementwise x y."""
    return x * y, lambda g: (lambda: g * y, lambda: g * x)


@primitive(cases=[broadcast((-2, 2), (0.5, 2)), broadcast((-2, 2), (-2, -0.5))])
def divide(x: Array, y: Array, /) -> tuple[Array, Backward]:
    """Elementwise x / y."""
    value = x / y
    return value, lambda g: (lambda: g / y, lambda: -g * value / y)


@primitive(cases=[elementwise()])
def negative(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise -x."""
    return -x, lambda g: (-g,)


@primitive(
    cases=[
        elementwise(low=0.2, settings=lambda draw: {"exponent": draw.choice([-1.5, 0.5, 1.7])}),
        elementwise(kinks=(0,), settings=lambda draw: {"exponent": draw.choice([-2, -1, 0, 1, 2, 3])}),
    ]
)
def power(x: Array, /, exponent: float) -> tuple[Array, Backward]:
    """Elementwise x to the power of one number; its derivative is zero everywhere if that number is 0."""
    exponent = float(exponent)
    if exponent == 0:
        return np.ones_like(x), lambda g: (np.zeros_like(g),)
    return x**exponent, lambda g: (g * (exponent * x ** (exponent - 1)),)
