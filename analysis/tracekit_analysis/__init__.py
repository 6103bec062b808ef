"""Statistics of recorded training traces: arrays and tables in, tables and frozen results out.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit_analysis.arm_comparisons import ComparisonRow
    from tracekit_analysis.arrangements import smallest_pvalue
    from tracekit_analysis.aspects import Aspect, label_aspects, read_labels
    from tracekit_analysis.bands import band_power, spectral_centroid, spectral_edge
    from tracekit_analysis.bounds import StabilityIndex, StabilityLabel, stability_index, stability_label
    from tracekit_analysis.calibration import calibrate
    from tracekit_analysis.cell_label import CellLabel
    from tracekit_analysis.cells import pooled_interval, wilson_interval
    from tracekit_analysis.changepoints import ChangePoints, change_points
    from tracekit_analysis.claims import (
        CONTROLS,
        PAPER_CLAIMS,
        Claim,
        Statement,
        contradictions,
        differ,
        stable,
        unstable,
    )
    from tracekit_analysis.coherence import Coherence, multitaper_coherence
    from tracekit_analysis.columns import describe_columns
    from tracekit_analysis.comparisons import compare
    from tracekit_analysis.cosine import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
    from tracekit_analysis.cross_section import CrossSectionIndex, cross_section_index, cross_sections
    from tracekit_analysis.dependence import (
        AutocorrelationTime,
        CorrelationShape,
        autocorrelation_time,
        correlation_shape,
        effective_sample_size,
    )
    from tracekit_analysis.effects import cliffs_delta, hedges_g
    from tracekit_analysis.entropy import (
        PermutationEntropy,
        SampleEntropy,
        permutation_entropy,
        sample_entropy,
    )
    from tracekit_analysis.epochs import Sawtooth, remove_epoch_profile, sawtooth
    from tracekit_analysis.equivalence import EquivalenceTest, three_way, tost
    from tracekit_analysis.errors import AnalysisError
    from tracekit_analysis.extremes import BlockExtremes, block_extremes
    from tracekit_analysis.features import characterize
    from tracekit_analysis.fluctuation import Fluctuation, dfa
    from tracekit_analysis.groups import apply_over_groups, progress_bar
    from tracekit_analysis.headlines import compare_headline
    from tracekit_analysis.identification import Identification, identifiability
    from tracekit_analysis.interactions import Interaction, interaction
    from tracekit_analysis.interleaving import Interleaving, detect_interleaving, split_channels
    from tracekit_analysis.labels import label, label_from_features
    from tracekit_analysis.layer_coherence import coherence_table
    from tracekit_analysis.multiplicity import adjust_pvalues, holm
    from tracekit_analysis.multitaper import multitaper_psd
    from tracekit_analysis.peaks import NyquistTest, PeakTest, nyquist_test, peak_test
    from tracekit_analysis.permanova import LocationDispersion, location_dispersion
    from tracekit_analysis.permutation import PermutationTest, energy_permutation, mean_permutation
    from tracekit_analysis.planning import (
        PlanRow,
        detectable_effect,
        plan,
        power_of_difference,
        power_of_sameness,
    )
    from tracekit_analysis.prewhitening import LjungBox, ljung_box, prewhiten
    from tracekit_analysis.profiles import MedianTime, median_time, performance_profile, time_to_target
    from tracekit_analysis.ranking import Rank, rank
    from tracekit_analysis.rates import error_rates
    from tracekit_analysis.replicates import Feature, seed_table
    from tracekit_analysis.run_performance import performance
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
    from tracekit_analysis.trimmed import Effect, iqm, trimmed_difference
    from tracekit_analysis.two_way import FreedmanLane, freedman_lane
    from tracekit_analysis.unit_root_extras import (
        VarianceRatio,
        dfgls,
        phillips_perron,
        variance_ratio,
        zivot_andrews,
    )
    from tracekit_analysis.unit_roots import UnitRootTest, adf, kpss
    from tracekit_analysis.verdicts import ClaimRow, evaluate_claims
    from tracekit_analysis.volatility import ArchTest, arch_test
    from tracekit_analysis.whiteness import WhitenessTest, whiteness_test
    from tracekit_analysis.whittle import LongMemory, local_whittle
    from tracekit_analysis.wording import sentences, to_latex

_MODULES = {
    "bands": ("band_power", "spectral_centroid", "spectral_edge"),
    "bounds": ("StabilityIndex", "StabilityLabel", "stability_index", "stability_label"),
    "calibration": ("calibrate",),
    "cell_label": ("CellLabel",),
    "cells": ("pooled_interval", "wilson_interval"),
    "changepoints": ("ChangePoints", "change_points"),
    "coherence": ("Coherence", "multitaper_coherence"),
    "columns": ("describe_columns",),
    "cosine": ("ConstancyTest", "kpss_cosine", "lfq_test", "scale_lfq"),
    "cross_section": ("CrossSectionIndex", "cross_section_index", "cross_sections"),
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
    "whiteness": ("WhitenessTest", "whiteness_test"),
    "whittle": ("LongMemory", "local_whittle"),
    "arm_comparisons": ("ComparisonRow",),
    "aspects": ("Aspect", "label_aspects", "read_labels"),
    "arrangements": ("smallest_pvalue",),
    "claims": (
        "CONTROLS",
        "PAPER_CLAIMS",
        "Claim",
        "Statement",
        "contradictions",
        "differ",
        "stable",
        "unstable",
    ),
    "comparisons": ("compare",),
    "effects": ("cliffs_delta", "hedges_g"),
    "equivalence": ("EquivalenceTest", "three_way", "tost"),
    "headlines": ("compare_headline",),
    "identification": ("Identification", "identifiability"),
    "interactions": ("Interaction", "interaction"),
    "permanova": ("LocationDispersion", "location_dispersion"),
    "permutation": ("PermutationTest", "energy_permutation", "mean_permutation"),
    "planning": ("PlanRow", "detectable_effect", "plan", "power_of_difference", "power_of_sameness"),
    "profiles": ("MedianTime", "median_time", "performance_profile", "time_to_target"),
    "ranking": ("Rank", "rank"),
    "rates": ("error_rates",),
    "replicates": ("Feature", "seed_table"),
    "run_performance": ("performance",),
    "trimmed": ("Effect", "iqm", "trimmed_difference"),
    "two_way": ("FreedmanLane", "freedman_lane"),
    "verdicts": ("ClaimRow", "evaluate_claims"),
    "wording": ("sentences", "to_latex"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "CONTROLS",
    "PAPER_CLAIMS",
    "AnalysisError",
    "ArchTest",
    "Aspect",
    "AutocorrelationTime",
    "BlockExtremes",
    "BurnIn",
    "CellLabel",
    "ChangePoints",
    "Claim",
    "ClaimRow",
    "Coherence",
    "ComparisonRow",
    "ConstancyTest",
    "CorrelationShape",
    "CrossSectionIndex",
    "Effect",
    "EpochComb",
    "EquivalenceTest",
    "Feature",
    "Fluctuation",
    "FreedmanLane",
    "Identification",
    "Interaction",
    "Interleaving",
    "LjungBox",
    "LocationDispersion",
    "LongMemory",
    "MedianTime",
    "NyquistTest",
    "PeakTest",
    "PermutationEntropy",
    "PermutationTest",
    "PlanRow",
    "Rank",
    "RuleAlarms",
    "SampleEntropy",
    "Sawtooth",
    "Series",
    "Spectrum",
    "Spikes",
    "StabilityIndex",
    "StabilityLabel",
    "StableAlpha",
    "Statement",
    "Stationarity",
    "TailIndex",
    "TraceFeatures",
    "TrendTest",
    "UnitRootTest",
    "VarianceRatio",
    "WhitenessTest",
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
    "cliffs_delta",
    "coherence_table",
    "compare",
    "compare_headline",
    "contradictions",
    "correlation_shape",
    "cross_section_index",
    "cross_sections",
    "describe_columns",
    "detect_interleaving",
    "detectable_effect",
    "dfa",
    "dfgls",
    "differ",
    "effective_sample_size",
    "energy_permutation",
    "epoch_comb",
    "error_rates",
    "evaluate_claims",
    "find_spikes",
    "freedman_lane",
    "hedges_g",
    "holm",
    "identifiability",
    "interaction",
    "iqm",
    "kpss",
    "kpss_cosine",
    "label",
    "label_aspects",
    "label_from_features",
    "lfq_test",
    "ljung_box",
    "local_whittle",
    "location_dispersion",
    "mann_kendall",
    "mean_permutation",
    "median_time",
    "multitaper_coherence",
    "multitaper_psd",
    "nyquist_test",
    "peak_test",
    "performance",
    "performance_profile",
    "periodogram",
    "permutation_entropy",
    "phillips_perron",
    "plan",
    "pooled_interval",
    "power_of_difference",
    "power_of_sameness",
    "prewhiten",
    "progress_bar",
    "rank",
    "read_labels",
    "relative_spike_rule",
    "remove_epoch_profile",
    "running_mean_rule",
    "sample_entropy",
    "sawtooth",
    "scale_lfq",
    "seed_table",
    "sentences",
    "simulate",
    "smallest_pvalue",
    "spectral_centroid",
    "spectral_edge",
    "split_channels",
    "stability_index",
    "stability_label",
    "stable",
    "stable_alpha",
    "tail_index",
    "three_way",
    "time_to_target",
    "to_latex",
    "tost",
    "trimmed_difference",
    "unstable",
    "variance_ratio",
    "welch_psd",
    "whiteness_test",
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
