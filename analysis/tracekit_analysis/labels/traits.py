"""Traits of series (spectrum, tails, breaks, spikes), and the vote of the seeds on each.

One rule for all traits: a trait is *shown* if so many seeds bear it that chance would bring that many in at most
1 % of cells, each seed bearing it by chance in 10 %. No procedure used here errs as often as that from 600 values
on; at 5 seeds three must agree, at 10 five. Below 5 seeds nothing is shown: the counts describe.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats

from tracekit_analysis.seeds.thresholds import MIN_SEEDS_TRAIT

CHANCE = 0.10
VOTE_LEVEL = 0.01
ALPHA = 0.05
WHITE = (0.8, 1.25)
"""Correlation times, in values, within which a series is white for all purposes."""
MIN_TIMES = 50.0
"""Correlation times a series must last before its memory is judged; the rule of the design study for p-values."""

UNDECIDED = "undecided"
NOT_ANALYSED = "not analysed"
SPECTRA = ("edge of stability", "epoch-locked", "periodic", "long memory", "red", "blue")
"""Signatures in the order in which they give the class its name: lines first, then memory, then colour."""
DRIFTING = "drifting level"
NEEDED = ("whiteness_pvalue", "peak_pvalue", "memory", "tail", "n_changes", "n_spikes_8")
"""Columns of `characterize` without which traits are not analysed (preset "minimal" lacks them)."""


@dataclass(frozen=True, slots=True)
class SeedTraits:
    """What the series of one seed shows by itself."""

    spectrum: frozenset[str] | None
    """Signatures of its spectrum; None if it could not be analysed."""
    period: float
    """Period of its strongest line, in values."""
    tau_int: float
    """Integrated autocorrelation time, in values."""
    stationarity: str
    """Four-way verdict; empty if unknown."""
    tails: str
    """Verdict on its tails; empty if unknown."""
    n_changes: float
    """Breaks of its level; NaN if unknown."""
    spike_rate: float
    """Values beyond 8 rolling robust standard deviations, per 1,000; NaN if unknown."""


@dataclass(frozen=True, slots=True)
class Vote:
    """Vote of the seeds of one configuration on one trait."""

    verdict: str
    """The trait that is shown; "undecided", "mixed", "not analysed" or that none was shown."""
    bearing: int
    """Seeds that bear it; 0 if undecided."""
    of: int
    """Seeds whose series could be judged."""
    detail: str
    """Counts over seeds, and sizes, in words."""

    @property
    def pvalue(self) -> float:
        """Chance of so many bearing seeds if each bears it by chance in 10 %; NaN where nothing was judged."""
        return vote_pvalue(self.bearing, self.of)


@dataclass(frozen=True, slots=True)
class CellTraits:
    """Votes of the seeds of one configuration on all traits."""

    stationarity: Vote
    """Verdict on stationarity."""
    spectrum: Vote
    """Spectral class."""
    period: float
    """Period of a periodic class, in values; NaN otherwise."""
    also: str
    """Other spectral signatures that are shown."""
    tails: Vote
    """Verdict on the tails."""
    breaks: Vote
    """Breaks of the level."""
    spikes: Vote
    """Values that no thin-tailed noise has."""

    @property
    def epithets(self) -> list[str]:
        """What kind of movement the seeds show, the most telling first."""
        words = []
        spectrum = self.spectrum.verdict
        if spectrum == "edge of stability":
            words.append("at the edge of stability")
        elif spectrum == "periodic":
            words.append(f"period {self.period:.3g}")
        elif spectrum in ("epoch-locked", "long memory"):
            words.append(spectrum)
        if spectrum == DRIFTING or self.breaks.verdict == "breaks":
            words.append("drifting")
        if self.tails.verdict == "infinite variance":
            words.append("infinite variance")
        elif self.spikes.verdict == "spikes":
            words.append("spikes")
        return words


def vote(seeds: Sequence[SeedTraits]) -> CellTraits:
    """Return the votes of the seeds; fewer than 5 seeds show nothing and are only counted."""
    spectrum, period, also = vote_on_spectrum(seeds)
    return CellTraits(
        vote_on_stationarity(seeds), spectrum, period, also,
        vote_on_tails(seeds), vote_on_breaks(seeds), vote_on_spikes(seeds),
    )  # fmt: skip


def vote_pvalue(bearing: int, of: int) -> float:
    """Return P(Bin(of, 0.1) >= bearing); NaN for no seeds."""
    return float(scipy.stats.binom.sf(bearing - 1, of, CHANCE)) if of else math.nan


def is_shown(bearing: int, of: int) -> bool:
    """Return whether the seeds show a trait; never below 5 seeds."""
    return of >= MIN_SEEDS_TRAIT and vote_pvalue(bearing, of) <= VOTE_LEVEL


def read_traits(row: Mapping[str, Any]) -> SeedTraits:
    """Read the traits of one series from its row of `characterize`."""
    if any(name not in row for name in NEEDED):
        nothing = math.nan
        verdict = str(row.get("stationarity", ""))
        return SeedTraits(None, nothing, nothing, verdict, "", nothing, nothing)
    tau = float(row["tau_int"])
    n_used = float(row["n_used"])
    n_changes, n_spikes = float(row["n_changes"]), float(row["n_spikes_8"])
    return SeedTraits(
        spectrum=_signatures(row, tau, n_used),
        period=float(row["peak_period"]),
        tau_int=tau,
        stationarity=_known(row.get("stationarity", "")),
        tails=_known(row["tail"]),
        n_changes=n_changes,
        spike_rate=1000.0 * n_spikes / n_used if n_used else math.nan,
    )


def _signatures(row: Mapping[str, Any], tau: float, n_used: float) -> frozenset[str] | None:
    if math.isnan(float(row["whiteness_pvalue"])):
        return None
    coloured = float(row["whiteness_pvalue"]) < ALPHA
    red = float(row["correlation_sum"]) > 0.0
    borne = {
        "edge of stability": bool(row["edge_of_stability"]),
        "epoch-locked": float(row.get("epoch_comb_pvalue", math.nan)) < ALPHA,
        "periodic": float(row["peak_pvalue"]) < ALPHA,
        "long memory": row["memory"] == "long memory" and n_used >= MIN_TIMES * tau,
        "red": coloured and red,
        "blue": coloured and not red,
    }
    return frozenset(name for name, is_borne in borne.items() if is_borne)


def vote_on_spectrum(seeds: Sequence[SeedTraits]) -> tuple[Vote, float, str]:
    """Return the spectral class of a cell, its period (NaN unless periodic), and all other signatures shown.

    Lines are named before memory, memory before colour. Long memory and red noise of a level that breaks are
    "drifting level": a break or a trend fakes both. Where some seeds are red and others blue, the class is "mixed".
    White is a claim of its own: no signature is shown, and the 95 % t interval of the mean correlation time over seeds
    lies within 0.8 and 1.25 values.
    """
    judged = [seed for seed in seeds if seed.spectrum is not None]
    n = len(judged)
    if not n:
        return Vote(NOT_ANALYSED, 0, 0, "no series could be analysed"), math.nan, ""
    counts = {name: sum(name in (seed.spectrum or ()) for seed in judged) for name in SPECTRA}
    borne = [f"{count} {name}" for name, count in counts.items() if count]
    detail = f"{', '.join(borne) or 'no signature'} of {_seeds(n)}"
    shown = [name for name in SPECTRA if is_shown(counts[name], n)]
    if not shown:
        taus = np.array([seed.tau_int for seed in judged])
        if n >= MIN_SEEDS_TRAIT and _is_white(taus):
            detail += f"; mean correlation time {taus.mean():.2f} values"
            return Vote("white", n - max(counts.values()), n, detail), math.nan, ""
        return Vote(UNDECIDED, 0, n, detail + _few(n)), math.nan, ""
    first = shown[0]
    if first in ("long memory", "red") and "blue" in shown:
        most = max(counts[one] for one in shown)
        return Vote("mixed", most, n, detail), math.nan, ", ".join(shown)
    name = first
    if first in ("long memory", "red") and vote_on_breaks(judged).verdict == "breaks":
        name = DRIFTING
    period = math.nan
    if first in ("periodic", "edge of stability"):
        periods = [seed.period for seed in judged if first in (seed.spectrum or ())]
        period = float(np.median(periods)) if first == "periodic" else 2.0
        if first == "periodic":
            detail += f"; periods {min(periods):.3g} to {max(periods):.3g} values"
    return Vote(name, counts[first], n, detail), period, ", ".join(shown[1:])


def _is_white(taus: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    if not np.isfinite(taus).all():
        return False
    half = float(scipy.stats.t.ppf(0.975, taus.size - 1)) * taus.std(ddof=1) / math.sqrt(taus.size)
    return bool(WHITE[0] < taus.mean() - half and taus.mean() + half < WHITE[1])


def vote_on_stationarity(seeds: Sequence[SeedTraits]) -> Vote:
    """Return the one verdict on stationarity that the seeds show; "mixed" if they show several."""
    return _vote_on_verdict([seed.stationarity for seed in seeds if seed.stationarity], ())


def vote_on_tails(seeds: Sequence[SeedTraits]) -> Vote:
    """Return the one verdict on tails that the seeds show; "unresolved" is never one."""
    return _vote_on_verdict([seed.tails for seed in seeds if seed.tails], ("unresolved",))


def vote_on_breaks(seeds: Sequence[SeedTraits]) -> Vote:
    """Return whether the seeds show breaks of the level."""
    return _vote_on_counts([seed.n_changes for seed in seeds], "breaks", "breaks a series")


def vote_on_spikes(seeds: Sequence[SeedTraits]) -> Vote:
    """Return whether the seeds show spikes: values that no thin-tailed noise has. Heavy tails have them too."""
    return _vote_on_counts([seed.spike_rate for seed in seeds], "spikes", "per 1,000 values")


def _vote_on_verdict(verdicts: Sequence[str], never: Iterable[str]) -> Vote:
    n = len(verdicts)
    if not n:
        return Vote(NOT_ANALYSED, 0, 0, "no series could be analysed")
    # Most common first, ties by name, so that the order of the seeds changes nothing.
    counts = sorted(Counter(verdicts).items(), key=lambda item: (-item[1], item[0]))
    detail = ", ".join(f"{count} {name}" for name, count in counts)
    shown = [(name, count) for name, count in counts if name not in never and is_shown(count, n)]
    if len(shown) == 1:
        return Vote(shown[0][0], shown[0][1], n, detail)
    if shown:
        return Vote("mixed", shown[0][1], n, detail)
    return Vote(UNDECIDED, 0, n, detail + _few(n))


def _vote_on_counts(sizes: Sequence[float], name: str, unit: str) -> Vote:
    known = [size for size in sizes if not math.isnan(size)]
    n = len(known)
    if not n:
        return Vote(NOT_ANALYSED, 0, 0, "no series could be analysed")
    bearing = sum(size > 0.0 for size in known)
    detail = f"{bearing} of {_seeds(n)} with {name}"
    if bearing:
        detail += (
            f", median {np.median([size for size in known if size > 0.0]):.3g} {unit} where there are any"
        )
    if is_shown(bearing, n):
        return Vote(name, bearing, n, detail)
    return Vote(UNDECIDED if n < MIN_SEEDS_TRAIT else f"no {name} shown", bearing, n, detail + _few(n))


def _known(verdict: object) -> str:
    return "" if verdict in (NOT_ANALYSED, "", None) or verdict != verdict else str(verdict)


def _few(n: int) -> str:
    return f"; below {MIN_SEEDS_TRAIT} seeds only described" if n < MIN_SEEDS_TRAIT else ""


def _seeds(n: int) -> str:
    return "1 seed" if n == 1 else f"{n} seeds"
