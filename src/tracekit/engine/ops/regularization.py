"""Dropout: an op that acts in training only."""

from __future__ import annotations

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.ops.cases import elementwise
from tracekit.engine.tensor import primitive
from tracekit.errors import ArgumentError, argument_sentence


def check_rate(rate: float) -> None:
    """Raise ArgumentError unless `rate` is a probability below 1."""
    if not 0 <= rate < 1:
        raise ArgumentError(argument_sentence("rate", rate, "must be at least 0 and smaller than 1"))


@primitive(
    cases=[elementwise(settings=lambda draw: {"rate": draw.choice([0.0, 0.3, 0.8]), "rng": draw.seed()})]
)
def dropout(x: Array, /, rate: float, *, rng: np.random.Generator | int) -> tuple[Array, Backward]:
    """Set each element to zero with probability `rate` and divide the others by 1 - rate.

    Inverted scaling keeps the expectation, so that evaluation needs no op at all (Srivastava, Hinton,
    Krizhevsky, Sutskever and Salakhutdinov, JMLR 2014, section 10).

    Parameters
    ----------
    x : array
        Any shape.
    rate : float
        Probability in [0, 1).
    rng : Generator or int
        Draws one number for each element, the same for float32 and float64; an int seeds a new generator.
    """
    check_rate(rate)
    kept = np.random.default_rng(rng).random(x.shape, dtype=np.float32) >= rate
    scale = kept * x.dtype.type(1 / (1 - rate))
    return x * scale, lambda g: (g * scale,)
