"""One cell of an experiment and its seeds: the pooled interval of the stability index, and the label.

The unit of replication is the seed. A divergent run is an outcome, not a hole in the table: a cell in
which any run diverged is never called stable, and one in which at least half did is called diverged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.special

from tracekit_analysis.bounds import MARGINS, Label, noncentrality_interval
from tracekit_analysis.results import Record, Side
from tracekit_analysis.traits import CellTraits, SeedTraits, vote

MIN_SEEDS_INTERVAL = 3
MIN_SEEDS_LABEL = 5
MIN_CONTRADICTING = 2
WORST_FIRST: tuple[Label, ...] = ("diverged", "unstable", "inconclusive", "stable")
METHOD = (
    "union of the t interval of mean theta over seeds and the interval of the pooled noncentral F; "
    "series after their burn-in"
)


@dataclass(frozen=True, slots=True)
class CellLabel(Record):
    """Label of one cell, and all that it rests on."""

    label: Label
    """stable, unstable, inconclusive or diverged, at `margin`."""
    headline: str
    """The label with what else the seeds show of the series, in a few words."""
    index: float
    """Pooled stability index: root of the mean theta over seeds, 0 if that is negative. A mean of squares: one
    restless seed pulls it up, so that it may lie far above `index_median`."""
    index_median: float
    """Median of the indices of the single seeds."""
    ci_low: float
    """Lower end of the interval of the index; NaN below 3 seeds."""
    ci_high: float
    """Upper end of the interval of the index; NaN below 3 seeds."""
    label_at_010: Label
    """Label at margin 0.1."""
    label_at_020: Label
    """Label at margin 0.2."""
    label_at_040: Label
    """Label at margin 0.4."""
    n_seeds: int
    """Seeds whose run has ended: finished or diverged."""
    n_used: int
    """Seeds whose series gave an index."""
    n_diverged: int
    """Seeds whose run or series diverged."""
    n_unfinished: int
    """Seeds whose run failed, was interrupted or still goes on; they do not count."""
    diverged_share: float
    """n_diverged / n_seeds."""
    diverged_ci_low: float
    """Lower end of its Wilson interval."""
    diverged_ci_high: float
    """Upper end of its Wilson interval."""
    agreement: float
    """Share of seeds that carry the most common label of single seeds."""
    agreement_ci_low: float
    """Lower end of its Wilson interval."""
    agreement_ci_high: float
    """Upper end of its Wilson interval."""
    seed_label: str
    """The most common label of single seeds; all of them, joined by "or", if several are equally common."""
    stationarity: str
    """Verdicts on the seeds' series with their counts, most common first."""
    stationarity_verdict: str
    """The verdict that the seeds show together, "mixed", or "undecided"."""
    stationarity_seeds: int
    """Seeds that bear it."""
    stationarity_detail: str
    """Counts over seeds, in words."""
    spectrum: str
    """Spectral class: white, red, blue, drifting level, long memory, periodic, epoch-locked, edge of stability."""
    spectrum_seeds: int
    """Seeds that bear it."""
    spectrum_detail: str
    """Counts over seeds, in words."""
    spectrum_also: str
    """Other signatures that the seeds show."""
    period: float
    """Period of a periodic class in values, median over the seeds that bear it; NaN otherwise."""
    tails: str
    """thin; power law, finite variance; infinite variance; mixed; undecided."""
    tails_seeds: int
    """Seeds that bear it."""
    tails_detail: str
    """Counts over seeds, in words."""
    breaks: str
    """Whether the seeds show breaks of the level."""
    breaks_seeds: int
    """Seeds that have one."""
    breaks_detail: str
    """Counts over seeds, in words."""
    spikes: str
    """Whether the seeds show values beyond 8 rolling robust standard deviations; heavy tails have them too."""
    spikes_seeds: int
    """Seeds that have one."""
    spikes_detail: str
    """Counts over seeds, in words."""
    traits_of: int
    """Seeds whose series were long and whole enough to be judged for their traits."""
    lfq_rejections: int
    """Seeds in which LFQ rejects a constant bound at 1 - `level`."""
    reason: str
    """The label in one plain sentence."""
    side: Side
    """Which bound."""
    margin: float
    """Largest index that counts as stable, in half-spreads."""
    level: float
    """Confidence level of all intervals."""
    signal: str
    """Signal that was judged."""
    method: str
    """How the interval was formed."""
    sentence: str = ""
    """The label of the cell in words, with what its seeds show besides."""

    def _repr_html_(self) -> str:
        """Return all aspects as a table, for notebooks."""
        from tracekit_analysis.aspects import label_html

        return label_html(self)


