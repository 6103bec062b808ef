"""Comparison of two arms of seeds, in one feature and in all features together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tracekit_analysis.comparisons.arms import Arms, standardised_vectors
from tracekit_analysis.comparisons.seed_tables import FEATURES
from tracekit_analysis.results import FloatArray, Record
from tracekit_analysis.seeds.arrangements import substream
from tracekit_analysis.seeds.effects import cliffs_delta, hedges_g
from tracekit_analysis.seeds.equivalence import Answer, tost
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.seeds.permanova import location_dispersion
from tracekit_analysis.seeds.permutation import energy_permutation, mean_permutation
from tracekit_analysis.seeds.power import detectable_effect
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_TEST
from tracekit_analysis.seeds.trimmed import MIN_SEEDS_INTERVAL, magnitude, trimmed_difference
from tracekit_analysis.words import interval_words, number

NAN = math.nan


@dataclass(frozen=True, slots=True)
class ComparisonRow(Record):
    """Comparison of two levels of a factor in one feature, or in all features together."""

    feature: str
    """The feature; ``all`` for the vector of all, ``diverged`` for the share of diverged runs."""
    level_a: str
    """First level; differences are first minus second."""
    level_b: str
    """Second level."""
    answer: Answer
    """different, equivalent or unresolved."""
    reason: str
    """The answer in one clause."""
    estimate: float
    """Difference of trimmed means (of shares for ``diverged``); for ``all`` the energy distance."""
    ci_low: float
    """Lower end of its interval; NaN for ``all`` and below 3 seeds."""
    ci_high: float
    """Upper end of its interval."""
    level: float
    """Confidence level."""
    unit: str
    """Unit of the estimate and its interval."""
    pvalue: float
    """Permutation p-value; NaN below 5 seeds."""
    pvalue_adjusted: float
    """The same, adjusted over `family`."""
    family: str
    """Correction for multiple tests, and the family of tests it covers."""
    family_size: int
    """Number of tests in the family."""
    smallest_pvalue: float
    """Smallest p-value that these seeds can give, before adjustment."""
    effect_size: float
    """Hedges g; for ``all`` PERMANOVA R squared, for ``diverged`` the difference of shares."""
    effect_size_ci_low: float
    """Lower end of the interval of g."""
    effect_size_ci_high: float
    """Upper end of the interval of g."""
    cliffs_delta: float
    """P(first > second) - P(first < second); a diverged run is above all others."""
    cliffs_delta_ci_low: float
    """Lower end of its interval."""
    cliffs_delta_ci_high: float
    """Upper end of its interval."""
    detectable_effect: float
    """Smallest difference that these seeds detect with power .8 at the family's first step, in between-seed sd."""
    equivalence_pvalue: float
    """P-value of equivalence within the margin; for ``all`` the largest one of the features."""
    margin: float
    """Equivalence margin, in between-seed standard deviations."""
    location_pvalue: float
    """PERMANOVA p-value; only for ``all``."""
    dispersion_pvalue: float
    """PERMDISP p-value; only for ``all``."""
    kind: str
    """location, dispersion, location and dispersion, or undetermined; only for ``all``."""
    n_seeds: int
    """Seeds of the smaller arm; pairs if paired."""
    n_a: int
    """Seeds of the first arm."""
    n_b: int
    """Seeds of the second arm."""
    n_diverged_a: int
    """Number of diverged runs in the first arm."""
    n_diverged_b: int
    """Number of diverged runs in the second arm."""
    n_left_out: int
    """Number of runs not used: unfinished, unusable, or without a partner."""
    unknown: str
    """Features that some finished runs lack, with the number of such runs of each level; empty if none."""
    paired: bool
    """Whether runs of one seed form a pair."""
    correlation: float
    """Correlation between the runs of a pair; for ``all`` the median over features; NaN if unpaired."""
    method: str
    """How p-value and interval were computed."""
    sentence: str
    """The result in one or two sentences."""

    def in_family(self, size: int) -> ComparisonRow:
        """Return the row with the size of its family and the effect that its seeds detect at the first step."""
        self = replace(self, family_size=size)
        if self.n_seeds < MIN_SEEDS_TEST:
            return replace(self, detectable_effect=math.inf)
        alpha = (1.0 - self.level) / max(size, 1)
        r = 0.0 if math.isnan(self.correlation) else min(self.correlation, 0.999)
        effect = detectable_effect(self.n_a, self.n_b, paired=self.paired, correlation=r, alpha=alpha)
        return replace(self, detectable_effect=effect)


