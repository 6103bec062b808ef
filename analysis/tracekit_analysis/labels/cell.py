"""Label of one configuration, its aspects, and what each seed contributes to it."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracekit_analysis.labels.traits import CHANCE, NOT_ANALYSED, UNDECIDED, SeedTraits, Vote, vote_pvalue
from tracekit_analysis.results import Record, Side
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.statistics.bounds import Label
from tracekit_analysis.words import capital, number

VOTED = ("stationarity", "spectrum", "tails", "breaks", "spikes")
"""Traits on which the seeds vote: the verdict on stationarity; the spectral class (white, red, blue, mixed, drifting
level, long memory, periodic, epoch-locked, edge of stability); the tails (thin; power law, finite variance; infinite
variance; mixed); whether the level breaks; whether there are spikes beyond 8 rolling robust standard deviations."""


@dataclass(frozen=True, slots=True)
class CellLabel(Record):
    """Label of one configuration, and all that it rests on."""

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
    """Seeds whose run failed, was interrupted or is still running; they do not count."""
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
    votes: Mapping[str, Vote]
    """What the seeds say of each trait of `VOTED`. In a table: a column with the verdict, one with the seeds that bear
    it, and one with the counts in words."""
    spectrum_also: str
    """Other signatures of the spectrum that the seeds show."""
    period: float
    """Period of a periodic class in values, median over the seeds that bear it; NaN otherwise."""
    traits_of: int
    """Seeds whose series were long and whole enough to be judged for their traits."""
    jitter: float
    """Jitter: fast movement of the bound of the cross-section, geometric mean over seeds; NaN if not recorded."""
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
    """The label in words, with what the seeds show besides."""

    def to_record(self) -> dict[str, Any]:
        """Return one flat row: the fields, with three columns for each vote in its place."""
        record: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            if field.name == "votes":
                for trait in VOTED:
                    vote = self.votes[trait]
                    cells = (vote.verdict, vote.bearing, vote.detail)
                    record |= zip(_vote_columns(trait), cells, strict=True)
                    if trait == "spectrum":
                        record |= {"spectrum_also": self.spectrum_also, "period": self.period}
            else:
                record.setdefault(field.name, getattr(self, field.name))
        return record

    @classmethod
    def from_record(cls, row: Mapping[Any, Any]) -> CellLabel:
        """Read what `to_record` wrote."""
        votes = {}
        for trait in VOTED:
            verdict, bearing, detail = (row[name] for name in _vote_columns(trait))
            votes[trait] = Vote(verdict, bearing, row["traits_of"], detail)
        names = [field.name for field in dataclasses.fields(cls) if field.name != "votes"]
        return cls(votes=votes, **{name: row[name] for name in names})

    def _repr_html_(self) -> str:
        """Return all aspects as a table, for notebooks."""
        return label_html(self)


def _vote_columns(trait: str) -> tuple[str, str, str]:
    # The counts of all verdicts have the plain name, since there were counts before there were votes.
    verdict = "stationarity_verdict" if trait == "stationarity" else trait
    return verdict, f"{trait}_seeds", f"{trait}_detail"


LABEL_COLUMNS: tuple[str, ...] = tuple(
    column
    for field in dataclasses.fields(CellLabel)
    for column in (
        [
            name
            for trait in VOTED
            for name in (*_vote_columns(trait), *(("spectrum_also", "period") * (trait == "spectrum")))
        ]
        if field.name == "votes"
        else [field.name] * (field.name not in ("spectrum_also", "period"))
    )
)
"""Columns of a table of labels, in order."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What one seed contributes to the label of its configuration."""

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
    """Jitter: fast movement of the bound of the cross-section, in its half-spreads; NaN if not recorded."""


VOTE_METHOD = f"seeds that bear it against a chance of {CHANCE:.0%} each (exact binomial)"


