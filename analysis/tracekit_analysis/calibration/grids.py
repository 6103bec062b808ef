"""Planted grids: how often labels, traits and comparisons are right on simulated grids with known truth.

Labels: cells of seeds whose indices differ by factors. Traits: cells of processes of known kind. Comparisons: arms
of seeds, equal or not, with diverged runs, unequal counts and a missing cell. Each draw depends on its own key.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.processes import NORMAL_05, PROCESSES, iid, with_trend
from tracekit_analysis.comparisons.comparing import compare
from tracekit_analysis.features.registry import row_of
from tracekit_analysis.labels.cell import Seed
from tracekit_analysis.labels.rule import label_cell
from tracekit_analysis.labels.traits import read_traits, vote
from tracekit_analysis.seeds.intervals import wilson_interval
from tracekit_analysis.series.input import as_series
from tracekit_analysis.statistics.bounds import MARGIN, stability_index
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.parallel import map_in_order

COLUMNS = (
    "kind", "scenario", "n_seeds", "quantity", "must", "limit", "rate", "ci_low", "ci_high", "n_cells", "outcome",
)  # fmt: skip
COST = {"labels": 1, "comparisons": 2, "traits": 4}
"""The share 1 / COST of all cells is drawn, so that each kind takes about the same time."""
TASK = 10
N_VALUES = 1000
N_PERMUTATIONS = 199


@dataclass(frozen=True, slots=True)
class Scenario:
    """Planted truth, and how often it must get an answer."""

    kind: str
    """labels, traits or comparisons."""
    name: str
    """What is planted, in words. Random draws depend on this text: a new wording gives new numbers."""
    n_seeds: int
    """Seeds per cell, or per arm."""
    quantity: str
    """Name of the answer that is counted."""
    at_least: float
    """Smallest share required; 0 if none."""
    at_most: float
    """Largest share allowed; 1 if any is."""
    counted: tuple[str, ...]
    """Answers that count."""
    settings: tuple[tuple[str, float], ...] = ()
    """Settings of the draw."""


def _labels() -> list[Scenario]:
    """Return cells whose seeds have the planted index times a lognormal factor with root mean square (median) 1."""
    rows = []
    for unlike in (0.0, 0.3, 0.6):
        for n_seeds in (5, 10):
            who = f"factors between seeds of log sd {unlike:g}" if unlike else "seeds alike"
            common = (("unlike", unlike),)
            at = (("index", MARGIN), *common)
            above = (("index", 2.0 * MARGIN), *common)
            for exact in (0.0, 1.0):
                unit = "cross-section" if exact else "series"
                more = (("exact", exact),)
                decided = ("stable", "unstable")
                rows += [
                    Scenario("labels", f"{unit}, {who}, index at the margin", n_seeds, "decided", 0.0, 0.09,
                             decided, at + more),
                    Scenario("labels", f"{unit}, {who}, index twice the margin", n_seeds, "stable", 0.0, 0.01,
                             ("stable",), above + more),
                    Scenario("labels", f"{unit}, {who}, index twice the margin", n_seeds, "unstable", 0.0, 1.0,
                             ("unstable",), above + more),
                ]  # fmt: skip
    still = (("index", 0.0), ("unlike", 0.0))
    rows += [
        Scenario("labels", "series, bound constant", 5, "stable", 0.90, 1.0, ("stable",), still),
        Scenario("labels", "series, bound constant", 5, "unstable", 0.0, 0.01, ("unstable",), still),
        Scenario("labels", "series, bound constant, a seed diverges in 20 %", 5, "stable though one diverged", 0.0,
                 0.0, ("wrong",), (*still, ("diverge", 0.2))),
        Scenario("labels", "series, bound constant, a seed diverges in 20 %", 5, "unstable", 0.0, 0.01,
                 ("unstable",), (*still, ("diverge", 0.2))),
    ]  # fmt: skip
    return rows


SPECTRA = {
    "iid": ("white",),
    "t2": ("white",),
    "AR.5": ("red",),
    "AR.9": ("red",),
    "MA-.8": ("blue",),
    "d=.3": ("long memory", "red", "drifting level"),
    "break": ("drifting level",),
    "sine": ("periodic", "epoch-locked"),
    "sawtooth": ("epoch-locked",),
}
"""Classes that are right for a process; the sine's period is the epoch's length."""


def _traits() -> list[Scenario]:
    rows = []
    for process, right in SPECTRA.items():
        wrong = tuple(
            name
            for name in (
                "white", "red", "blue", "long memory", "drifting level", "periodic", "epoch-locked",
                "edge of stability",
            )
            if name not in right
        )  # fmt: skip
        rows += [
            Scenario("traits", process, 5, f"spectrum {' or '.join(right)}", 0.0, 1.0, right),
            Scenario("traits", process, 5, "another spectrum", 0.0, 0.05, wrong),
            Scenario("traits", process, 5, "a false break", 0.0, 0.01 if process != "break" else 1.0,
                     () if process == "break" else ("breaks",)),
        ]  # fmt: skip
    return [row for row in rows if row.counted]


def _comparisons() -> list[Scenario]:
    """Return pairs of arms of five normal features; a difference is a shift of two of them, in between-seed sd."""

    def row(name: str, n_seeds: int, counted: str, low: float, high: float, **settings: float) -> Scenario:
        return Scenario("comparisons", name, n_seeds, counted, low, high, (counted,), tuple(settings.items()))

    return [
        row("arms equal", 10, "different", 0.0, 0.05),
        row("arms equal, paired at correlation .7", 10, "different", 0.0, 0.05, shared=0.7),
        row("arms equal, 20 % of the runs diverge", 10, "different", 0.0, 0.05, diverge=0.2),
        row("arms equal, unequal counts (S and 2 S)", 10, "different", 0.0, 0.05, unequal=1.0),
        row("arms equal, one cell missing of 3 x 2", 10, "different", 0.0, 0.05, cells=3.0, missing=1.0),
        row("arms equal, fewer seeds than a claim needs", 5, "different", 0.0, 0.0),
        row("shift 2.5 sd", 10, "different", 0.95, 1.0, shift=2.5),
        row("shift 2.5 sd, paired at correlation .7", 10, "different", 0.95, 1.0, shift=2.5, shared=0.7),
        row("shift 2.5 sd, 20 % of the runs diverge", 10, "different", 0.0, 1.0, shift=2.5, diverge=0.2),
        row("shift 2.5 sd, unequal counts (S and 2 S)", 10, "different", 0.95, 1.0, shift=2.5, unequal=1.0),
        row("shift 2.5 sd, one cell missing of 3 x 2", 10, "different", 0.90, 1.0, shift=2.5, cells=3.0, missing=1.0),
        row("seeds of one arm 3 times as unlike", 10, "different", 0.90, 1.0, ratio=3.0),
        row("arms equal", 50, "equivalent", 0.80, 1.0, shared=0.5),
        row("one feature shifted by the margin of 1 sd", 40, "equivalent", 0.0, 0.05, shift=1.0, shared=0.5,
            n_shifted=1.0),
    ]  # fmt: skip


SCENARIOS: tuple[Scenario, ...] = (*_labels(), *_traits(), *_comparisons())
"""All planted truths."""


def grid_rates(
    *,
    n_cells: int = 200,
    scenarios: Sequence[Scenario] = SCENARIOS,
    seed: int = 0,
    jobs: int = 1,
) -> pd.DataFrame:
    """Measure how often planted truths are found and missed.

    Parameters
    ----------
    n_cells : int
        Cells per planted truth of labels; the costlier comparisons use half as many and traits a quarter.
    scenarios : sequence of Scenario
        Scenarios to measure; by default all.
    seed : int
        Seed of all draws.
    jobs : int
        Number of worker processes; it does not change the result.

    Returns
    -------
    DataFrame
        One row per scenario: `COLUMNS`. ``outcome`` is "missed" if the 99 % Wilson interval of the rate lies outside
        the limit.
    """
    draws: dict[tuple[Any, ...], list[str]] = {}
    tasks = []
    for scenario in scenarios:
        key = _key(scenario)
        if key in draws:
            continue
        draws[key] = []
        total = max(1, n_cells // COST[scenario.kind])
        tasks += [(key, seed, first, min(TASK, total - first)) for first in range(0, total, TASK)]
    for task, answers in zip(tasks, map_in_order(_measure, tasks, jobs=jobs), strict=True):
        draws[task[0]] += answers
    rows = [_row(scenario, draws[_key(scenario)]) for scenario in scenarios]
    return pd.DataFrame.from_records(rows, columns=list(COLUMNS))


def _key(scenario: Scenario) -> tuple[Any, ...]:
    """Return the key of the draws; scenarios with the same key are counted on the same cells."""
    return scenario.kind, scenario.name, scenario.n_seeds, scenario.settings


def _row(scenario: Scenario, answers: Sequence[str]) -> tuple[Any, ...]:
    hits = sum(any(word in scenario.counted for word in answer.split("|")) for answer in answers)
    low, high = wilson_interval(hits, len(answers))
    strict_low, strict_high = wilson_interval(hits, len(answers), 0.99)
    missed = strict_high < scenario.at_least or strict_low > scenario.at_most + 1e-12
    must, limit = "", math.nan
    if scenario.at_least > 0.0:
        must, limit = "at least", scenario.at_least
    elif scenario.at_most < 1.0:
        must, limit = "at most", scenario.at_most
    outcome = "" if not must else "missed" if missed else "reached"
    return (
        scenario.kind, scenario.name, scenario.n_seeds, scenario.quantity, must, limit, hits / len(answers), low,
        high, len(answers), outcome,
    )  # fmt: skip


def _measure(key: tuple[Any, ...], seed: int, first: int, count: int) -> list[str]:
    """Draw cells and return the answer on each; several answers on one cell are joined by "|"."""
    kind, name, n_seeds, settings = key
    rng = np.random.default_rng([seed, first, n_seeds, zlib.crc32(f"{kind} {name}".encode())])
    draw = _DRAWS[kind]
    return [draw(rng, name, n_seeds, dict(settings)) for _ in range(count)]


def _label(rng: np.random.Generator, name: str, n_seeds: int, settings: Mapping[str, float]) -> str:
    unlike, index = settings["unlike"], settings["index"]
    exact = bool(settings.get("exact", 0.0))
    # The pooled index is a root mean square, that of cross-sections a geometric mean.
    factors = np.exp(unlike * rng.standard_normal(n_seeds) - (0.0 if exact else unlike**2))
    seeds = []
    for factor in factors:
        if rng.random() < settings.get("diverge", 0.0):
            seeds.append(Seed("diverged"))
        elif exact:
            seeds.append(Seed("used", theta=float((index * factor) ** 2), exact=True))
        else:
            seeds.append(_seed(rng, index * factor))
    found = label_cell(seeds, "", "lower", MARGIN, 0.95)
    wrong = found.label == "stable" and found.n_diverged > 0
    return f"{found.label}|wrong" if wrong else str(found.label)


def _seed(rng: np.random.Generator, index: float) -> Seed:
    draw = with_trend(iid, index * math.sqrt(12.0) * NORMAL_05) if index else iid
    found = stability_index(Regime(as_series(draw(rng, N_VALUES))).late)
    if found.status != "ok":
        return Seed("unusable")
    square = found.spread**2
    return Seed(
        "used", theta=found.theta, msb=found.msb / square, msw=found.msw / square, n_blocks=found.n_blocks,
        blocks_k=found.blocks_k,
    )  # fmt: skip


def _trait(rng: np.random.Generator, name: str, n_seeds: int, settings: Mapping[str, float]) -> str:
    seeds = []
    for _ in range(n_seeds):
        values = PROCESSES[name].draw(rng, N_VALUES)
        regime = Regime(as_series(values, epochs=np.arange(N_VALUES) // 50))
        seeds.append(read_traits(row_of(regime, "standard")))
    found = vote(seeds)
    return f"{found.spectrum.verdict}|{found.breaks.verdict}"


def _compared(rng: np.random.Generator, name: str, n_seeds: int, settings: Mapping[str, float]) -> str:
    table = _arms(rng, n_seeds, settings)
    features = [column for column in table.columns if column.startswith("x")]
    rows = compare(table, features=features, n_permutations=N_PERMUTATIONS, rng=int(rng.integers(2**31)))
    answers = set(rows.loc[rows["feature"] == "all", "answer"])
    # Of several cells, a single wrong difference counts as wrong; a planted one must be found in all.
    if settings.get("shift", 0.0) > 0.0:
        return answers.pop() if len(answers) == 1 else "some"
    return "different" if "different" in answers else answers.pop() if len(answers) == 1 else "some"


def _arms(rng: np.random.Generator, n_seeds: int, settings: Mapping[str, float]) -> pd.DataFrame:
    shared, shift = settings.get("shared", 0.0), settings.get("shift", 0.0)
    most = 2 * n_seeds if settings.get("unequal") else n_seeds
    rows = []
    n_batches = int(settings.get("cells", 1.0))
    for batch in range(n_batches):
        common = math.sqrt(shared) * rng.standard_normal((most, 5))
        for arm in ("adam", "sgd"):
            if settings.get("missing") and batch == n_batches - 1 and arm == "sgd":
                continue
            n = most if arm == "adam" else n_seeds
            values = common[:n] + math.sqrt(1.0 - shared) * rng.standard_normal((n, 5))
            if arm == "adam":
                values = values * settings.get("ratio", 1.0)
                values[:, : int(settings.get("n_shifted", 2.0))] += shift
            gone = rng.random(n) < settings.get("diverge", 0.0)
            for seed in range(n):
                rows.append(
                    {"optimizer": arm, "batch_size": 50 * (batch + 1), "seed": seed,
                     "status": "diverged" if gone[seed] else "finished",
                     **{f"x{place}": value for place, value in enumerate(values[seed])}}
                )  # fmt: skip
    return pd.DataFrame(rows)


_DRAWS: dict[str, Callable[[np.random.Generator, str, int, Mapping[str, float]], str]] = {
    "labels": _label,
    "traits": _trait,
    "comparisons": _compared,
}
