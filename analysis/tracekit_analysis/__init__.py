"""Statistics of recorded training traces: arrays and tables in, tables and frozen results out.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit_analysis.bounds import StabilityIndex, StabilityLabel, stability_index, stability_label
    from tracekit_analysis.cells import CellLabel, pooled_interval, wilson_interval
    from tracekit_analysis.columns import describe_columns
    from tracekit_analysis.cosine import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
    from tracekit_analysis.dependence import (
        AutocorrelationTime,
        autocorrelation_time,
        effective_sample_size,
    )
    from tracekit_analysis.errors import AnalysisError
    from tracekit_analysis.features import apply_over_groups, characterize
    from tracekit_analysis.labels import label, label_from_features
    from tracekit_analysis.series import Series, as_series
    from tracekit_analysis.spectral import EpochComb, Spectrum, epoch_comb, periodogram, welch_psd
    from tracekit_analysis.stationarity import (
        Stationarity,
        UnitRootTest,
        adf,
        classify_stationarity,
        holm,
        kpss,
    )
    from tracekit_analysis.transient import BurnIn, burn_in

_MODULES = {
    "bounds": ("StabilityIndex", "StabilityLabel", "stability_index", "stability_label"),
    "cells": ("CellLabel", "pooled_interval", "wilson_interval"),
    "columns": ("describe_columns",),
    "cosine": ("ConstancyTest", "kpss_cosine", "lfq_test", "scale_lfq"),
    "dependence": ("AutocorrelationTime", "autocorrelation_time", "effective_sample_size"),
    "errors": ("AnalysisError",),
    "features": ("apply_over_groups", "characterize"),
    "labels": ("label", "label_from_features"),
    "series": ("Series", "as_series"),
    "spectral": ("EpochComb", "Spectrum", "epoch_comb", "periodogram", "welch_psd"),
    "stationarity": ("Stationarity", "UnitRootTest", "adf", "classify_stationarity", "holm", "kpss"),
    "transient": ("BurnIn", "burn_in"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnalysisError",
    "AutocorrelationTime",
    "BurnIn",
    "CellLabel",
    "ConstancyTest",
    "EpochComb",
    "Series",
    "Spectrum",
    "StabilityIndex",
    "StabilityLabel",
    "Stationarity",
    "UnitRootTest",
    "adf",
    "apply_over_groups",
    "as_series",
    "autocorrelation_time",
    "burn_in",
    "characterize",
    "classify_stationarity",
    "describe_columns",
    "effective_sample_size",
    "epoch_comb",
    "holm",
    "kpss",
    "kpss_cosine",
    "label",
    "label_from_features",
    "lfq_test",
    "periodogram",
    "pooled_interval",
    "scale_lfq",
    "stability_index",
    "stability_label",
    "welch_psd",
    "wilson_interval",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