@dataclass(frozen=True, slots=True)
class Aspect(Record):
    """One aspect of a cell: what its seeds show, how many of them, and how sure that is."""

    aspect: str
    """lower bound or upper bound, jitter, divergence, one of `VOTED`, or agreement."""
    verdict: str
    """What is shown."""
    estimate: float
    """Index for a bound, otherwise the share of seeds that bear the verdict."""
    ci_low: float
    """Lower end of its interval; Wilson's for shares."""
    ci_high: float
    """Upper end of its interval."""
    level: float
    """Confidence level."""
    unit: str
    """Unit of the estimate."""
    pvalue: float
    """For a trait: chance of so many seeds if each bears it by chance in 10 %; NaN otherwise."""
    n_seeds: int
    """Seeds that could be judged."""
    method: str
    """How it was decided."""
    family: str
    """What the error rate holds for."""
    sentence: str
    """The aspect in words."""


def aspects(label: CellLabel) -> tuple[Aspect, ...]:
    """Return the aspects of the label of one cell, one after the other."""
    bound = Aspect(
        aspect=f"{label.side} bound",
        verdict=label.label,
        estimate=label.index,
        ci_low=label.ci_low,
        ci_high=label.ci_high,
        level=label.level,
        unit=label.unit,
        pvalue=math.nan,
        n_seeds=label.n_used,
        method=label.method,
        family="each cell by itself",
        sentence=f"{capital(label.label)}: {label.reason}.",
    )
    jitter = Aspect(
        aspect="jitter",
        verdict=label.jitter_label,
        estimate=label.jitter,
        ci_low=label.jitter_ci_low,
        ci_high=label.jitter_ci_high,
        level=label.level,
        unit="half-spreads of the cross-section",
        pvalue=math.nan,
        n_seeds=label.n_seeds,
        method=METHOD_CROSS_SECTION,
        family="each cell by itself",
        sentence=f"Jitter: {label.jitter_label}{_jitter_words(label)}.",
    )
    diverged = "diverged" if label.label == "diverged" else "some runs" if label.n_diverged else "none"
    agreeing = round(label.agreement * label.n_seeds) if label.n_seeds else 0
    of = label.n_seeds
    voted = [
        _share(name, vote.verdict, vote.bearing, label.traits_of, vote.detail, label.level)
        for name, vote in label.votes.items()
    ]
    return (
        bound,
        jitter,
        _share(
            "divergence", diverged, label.n_diverged, of, f"{label.n_diverged} of {of} diverged", label.level
        ),
        *voted,
        _share("agreement", label.seed_label, agreeing, of, f"{agreeing} of {of} seeds alone", label.level),
    )


def _share(name: str, verdict: str, bearing: int, of: int, detail: str, level: float) -> Aspect:
    low, high = wilson_interval(bearing, of, level)
    voted = name in VOTED
    decided = verdict not in (UNDECIDED, NOT_ANALYSED) and of > 0
    return Aspect(
        aspect=name,
        verdict=verdict if of else NOT_ANALYSED,
        estimate=bearing / of if decided else math.nan,
        ci_low=low if decided else math.nan,
        ci_high=high if decided else math.nan,
        level=level,
        unit="share of seeds",
        pvalue=vote_pvalue(bearing, of) if voted and decided else math.nan,
        n_seeds=of,
        method=VOTE_METHOD if voted else "share of seeds, Wilson interval",
        family="each trait of each cell by itself" if voted else "",
        sentence=f"{capital(name)}: {verdict or NOT_ANALYSED}; {detail}.",
    )


def _jitter_words(label: CellLabel) -> str:
    if math.isnan(label.jitter):
        return ""
    if math.isnan(label.jitter_ci_low):
        return f"; {number(label.jitter)} half-spreads of the cross-section"
    ends = f"[{number(label.jitter_ci_low)}, {number(label.jitter_ci_high)}]"
    return f"; {number(label.jitter)} {ends} half-spreads of the cross-section, quiet below {MAX_JITTER:g}"


def label_html(label: CellLabel) -> str:
    """Return the label of one cell as an HTML table, for notebooks."""
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in (one.aspect, one.verdict, one.sentence))
        + "</tr>"
        for one in aspects(label)
    )
    head = "<tr><th>aspect</th><th>verdict</th><th>in words</th></tr>"
    return f"<table><caption>{html.escape(label.headline)}</caption>{head}{rows}</table>"


METHOD_CROSS_SECTION = (
    "geometric mean and t interval on the log scale over seeds; recorded quantiles after the first quarter"
)
MAX_JITTER = 0.10
"""Largest jitter that counts as quiet, in half-spreads of the cross-section."""