@dataclass(frozen=True, slots=True)
class Seed:
    """What one seed contributes to its cell."""

    outcome: Literal["used", "diverged", "unusable", "unfinished"]
    """Whether it has an index; ``unfinished`` runs failed or are still running and do not count."""
    theta: float = math.nan
    """Signed estimate of I^2."""
    msb: float = math.nan
    """Mean square between blocks, in squared half-spreads."""
    msw: float = math.nan
    """Mean square within blocks, in squared half-spreads."""
    n_blocks: int = 0
    """Blocks m."""
    blocks_k: int = 0
    """Sub-blocks per block k."""
    verdict: str = ""
    """Stationarity verdict on its series; empty if unknown."""
    lfq_pvalue: float = math.nan
    """LFQ p-value of its series."""
    traits: SeedTraits | None = None
    """What its series shows besides; None if that is unknown."""


def label_cell(seeds: Sequence[Seed], signal: str, side: Side, margin: float, level: float) -> CellLabel:
    """Label one cell from its seeds."""
    used = [seed for seed in seeds if seed.outcome == "used"]
    n_diverged = sum(seed.outcome == "diverged" for seed in seeds)
    n_seeds = sum(seed.outcome != "unfinished" for seed in seeds)
    mean = float(np.mean([seed.theta for seed in used])) if used else math.nan
    low = high = math.nan
    if len(used) >= MIN_SEEDS_INTERVAL:
        low, high = pooled_interval(
            [seed.theta for seed in used],
            [seed.msb for seed in used],
            [seed.msw for seed in used],
            [seed.n_blocks for seed in used],
            [seed.blocks_k for seed in used],
            level,
        )
    decisions = {at: _decide(seeds, low, high, at, level) for at in {*MARGINS, margin}}
    verdicts = Counter(seed.verdict for seed in used if seed.verdict)
    single = Counter(_single_label(seed, margin, level) for seed in seeds if seed.outcome != "unfinished")
    agreeing = max(single.values(), default=0)
    seed_label = " or ".join(label for label in WORST_FIRST if agreeing and single[label] == agreeing)
    traits = vote([seed.traits for seed in used if seed.traits is not None])
    label, reason = decisions[margin]
    share_low, share_high = wilson_interval(n_diverged, n_seeds, level)
    agree_low, agree_high = wilson_interval(agreeing, n_seeds, level)
    return CellLabel(
        label=label,
        headline=_headline(label, traits),
        index=_root(mean),
        index_median=float(np.median([_root(seed.theta) for seed in used])) if used else math.nan,
        ci_low=_root(low),
        ci_high=_root(high),
        label_at_010=decisions[0.1][0],
        label_at_020=decisions[0.2][0],
        label_at_040=decisions[0.4][0],
        n_seeds=n_seeds,
        n_used=len(used),
        n_diverged=n_diverged,
        n_unfinished=len(seeds) - n_seeds,
        diverged_share=n_diverged / n_seeds if n_seeds else math.nan,
        diverged_ci_low=share_low,
        diverged_ci_high=share_high,
        agreement=agreeing / n_seeds if n_seeds else math.nan,
        agreement_ci_low=agree_low,
        agreement_ci_high=agree_high,
        seed_label=seed_label,
        stationarity=", ".join(
            f"{count} {verdict}"
            for verdict, count in sorted(verdicts.items(), key=lambda item: (-item[1], item[0]))
        ),
        stationarity_verdict=traits.stationarity.verdict,
        stationarity_seeds=traits.stationarity.bearing,
        stationarity_detail=traits.stationarity.detail,
        spectrum=traits.spectrum.verdict,
        spectrum_seeds=traits.spectrum.bearing,
        spectrum_detail=traits.spectrum.detail,
        spectrum_also=traits.also,
        period=traits.period,
        tails=traits.tails.verdict,
        tails_seeds=traits.tails.bearing,
        tails_detail=traits.tails.detail,
        breaks=traits.breaks.verdict,
        breaks_seeds=traits.breaks.bearing,
        breaks_detail=traits.breaks.detail,
        spikes=traits.spikes.verdict,
        spikes_seeds=traits.spikes.bearing,
        spikes_detail=traits.spikes.detail,
        traits_of=traits.spectrum.of,
        lfq_rejections=sum(seed.lfq_pvalue < 1.0 - level for seed in used),
        reason=reason,
        side=side,
        margin=margin,
        level=level,
        signal=signal,
        method=METHOD,
    )


def _headline(label: Label, traits: CellTraits) -> str:
    """Return the label and at most two traits that say what kind of movement it is."""
    return label if label == "diverged" else ", ".join([label, *traits.epithets[:2]])


