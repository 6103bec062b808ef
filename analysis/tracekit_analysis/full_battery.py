"""All columns that preset "full" adds to those of `tracekit_analysis.columns`, for one series at a time."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tracekit_analysis import (
    bands,
    changepoints,
    dependence,
    entropy,
    epochs,
    fluctuation,
    interleaving,
    peaks,
    prewhitening,
    spike_rules,
    spikes,
    stable_index,
    tails,
    whittle,
)
from tracekit_analysis.series import Series

TOPICS: tuple[ModuleType, ...] = (
    interleaving,
    dependence,
    prewhitening,
    whittle,
    fluctuation,
    bands,
    peaks,
    epochs,
    entropy,
    tails,
    stable_index,
    spikes,
    spike_rules,
    changepoints,
)
"""Modules with a table ``COLUMNS`` of meanings and a function ``columns(series)`` that fills it."""

PROFILE_FREE: tuple[ModuleType, ...] = (dependence, prewhitening, whittle, bands, peaks)
"""Topics that are repeated on the series without its epoch profile."""

SUFFIX = "_no_profile"

FULL_COLUMNS: dict[str, str] = {name: text for topic in TOPICS for name, text in topic.COLUMNS.items()} | {
    name + SUFFIX: f"{text}; without the epoch profile"
    for topic in PROFILE_FREE
    for name, text in topic.COLUMNS.items()
}
"""Meaning of each column, by name, in order."""


def full_columns(series: Series) -> dict[str, Any]:
    """Return the columns of `FULL_COLUMNS` for one series; a series that cannot be used gives empty ones."""
    row = {name: cell for topic in TOPICS for name, cell in topic.columns(series).items()}
    rest = epochs.remove_epoch_profile(series)
    for topic in PROFILE_FREE:
        row |= {name + SUFFIX: cell for name, cell in topic.columns(rest).items()}
    return row
