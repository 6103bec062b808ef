"""What a label of a cell holds, and what a seed contributes to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tracekit_analysis.labels.traits import SeedTraits
from tracekit_analysis.results import Record, Side
from tracekit_analysis.statistics.bounds import Label


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
    jitter: float
    """Movement to and fro of the bound of the cross-section, geometric mean over seeds; NaN if not recorded."""
    jitter_ci_low: float
    """Lower end of its interval."""
    jitter_ci_high: float
    """Upper end of its interval."""
    jitter_label: str
    """quiet (interval below 0.1), jittery (above), inconclusive, diverged; not analysed if not recorded."""
    lfq_rejections: int
    """Seeds in which LFQ rejects a constant bound at 1 - `level`."""
    memory_d: float
    """Memory parameter d at n^0.5 frequencies, median over seeds; NaN if it was not estimated."""
    memory_seeds: int
    """Seeds whose series has long memory."""
    arch_pvalue: float
    """P-value that the size of the noise does not depend on its past, median over seeds; NaN if it was not tested."""
    arch_seeds: int
    """Seeds in which that is rejected at 5 %: their noise comes in bursts."""
    caution: str
    """What of these makes LFQ reject and the label say unstable too often; empty if nothing, or if it is stable."""
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
    unit: str
    """Unit of index, interval and margin."""
    method: str
    """How the interval was formed."""
    sentence: str = ""
    """The label of the cell in words, with what its seeds show besides."""

    def _repr_html_(self) -> str:
        """Return all aspects as a table, for notebooks."""
        from tracekit_analysis.labels.reading import label_html

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
    n_used: int = 0
    """Values of its series that were analysed."""
    memory: str = ""
    """Verdict on the memory of its series; empty if unknown."""
    memory_d: float = math.nan
    """Memory parameter d of its series at n^0.5 frequencies."""
    arch_pvalue: float = math.nan
    """ARCH p-value of its series."""
    exact: bool = False
    """Whether theta is known without error inside the run, as it is for a recorded cross-section."""
    jitter: float = math.nan
    """Movement to and fro of the bound of the cross-section, in its half-spreads; NaN if not recorded."""
