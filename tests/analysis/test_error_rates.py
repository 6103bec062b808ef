"""Error rates under known truth: a fast tier on every run, the full size under the marker `calibration`.

Bands follow the design study: a size passes if |rate - .05| <= 2.58 sqrt(.0475 / R), or below that
(conservative); powers and coverages get the binomial error of R on top of the stated rate.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.analysis.processes import (
    NORMAL_05,
    Process,
    autoregressive,
    garch,
    iid,
    level_break,
    linear_trend,
    lower_tail,
    negative_moving_average,
    noisy_random_walk,
    random_walk,
    reshuffled,
    scale_break,
    student,
    traces,
)
from tracekit_analysis import as_series, characterize, label_from_features, stability_index
from tracekit_analysis.labels import pooled_interval
from tracekit_analysis.statistics import kpss_cosine, lfq_test, scale_lfq

FULL = pytest.mark.calibration
TESTS = {
    "lfq": lfq_test,
    "lfq upper": lambda x: lfq_test(x, side="upper"),
    "level": kpss_cosine,
    "scale": scale_lfq,
}
PROCESSES: dict[str, Process] = {
    "iid": iid,
    "AR.5": autoregressive(0.5),
    "AR.9": autoregressive(0.9),
    "t2": student(2),
    "Cauchy": student(1),
    "MA-.8": negative_moving_average,
    "GARCH": garch,
    "reshuffled": reshuffled(50),
    "trend": linear_trend(1.0),
    "break": level_break(0.5),
    "lower drift": lower_tail(lambda u: 1 + u),
    "walk": random_walk,
    "noisy walk": noisy_random_walk,
    "variance x2": scale_break(2.0),
}


def slack(rate: float, runs: int) -> float:
    return 2.58 * math.sqrt(rate * (1 - rate) / runs)


def rejection_rate(test: str, process: str, n: int, runs: int) -> float:
    rng = np.random.default_rng([n, runs, *process.encode()])
    return float(
        np.mean([TESTS[test](as_series(PROCESSES[process](rng, n))).pvalue < 0.05 for _ in range(runs)])
    )


SIZES = [  # test, process, n, nominal rate that the design study allows
    ("lfq", "iid", 200, 0.05),
    ("lfq", "AR.5", 200, 0.05),
    ("lfq", "t2", 200, 0.05),
    ("lfq", "AR.9", 200, 0.10),
    ("lfq", "iid", 1000, 0.05),
    ("lfq upper", "iid", 1000, 0.05),
    ("lfq", "AR.5", 1000, 0.05),
    ("lfq", "AR.9", 1000, 0.07),
    ("lfq", "t2", 1000, 0.05),
    ("lfq", "Cauchy", 1000, 0.05),
    ("lfq", "MA-.8", 1000, 0.05),
    ("lfq", "GARCH", 1000, 0.09),
    ("lfq", "reshuffled", 1000, 0.05),
    ("level", "iid", 200, 0.05),
    ("level", "AR.9", 200, 0.20),
    ("level", "iid", 1000, 0.05),
    ("level", "AR.5", 1000, 0.05),
    ("level", "AR.9", 1000, 0.07),
    ("level", "t2", 1000, 0.05),
    ("level", "Cauchy", 1000, 0.05),
    ("level", "lower drift", 1000, 0.05),
    ("level", "variance x2", 1000, 0.065),
    ("scale", "iid", 1000, 0.05),
    ("scale", "AR.5", 1000, 0.05),
    ("scale", "t2", 1000, 0.05),
]
LONG_SIZES = [
    (test, process, 10_000, 0.05)
    for test in ("lfq", "lfq upper", "level", "scale")
    for process in ("iid", "AR.5", "AR.9", "t2", "Cauchy", "MA-.8", "GARCH")
]
POWERS = [  # test, process, n, rate that must be reached
    ("lfq", "lower drift", 200, 0.18),
    ("lfq", "lower drift", 1000, 0.80),
    ("level", "trend", 200, 0.95),
    ("level", "break", 200, 0.75),
    ("level", "break", 1000, 0.99),
    ("level", "walk", 200, 0.65),
    ("level", "walk", 1000, 0.75),
    ("level", "noisy walk", 200, 0.55),
    ("level", "noisy walk", 1000, 0.75),
    ("scale", "variance x2", 200, 0.90),
    ("scale", "variance x2", 1000, 0.99),
]


@pytest.mark.parametrize(("test", "process", "n", "rate"), SIZES)
def test_size(test, process, n, rate):
    assert rejection_rate(test, process, n, 250) <= rate + slack(rate, 250)


@pytest.mark.parametrize(("test", "process", "n", "rate"), POWERS)
def test_power(test, process, n, rate):
    assert rejection_rate(test, process, n, 250) >= rate - slack(rate, 250)


@FULL
@pytest.mark.parametrize(("test", "process", "n", "rate"), SIZES + LONG_SIZES)
def test_size_in_full(test, process, n, rate):
    assert rejection_rate(test, process, n, 2000) <= rate + slack(rate, 2000)


@FULL
@pytest.mark.parametrize(("test", "process", "n", "rate"), POWERS)
def test_power_in_full(test, process, n, rate):
    assert rejection_rate(test, process, n, 2000) >= rate - slack(rate, 2000)


def test_pvalues_are_uniform_under_independence():
    rng = np.random.default_rng(0)
    pvalues = np.sort([kpss_cosine(iid(rng, 400)).pvalue for _ in range(600)])
    distance = np.max(np.abs(pvalues - (np.arange(600) + 0.5) / 600))
    assert distance < 1.63 / math.sqrt(600)  # Kolmogorov's 1% point


INDICES = [  # process, true index at tau = .05
    ("iid", 0.0),
    ("AR.5", 0.0),
    ("t2", 0.0),
    ("trend", 1 / NORMAL_05 / math.sqrt(12)),
    ("break", 0.25 / NORMAL_05),
]


def coverage_and_labels(process: str, truth: float, n: int, runs: int) -> tuple[float, float, float]:
    rng = np.random.default_rng([n, runs, 1, *process.encode()])
    found = [stability_index(PROCESSES[process](rng, n)) for _ in range(runs)]
    covered = np.mean([index.ci_low <= truth <= index.ci_high for index in found])
    stable = np.mean([index.ci_high < 0.2 for index in found])
    unstable = np.mean([index.ci_low > 0.2 for index in found])
    return float(covered), float(stable), float(unstable)


@pytest.mark.parametrize(("process", "truth"), INDICES)
def test_coverage_of_the_index(process, truth):
    covered, stable, unstable = coverage_and_labels(process, truth, 1000, 200)
    assert covered >= 0.92 - slack(0.92, 200)
    assert unstable <= 0.01 + slack(0.01, 200)
    if process == "iid":
        assert stable >= 0.90


@FULL
@pytest.mark.parametrize("n", [1000, 10_000])
@pytest.mark.parametrize(("process", "truth"), INDICES)
def test_coverage_of_the_index_in_full(process, truth, n):
    covered, stable, unstable = coverage_and_labels(process, truth, n, 1000)
    assert covered >= 0.92 - slack(0.92, 1000)
    assert unstable <= 0.01 + slack(0.01, 1000)
    if process == "iid":
        assert stable >= 0.90


def cell_rates(process: Process, n: int, seeds: int, runs: int) -> tuple[float, float]:
    """Return P(stable) and P(unstable) of a cell at margin 0.2, series taken whole."""
    rng = np.random.default_rng([n, seeds, runs])
    stable = unstable = 0
    for _ in range(runs):
        found = [stability_index(process(rng, n)) for _ in range(seeds)]
        low, high = pooled_interval(
            [index.theta for index in found],
            [index.msb / index.spread**2 for index in found],
            [index.msw / index.spread**2 for index in found],
            [index.n_blocks for index in found],
            [index.blocks_k for index in found],
        )
        stable += high < 0.04
        unstable += low > 0.04
    return stable / runs, unstable / runs


CELLS = [  # process, least P(stable), most P(stable), least P(unstable), most P(unstable), at n = 1000, S = 5
    ("constant", iid, 0.98, 1.0, 0.0, 0.01),
    ("constant, AR.5", autoregressive(0.5), 0.95, 1.0, 0.0, 0.01),
    ("at the margin", linear_trend(0.2 * math.sqrt(12) * NORMAL_05), 0.0, 0.09, 0.0, 0.09),
    ("scale break at the margin", scale_break(1.5), 0.0, 0.09, 0.0, 0.01),
    ("scale break, index 1/3", scale_break(2.0), 0.0, 0.01, 0.95, 1.0),
    ("level break, index 1/3", level_break(2 / 3 * NORMAL_05), 0.0, 0.01, 0.95, 1.0),
]


@pytest.mark.parametrize(("name", "process", "s_low", "s_high", "u_low", "u_high"), CELLS)
def test_cell_labels(name, process, s_low, s_high, u_low, u_high):
    stable, unstable = cell_rates(process, 1000, 5, 60)
    assert s_low - slack(s_low, 60) <= stable <= s_high + slack(s_high, 60)
    assert u_low - slack(u_low, 60) <= unstable <= u_high + slack(u_high, 60)


@FULL
@pytest.mark.parametrize(("name", "process", "s_low", "s_high", "u_low", "u_high"), CELLS)
def test_cell_labels_in_full(name, process, s_low, s_high, u_low, u_high):
    stable, unstable = cell_rates(process, 1000, 5, 1000)
    assert s_low - slack(s_low, 1000) <= stable <= s_high + slack(s_high, 1000)
    assert u_low - slack(u_low, 1000) <= unstable <= u_high + slack(u_high, 1000)


@FULL
@pytest.mark.parametrize(
    ("process", "wanted"), [(iid, "stable"), (level_break(2 / 3 * NORMAL_05), "unstable")]
)
def test_cell_labels_from_tables_in_full(process, wanted):
    cells = []
    for batch_size in range(60):
        frame = traces(process, batch_size=batch_size)
        cells.append(label_from_features(characterize(frame, preset="minimal"))["label"].item())
    assert cells.count(wanted) >= 55
