from .autocorrelation import CorrelationShape, correlation_shape
from .bound_decision import StabilityLabel, stability_label
from .bounds import StabilityIndex, stability_index
from .changepoints import ChangePoints, change_points
from .coherence import Coherence, multitaper_coherence
from .constancy import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
from .cross_section import CrossSectionIndex, cross_section_index
from .dependence import AutocorrelationTime, autocorrelation_time, effective_sample_size
from .entropy import PermutationEntropy, SampleEntropy, permutation_entropy, sample_entropy
from .extremes import BlockExtremes, block_extremes
from .fluctuation import Fluctuation, dfa
from .long_memory import LongMemory, local_whittle
from .multiplicity import adjust_pvalues, holm
from .multitaper import multitaper_psd
from .peaks import NyquistTest, PeakTest, nyquist_test, peak_test
from .prewhitening import LjungBox, ljung_box, prewhiten
from .spectral import EpochComb, Spectrum, epoch_comb, periodogram, welch_psd
from .spectral_bands import band_power, spectral_centroid, spectral_edge
from .spike_rules import RuleAlarms, relative_spike_rule, running_mean_rule
from .spikes import Spikes, find_spikes
from .stable_index import StableAlpha, stable_alpha
from .stationarity import Stationarity, classify_stationarity
from .tails import TailIndex, tail_index
from .transient import BurnIn, burn_in
from .trend import TrendTest, mann_kendall
from .unit_root_extras import VarianceRatio, dfgls, phillips_perron, variance_ratio, zivot_andrews
from .unit_roots import UnitRootTest, adf, kpss
from .volatility import ArchTest, arch_test
from .whiteness import TurningPoints, WhitenessTest, turning_point_test, whiteness_test

__all__ = [
    "ArchTest",
    "AutocorrelationTime",
    "BlockExtremes",
    "BurnIn",
    "ChangePoints",
    "Coherence",
    "ConstancyTest",
    "CorrelationShape",
    "CrossSectionIndex",
    "EpochComb",
    "Fluctuation",
    "LjungBox",
    "LongMemory",
    "NyquistTest",
    "PeakTest",
    "PermutationEntropy",
    "RuleAlarms",
    "SampleEntropy",
    "Spectrum",
    "Spikes",
    "StabilityIndex",
    "StabilityLabel",
    "StableAlpha",
    "Stationarity",
    "TailIndex",
    "TrendTest",
    "TurningPoints",
    "UnitRootTest",
    "VarianceRatio",
    "WhitenessTest",
    "adf",
    "adjust_pvalues",
    "arch_test",
    "autocorrelation_time",
    "band_power",
    "block_extremes",
    "burn_in",
    "change_points",
    "classify_stationarity",
    "correlation_shape",
    "cross_section_index",
    "dfa",
    "dfgls",
    "effective_sample_size",
    "epoch_comb",
    "find_spikes",
    "holm",
    "kpss",
    "kpss_cosine",
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
    "prewhiten",
    "relative_spike_rule",
    "running_mean_rule",
    "sample_entropy",
    "scale_lfq",
    "spectral_centroid",
    "spectral_edge",
    "stability_index",
    "stability_label",
    "stable_alpha",
    "tail_index",
    "turning_point_test",
    "variance_ratio",
    "welch_psd",
    "whiteness_test",
    "zivot_andrews",
]
