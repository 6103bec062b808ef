"""Input checks of one recorded series: its usable part, or a reason why it cannot be used; nothing is dropped silently.

Only a strictly increasing step column proves the order of the values. We never sort: a shuffled trend looks
perfectly stable, so a series whose order is in doubt is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status

MIN_LENGTH = 8
MAX_MISSING = 0.01
RUNAWAY_RATIO = 1e6
RUNAWAY_GROWTH = 10.0
NEGLIGIBLE = 1e-150

Result = TypeVar("Result", bound=Record)
_BLANKS = {"float": math.nan, "int": 0, "bool": False, "str": "", "FloatArray": np.empty(0)}


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Usable part of one recorded series, and what is known about the rest."""

    values: FloatArray
    """Finite values in step order, divided by `scale`; empty if the series is refused."""
    scale: float
    """Power of two that brings values near the limits of float64 back to order one; otherwise 1."""
    n: int
    """Number of recorded values, non-finite ones included."""
    status: Status
    """``ok``, or why only a part of the series, or nothing, can be analysed."""
    reason: str
    """One sentence for a status other than ``ok``; otherwise empty."""
    notes: tuple[str, ...] = ()
    """Warnings about a series that is usable."""
    n_missing: int = 0
    """Number of non-finite values plus number of steps missing from an otherwise regular schedule."""
    ties: float = 0.0
    """Share of values that repeat an earlier value exactly."""
    n_epochs: int | None = None
    """Number of epochs that the values span; None if unknown."""
    points_per_epoch: int | None = None
    """Values per epoch where all full epochs have equally many; None if unknown or unequal."""
    epoch_start: int = 0
    """Number of values before the first full epoch; 0 if unknown."""
    zeros: float = 0.0
    """Share of values that are exactly zero."""
    stride: float | None = None
    """Most common distance between recorded steps; None without steps."""
    known: dict[str, Any] = field(init=False, repr=False, default_factory=dict)
    """Cache by name: results that several statistics share; a part or a copy starts empty."""

    @property
    def n_used(self) -> int:
        """Number of values that can be analysed."""
        return int(self.values.size)

    def refusal(self, minimum: int = MIN_LENGTH) -> tuple[Status, str] | None:
        """Return the status and reason why nothing can be computed, or None if something can."""
        if self.status in ("inconclusive", "degenerate"):
            return self.status, self.reason
        if self.n_used < minimum:
            why = f"{self.n_used} usable values; at least {minimum} are needed"
            return (
                ("divergent", f"{self.reason}; {why}")
                if self.status == "divergent"
                else ("inconclusive", why)
            )
        return None

    def since(self, start: int) -> Series:
        """Return the series from index `start` of the usable values on."""
        if start == 0:
            return self
        epochs = self.n_epochs
        if epochs is not None:
            epochs = max(1, round(epochs * (self.n_used - start) / self.n_used))
        length = self.points_per_epoch
        phase = 0 if length is None else (self.epoch_start - start) % length
        rest = self.values[start:]
        if rest.size and rest.min() == rest.max():
            why = f"constant from value {start} of {self.n_used} on"
            if self.status == "ok":
                return replace(self, values=np.empty(0), status="degenerate", reason=why)
            return replace(self, values=np.empty(0))
        return replace(self, values=rest, n_epochs=epochs, epoch_start=phase).rescaled()

    def rescaled(self) -> Series:
        """Return the series with values of order one where their squares would overflow or vanish."""
        values, scale = rescaled(self.values)
        return self if scale == 1.0 else replace(self, values=values, scale=self.scale * scale)


