"""The table of column groups that `characterize` reads: one decorated function per topic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.groups import Row

Preset = Literal["minimal", "standard", "full"]
PRESETS: tuple[Preset, ...] = ("minimal", "standard", "full")
"""``minimal``: dependence, burn-in and both bounds. ``standard``: adds what labels rest on; ADF and
the search for breaks make it the slower one. ``full``: adds the descriptive and the costly."""


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns that one function computes together."""

    preset: Preset
    """Smallest preset that holds the group."""
    columns: Mapping[str, str]
    """Meaning of each column, by name; each stands alone."""
    compute: Callable[[Regime], Row]
    """Function of one series that returns exactly these columns."""


GROUPS: list[ColumnGroup] = []


def column_group(
    preset: Preset, columns: Mapping[str, str]
) -> Callable[[Callable[[Regime], Row]], Callable[[Regime], Row]]:
    """Add the decorated function to the table of column groups."""

    def register(compute: Callable[[Regime], Row]) -> Callable[[Regime], Row]:
        GROUPS.append(ColumnGroup(preset, columns, compute))
        return compute

    return register
