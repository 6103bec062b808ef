"""All columns that preset "full" adds to those of `tracekit_analysis.features.standard`, for one series at a time."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tracekit_analysis.results import Side, collect_results
from tracekit_analysis.series import epochs, interleaving
from tracekit_analysis.series.input import Series
from tracekit_analysis.statistics import (
    dependence,
    entropy,
    fluctuation,
    long_memory,
    peaks,
    prewhitening,
    spectral_bands,
    spike_rules,
    stable_index,
)
from tracekit_analysis.statistics.bounds import stability_index
from tracekit_analysis.statistics.constancy import lfq_test
from tracekit_analysis.statistics.dependence import autocorrelation_time

TOPICS: tuple[ModuleType, ...] = (
    interleaving,
    dependence,
    prewhitening,
    fluctuation,
    spectral_bands,
    epochs,
    entropy,
    stable_index,
    spike_rules,
)
"""Modules with a table ``COLUMNS`` of meanings and a function ``columns(series)`` that fills it."""

PROFILE_FREE: tuple[ModuleType, ...] = (dependence, prewhitening, long_memory, spectral_bands, peaks)
"""Topics that are repeated on the series without its epoch profile."""

SUFFIX = "_no_profile"
SIDES: tuple[Side, ...] = ("lower", "upper")

PROFILE_FREE_BOUNDS: dict[str, str] = {"tau_int": "integrated autocorrelation time, in values"} | {
    f"{side}_{name}": meaning.format(side=side)
    for side in SIDES
    for name, meaning in {
        "index": "stability index I of the {side} bound, in half-spreads",
        "index_ci_low": "lower end of the 95% interval of the {side} stability index",
        "index_ci_high": "upper end of the 95% interval of the {side} stability index",
        "lfq_pvalue": "LFQ p-value; null: the {side} bound is constant",
    }.items()
}
"""Columns of the smaller presets that are repeated too."""

FULL_COLUMNS: dict[str, str] = {name: text for topic in TOPICS for name, text in topic.COLUMNS.items()} | {
    name + SUFFIX: f"{text}; without the epoch profile"
    for columns in (PROFILE_FREE_BOUNDS, *(topic.COLUMNS for topic in PROFILE_FREE))
    for name, text in columns.items()
}
"""Meaning of each column, by name, in order."""


def full_columns(series: Series) -> dict[str, Any]:
    """Return the columns of `FULL_COLUMNS` for one series; a series that cannot be used gives empty ones."""
    row = {name: cell for topic in TOPICS for name, cell in topic.columns(series).items()}
    rest = epochs.remove_epoch_profile(series)
    with collect_results():  # kept from the notes of the row, which are about the series itself
        for cells in (_bounds(rest), *(topic.columns(rest) for topic in PROFILE_FREE)):
            row |= {name + SUFFIX: cell for name, cell in cells.items()}
    return row


def _bounds(series: Series) -> dict[str, Any]:
    """Return the columns of `PROFILE_FREE_BOUNDS` for one series."""
    row: dict[str, Any] = {"tau_int": autocorrelation_time(series).tau_int}
    for side in SIDES:
        index = stability_index(series, side=side)
        row |= {
            f"{side}_index": index.index,
            f"{side}_index_ci_low": index.ci_low,
            f"{side}_index_ci_high": index.ci_high,
            f"{side}_lfq_pvalue": lfq_test(series, side=side).pvalue,
        }
    return row
