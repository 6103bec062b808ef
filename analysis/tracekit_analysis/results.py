"""What all results share: a status, a reason in words, and one flat row for a table."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

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