def as_series(
    x: ArrayLike | Series, *, steps: ArrayLike | None = None, epochs: ArrayLike | None = None
) -> Series:
    """Check one series and return its usable part with a status.

    Leading NaN (a quantity not yet defined) are cut off; the series then ends before the next non-finite
    value. More than 1 % missing makes it inconclusive. An infinity, NaN up to the end, or growth by a
    factor of a million that continues to the end makes it divergent; the part before that is kept. Values
    below 1e-150 of the largest count as zero, with a note, because the squares of their ratios underflow.

    Parameters
    ----------
    x : (n,) array-like of numbers
        Values in recorded order. A `Series` is returned as it is.
    steps : (n,) array-like, optional
        Step of each value; must increase strictly. Without steps, the values are taken as ordered.
    epochs : (n,) array-like, optional
        Epoch of each value; gives the number of epochs and the number of values per epoch.

    Returns
    -------
    Series

    Raises
    ------
    AnalysisError
        If `x` is not one-dimensional or not numeric, or if `steps` or `epochs` has another length.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit_analysis import as_series
    >>> series = as_series([np.nan, *range(9, 0, -1), np.inf, 4.0])
    >>> series.values
    array([9., 8., 7., 6., 5., 4., 3., 2., 1.])
    >>> series.status
    'divergent'
    """
    if isinstance(x, Series):
        return x
    values = numbers("x", x)
    n = int(values.size)
    positions = None if steps is None else numbers("steps", steps, n)
    passes = None if epochs is None else numbers("epochs", epochs, n)
    doubt = "" if positions is None else _order_doubt(positions)
    if doubt:
        return _refused(n, "inconclusive", doubt)
    if n < MIN_LENGTH:
        return _refused(n, "inconclusive", f"{n} values; at least {MIN_LENGTH} are needed")

    stride = None if positions is None else _stride(positions)
    skipped = 0 if positions is None or stride is None else _missing_steps(positions, stride)
    n_missing = skipped + int(np.count_nonzero(~np.isfinite(values)))
    kept, status, reason = _analysable(values, n_missing, n + skipped)
    if status == "inconclusive":
        return _refused(n, status, reason, n_missing)
    used, scale = rescaled(values[kept])
    negligible = (used != 0.0) & (np.abs(used) < NEGLIGIBLE * np.abs(used).max(initial=0.0))
    if negligible.any():
        used = np.where(negligible, 0.0, used)
    if used.size and used.min() == used.max():
        if status == "ok":
            why = f"constant: all values are {float(values[kept.start])!r}"
            return _refused(n, "degenerate", why, n_missing)
        return _refused(n, status, f"{reason}, and constant before", n_missing)

    notes = []
    if negligible.any():
        notes.append(f"{negligible.sum()} values below {NEGLIGIBLE:g} of the largest count as zero")
    if skipped:
        notes.append(f"{skipped} steps are missing; the values were taken as evenly spaced")
    if status == "ok" and used.size < n:
        notes.append(
            f"only values {kept.start} to {kept.stop - 1} of {n}, between non-finite values, were analysed"
        )
    n_epochs, per_epoch, epoch_start = (None, None, 0) if passes is None else _epochs(passes[kept])
    return Series(
        values=used,
        scale=scale,
        n=n,
        status=status,
        reason=reason,
        notes=tuple(notes),
        n_missing=n_missing,
        ties=1.0 - np.unique(used).size / used.size if used.size else 0.0,
        n_epochs=n_epochs,
        points_per_epoch=per_epoch,
        epoch_start=epoch_start,
        zeros=float(np.mean(used == 0.0)) if used.size else 0.0,
        stride=stride,
    )


def unavailable(kind: type[Result], series: Series, refusal: tuple[Status, str], **known: object) -> Result:
    """Return a result without numbers: NaN, 0, False and empty, except for the fields given in `known`.

    A divergent series keeps the status ``divergent``, whatever else is wrong with the part before.
    """
    status, reason = (series.status, series.reason) if series.status == "divergent" else refusal
    known |= {"n": series.n, "n_used": 0, "status": status, "reason": reason, "notes": series.notes}
    blanks = {
        column.name: _BLANKS[str(column.type)]
        for column in fields(kind)  # type: ignore[arg-type]
        if column.name not in known
    }
    return kind(**blanks, **known)


def _analysable(values: FloatArray, n_missing: int, n_due: int) -> tuple[slice, Status, str]:
    """Return the part of the values that can be analysed, with the status and its reason."""
    n = values.size
    finite = np.isfinite(values)
    if not finite.any():
        return slice(0, 0), "inconclusive", "no finite value"
    start = 0 if np.isinf(values[0]) else int(np.argmax(finite))
    stop = start + int(np.argmin(finite[start:])) if not finite[start:].all() else n
    kept = slice(start, stop)
    if np.isinf(values).any() or (stop < n and not finite[stop:].any()):
        return kept, "divergent", f"divergent: not finite at value {stop} of {n}"
    if n_missing > MAX_MISSING * n_due:
        return (
            kept,
            "inconclusive",
            f"{n_missing / n_due:.1%} of the values are missing; at most 1% is allowed",
        )
    runaway = _runaway(rescaled(values[kept])[0])
    if runaway is not None:
        stop = start + runaway
        return slice(start, stop), "divergent", f"divergent: growing without bound from value {stop} of {n}"
    return kept, "ok", ""


