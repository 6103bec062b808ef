"""Kinds of hyperparameters: conditions on values, written as annotations of a definition's parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_type_hints

import numpy as np

from tracekit.errors import ArgumentError, argument_sentence


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition on a number, in words and as a test."""

    need: str  #: "must ..."
    holds: Callable[[float], bool]
    whole: bool = False  #: whether only integers are allowed


Positive = Annotated[float, Requirement("must be a positive finite number", lambda value: value > 0)]
NotNegative = Annotated[float, Requirement("must be a finite number of at least 0", lambda value: value >= 0)]
Fraction = Annotated[float, Requirement("must lie in [0, 1)", lambda value: 0 <= value < 1)]
Count = Annotated[int, Requirement("must be a whole number of at least 0", lambda value: value >= 0, True)]


def check_settings(links: Callable[..., Any], settings: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Check values against the annotations of the function that will receive them.

    Raises
    ------
    ArgumentError
        A value of the wrong type or range; NaN and infinities are never valid.
    """
    hints = get_type_hints(links, include_extras=True)
    for name, value in settings.items():
        _check(name, value, hints[name], defaults[name])


def _check(name: str, value: Any, hint: Any, default: Any) -> None:
    if hint is bool:
        if not isinstance(value, bool):
            raise ArgumentError(argument_sentence(name, value, "must be true or false"))
        return
    requirement = next(extra for extra in get_args(hint) if isinstance(extra, Requirement))
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    fits = is_number and math.isfinite(value) and (not requirement.whole or float(value).is_integer())
    if not fits or not requirement.holds(value):
        raise ArgumentError(argument_sentence(name, value, requirement.need, f"the default is {default!r}"))
