"""Statistics of recorded training traces: arrays and tables in, tables and frozen results out.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit_analysis.calibration.calibrating import calibrate
    from tracekit_analysis.calibration.processes import simulate
    from tracekit_analysis.calibration.rates import error_rates
    from tracekit_analysis.claims.evaluation import ClaimRow, evaluate_claims
    from tracekit_analysis.claims.statements import (
        CONTROLS,
        PAPER_CLAIMS,
        Claim,
        Statement,
        contradictions,
        differ,
        stable,
        unstable,
    )
    from tracekit_analysis.comparisons.comparing import compare
    from tracekit_analysis.comparisons.headline import compare_headline
    from tracekit_analysis.comparisons.identification import Identification, identifiability
    from tracekit_analysis.comparisons.interactions import Interaction, interaction
    from tracekit_analysis.comparisons.planning import (
        PlanRow,
        detectable_effect,
        plan,
        power_of_difference,
        power_of_sameness,
    )
    from tracekit_analysis.comparisons.profiles import (
        MedianTime,
        median_time,
        performance_profile,
        time_to_target,
    )
    from tracekit_analysis.comparisons.ranking import Rank, rank
    from tracekit_analysis.comparisons.run_performance import performance
    from tracekit_analysis.comparisons.seed_tables import Feature, seed_table
    from tracekit_analysis.comparisons.two_arms import ComparisonRow
    from tracekit_analysis.errors import AnalysisError
    from tracekit_analysis.features.characterization import characterize
    from tracekit_analysis.features.layer_coherence import coherence_table
    from tracekit_analysis.features.standard import describe_columns
    from tracekit_analysis.features.transformer import TraceFeatures
    from tracekit_analysis.labels.cell import CellLabel
    from tracekit_analysis.labels.labelling import label, label_from_features
    from tracekit_analysis.labels.reading import Aspect, label_aspects, read_labels
    from tracekit_analysis.labels.rule import pooled_interval, wilson_interval
    from tracekit_analysis.seeds.arrangements import smallest_pvalue
    from tracekit_analysis.seeds.effects import cliffs_delta, hedges_g
    from tracekit_analysis.seeds.equivalence import EquivalenceTest, three_way, tost
    from tracekit_analysis.seeds.permanova import LocationDispersion, location_dispersion
    from tracekit_analysis.seeds.permutation import PermutationTest, energy_permutation, mean_permutation
    from tracekit_analysis.seeds.trimmed import Effect, iqm, trimmed_difference
    from tracekit_analysis.seeds.two_way import FreedmanLane, freedman_lane
    from tracekit_analysis.series.epochs import Sawtooth, remove_epoch_profile, sawtooth
    from tracekit_analysis.series.input import Series, as_series
    from tracekit_analysis.series.interleaving import Interleaving, detect_interleaving, split_channels
    from tracekit_analysis.statistics.bounds import (
        StabilityIndex,
        StabilityLabel,
        stability_index,
        stability_label,
    )
    from tracekit_analysis.statistics.changepoints import ChangePoints, change_points
    from tracekit_analysis.statistics.coherence import Coherence, multitaper_coherence
    from tracekit_analysis.statistics.constancy import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
    from tracekit_analysis.statistics.cross_section import (
        CrossSectionIndex,
        cross_section_index,
        cross_sections,
    )
    from tracekit_analysis.statistics.dependence import (
        AutocorrelationTime,
        CorrelationShape,
        autocorrelation_time,
        correlation_shape,
        effective_sample_size,
    )
    from tracekit_analysis.statistics.entropy import (
        PermutationEntropy,
        SampleEntropy,
        permutation_entropy,
        sample_entropy,
    )
    from tracekit_analysis.statistics.extremes import BlockExtremes, block_extremes
    from tracekit_analysis.statistics.fluctuation import Fluctuation, dfa
    from tracekit_analysis.statistics.long_memory import LongMemory, local_whittle
    from tracekit_analysis.statistics.multiplicity import adjust_pvalues, holm
    from tracekit_analysis.statistics.multitaper import multitaper_psd
    from tracekit_analysis.statistics.peaks import NyquistTest, PeakTest, nyquist_test, peak_test
    from tracekit_analysis.statistics.prewhitening import LjungBox, ljung_box, prewhiten
    from tracekit_analysis.statistics.spectral import EpochComb, Spectrum, epoch_comb, periodogram, welch_psd
    from tracekit_analysis.statistics.spectral_bands import band_power, spectral_centroid, spectral_edge
    from tracekit_analysis.statistics.spike_rules import RuleAlarms, relative_spike_rule, running_mean_rule
    from tracekit_analysis.statistics.spikes import Spikes, find_spikes
    from tracekit_analysis.statistics.stable_index import StableAlpha, stable_alpha
    from tracekit_analysis.statistics.stationarity import Stationarity, classify_stationarity
    from tracekit_analysis.statistics.tails import TailIndex, tail_index
    from tracekit_analysis.statistics.transient import BurnIn, burn_in
    from tracekit_analysis.statistics.trend import TrendTest, mann_kendall
    from tracekit_analysis.statistics.unit_root_extras import (
        VarianceRatio,
        dfgls,
        phillips_perron,
        variance_ratio,
        zivot_andrews,
    )
    from tracekit_analysis.statistics.unit_roots import UnitRootTest, adf, kpss
    from tracekit_analysis.statistics.volatility import ArchTest, arch_test
    from tracekit_analysis.statistics.whiteness import WhitenessTest, whiteness_test
    from tracekit_analysis.tables.groups import apply_over_groups, progress_bar
    from tracekit_analysis.wording import sentences, to_latex

_MODULES = {
    "statistics.spectral_bands": ("band_power", "spectral_centroid", "spectral_edge"),
    "statistics.bounds": ("StabilityIndex", "StabilityLabel", "stability_index", "stability_label"),
    "calibration.calibrating": ("calibrate",),
    "labels.cell": ("CellLabel",),
    "labels.rule": ("pooled_interval", "wilson_interval"),
    "statistics.changepoints": ("ChangePoints", "change_points"),
    "statistics.coherence": ("Coherence", "multitaper_coherence"),
    "features.standard": ("describe_columns",),
    "statistics.constancy": ("ConstancyTest", "kpss_cosine", "lfq_test", "scale_lfq"),
    "statistics.cross_section": ("CrossSectionIndex", "cross_section_index", "cross_sections"),
    "statistics.dependence": (
        "AutocorrelationTime",
        "CorrelationShape",
        "autocorrelation_time",
        "correlation_shape",
        "effective_sample_size",
    ),
    "statistics.entropy": ("PermutationEntropy", "SampleEntropy", "permutation_entropy", "sample_entropy"),
    "series.epochs": ("Sawtooth", "remove_epoch_profile", "sawtooth"),
    "errors": ("AnalysisError",),
    "statistics.extremes": ("BlockExtremes", "block_extremes"),
    "features.characterization": ("characterize",),
    "statistics.fluctuation": ("Fluctuation", "dfa"),
    "tables.groups": ("apply_over_groups", "progress_bar"),
    "series.interleaving": ("Interleaving", "detect_interleaving", "split_channels"),
    "labels.labelling": ("label", "label_from_features"),
    "features.layer_coherence": ("coherence_table",),
    "statistics.multiplicity": ("adjust_pvalues", "holm"),
    "statistics.multitaper": ("multitaper_psd",),
    "statistics.peaks": ("NyquistTest", "PeakTest", "nyquist_test", "peak_test"),
    "statistics.prewhitening": ("LjungBox", "ljung_box", "prewhiten"),
    "series.input": ("Series", "as_series"),
    "calibration.processes": ("simulate",),
    "statistics.spectral": ("EpochComb", "Spectrum", "epoch_comb", "periodogram", "welch_psd"),
    "statistics.spike_rules": ("RuleAlarms", "relative_spike_rule", "running_mean_rule"),
    "statistics.spikes": ("Spikes", "find_spikes"),
    "statistics.stable_index": ("StableAlpha", "stable_alpha"),
    "statistics.stationarity": ("Stationarity", "classify_stationarity"),
    "statistics.tails": ("TailIndex", "tail_index"),
    "features.transformer": ("TraceFeatures",),
    "statistics.transient": ("BurnIn", "burn_in"),
    "statistics.trend": ("TrendTest", "mann_kendall"),
    "statistics.unit_root_extras": (
        "VarianceRatio",
        "dfgls",
        "phillips_perron",
        "variance_ratio",
        "zivot_andrews",
    ),
    "statistics.unit_roots": ("UnitRootTest", "adf", "kpss"),
    "statistics.volatility": ("ArchTest", "arch_test"),
    "statistics.whiteness": ("WhitenessTest", "whiteness_test"),
    "statistics.long_memory": ("LongMemory", "local_whittle"),
    "comparisons.two_arms": ("ComparisonRow",),
    "labels.reading": ("Aspect", "label_aspects", "read_labels"),
    "seeds.arrangements": ("smallest_pvalue",),
    "claims.statements": (
        "CONTROLS",
        "PAPER_CLAIMS",
        "Claim",
        "Statement",
        "contradictions",
        "differ",
        "stable",
        "unstable",
    ),
    "comparisons.comparing": ("compare",),
    "seeds.effects": ("cliffs_delta", "hedges_g"),
    "seeds.equivalence": ("EquivalenceTest", "three_way", "tost"),
    "comparisons.headline": ("compare_headline",),
    "comparisons.identification": ("Identification", "identifiability"),
    "comparisons.interactions": ("Interaction", "interaction"),
    "seeds.permanova": ("LocationDispersion", "location_dispersion"),
    "seeds.permutation": ("PermutationTest", "energy_permutation", "mean_permutation"),
    "comparisons.planning": (
        "PlanRow",
        "detectable_effect",
        "plan",
        "power_of_difference",
        "power_of_sameness",
    ),
    "comparisons.profiles": ("MedianTime", "median_time", "performance_profile", "time_to_target"),
    "comparisons.ranking": ("Rank", "rank"),
    "calibration.rates": ("error_rates",),
    "comparisons.seed_tables": ("Feature", "seed_table"),
    "comparisons.run_performance": ("performance",),
    "seeds.trimmed": ("Effect", "iqm", "trimmed_difference"),
    "seeds.two_way": ("FreedmanLane", "freedman_lane"),
    "claims.evaluation": ("ClaimRow", "evaluate_claims"),
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
