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
    from tracekit_analysis.extremes import BlockExtremes, block_extremes
    from tracekit_analysis.features import characterize
    from tracekit_analysis.groups import apply_over_groups, progress_bar
    from tracekit_analysis.labels import label, label_from_features
    from tracekit_analysis.multiplicity import adjust_pvalues, holm
    from tracekit_analysis.series import Series, as_series
    from tracekit_analysis.spectral import EpochComb, Spectrum, epoch_comb, periodogram, welch_psd
    from tracekit_analysis.stationarity import Stationarity, classify_stationarity
    from tracekit_analysis.transient import BurnIn, burn_in
    from tracekit_analysis.trend import TrendTest, mann_kendall
    from tracekit_analysis.unit_root_extras import (
        VarianceRatio,
        dfgls,
        phillips_perron,
        variance_ratio,
        zivot_andrews,
    )
    from tracekit_analysis.unit_roots import UnitRootTest, adf, kpss
    from tracekit_analysis.volatility import ArchTest, arch_test

_MODULES = {
    "bounds": ("StabilityIndex", "StabilityLabel", "stability_index", "stability_label"),
    "cells": ("CellLabel", "pooled_interval", "wilson_interval"),
    "columns": ("describe_columns",),
    "cosine": ("ConstancyTest", "kpss_cosine", "lfq_test", "scale_lfq"),
    "dependence": ("AutocorrelationTime", "autocorrelation_time", "effective_sample_size"),
    "errors": ("AnalysisError",),
    "extremes": ("BlockExtremes", "block_extremes"),
    "features": ("characterize",),
    "groups": ("apply_over_groups", "progress_bar"),
    "labels": ("label", "label_from_features"),
    "multiplicity": ("adjust_pvalues", "holm"),
    "series": ("Series", "as_series"),
    "spectral": ("EpochComb", "Spectrum", "epoch_comb", "periodogram", "welch_psd"),
    "stationarity": ("Stationarity", "classify_stationarity"),
    "transient": ("BurnIn", "burn_in"),
    "trend": ("TrendTest", "mann_kendall"),
    "unit_root_extras": ("VarianceRatio", "dfgls", "phillips_perron", "variance_ratio", "zivot_andrews"),
    "unit_roots": ("UnitRootTest", "adf", "kpss"),
    "volatility": ("ArchTest", "arch_test"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnalysisError",
    "ArchTest",
    "AutocorrelationTime",
    "BlockExtremes",
    "BurnIn",
    "CellLabel",
    "ConstancyTest",
    "EpochComb",
    "Series",
    "Spectrum",
    "StabilityIndex",
    "StabilityLabel",
    "Stationarity",
    "TrendTest",
    "UnitRootTest",
    "VarianceRatio",
    "adf",
    "adjust_pvalues",
    "apply_over_groups",
    "arch_test",
    "as_series",
    "autocorrelation_time",
    "block_extremes",
    "burn_in",
    "characterize",
    "classify_stationarity",
    "describe_columns",
    "dfgls",
    "effective_sample_size",
    "epoch_comb",
    "holm",
    "kpss",
    "kpss_cosine",
    "label",
    "label_from_features",
    "lfq_test",
    "mann_kendall",
    "periodogram",
    "phillips_perron",
    "pooled_interval",
    "progress_bar",
    "scale_lfq",
    "stability_index",
    "stability_label",
    "variance_ratio",
    "welch_psd",
    "wilson_interval",
    "zivot_andrews",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
