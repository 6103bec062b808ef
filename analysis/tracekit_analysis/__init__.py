"""Statistics of recorded training traces: arrays and tables in, tables and frozen results out.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit_analysis.bands import band_power, spectral_centroid, spectral_edge
    from tracekit_analysis.bounds import StabilityIndex, StabilityLabel, stability_index, stability_label
    from tracekit_analysis.calibration import calibrate
    from tracekit_analysis.cells import CellLabel, pooled_interval, wilson_interval
    from tracekit_analysis.changepoints import ChangePoints, change_points
    from tracekit_analysis.coherence import Coherence, multitaper_coherence
    from tracekit_analysis.columns import describe_columns
    from tracekit_analysis.cosine import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
    from tracekit_analysis.dependence import (
        AutocorrelationTime,
        CorrelationShape,
        autocorrelation_time,
        correlation_shape,
        effective_sample_size,
    )
    from tracekit_analysis.entropy import (
        PermutationEntropy,
        SampleEntropy,
        permutation_entropy,
        sample_entropy,
    )
    from tracekit_analysis.epochs import Sawtooth, remove_epoch_profile, sawtooth
    from tracekit_analysis.errors import AnalysisError
    from tracekit_analysis.extremes import BlockExtremes, block_extremes
    from tracekit_analysis.features import characterize
    from tracekit_analysis.fluctuation import Fluctuation, dfa
    from tracekit_analysis.groups import apply_over_groups, progress_bar
    from tracekit_analysis.interleaving import Interleaving, detect_interleaving, split_channels
    from tracekit_analysis.labels import label, label_from_features
    from tracekit_analysis.layer_coherence import coherence_table
    from tracekit_analysis.multiplicity import adjust_pvalues, holm
    from tracekit_analysis.multitaper import multitaper_psd
    from tracekit_analysis.peaks import NyquistTest, PeakTest, nyquist_test, peak_test
    from tracekit_analysis.prewhitening import LjungBox, ljung_box, prewhiten
    from tracekit_analysis.series import Series, as_series
    from tracekit_analysis.simulation import simulate
    from tracekit_analysis.spectral import EpochComb, Spectrum, epoch_comb, periodogram, welch_psd
    from tracekit_analysis.spike_rules import RuleAlarms, relative_spike_rule, running_mean_rule
    from tracekit_analysis.spikes import Spikes, find_spikes
    from tracekit_analysis.stable_index import StableAlpha, stable_alpha
    from tracekit_analysis.stationarity import Stationarity, classify_stationarity
    from tracekit_analysis.tails import TailIndex, tail_index
    from tracekit_analysis.transformer import TraceFeatures
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
    from tracekit_analysis.whittle import LongMemory, local_whittle

_MODULES = {
    "bands": ("band_power", "spectral_centroid", "spectral_edge"),
    "bounds": ("StabilityIndex", "StabilityLabel", "stability_index", "stability_label"),
    "calibration": ("calibrate",),
    "cells": ("CellLabel", "pooled_interval", "wilson_interval"),
    "changepoints": ("ChangePoints", "change_points"),
    "coherence": ("Coherence", "multitaper_coherence"),
    "columns": ("describe_columns",),
    "cosine": ("ConstancyTest", "kpss_cosine", "lfq_test", "scale_lfq"),
    "dependence": (
        "AutocorrelationTime",
        "CorrelationShape",
        "autocorrelation_time",
        "correlation_shape",
        "effective_sample_size",
    ),
    "entropy": ("PermutationEntropy", "SampleEntropy", "permutation_entropy", "sample_entropy"),
    "epochs": ("Sawtooth", "remove_epoch_profile", "sawtooth"),
    "errors": ("AnalysisError",),
    "extremes": ("BlockExtremes", "block_extremes"),
    "features": ("characterize",),
    "fluctuation": ("Fluctuation", "dfa"),
    "groups": ("apply_over_groups", "progress_bar"),
    "interleaving": ("Interleaving", "detect_interleaving", "split_channels"),
    "labels": ("label", "label_from_features"),
    "layer_coherence": ("coherence_table",),
    "multiplicity": ("adjust_pvalues", "holm"),
    "multitaper": ("multitaper_psd",),
    "peaks": ("NyquistTest", "PeakTest", "nyquist_test", "peak_test"),
    "prewhitening": ("LjungBox", "ljung_box", "prewhiten"),
    "series": ("Series", "as_series"),
    "simulation": ("simulate",),
    "spectral": ("EpochComb", "Spectrum", "epoch_comb", "periodogram", "welch_psd"),
    "spike_rules": ("RuleAlarms", "relative_spike_rule", "running_mean_rule"),
    "spikes": ("Spikes", "find_spikes"),
    "stable_index": ("StableAlpha", "stable_alpha"),
    "stationarity": ("Stationarity", "classify_stationarity"),
    "tails": ("TailIndex", "tail_index"),
    "transformer": ("TraceFeatures",),
    "transient": ("BurnIn", "burn_in"),
    "trend": ("TrendTest", "mann_kendall"),
    "unit_root_extras": ("VarianceRatio", "dfgls", "phillips_perron", "variance_ratio", "zivot_andrews"),
    "unit_roots": ("UnitRootTest", "adf", "kpss"),
    "volatility": ("ArchTest", "arch_test"),
    "whittle": ("LongMemory", "local_whittle"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AnalysisError",
    "ArchTest",
    "AutocorrelationTime",
    "BlockExtremes",
    "BurnIn",
    "CellLabel",
    "ChangePoints",
    "Coherence",
    "ConstancyTest",
    "CorrelationShape",
    "EpochComb",
    "Fluctuation",
    "Interleaving",
    "LjungBox",
    "LongMemory",
    "NyquistTest",
    "PeakTest",
    "PermutationEntropy",
    "RuleAlarms",
    "SampleEntropy",
    "Sawtooth",
    "Series",
    "Spectrum",
    "Spikes",
    "StabilityIndex",
    "StabilityLabel",
    "StableAlpha",
    "Stationarity",
    "TailIndex",
    "TraceFeatures",
    "TrendTest",
    "UnitRootTest",
    "VarianceRatio",
    "adf",
    "adjust_pvalues",
    "apply_over_groups",
    "arch_test",
    "as_series",
    "autocorrelation_time",
    "band_power",
    "block_extremes",
    "burn_in",
    "calibrate",
    "change_points",
    "characterize",
    "classify_stationarity",
    "coherence_table",
    "correlation_shape",
    "describe_columns",
    "detect_interleaving",
    "dfa",
    "dfgls",
    "effective_sample_size",
    "epoch_comb",
    "find_spikes",
    "holm",
    "kpss",
    "kpss_cosine",
    "label",
    "label_from_features",
    "lfq_test",
    "ljung_box",
    "local_whittle",
    "mann_kendall",
    "multitaper_coherence",
    "multitaper_psd",
    "nyquist_test",
    "peak_test",
    "periodogram",
    "permutation_entropy",
    "phillips_perron",
    "pooled_interval",
    "prewhiten",
    "progress_bar",
    "relative_spike_rule",
    "remove_epoch_profile",
    "running_mean_rule",
    "sample_entropy",
    "sawtooth",
    "scale_lfq",
    "simulate",
    "spectral_centroid",
    "spectral_edge",
    "split_channels",
    "stability_index",
    "stability_label",
    "stable_alpha",
    "tail_index",
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
