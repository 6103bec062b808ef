"""Registry of the columns of `characterize`: the modules that declare them, and the row of one series."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from tracekit_analysis.columns import GROUPS, PRESETS, Column, ColumnGroup, Preset
from tracekit_analysis.features.notes import row_notes
from tracekit_analysis.results import Record
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH
from tracekit_analysis.statistics.regime import Regime

MODULES = (
    "statistics.regime",
    "statistics.dependence",
    "statistics.bound_decision",
    "statistics.stationarity",
    "statistics.trend",
    "statistics.volatility",
    "statistics.spectral",
    "statistics.unit_root_extras",
    "statistics.extremes",
    "series.interleaving",
    "statistics.whiteness",
    "statistics.peaks",
    "statistics.long_memory",
    "statistics.tails",
    "statistics.spikes",
    "statistics.changepoints",
    "statistics.autocorrelation",
    "statistics.prewhitening",
    "statistics.fluctuation",
    "statistics.spectral_bands",
    "series.epochs",
    "statistics.entropy",
    "statistics.stable_index",
    "statistics.spike_rules",
    "features.without_profile",
)
"""Modules that declare columns, in the order of the columns inside a preset."""


@functools.cache
def groups_of(preset: Preset) -> tuple[ColumnGroup, ...]:
    """Return the groups that a preset holds, in the order of the columns: what decides, then what describes."""
    for module in MODULES:
        importlib.import_module(f"tracekit_analysis.{module}")
    wanted = PRESETS[: PRESETS.index(preset) + 1]
    place = {module.rpartition(".")[2]: number for number, module in enumerate(MODULES)}
    chosen = [group for group in GROUPS if group.preset in wanted]
    return tuple(
        sorted(chosen, key=lambda group: (PRESETS.index(group.preset), place[group.name.partition(".")[0]]))
    )


def columns_of(preset: Preset) -> dict[str, Column]:
    """Return the columns of a preset by name, in order."""
    return {name: column for group in groups_of(preset) for name, column in group.columns.items()}


def row_of(regime: Regime, preset: Preset) -> dict[str, Any]:
    """Compute all columns of one series; `notes` gathers what the results behind them say."""
    row: dict[str, Any] = {}
    results: list[tuple[str, Record]] = []
    for group in groups_of(preset):
        cells = group.compute(regime if group.takes_regime else regime.late)
        row |= cells.values
        results += cells.results
    notes = regime.whole.notes
    if regime.late.refusal(MIN_TEST_LENGTH) is None:
        notes = tuple(row_notes(results, own=notes, reason=row["reason"]))
    return row | {"notes": "; ".join(notes)}


def describe_columns(preset: Preset = "standard") -> dict[str, str]:
    """Return the meaning of every column of `characterize`, by name, in order.

    Examples
    --------
    >>> from tracekit_analysis import describe_columns
    >>> describe_columns()["tau_int"]
    'integrated autocorrelation time, in values'
    >>> [name for name in describe_columns("minimal") if name.startswith("lower_drift")]
    ['lower_drift', 'lower_drift_ci_low', 'lower_drift_ci_high']
    """
    return {name: column.text for name, column in columns_of(preset).items()}