def compare_feature(
    arms: Arms,
    name: str,
    *,
    level_a: str,
    level_b: str,
    margin: float,
    level: float,
    n_permutations: int,
    seed: int,
    words: Sequence[str],
) -> ComparisonRow:
    """Compare one feature, or the share of diverged runs."""
    shares = name not in arms.names
    x, y = arms.values(name)
    known = np.isfinite(x) | np.isinf(x), np.isfinite(y) | np.isinf(y)
    if arms.paired:
        both = known[0] & known[1]
        known = both, both
    x, y = x[known[0]], y[known[1]]
    missing = int((~known[0]).sum() + (~known[1]).sum())
    n_seeds = min(x.size, y.size)
    alpha = 1.0 - level
    difference = trimmed_difference(x, y, paired=arms.paired, level=level)
    estimate, low, high = difference.estimate, difference.ci_low, difference.ci_high
    method = difference.method
    if shares:
        estimate, low, high = _share_difference(x, y, level)
        method = "Newcombe interval of the difference of shares"
    g = hedges_g(x, y, paired=arms.paired, level=level)
    delta = cliffs_delta(x, y, paired=arms.paired, level=level)
    test = mean_permutation(
        x, y, paired=arms.paired, n_permutations=n_permutations, rng=substream(seed, *words, name)
    )
    tested = n_seeds >= MIN_SEEDS_TEST
    same = tost(x, y, margin=margin, paired=arms.paired, alpha=alpha)
    ranks = " of ranks" if np.isinf(x).any() or np.isinf(y).any() else ""
    if tested:
        method = f"permutation test of means{ranks}, {test.method}; {method}"
    unit = "share of runs" if shares else FEATURES[name].unit if name in FEATURES else name
    return ComparisonRow(
        feature=name,
        level_a=level_a,
        level_b=level_b,
        answer="unresolved",
        reason="",
        estimate=estimate,
        ci_low=low,
        ci_high=high,
        level=level,
        unit=unit,
        pvalue=test.pvalue if tested else NAN,
        pvalue_adjusted=NAN,
        family="",
        family_size=0,
        smallest_pvalue=test.smallest_pvalue,
        effect_size=estimate if shares else g.estimate,
        effect_size_ci_low=low if shares else g.ci_low,
        effect_size_ci_high=high if shares else g.ci_high,
        cliffs_delta=delta.estimate,
        cliffs_delta_ci_low=delta.ci_low,
        cliffs_delta_ci_high=delta.ci_high,
        detectable_effect=NAN,
        equivalence_pvalue=NAN if shares or not tested else same.pvalue,
        margin=margin,
        location_pvalue=NAN,
        dispersion_pvalue=NAN,
        kind="",
        n_seeds=n_seeds,
        n_a=x.size,
        n_b=y.size,
        n_diverged_a=int(np.isinf(x).sum()) if not shares else arms.n_diverged_a,
        n_diverged_b=int(np.isinf(y).sum()) if not shares else arms.n_diverged_b,
        n_left_out=arms.n_left_out + missing,
        unknown="",
        paired=arms.paired,
        correlation=pair_correlation(x, y) if arms.paired else NAN,
        method=method,
        sentence="",
    )


def compare_vectors(
    arms: Arms,
    singles: Sequence[ComparisonRow],
    *,
    level_a: str,
    level_b: str,
    margin: float,
    level: float,
    n_permutations: int,
    seed: int,
    words: Sequence[str],
) -> ComparisonRow:
    """Compare all features together; seeds that lack a feature that others have are left out."""
    first, second, used, missing = standardised_vectors(arms)
    n_seeds = min(len(first), len(second))
    enough = n_seeds >= MIN_SEEDS_TEST and used > 0
    rng = substream(seed, *words, "all")
    test = energy_permutation(first, second, paired=arms.paired, n_permutations=n_permutations, rng=rng)
    kinds = location_dispersion(
        first, second, paired=arms.paired, alpha=1.0 - level, n_permutations=n_permutations,
        rng=substream(seed, *words, "kind"),
    )  # fmt: skip
    correlations = [row.correlation for row in singles if math.isfinite(row.correlation)]
    method = f"energy distance of {used} features in pooled MADs"
    return ComparisonRow(
        feature="all",
        level_a=level_a,
        level_b=level_b,
        answer="unresolved",
        reason="",
        estimate=test.statistic,
        ci_low=NAN,
        ci_high=NAN,
        level=level,
        unit="pooled MADs",
        pvalue=test.pvalue if enough else NAN,
        pvalue_adjusted=NAN,
        family="",
        family_size=0,
        smallest_pvalue=test.smallest_pvalue,
        effect_size=kinds.r_squared,
        effect_size_ci_low=NAN,
        effect_size_ci_high=NAN,
        cliffs_delta=NAN,
        cliffs_delta_ci_low=NAN,
        cliffs_delta_ci_high=NAN,
        detectable_effect=NAN,
        equivalence_pvalue=NAN,
        margin=margin,
        location_pvalue=kinds.location_pvalue if enough else NAN,
        dispersion_pvalue=kinds.dispersion_pvalue if enough else NAN,
        kind=kinds.kind if enough else "undetermined",
        n_seeds=n_seeds,
        n_a=len(first),
        n_b=len(second),
        n_diverged_a=arms.n_diverged_a,
        n_diverged_b=arms.n_diverged_b,
        n_left_out=arms.n_left_out + missing,
        unknown="",
        paired=arms.paired,
        correlation=float(np.median(correlations)) if correlations else NAN,
        method=f"{method}; {test.method}" if enough else method,
        sentence="",
    )


