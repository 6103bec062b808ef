"""Bands of error rates: the limits for each procedure and process, and whether measured rates are within them.

The bands are those of the project's design study. A limit allows for 2.58 standard errors of Monte-Carlo error. A
size below its band is conservative, which we accept and report.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

LENGTHS = (200, 1000, 10_000)
Z = 2.58

Kind = Literal["size", "at most", "at least", "between", "coverage"]
Outcome = Literal["reached", "conservative", "missed"]


@dataclass(frozen=True, slots=True)
class Band:
    """Limits of one quantity on one process at one length."""

    process: str
    """Name of the process."""
    quantity: str
    """Name of the quantity."""
    n: int
    """Values per series."""
    kind: Kind
    """How `low` and `high` apply; ``size`` is .05 on both sides, ``coverage`` a share between them."""
    low: float
    """Lower limit, if there is one."""
    high: float
    """Upper limit, if there is one."""

    @property
    def words(self) -> str:
        """The band in words."""
        if self.kind == "size":
            return ".05"
        if self.kind in ("between", "coverage"):
            return f"{_short(self.low)} to {_short(self.high)}"
        return f"{self.kind} {_short(self.high if self.kind == 'at most' else self.low)}"

    def judge(self, mean: float, se: float, runs: int) -> Outcome:
        """Return whether a measured mean is within the band."""
        if math.isnan(mean):
            return "missed"
        if self.kind == "size":
            slack = Z * math.sqrt(0.05 * 0.95 / runs)
            return "missed" if mean > 0.05 + slack else "conservative" if mean < 0.05 - slack else "reached"
        if self.kind in ("between", "coverage"):
            slack = Z * (se if self.kind == "between" else math.sqrt(self.low * (1.0 - self.low) / runs))
            return "reached" if self.low - slack <= mean <= self.high + slack else "missed"
        limit = self.high if self.kind == "at most" else self.low
        slack = Z * math.sqrt(max(limit * (1.0 - limit), 0.0) / runs)
        kept = mean <= limit + slack if self.kind == "at most" else mean >= limit - slack
        return "reached" if kept else "missed"


def _bands() -> Iterator[Band]:
    for process in ("iid", "t2", "MA-.8", "AR.5", "Cauchy", "shuffled trend"):
        for quantity in ("LFQ lower", "LFQ upper", "level", "scale"):
            yield from _same(process, quantity, "size")
    yield from _limits("AR.9", "LFQ lower", "at most", 0.10, 0.07, 0.07)
    yield from _limits("AR.9", "LFQ upper", "at most", 0.10, 0.07, 0.07)
    yield from _limits("AR.9", "level", "at most", 0.20, 0.07, 0.07)
    yield from _limits("AR.9", "warned", "at least", 0.90, None, None)
    for quantity in ("LFQ lower", "LFQ upper", "level"):
        yield from _limits("GARCH", quantity, "at most", 0.18, 0.09, None)
        yield Band("GARCH", quantity, 10_000, "size", 0.05, 0.05)
        yield from _same("reshuffled", quantity, "size")
        high = 0.085 if quantity == "level" else 0.065
        for process in ("sine", "sawtooth", "fixed order"):
            yield from _limits(process, quantity, "at most", high, high, high)
    yield from _same("variance x2", "level", "size")
    yield from _same("lower drift", "level", "size")
    yield from _power()
    yield from _index()
    yield from _others()


def _power() -> Iterator[Band]:
    yield from _limits("trend", "level", "at least", 0.95, 0.995, 0.995)
    yield from _limits("break", "level", "at least", 0.75, 0.99, 0.995)
    yield from _limits("walk", "level", "at least", 0.65, 0.75, 0.90)
    yield from _limits("noisy walk", "level", "at least", 0.55, 0.75, 0.90)
    yield from _limits("variance x2", "scale", "at least", 0.90, 0.99, 0.995)
    yield from _limits("lower drift", "LFQ lower", "at least", 0.18, 0.80, 0.995)
    yield from _limits("lower wander", "LFQ lower", "at least", 0.10, 0.40, 0.95)


def _index() -> Iterator[Band]:
    for process, high in {
        "iid": 0.01, "t2": 0.01, "MA-.8": 0.01, "AR.5": 0.01, "Cauchy": 0.02, "AR.9": 0.02, "GARCH": 0.02,
    }.items():  # fmt: skip
        yield from _limits(process, "unstable", "at most", high, high, high)
    for process in ("iid", "sine", "sawtooth", "fixed order", "reshuffled", "shuffled trend"):
        yield from _limits(process, "stable", "at least", None, 0.90, 0.90)
    yield from _limits("variance x2", "unstable", "at least", None, None, 0.99)
    yield from _limits("noisy walk", "unstable", "at least", None, None, 0.90)
    for process in ("iid", "t2", "MA-.8", "AR.5", "trend", "variance x2", "lower drift", "lower wander"):
        yield from _limits(process, "I covered", "at least", None, 0.92, 0.92)
    yield from _limits("break", "I covered", "at least", None, 0.90, 0.90)
    yield from _limits("AR.9", "I covered", "at least", None, None, 0.92)
    yield from _limits("GARCH", "I covered", "at least", None, 0.83, 0.92)
    for process in ("iid", "AR.5", "t2"):
        yield from (Band(process, "drift covered", n, "coverage", 0.92, 1.0) for n in LENGTHS)
        yield from _same(process, "bound trend", "size")


def _others() -> Iterator[Band]:
    yield from _limits("AR.9", "verdict S", "at least", None, 0.90, 0.90)
    yield from _limits("trend", "verdict C", "at least", None, 0.95, 0.95)
    for process in ("walk", "noisy walk"):
        yield from _limits(process, "verdict U", "at least", None, 0.85, 0.85)
        yield from _limits(process, "verdict S", "at most", None, 0.08, 0.08)
    for process in ("iid", "t2", "Cauchy", "AR.5"):
        yield from _same(process, "ARCH", "size")
    yield from _limits("AR.9", "ARCH", "at most", 0.09, 0.09, 0.09)
    yield from _limits("GARCH", "ARCH", "at least", None, 0.90, 0.90)
    yield from _limits("GARCH", "burst warning", "at least", 0.30, None, None)
    yield from _limits("GARCH", "LFQ lower unwarned", "at most", 0.05, None, None)
    for process in ("iid", "AR.5"):
        yield from _same(process, "Mann-Kendall", "size")
    yield from _limits("AR.9", "Mann-Kendall", "at most", None, 0.07, 0.07)
    for process in ("iid", "t2", "AR.5", "MA-.8"):
        yield from _same(process, "peak", "size")
        yield from _same(process, "comb", "size")
    yield from _same("AR.9", "comb", "size")
    for process in ("iid", "AR.5"):
        yield from _limits(process, "Nyquist", "at most", 0.07, 0.07, 0.07)
    yield from _limits("sawtooth", "comb", "at least", None, 0.80, 0.80)
    yield from _limits("reshuffled", "comb", "at most", None, 0.05, 0.05)
    yield from _between("reshuffled", "VR(E)", 0.05, 0.11, (1000, 10_000))
    for process, high in {"iid": 0.02, "t2": 0.02, "MA-.8": 0.02, "AR.5": 0.05}.items():
        yield from _limits(process, "break found", "at most", high, high, high)
    yield from _limits("break", "break found", "at least", None, 0.95, 0.95)
    yield from _limits("break", "break misplaced by", "at most", None, 0.02, 0.02)
    yield from (Band("d=.3", "d covered", n, "coverage", 0.93, 0.97) for n in LENGTHS)
    yield from _between("AR.5", "tau", 2.7, 3.3, (1000, 10_000))
    yield from _between("Cauchy", "Hill alpha", 0.9, 1.1, (10_000,))
    yield from _limits("interleaved", "interleaved", "at least", 0.99, 0.99, 0.99)
    for process in ("iid", "AR.5", "AR.9", "fixed order", "reshuffled"):
        yield from _limits(process, "interleaved", "at most", 0.01, 0.01, 0.01)


def _same(process: str, quantity: str, kind: Kind) -> Iterator[Band]:
    return (Band(process, quantity, n, kind, 0.05, 0.05) for n in LENGTHS)


def _limits(process: str, quantity: str, kind: Kind, *limits: float | None) -> Iterator[Band]:
    for n, limit in zip(LENGTHS, limits, strict=True):
        if limit is not None:
            yield Band(process, quantity, n, kind, limit, limit)


def _between(
    process: str, quantity: str, low: float, high: float, lengths: tuple[int, ...]
) -> Iterator[Band]:
    return (Band(process, quantity, n, "between", low, high) for n in lengths)


def _short(number: float) -> str:
    return f"{number:.3g}".removeprefix("0") if number < 1.0 else f"{number:g}"


BANDS: tuple[Band, ...] = tuple(_bands())
"""All bands."""


def judge_rates(rates: pd.DataFrame) -> pd.DataFrame:
    """Return a table of `error_rates` with the band of each quantity and whether it is kept; empty without a band."""
    bands = {(band.process, band.quantity, band.n): band for band in BANDS}
    must, outcome = [], []
    for row in named_rows(rates):
        band = bands.get((row.process, row.quantity, row.n))
        must.append(band.words if band else "")
        outcome.append(band.judge(row.mean, row.se, row.runs) if band else "")
    return rates.assign(must=must, outcome=outcome)


def named_rows(frame: pd.DataFrame) -> list[Any]:
    """Return the rows as named tuples."""
    return list(frame.itertuples(index=False))
