"""Test cases of ops: the inputs on which an op's gradient is checked.

A case is a function that asks a :class:`Draw` for lengths, choices and values and returns a
:class:`Case`. Tests draw with Hypothesis, :func:`tracekit.engine.checking.check_op` with a random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from tracekit.engine.arrays import Array

Option = TypeVar("Option")


@dataclass(frozen=True, slots=True)
class Case:
    """Operands and settings of one call of an op."""

    operands: tuple[Array, ...]
    """float64 arrays, one for each operand."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The other arguments by name; calls with equal settings give equal results."""


class Draw(Protocol):
    """Where a case gets its lengths, choices and values from."""

    def integer(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""

    def choice(self, options: Sequence[Option]) -> Option:
        """Return one of `options`."""

    def seed(self) -> int:
        """Return a seed for a random generator."""


BuildCase: TypeAlias = Callable[[Draw], Case]


def draw_values(
    draw: Draw,
    shape: tuple[int, ...],
    *,
    low: float = -2.0,
    high: float = 2.0,
    kinks: Sequence[float] = (),
    distinct: bool = False,
) -> Array:
    """Draw an array of float64.

    Parameters
    ----------
    draw : Draw
        Gives the seed.
    shape : tuple of int
        Shape of the array.
    low, high : float
        Bounds of the values.
    kinks : sequence of float
        Points at which the op has no derivative; values stay 0.01 away from them.
    distinct : bool
        Whether values must differ from each other by at least ``(high - low) / (2 * size)``, as maxima
        need.
    """
    rng = np.random.default_rng(draw.seed())
    if distinct:
        size = int(np.prod(shape))
        places = rng.permutation(size) + rng.uniform(0.25, 0.75, size)
        values = (low + (high - low) * places / max(size, 1)).reshape(shape)
    else:
        values = rng.uniform(low, high, shape)
    for kink in kinks:
        values = np.where(np.abs(values - kink) < 0.01, kink + 0.02, values)
    return values


def draw_shape(
    draw: Draw, *, min_ndim: int = 0, max_ndim: int = 3, min_length: int = 0, max_length: int = 4
) -> tuple[int, ...]:
    """Draw a shape."""
    ndim = draw.integer(min_ndim, max_ndim)
    return tuple(draw.integer(min_length, max_length) for _ in range(ndim))


def draw_axes(draw: Draw, ndim: int) -> int | tuple[int, ...] | None:
    """Draw what a reduction accepts as `axis`: None, one axis counted from either end, or several."""
    several = tuple(axis for axis in range(ndim) if draw.choice([False, True]))
    if ndim == 0:
        return draw.choice([None, ()])
    return draw.choice([None, draw.integer(-ndim, ndim - 1), several])


def elementwise(
    *,
    low: float = -2.0,
    high: float = 2.0,
    kinks: Sequence[float] = (),
    settings: Callable[[Draw], Mapping[str, Any]] = lambda draw: {},
) -> BuildCase:
    """Make the case of an op on one array of any shape."""

    def build(draw: Draw) -> Case:
        drawn = draw_values(draw, draw_shape(draw), low=low, high=high, kinks=kinks)
        return Case((drawn,), settings(draw))

    return build


def broadcast(*bounds: tuple[float, float]) -> BuildCase:
    """Make the case of an op on arrays that are broadcast against each other, one pair of bounds each."""

    def build(draw: Draw) -> Case:
        shape = draw_shape(draw)
        operands = []
        for low, high in bounds:
            trimmed = shape[draw.integer(0, len(shape)) :]
            repeated = tuple(draw.choice([length, 1]) for length in trimmed)
            operands.append(draw_values(draw, repeated, low=low, high=high))
        return Case(tuple(operands))

    return build


def reduction(*, min_length: int = 0, distinct: bool = False) -> BuildCase:
    """Make the case of an op that reduces one array over `axis`."""

    def build(draw: Draw) -> Case:
        drawn = draw_values(draw, draw_shape(draw, min_length=min_length), distinct=distinct)
        settings = {"axis": draw_axes(draw, drawn.ndim), "keepdims": draw.choice([False, True])}
        return Case((drawn,), settings)

    return build