def _share_difference(x: FloatArray, y: FloatArray, level: float) -> tuple[float, float, float]:
    """Return the difference of two shares with the interval of Newcombe (1998), Statist. Med. 17:873."""
    if min(x.size, y.size) == 0:
        return NAN, NAN, NAN
    p, q = float(x.mean()), float(y.mean())
    if min(x.size, y.size) < MIN_SEEDS_INTERVAL:
        return p - q, NAN, NAN
    p_low, p_high = wilson_interval(int(x.sum()), x.size, level)
    q_low, q_high = wilson_interval(int(y.sum()), y.size, level)
    return p - q, p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def pair_correlation(x: FloatArray, y: FloatArray) -> float:
    """Return the correlation over the finite pairs; NaN if there are fewer than 3."""
    both = np.isfinite(x) & np.isfinite(y)
    scale = magnitude(x, y)
    x, y = x / scale, y / scale
    if both.sum() < MIN_SEEDS_INTERVAL or not (x[both].std() > 0.0 and y[both].std() > 0.0):
        return NAN
    return float(np.corrcoef(x[both], y[both])[0, 1])


def comparison_sentence(row: ComparisonRow, where: str) -> str:
    """Return one row of a comparison in words."""
    start = f"{where[0].upper()}{where[1:]}, " if where else ""
    design = f"{row.n_a} pairs" if row.paired else f"{row.n_a} and {row.n_b} seeds"
    verdict = f"{row.answer}: {row.reason}"
    diverged = _diverged_words(row)
    if row.feature == "all":
        subject = f"{start}{row.level_a} and {row.level_b} over all features ({design}{diverged})"
        test = (
            f"distance {number(row.estimate)}, R squared {number(row.effect_size)}, {pvalue_words(row)}; "
            f"{row.method}; {row.family}; location or dispersion: {row.kind}"
            if math.isfinite(row.pvalue)
            else f"distance {number(row.estimate)}, not tested; {row.method}"
        )
    else:
        subject = f"{start}{row.level_a} minus {row.level_b} in {row.feature} ({design}{diverged})"
        interval = interval_words(row.ci_low, row.ci_high, row.level)
        size = "" if row.feature == "diverged" else f", g {number(row.effect_size)}"
        tested = f", {pvalue_words(row)}" if math.isfinite(row.pvalue) else ", not tested"
        test = f"{number(row.estimate)} {row.unit}{interval}{size}{tested}; {row.method}"
    unknown = f"; missing: {row.unknown}" if row.unknown else ""
    return f"{subject}: {test}. {verdict[0].upper()}{verdict[1:]}; {_reach_words(row)}{unknown}."


def pvalue_words(row: ComparisonRow) -> str:
    """Return p-value and adjusted p-value in words."""
    return f"p = {row.pvalue:.2g}, adjusted {row.pvalue_adjusted:.2g}"


def _reach_words(row: ComparisonRow) -> str:
    smallest = f"smallest attainable p {row.smallest_pvalue:.2g}"
    if row.feature == "diverged":
        return smallest
    if math.isinf(row.detectable_effect):
        return f"{smallest}, so no effect can be significant here"
    return f"{smallest}, power .8 for a difference of {number(row.detectable_effect)} between-seed sd"


def _diverged_words(row: ComparisonRow) -> str:
    if not row.n_diverged_a and not row.n_diverged_b:
        return ""
    return f"; {row.n_diverged_a} and {row.n_diverged_b} diverged"
