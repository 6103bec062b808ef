"""What all results share: a status, a reason in words, and one flat row for a table."""

from __future__ import annotations

import dataclasses
import html
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Status = Literal["ok", "inconclusive", "degenerate", "divergent"]
"""Whether data could be analysed.

``ok``: as asked. ``inconclusive``: too short, gaps, order not attested, or too discrete. ``degenerate``:
constant. ``divergent``: the series ran away; numbers, where present, describe the part before that.
"""

Side = Literal["lower", "upper"]
"""Which bound of a series: the lower one, or the upper one (the lower bound of ``-x``)."""


class Record:
    """A result that can be written as one row of a table."""

    __slots__ = ()

    def to_record(self) -> dict[str, Any]:
        """Return the fields as one flat dict; tuples of notes are joined by "; "."""
        record: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            record[field.name] = "; ".join(value) if isinstance(value, tuple) else value
        return record

    def _repr_html_(self) -> str:
        """Return the fields as an HTML table, for notebooks; long arrays are given by their ends."""
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(_written(value))}</td></tr>"
            for name, value in self.to_record().items()
        )
        return f"<table><caption>{html.escape(type(self).__name__)}</caption>{rows}</table>"


def _written(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, threshold=8, edgeitems=3, separator=", ")
    return f"{value:.6g}" if isinstance(value, float) else str(value)


FloatArray = NDArray[np.float64]