def _refused(n: int, status: Status, reason: str, n_missing: int = 0) -> Series:
    return Series(np.empty(0), 1.0, n, status, reason, n_missing=n_missing)


def numbers(name: str, x: Any, length: int | None = None) -> FloatArray:
    """Return `x` as a contiguous float64 vector; pandas NA becomes NaN."""
    try:
        raw = x.to_numpy(dtype=np.float64, na_value=np.nan) if hasattr(x, "to_numpy") else np.asarray(x)
        if raw.dtype.kind == "O":
            raw = raw.astype(np.float64)
    except (TypeError, ValueError):
        raise bad_argument(name, x, "must be an array of real numbers") from None
    if raw.dtype.kind not in "fiub":
        raise bad_argument(name, raw.dtype.name, "must be an array of real numbers")
    if raw.ndim != 1:
        raise bad_argument(name, raw.shape, "must be one-dimensional", "pass one series at a time")
    if length is not None and raw.size != length:
        raise bad_argument(name, raw.size, f"must be as long as the values (={length})")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(raw, dtype=np.float64)


def _order_doubt(steps: FloatArray) -> str:
    """Return why the steps do not prove the order of the values; empty if they do."""
    if not np.isfinite(steps).all():
        return "a step number is missing, so the order of the values is unknown"
    gaps = np.diff(steps)
    if (gaps > 0).all():
        return ""
    if (gaps < 0).any():
        return "steps are out of order; sort the rows only if the step numbers can be trusted"
    duplicated = int((gaps == 0).sum())
    return f"{duplicated} duplicated steps; several series may be mixed, or rows stored twice"


def _stride(steps: FloatArray) -> float | None:
    """Return the most common distance between steps; None for fewer than two."""
    if steps.size < 2:
        return None
    strides, counts = np.unique(np.diff(steps), return_counts=True)
    return float(strides[np.argmax(counts)])


def _missing_steps(steps: FloatArray, stride: float) -> int:
    """Count the steps that a schedule with the most common stride would have recorded and that are missing."""
    if steps.size < 3:
        return 0
    return max(0, round(float((steps[-1] - steps[0]) / stride)) + 1 - steps.size)


def rescaled(values: FloatArray) -> tuple[FloatArray, float]:
    """Divide by a power of two (exactly) if squares of the values would overflow or vanish."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0 or 1e-100 < largest < 1e100:
        return values, 1.0
    exponent = min(int(np.frexp(largest)[1]), 1023)
    return np.ldexp(values, -exponent), float(np.ldexp(1.0, exponent))


def _runaway(values: FloatArray) -> int | None:
    """Return the index after which the series stays a million times its early spread away and continues to grow."""
    n = values.size
    if n < 5 * MIN_LENGTH:
        return None
    early = values[: n // 2]
    centre = np.median(early)
    distance = np.abs(values - centre)
    spread = float(np.median(distance[: n // 2]))
    if spread == 0.0 or distance[-1] < RUNAWAY_RATIO * spread:
        return None
    tenth = n // 10
    if np.median(distance[-tenth:]) < RUNAWAY_GROWTH * np.median(distance[-2 * tenth : -tenth]):
        return None
    near = np.flatnonzero(distance < RUNAWAY_RATIO * spread)
    return int(near[-1]) + 1


def _epochs(epochs: FloatArray) -> tuple[int | None, int | None, int]:
    """Return the number of epochs, the number of values per full epoch if all agree, and the number of values
    before the first full epoch."""
    if epochs.size == 0 or not np.isfinite(epochs).all() or (np.diff(epochs) < 0).any():
        return None, None, 0
    counts = np.unique(np.floor(epochs), return_counts=True)[1]
    inner = counts[1:-1] if counts.size > 2 else counts
    per_epoch = int(inner[0]) if (inner == inner[0]).all() else None
    start = 0 if per_epoch is None else int(counts[0]) % per_epoch
    return int(counts.size), per_epoch, start
