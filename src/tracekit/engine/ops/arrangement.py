"""Arrangement ops: reshape, transpose, index, look up, concatenate and pad; they move elements only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import Case, Draw, draw_shape, draw_values, elementwise
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, ShapeError, argument_sentence


def _reshape_case(draw: Draw) -> Case:
    shape = draw_shape(draw)
    target = draw.choice([shape[::-1], (int(np.prod(shape)),), (1, *shape), (-1, *shape[1:])])
    if -1 in target and (not shape or 0 in shape[1:]):
        target = shape
    return Case((draw_values(draw, shape),), {"shape": target})


@primitive(cases=[_reshape_case])
def reshape(x: Array, /, shape: int | tuple[int, ...]) -> tuple[Array, Backward]:
    """Return the elements, read with the last axis fastest, in another shape; one length may be -1."""
    try:
        value = x.reshape(shape)
    except ValueError:
        raise ShapeError(
            argument_sentence(
                "shape", shape, f"must hold the {x.size} elements of an array of shape {x.shape}"
            )
        ) from None
    return value, lambda g: (g.reshape(x.shape),)


def _transpose_case(draw: Draw) -> Case:
    x = draw_values(draw, draw_shape(draw, max_ndim=4, max_length=3))
    order = np.random.default_rng(draw.seed()).permutation(x.ndim)
    signed = tuple(int(axis) - draw.choice([0, x.ndim]) for axis in order)
    return Case((x,), {"axes": draw.choice([None, signed])})


@primitive(cases=[_transpose_case])
def transpose(x: Array, /, axes: tuple[int, ...] | None = None) -> tuple[Array, Backward]:
    """Permute the axes: axis i of the result is axis ``axes[i]`` of `x`; None reverses them."""
    if axes is None:
        return x.transpose(), lambda g: (g.transpose(),)
    value = x.transpose(axes)
    back = np.argsort([axis % x.ndim for axis in axes])
    return value, lambda g: (g.transpose(back),)


def _index_case(draw: Draw) -> Case:
    x = draw_values(draw, draw_shape(draw, min_ndim=2, min_length=1))
    rows = tuple(draw.integer(-len(x), len(x) - 1) for _ in range(draw.integer(0, 5)))
    columns = tuple(draw.integer(0, x.shape[1] - 1) for _ in rows)
    start, step = draw.integer(-4, 4), draw.choice([-2, -1, 1, 2])
    key = draw.choice(
        [
            draw.integer(-len(x), len(x) - 1),
            slice(start, None, step),
            (..., slice(None, start, step)),
            (slice(None), None, draw.integer(0, x.shape[1] - 1)),
            np.array(rows, dtype=np.intp),
            (np.array(rows, dtype=np.intp), np.array(columns, dtype=np.intp)),
            (slice(None), np.array(columns, dtype=np.intp)),
            x > 0,
        ]
    )
    return Case((x,), {"key": key})


@primitive(cases=[_index_case])
def index(x: Array, /, key: Any) -> tuple[Array, Backward]:
    """``x[key]`` with anything that NumPy takes as a key.

    The gradients of an element that an integer array names several times add up.
    """
    parts = key if isinstance(key, tuple) else (key,)
    names_elements_once = all(
        part is None or part is Ellipsis or isinstance(part, int | np.integer | slice) for part in parts
    )

    def backward(g: Array) -> tuple[Array]:
        gradient = np.zeros_like(x)
        if names_elements_once:
            gradient[key] = g
        else:
            np.add.at(gradient, key, g)
        return (gradient,)

    return x[key], backward


def _embedding_case(draw: Draw) -> Case:
    n_entries = draw.integer(1, 4)
    rng = np.random.default_rng(draw.seed())
    indices = rng.integers(n_entries, size=draw_shape(draw, max_ndim=2))
    return Case((draw_values(draw, (n_entries, draw.integer(1, 3))),), {"indices": indices})


@primitive(cases=[_embedding_case])
def embedding(table: Array, /, indices: ArrayLike) -> tuple[Array, Backward]:
    """Look up rows of a table; the gradients of a row that is looked up several times add up.

    Parameters
    ----------
    table : (n_entries, n_features)
        One row for each entry.
    indices : (...) of int
        Which rows, from 0 to n_entries - 1.

    Returns
    -------
    (..., n_features)
    """
    rows = np.asarray(indices)
    if table.ndim != 2:
        raise ShapeError(argument_sentence("table", table.shape, "must have 2 axes: n_entries, n_features"))
    if rows.dtype.kind not in "iu":
        need = "must be an integer type"
        raise ArgumentError(argument_sentence("indices.dtype", str(rows.dtype), need, "use .astype(int)"))
    if rows.size and (rows.min() < 0 or rows.max() >= len(table)):
        wrong = int(rows[(rows < 0) | (rows >= len(table))][0])
        raise ArgumentError(f"`indices` must be in 0..{len(table) - 1}, the rows of `table`; got {wrong}.")

    def backward(g: Array) -> tuple[Array]:
        gradient = np.zeros_like(table)
        np.add.at(gradient, rows, g)
        return (gradient,)

    return table[rows], backward


def _concatenate_case(draw: Draw) -> Case:
    shape = draw_shape(draw, min_ndim=1)
    axis = draw.integer(-len(shape), len(shape) - 1)
    operands = []
    for _ in range(draw.integer(1, 3)):
        lengths = list(shape)
        lengths[axis] = draw.integer(0, 3)
        operands.append(draw_values(draw, tuple(lengths)))
    return Case(tuple(operands), {"axis": axis})


@primitive(cases=[_concatenate_case])
def concatenate(*arrays: Array, axis: int = 0) -> tuple[Array, Backward]:
    """Join arrays along an axis that they have."""
    ends = np.cumsum([array.shape[axis] for array in arrays[:-1]])
    return np.concatenate(arrays, axis), lambda g: np.split(g, ends, axis)


@primitive(
    cases=[
        elementwise(settings=lambda draw: {"widths": draw.integer(0, 2), "value": 0.5}),
        lambda draw: Case(
            (draw_values(draw, draw_shape(draw, min_ndim=2, max_ndim=2)),),
            {"widths": tuple((draw.integer(0, 2), draw.integer(0, 2)) for _ in range(2))},
        ),
    ]
)
def pad(x: Array, /, widths: int | tuple[tuple[int, int], ...], value: float = 0.0) -> tuple[Array, Backward]:
    """Surround an array with a constant.

    Parameters
    ----------
    x : array
        Any shape.
    widths : int or one pair (before, after) for each axis
        How many elements to put at the ends of the axes.
    value : float
        What to put there.
    """
    pairs = ((widths, widths),) * x.ndim if isinstance(widths, int) else widths
    if len(pairs) != x.ndim or any(width < 0 for pair in pairs for width in pair):
        raise ArgumentError(
            argument_sentence(
                "widths", widths, f"must hold a pair of widths >= 0 for each of the {x.ndim} axes"
            )
        )
    padded_shape = tuple(before + n + after for n, (before, after) in zip(x.shape, pairs, strict=True))
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(x.shape, pairs, strict=True))
    padded = np.full(padded_shape, value, x.dtype)
    padded[inside] = x
    return padded, lambda g: (g[inside],)
