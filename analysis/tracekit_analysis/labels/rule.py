"""Label of one configuration: the pooled interval of the stability index over seeds, and the decision.

The unit of replication is the seed. A divergent run is an outcome, not a hole in the table: a cell in
which any run diverged is never called stable, and one in which at least half did is called diverged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import scipy.special

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.labels.cell import MAX_JITTER, METHOD_CROSS_SECTION, VOTED, CellLabel, Seed
from tracekit_analysis.labels.traits import ALPHA, NOT_ANALYSED, CellTraits, is_shown, vote
from tracekit_analysis.results import Side
from tracekit_analysis.seeds.intervals import log_interval, wilson_interval
from tracekit_analysis.seeds.thresholds import MIN_SEEDS_INTERVAL, MIN_SEEDS_LABEL
from tracekit_analysis.statistics.bounds import MARGINS, Label, noncentrality_interval

MIN_CONTRADICTING = 2
WORST_FIRST: tuple[Label, ...] = ("diverged", "unstable", "inconclusive", "stable")
METHOD = (
    "union of the t interval of mean theta over seeds and the interval of the pooled noncentral F; "
    "series after their burn-in"
)
MAX_BURST_LENGTH = 10_000
"""Values from which on bursts average out of the label: of GARCH(.1, .85) cells at the margin, .08 are wrong with 1,000
values and 5 seeds, .19 to .25 with 10; .00 to .02 with 10,000."""


def label_cell(seeds: Sequence[Seed], signal: str, side: Side, margin: float, level: float) -> CellLabel:
    """Label one configuration from its seeds."""
    used = [seed for seed in seeds if seed.outcome == "used"]
    n_diverged = sum(seed.outcome == "diverged" for seed in seeds)
    n_seeds = sum(seed.outcome != "unfinished" for seed in seeds)
    mean, low, high = _pooled(used, level)
    exact = any(seed.exact for seed in seeds)
    shaken = [seed.jitter for seed in seeds if seed.outcome != "unfinished" and not math.isnan(seed.jitter)]
    jitter, jitter_low, jitter_high = log_interval(shaken, level)
    decisions = {at: _decide(seeds, low, high, at, level) for at in {*MARGINS, margin}}
    verdicts = Counter(seed.verdict for seed in used if seed.verdict)
    single = Counter(_single_label(seed, margin, level) for seed in seeds if seed.outcome != "unfinished")
    agreeing = max(single.values(), default=0)
    seed_label = " or ".join(label for label in WORST_FIRST if agreeing and single[label] == agreeing)
    traits = vote([seed.traits for seed in used if seed.traits is not None])
    label, reason = decisions[margin]
    jitter_label = _jitter_label(len(shaken), n_diverged, n_seeds, jitter_low, jitter_high)
    share_low, share_high = wilson_interval(n_diverged, n_seeds, level)
    agree_low, agree_high = wilson_interval(agreeing, n_seeds, level)
    return CellLabel(
        label=label,
        headline=_headline(label, jitter_label, traits),
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
        votes={name: getattr(traits, name) for name in VOTED},
        spectrum_also=traits.also,
        period=traits.period,
        traits_of=traits.spectrum.of,
        jitter=jitter,
        jitter_ci_low=jitter_low,
        jitter_ci_high=jitter_high,
        jitter_label=jitter_label,
        lfq_rejections=sum(seed.lfq_pvalue < 1.0 - level for seed in used),
        memory_d=_median([seed.memory_d for seed in used]),
        memory_seeds=_wandering(used),
        arch_pvalue=_median([seed.arch_pvalue for seed in used]),
        arch_seeds=_bursting(used),
        caution="" if exact or label == "stable" or label == "diverged" else _caution(used),
        reason=reason,
        side=side,
        margin=margin,
        level=level,
        signal=signal,
        unit="half-spreads of the cross-section" if exact else "half-spreads",
        method=METHOD_CROSS_SECTION if exact else METHOD,
    )


def _pooled(used: Sequence[Seed], level: float) -> tuple[float, float, float]:
    """Return estimate and interval of I^2 over seeds; NaN where there are too few."""
    if used and used[0].exact:
        centre, low, high = log_interval([math.sqrt(seed.theta) for seed in used], level)
        return centre**2, low**2, high**2
    mean = float(np.mean([seed.theta for seed in used])) if used else math.nan
    low, high = pooled_interval(
        [seed.theta for seed in used],
        [seed.msb for seed in used],
        [seed.msw for seed in used],
        [seed.n_blocks for seed in used],
        [seed.blocks_k for seed in used],
        level,
    )
    return mean, low, high


def _jitter_label(n_known: int, n_diverged: int, n_seeds: int, low: float, high: float) -> str:
    """Return the label of jitter; a diverged run counts against quiet only."""
    if n_diverged and 2 * n_diverged >= n_seeds:
        return "diverged"
    if not n_known:
        return NOT_ANALYSED
    if n_known + n_diverged < MIN_SEEDS_LABEL:
        return "inconclusive"
    if low > MAX_JITTER:
        return "jittery"
    return "quiet" if high < MAX_JITTER and not n_diverged else "inconclusive"


def _headline(label: Label, jitter_label: str, traits: CellTraits) -> str:
    """Return the label and at most two traits that say what kind of movement it is."""
    jittery = ["jittery"] if jitter_label == "jittery" else []
    return label if label == "diverged" else ", ".join([label, *jittery, *traits.epithets][:3])


def _wandering(used: Sequence[Seed]) -> int:
    return sum(seed.memory == "long memory" for seed in used)


def _bursting(used: Sequence[Seed]) -> int:
    return sum(seed.arch_pvalue < ALPHA for seed in used)


def _caution(used: Sequence[Seed]) -> str:
    """Return what makes a bound of constant law move for a while (bursts, long memory); empty if nothing does."""
    found = []
    n_arch = sum(not math.isnan(seed.arch_pvalue) for seed in used)
    if is_shown(_bursting(used), n_arch) and min(seed.n_used for seed in used) < MAX_BURST_LENGTH:
        found.append(f"bursts of noise (ARCH) in {_bursting(used)} of {_seeds(n_arch)}")
    n_memory = sum(bool(seed.memory) for seed in used)
    if is_shown(_wandering(used), n_memory):
        d = _median([seed.memory_d for seed in used])
        found.append(f"long memory in {_wandering(used)} of {_seeds(n_memory)}, median d {d:.2f}")
    if not found:
        return ""
    return f"{'; '.join(found)}: LFQ rejects and the label says unstable too often"


def _median(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return float(np.median(known)) if known else math.nan


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

    Returns
    -------
    low, high : float
        (NaN, NaN) below 3 seeds, which give no interval; `low` may be negative.

    Raises
    ------
    AnalysisError
        If the sequences differ in length.
    """
    estimates = np.asarray(theta, dtype=np.float64)
    n = estimates.size
    for name, given in {"msb": msb, "msw": msw, "n_blocks": n_blocks, "blocks_k": blocks_k}.items():
        if len(given) != n:
            raise bad_argument(name, len(given), f"must be as long as `theta` (={n})")
    if n < MIN_SEEDS_INTERVAL:
        return math.nan, math.nan
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
    if seed.exact:
        return "stable" if seed.theta < margin**2 else "unstable"
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
