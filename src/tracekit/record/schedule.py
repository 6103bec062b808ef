"""Schedules of signals: functions of the number of the update, and the phrases that name them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from tracekit.errors import ArgumentError, argument_sentence

#: Number of the update (from 1) -> whether to record.
Schedule = Callable[[int], bool]

PHRASES = (
    "'every 17', 'every 17 from 5', 'every 3, 200 times', 'log 20', 'log 1 1000 20', 'epoch' or 'at 1,10,100'"
)


def every(stride: int, *, first: int = 1) -> Schedule:
    """Record updates first, first + stride, first + 2 stride, ...

    An even stride folds the period-2 oscillation at the edge of stability onto frequency zero, so it
    is refused; 1 records everything.

    Raises
    ------
    ArgumentError
        The stride is below 1, or even, or the first update is below 1.
    """
    if stride < 1 or (stride > 1 and stride % 2 == 0):
        raise ArgumentError(
            f"a stride of {stride} updates must be 1 or odd, because an even stride hides oscillations of period 2; "
            f"use {max(1, stride + 1)}."
        )
    if first < 1:
        raise ArgumentError(argument_sentence("first", first, "must be at least 1"))
    return lambda step: step >= first and (step - first) % stride == 0


def at(steps: Iterable[int]) -> Schedule:
    """Record the given updates.

    Raises
    ------
    ArgumentError
        A step is below 1, or no step is given.
    """
    chosen = frozenset(steps)
    if not chosen or min(chosen) < 1:
        raise ArgumentError(argument_sentence("steps", sorted(chosen), "must hold numbers of at least 1"))
    return chosen.__contains__


def logarithmic(start: int, end: int, count: int) -> Schedule:
    """Record at most `count` updates from start to end, equally spaced in their logarithm.

    Points that round to the same update are recorded once, so that there may be fewer.

    Raises
    ------
    ArgumentError
        Unless 1 <= start <= end and there are at least 2 points.
    """
    if count < 2:
        raise ArgumentError(argument_sentence("count", count, "must be at least 2"))
    if not 1 <= start <= end:
        raise ArgumentError(
            argument_sentence("start", start, f"must be at least 1 and at most `end` (={end})")
        )
    return at(np.rint(np.geomspace(start, end, count)).astype(int).tolist())


def per_epoch(updates_per_epoch: int) -> Schedule:
    """Record each epoch's first update, which shows the parameters after the previous epochs.

    Raises
    ------
    ArgumentError
        An epoch has less than one update.
    """
    if updates_per_epoch < 1:
        raise ArgumentError(argument_sentence("updates_per_epoch", updates_per_epoch, "must be at least 1"))
    return lambda step: (step - 1) % updates_per_epoch == 0


def next_stride(stride: int, updates_per_epoch: int) -> int:
    """Return the smallest stride from `stride` on that is 1 or odd and shares no factor with the epoch.

    With a common factor f the recorded updates visit only 1/f of an epoch's positions, and an oscillation with
    the period of the epoch appears at a wrong, lower frequency.
    """
    while stride > 1 and (stride % 2 == 0 or math.gcd(stride, updates_per_epoch) > 1):
        stride += 1
    return stride


def check_stride(stride: int, updates_per_epoch: int) -> None:
    """Raise ArgumentError if a stride shares a factor with the number of updates in an epoch."""
    if math.gcd(stride, updates_per_epoch) > 1:
        raise ArgumentError(
            f"a stride of {stride} updates visits only some positions of an epoch of {updates_per_epoch} updates, "
            f"because both are multiples of {math.gcd(stride, updates_per_epoch)}; use "
            f"{next_stride(stride, updates_per_epoch)}, or allow it with `--allow-aliasing` (`allow_aliasing = true`)."
        )


@dataclass(frozen=True, slots=True)
class Phrase:
    """A schedule in words, as `PHRASES` lists them.

    "every 3, 200 times" is every third update; in runs where that gives more than 200 recordings, it is the largest
    odd stride that gives 200.
    """

    text: str

    def __post_init__(self) -> None:
        self.schedule(n_updates=1, updates_per_epoch=1)

    @property
    def stride(self) -> int | None:
        """Stride of a schedule that has one; else None."""
        words = self.text.replace(",", " ").split()
        return int(words[1]) if words[0] == "every" else None

    def for_length(self, n_updates: int) -> Phrase:
        """Return the same schedule in words that do not depend on the length of the run, if it has a stride."""
        match self.text.replace(",", " ").split():
            case ["every", stride, times, "times"]:
                enough = n_updates // int(times)
                return Phrase(f"every {max(int(stride), enough - (enough % 2 == 0))}")
            case _:
                return self

    def schedule(self, *, n_updates: int, updates_per_epoch: int) -> Schedule:
        """Build the schedule for a run.

        Parameters
        ----------
        n_updates : int
            Length of the run, at which "log" ends unless it names another end.
        updates_per_epoch : int
            Length of an epoch.

        Raises
        ------
        ArgumentError
            The text is not one of the phrases, or its numbers are not valid.
        """
        match self.text.replace(",", " ").split():
            case ["every", stride] if stride.isdecimal():
                return every(int(stride))
            case ["every", stride, times, "times"] if stride.isdecimal() and times.isdecimal() and int(times):
                every(int(stride))
                return self.for_length(n_updates).schedule(
                    n_updates=n_updates, updates_per_epoch=updates_per_epoch
                )
            case ["every", stride, "from", first] if stride.isdecimal() and first.isdecimal():
                return every(int(stride), first=int(first))
            case ["log", count] if count.isdecimal():
                return logarithmic(1, n_updates, int(count))
            case ["log", start, end, count] if start.isdecimal() and end.isdecimal() and count.isdecimal():
                return logarithmic(int(start), int(end), int(count))
            case ["epoch"]:
                return per_epoch(updates_per_epoch)
            case ["at", *steps] if steps and all(step.isdecimal() for step in steps):
                return at(map(int, steps))
            case _:
                raise ArgumentError(argument_sentence("schedule", self.text, f"must read {PHRASES}"))
