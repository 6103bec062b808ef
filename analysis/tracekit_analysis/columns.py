"""Columns of `characterize`: each statistic's module declares its own with `column_group`.

A group is one function of one series. It carries what every reader of a column needs: the preset, the meaning and unit
of each column, the heading of the method page, and the results whose notes the row repeats, by topic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

from tracekit_analysis.results import Record

Preset = Literal["minimal", "standard", "full"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
"""``minimal``: dependence, burn-in and both bounds. ``standard``: adds what labels rest on; ADF and
the search for breaks make it the slower one. ``full``: adds the descriptive and the costly."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds."""

    meaning: str
    """One line that stands alone; the unit is added where it is not said."""
    unit: str = ""
    """Unit of its numbers: "values", "units of the series"; empty for words, counts, shares and p-values."""
    method: str = ""
    """Page and heading of the method, "spectral.md#peaks"; empty: those of the group."""

    @property
    def text(self) -> str:
        """Meaning and unit in one line."""
        return self.meaning if self.unit in self.meaning else f"{self.meaning}, in {self.unit}"


class Cells(NamedTuple):
    """What a group computes for one series."""

    values: dict[str, Any]
    """Exactly the columns of the group, by name."""
    results: tuple[tuple[str, Record], ...] = ()
    """Results whose notes and reasons the row repeats, each behind its topic; a topic may be empty."""


Compute = Callable[[Any], Cells]


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns that one function computes together."""

    name: str
    """Module and function, "peaks.peak_columns"."""
    preset: Preset
    """Smallest preset that holds the group."""
    columns: Mapping[str, Column]
    """The columns by name, in order."""
    compute: Compute
    """Function of the series after its transient, or of the `Regime` where `takes_regime`."""
    takes_regime: bool
    """Whether the group looks at the whole series, too."""


GROUPS: list[ColumnGroup] = []
"""All groups, in the order in which their modules were imported."""


def column_group(
    preset: Preset, method: str, columns: Mapping[str, Column | str], *, takes_regime: bool = False
) -> Callable[[Compute], Compute]:
    """Declare the columns that the decorated function computes.

    Parameters
    ----------
    preset : {"minimal", "standard", "full"}
        Smallest preset that holds them.
    method : str
        Page and heading that explain them, such as "spectral.md#peaks".
    columns : mapping of str to Column or str
        Meaning of each column, by name, in order; a string is a column without a unit.
    takes_regime : bool
        Whether the function takes a `Regime` instead of the series after its transient.
    """
    known = {name: Column(one) if isinstance(one, str) else one for name, one in columns.items()}
    full = {name: replace(one, method=one.method or method) for name, one in known.items()}

    def register(compute: Compute) -> Compute:
        name = f"{compute.__module__.rpartition('.')[2]}.{compute.__name__}"
        GROUPS.append(ColumnGroup(name, preset, full, compute, takes_regime))
        return compute

    return register
