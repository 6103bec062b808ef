"""When a signal is recorded: functions of the number of the update."""

from __future__ import annotations

from collections.abc import Callable

from tracekit.errors import ArgumentError, bad_argument

#: Number of the update (from 1) -> whether to record.
Schedule = Callable[[int], bool]


def every(stride: int) -> Schedule:
    """Record updates 1, 1 + stride, 1 + 2 stride, ...

    An even stride folds the period-2 oscillation at the edge of stability onto frequency zero, so it
    is refused; 1 records everything.

    Raises
    ------
    ArgumentError
        The stride is below 1, or even.
    """
    if stride < 1 or (stride > 1 and stride % 2 == 0):
        raise ArgumentError(
            bad_argument(
                "stride",
                stride,
                "must be 1 or odd",
                "an even stride hides oscillations of period 2, take the next odd number",
            )
        )
    return lambda step: (step - 1) % stride == 0
