"""Normal distribution function, which NumPy lacks, and GELU, the activation made from it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import elementwise
from tracekit.engine.tensor import primitive

_NODES_PER_UNIT = 64
_LOWEST, _HIGHEST = -39, 9
"""Below and above them Φ is 0 and 1 in float64."""
_N_TERMS: dict[np.dtype[Any], int] = {np.dtype(np.float32): 4, np.dtype(np.float64): 7}
"""Terms of the series, at most 1/128 from a node, that leave no more than the rounding of the dtype."""
_PIECE_ELEMENTS = 2**14
"""Elements at a time, so that all that is computed for them stays in the cache."""


@functools.cache
def _tables(dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Φ and φ at the nodes, made at their first use: no import waits for them."""
    nodes = [
        place / _NODES_PER_UNIT for place in range(_LOWEST * _NODES_PER_UNIT, _HIGHEST * _NODES_PER_UNIT + 1)
    ]
    cdf = [math.erfc(-z / math.sqrt(2)) / 2 for z in nodes]
    density = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in nodes]
    return np.array(cdf).astype(dtype), np.array(density).astype(dtype)


def normal_cdf(x: Array) -> Array:
    """Φ(x), the probability that a standard normal number is below x; 0 for NaN.

    Taylor's series about the nearest node z of a grid, with h = x - z,
    ``Φ(z + h) = Φ(z) + φ(z) Σ_k (-1)^(k-1) He_(k-1)(z) h^k / k!``, where the Hermite polynomials obey
    ``He_k = z He_(k-1) - (k-1) He_(k-2)``. Both Φ(z) and φ(z) are tabulated, so that small values in the
    left tail keep their relative accuracy.
    """
    value = np.empty(x.shape, x.dtype)
    flat_x, flat_value = x.reshape(-1), value.reshape(-1)
    with np.errstate(under="ignore"):
        for start in range(0, x.size, _PIECE_ELEMENTS):
            part = slice(start, start + _PIECE_ELEMENTS)
            flat_value[part] = _normal_cdf_of_piece(flat_x[part])
    return value


def normal_density(x: Array) -> Array:
    """φ(x) = exp(-x² / 2) / √(2π)."""
    with np.errstate(under="ignore", over="ignore"):
        return np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def _normal_cdf_of_piece(x: Array) -> Array:
    # fmin and fmax, unlike clip, turn NaN into a number, which can name a node.
    within = np.fmin(np.fmax(x, x.dtype.type(_LOWEST)), x.dtype.type(_HIGHEST))
    # Of perturbed numbers, the nodes are on the real line; see engine/perturbation.py.
    z = np.rint(within.real * _NODES_PER_UNIT)
    place = z.astype(np.intp) - _LOWEST * _NODES_PER_UNIT
    z /= _NODES_PER_UNIT
    h = within - z
    previous, term = h, -0.5 * h * h * z
    series = previous + term
    for k in range(2, _N_TERMS[z.dtype]):
        previous, term = term, (z * term + ((k - 1) / k) * h * previous) * h * (-1 / (k + 1))
        series += term
    cdf, density = _tables(z.dtype)
    return cdf[place] + density[place] * series


@primitive(cases=[elementwise(low=-6, high=6)])
def gelu(x: Array, /) -> tuple[Array, Backward]:
    """Elementwise x Φ(x), in the exact form (Hendrycks and Gimpel, 2016, section 2)."""
    probability = normal_cdf(x)
    return _product(x, probability), lambda g: (g * (probability + _product(x, normal_density(x))),)


def _product(x: Array, small: Array) -> Array:
    with np.errstate(under="ignore"):
        return x * small
