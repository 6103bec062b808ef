"""Columns that end in "_no_profile": statistics repeated on the series without its epoch profile.

A fixed order of batches repeats a pattern in every epoch, which looks like dependence, peaks and movement of a bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tracekit_analysis.columns import GROUPS, Cells, Column, ColumnGroup, Compute, column_group
from tracekit_analysis.series.epochs import remove_epoch_profile
from tracekit_analysis.series.input import Series
from tracekit_analysis.statistics import (
    autocorrelation,
    bound_decision,
    dependence,
    long_memory,
    peaks,
    prewhitening,
    spectral_bands,
)
from tracekit_analysis.statistics.regime import Regime

SUFFIX = "_no_profile"
_OF_A_BOUND = ("index", "index_ci_low", "index_ci_high", "lfq_pvalue")
REPEATED: dict[Compute, tuple[str, ...]] = {
    dependence.time_columns: ("tau_int",),
    bound_decision.lower_columns: tuple(f"lower_{name}" for name in _OF_A_BOUND),
    bound_decision.upper_columns: tuple(f"upper_{name}" for name in _OF_A_BOUND),
    autocorrelation.shape_columns: (),
    prewhitening.prewhitening_columns: (),
    long_memory.memory_columns: (),
    spectral_bands.band_columns: (),
    peaks.peak_columns: (),
    peaks.nyquist_columns: (),
}
"""Functions whose columns are repeated, in order, with the names of those columns; without names all are."""


def _repeated() -> list[tuple[ColumnGroup, tuple[str, ...]]]:
    groups = {group.compute: group for group in GROUPS}
    return [(groups[compute], names or tuple(groups[compute].columns)) for compute, names in REPEATED.items()]


def _columns() -> dict[str, Column]:
    return {
        name + SUFFIX: replace(
            group.columns[name], meaning=f"{group.columns[name].text}; without the epoch profile", method=""
        )
        for group, names in _repeated()
        for name in names
    }


@column_group("full", "spectral.md#without-the-epoch-profile", _columns())
def profile_free_columns(series: Series) -> Cells:
    """Give no results: the notes of a row are about the series itself."""
    rest = Regime(remove_epoch_profile(series), remove_burn_in=False)
    values: dict[str, Any] = {}
    for group, names in _repeated():
        found = group.compute(rest if group.takes_regime else rest.late).values
        values |= {name + SUFFIX: found[name] for name in names}
    return Cells(values)
