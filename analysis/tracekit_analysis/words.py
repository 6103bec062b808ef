"""Words of answers: numbers, intervals, lists, and the names of configurations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def listed(words: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def interval_words(low: float, high: float, level: float) -> str:
    """Return " [low, high]" with its level, or nothing if there is no interval."""
    if not math.isfinite(low) or not math.isfinite(high):
        return ", no interval"
    return f" [{number(low)}, {number(high)}] ({level:.0%} interval)"


def cell_words(key: Mapping[str, object]) -> str:
    """Return "at batch_size 50, learning_rate 0.1"; empty without a key."""
    return "at " + ", ".join(f"{name} {value}" for name, value in key.items()) if key else ""


def number(value: float, digits: int = 3) -> str:
    """Return a number with significant digits, without exponent where it is short."""
    return f"{value:.{digits}g}"
