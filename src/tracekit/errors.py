"""Errors that tracekit raises on purpose, and helpers that word their messages.

A message of an argument error is one sentence: the argument's name, its value, what is needed, and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TracekitError(Exception):
    """Base class of errors that the user can correct; the CLI prints them as one sentence, without a traceback."""


class ArgumentError(TracekitError, ValueError):
    """An argument or a setting has a value that cannot be used."""


class UnknownNameError(ArgumentError):
    """A name is not in the table that it was looked up in."""


class ShapeError(ArgumentError):
    """Two arrays do not fit together; the message names both shapes."""


class DataError(TracekitError):
    """A data set is missing, damaged or not what its name says."""


class StoreError(TracekitError):
    """A trace store cannot be read or written; the message names the file or folder."""


class OutputExistsError(StoreError):
    """The output exists already, and overwriting was not asked for."""


def argument_sentence(name: str, value: object, need: str, way_out: str = "") -> str:
    """Word an argument error: "`lags` (=40) must be smaller than the series length (=30); shorten it."

    Parameters
    ----------
    name : str
        The argument as the caller wrote it, without backticks.
    value : object
        The value that was passed; shown by ``repr``, cut after 80 characters.
    need : str
        What must hold, starting with a verb ("must be positive").
    way_out : str
        What to do instead; may be empty.
    """
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    return f"`{name}` (={shown}) {need}" + (f"; {way_out}" if way_out else "") + "."


def unknown_name(kind: str, name: str, known: Iterable[str], *, listing: str = "") -> UnknownNameError:
    """Build the error for an unknown name, with the closest names, and with all names if they are few.

    Parameters
    ----------
    kind : str
        The kind of thing that is named, as the sentence calls it ("optimizer").
    name : str
        The name that was looked up.
    known : iterable of str
        The known names.
    listing : str
        The command that shows all of them, named in place of a long list.
    """
    names = sorted(known)
    close = _closest(name, names)
    hint = f"did you mean {close[0]!r}?" if close else ""
    listed = ", ".join(names) if names else "none"
    if len(listed) <= _LONG_LIST:
        rest = f"Known: {listed}."
    else:
        if len(close) > 1:
            hint = f"did you mean {', '.join(map(repr, close[:-1]))} or {close[-1]!r}?"
        rest = f"`{listing}` shows all {len(names)}." if listing else f"There are {len(names)}."
    return UnknownNameError(f"unknown {kind} {name!r}; {hint}{' ' if hint else ''}{rest}")


_LONG_LIST = 240  # characters; a reader takes in three lines, not sixty


def _closest(name: str, names: list[str]) -> list[str]:
    """Return at most three names that may have been meant, the likeliest first."""
    # Swapped letters are the likeliest mistake: "adma" means adam, though adamax shares a longer run of letters.
    similar = sorted(
        difflib.get_close_matches(name, names, n=10), key=lambda other: sorted(other) != sorted(name)
    )
    # Abbreviations share few letters with what they stand for: lr, wd, eps.
    short = [
        other
        for other in names
        if len(name) > 1
        and (other.startswith(name) or "".join(word[:1] for word in other.split("_")) == name)
    ]
    return list(dict.fromkeys([*short, *similar]))[:3]