def wilson_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share; (NaN, NaN) for n = 0.

    References
    ----------
    Wilson (1927), J. Amer. Statist. Assoc. 22:209.
    """
    if n == 0:
        return math.nan, math.nan
    z2 = float(scipy.special.ndtri(0.5 + level / 2.0)) ** 2
    centre = (successes + z2 / 2.0) / (n + z2)
    half = math.sqrt(z2 * (successes * (n - successes) / n + z2 / 4.0)) / (n + z2)
    return max(0.0, centre - half), min(1.0, centre + half)


def pooled_interval(
    theta: Sequence[float],
    msb: Sequence[float],
    msw: Sequence[float],
    n_blocks: Sequence[int],
    blocks_k: Sequence[int],
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the interval of I^2 over seeds: the union of the t and the pooled noncentral F interval.

    Parameters
    ----------
    theta : (n_seeds,) sequence of float
        Signed estimates of I^2.
    msb, msw : (n_seeds,) sequences of float
        Mean squares between and within blocks, in squared half-spreads.
    n_blocks, blocks_k : (n_seeds,) sequences of int
        Blocks m and sub-blocks per block k.
    level : float
        Confidence level of each of the two intervals.
    """
    estimates = np.asarray(theta, dtype=np.float64)
    n = estimates.size
    t = float(scipy.special.stdtrit(n - 1, 0.5 + level / 2.0))
    half = t * float(estimates.std(ddof=1)) / math.sqrt(n)
    m, k = np.asarray(n_blocks), np.asarray(blocks_k)
    df1, df2 = m - 1, m * (k - 1)
    between = float(np.average(msb, weights=df1))
    within = float(np.average(msw, weights=df2))
    low, high = noncentrality_interval(between / within, float(df1.sum()), float(df2.sum()), level)
    per_noncentrality = within / float((m * k).sum())
    mean = float(estimates.mean())
    return min(mean - half, low * per_noncentrality), max(mean + half, high * per_noncentrality)


def _decide(seeds: Sequence[Seed], low: float, high: float, margin: float, level: float) -> tuple[Label, str]:
    """Return the label of a cell at one margin, and the reason; `low` and `high` bound I^2."""
    n_used = sum(seed.outcome == "used" for seed in seeds)
    n_diverged = sum(seed.outcome == "diverged" for seed in seeds)
    n_seeds = sum(seed.outcome != "unfinished" for seed in seeds)
    open_runs = _unfinished(len(seeds) - n_seeds)
    if n_diverged and 2 * n_diverged >= n_seeds:
        return "diverged", f"{n_diverged} of {_runs(n_seeds)} diverged"
    if n_used < MIN_SEEDS_INTERVAL:
        return "inconclusive", (
            f"{_seeds(n_used)} with a usable series; below {MIN_SEEDS_INTERVAL} the index is only described"
            f"{open_runs}"
        )
    interval = f"the {level:.0%} interval of the index, [{_root(low):.2f}, {_root(high):.2f}],"
    if n_used + n_diverged < MIN_SEEDS_LABEL:
        return "inconclusive", (
            f"{_seeds(n_used)} give an interval but no label; at least {MIN_SEEDS_LABEL} are needed{open_runs}"
        )
    if low <= margin**2 <= high:
        return "inconclusive", f"{interval} contains the margin {margin:g}"
    label: Label = "stable" if high < margin**2 else "unstable"
    side = "below" if label == "stable" else "above"
    if label == "stable" and n_diverged:
        return "inconclusive", (
            f"{interval} lies below the margin {margin:g}, but {n_diverged} of {_runs(n_seeds)} diverged"
        )
    opposite = "unstable" if label == "stable" else "stable"
    contradicting = sum(_single_label(seed, margin, level) == opposite for seed in seeds)
    if contradicting >= MIN_CONTRADICTING:
        return "inconclusive", (
            f"{interval} lies {side} the margin {margin:g}, but {contradicting} seeds alone are {opposite}"
        )
    suffix = f"; {n_diverged} of {_runs(n_seeds)} diverged" if n_diverged else ""
    return label, f"{interval} lies {side} the margin {margin:g}{suffix}"


def _single_label(seed: Seed, margin: float, level: float) -> Label:
    """Return the label that a seed would get alone."""
    if seed.outcome == "diverged":
        return "diverged"
    if seed.outcome != "used":
        return "inconclusive"
    m, k = seed.n_blocks, seed.blocks_k
    low, high = noncentrality_interval(seed.msb / seed.msw, m - 1, m * (k - 1), level)
    per_noncentrality = seed.msw / (m * k)
    if high * per_noncentrality < margin**2:
        return "stable"
    return "unstable" if low * per_noncentrality > margin**2 else "inconclusive"


def _root(square: float) -> float:
    """Return the root of an estimate of I^2, 0 if it is negative; NaN stays NaN."""
    return math.sqrt(square) if square > 0.0 or math.isnan(square) else 0.0


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n} runs"


def _unfinished(n: int) -> str:
    return "" if not n else f"; {_runs(n)} did not end and {'does' if n == 1 else 'do'} not count"
