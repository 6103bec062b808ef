"""Matrix products and the affine map of a linear layer."""

from __future__ import annotations

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import Case, Draw, draw_shape, draw_values
from tracekit.engine.tensor import primitive
from tracekit.errors import ShapeError, argument_sentence


def _matmul_case(draw: Draw) -> Case:
    rows, inner, columns = (draw.integer(0, 4) for _ in range(3))
    stack = draw_shape(draw, max_ndim=2, max_length=3)
    stack_of_y = draw.choice([stack, stack[1:], tuple(1 for _ in stack)])
    return Case((draw_values(draw, (*stack, rows, inner)), draw_values(draw, (*stack_of_y, inner, columns))))


@primitive(cases=[_matmul_case])
def matmul(x: Array, y: Array, /) -> tuple[Array, Backward]:
    """Product of matrices, or of stacks of matrices whose leading axes are broadcast.

    Parameters
    ----------
    x : (..., rows, inner)
        Left factors.
    y : (..., inner, columns)
        Right factors.
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ShapeError(
            f"matmul needs operands with at least 2 axes, got shapes {x.shape} and {y.shape}; reshape them."
        )
    if x.shape[-1] != y.shape[-2]:
        raise ShapeError(
            f"matmul needs as many columns on the left as rows on the right, got shapes {x.shape} and "
            f"{y.shape}."
        )
    return x @ y, lambda g: (lambda: g @ y.swapaxes(-1, -2), lambda: x.swapaxes(-1, -2) @ g)


def _linear_case(draw: Draw) -> Case:
    n, n_in, n_out = (draw.integer(0, 4) for _ in range(3))
    return Case((draw_values(draw, (n, n_in)), draw_values(draw, (n_out, n_in)), draw_values(draw, (n_out,))))


def _linear_case_without_bias(draw: Draw) -> Case:
    return Case(_linear_case(draw).operands[:2])


@primitive(cases=[_linear_case, _linear_case_without_bias])
def linear(x: Array, weight: Array, bias: Array | None = None, /) -> tuple[Array, Backward]:
    """Affine map x Wᵀ + b.

    Parameters
    ----------
    x : (n, in_features)
        One example in each row.
    weight : (out_features, in_features)
        W.
    bias : (out_features,), optional
        b.
    """
    if x.ndim != 2 or weight.ndim != 2 or x.shape[1] != weight.shape[1]:
        raise ShapeError(
            argument_sentence(
                "weight", weight.shape, f"needs `x` of shape (n, {weight.shape[-1]}), got {x.shape}"
            )
        )
    value = x @ weight.T
    if bias is None:
        return value, lambda g: (lambda: g @ weight, lambda: g.T @ x)
    if bias.shape != weight.shape[:1]:
        raise ShapeError(
            argument_sentence(
                "weight", weight.shape, f"needs `bias` of shape {weight.shape[:1]}, got {bias.shape}"
            )
        )
    value = value + bias
    # A product with ones: BLAS adds rows up many times faster than sum(axis=0) does.
    return value, lambda g: (lambda: g @ weight, lambda: g.T @ x, lambda: np.ones(len(g), g.dtype) @ g)
