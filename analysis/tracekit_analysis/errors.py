"""The one error that the analysis layer raises on purpose, and the helpers that word it.

An argument that cannot be used raises; data that cannot be used do not: they come back with a
status and a reason (see `tracekit_analysis.series.input`).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

MANY_CHOICES = 4
"""Choices among which a reader finds the one that was meant without help."""


class AnalysisError(ValueError):
    """An argument or a table has a value that no analysis can use."""


def bad_argument(name: str, value: object, need: str, way_out: str = "") -> AnalysisError:
    """Word an argument error: "`lags` (=40) must be smaller than the series length (=30); shorten it."

    Parameters
    ----------
    name : str
        The argument as the caller wrote it, without backticks.
    value : object
        What was passed; shown by ``repr``, cut after 80 characters.
    need : str
        What must hold, starting with a verb ("must be positive").
    way_out : str
        What to do instead; may be empty.
    """
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return AnalysisError(f"`{name}` (={shown}) {need}" + (f"; {way_out}" if way_out else "") + ".")


def require_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise AnalysisError unless `value` is one of `choices`."""
    known = list(choices)
    if value not in known:
        close = difflib.get_close_matches(str(value), known, n=1) if len(known) > MANY_CHOICES else []
        raise bad_argument(
            name,
            value,
            f"must be one of {', '.join(repr(choice) for choice in known)}",
            f"the closest is {close[0]!r}" if close else "",
        )


def require_between(name: str, value: float, low: float, high: float) -> None:
    """Raise AnalysisError unless `value` is a number strictly between `low` and `high`."""
    if isinstance(value, str) or not low < value < high:
        raise bad_argument(name, value, f"must be a number strictly between {low:g} and {high:g}")


def require_count(name: str, value: float, least: int) -> None:
    """Raise AnalysisError unless `value` is a whole number of at least `least`."""
    if isinstance(value, str) or not math.isfinite(value) or value != int(value) or value < least:
        raise bad_argument(name, value, f"must be a whole number of at least {least}")
