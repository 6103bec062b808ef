"""Level breaks: exactness, false positives, power and published breaks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, garch, iid, level_break, student
from tests.analysis.rates import slack
from tracekit_analysis.calibration.processes import fractional_noise, with_break
from tracekit_analysis.statistics import change_points
from tracekit_analysis.statistics.changepoints import segment

FALSE_POSITIVES = [  # process, n, rate in the design study
    ("iid", iid, 200, 0.02),
    ("AR.5", autoregressive(0.5), 200, 0.04),
    ("AR.9", autoregressive(0.9), 200, 0.45),
    ("t2", student(2), 200, 0.02),
    ("GARCH", garch, 200, 0.02),
    ("iid", iid, 1000, 0.02),
    ("AR.5", autoregressive(0.5), 1000, 0.02),
    ("AR.9", autoregressive(0.9), 1000, 0.02),
    ("t2", student(2), 1000, 0.02),
    ("GARCH", garch, 1000, 0.02),
    ("d=.3", fractional_noise(0.3), 1000, 0.23),
]
POWERS = [  # process, n, rate in the design study
    ("1 sd", level_break(1.0), 200, 0.98),
    ("1 sd, AR.5", with_break(autoregressive(0.5), 1.0), 200, 0.79),
    (".5 sd", level_break(0.5), 1000, 0.95),
]


def found_share(process, n: int, runs: int) -> float:
    rng = np.random.default_rng([n, runs])
    return float(np.mean([change_points(process(rng, n)).n_changes > 0 for _ in range(runs)]))


@pytest.mark.parametrize(("name", "process", "n", "rate"), FALSE_POSITIVES)
def test_false_positives(name, process, n, rate):
    runs = 150 if n == 200 else 60
    assert found_share(process, n, runs) <= rate + slack(rate, runs)


@pytest.mark.parametrize(("name", "process", "n", "rate"), POWERS)
def test_power(name, process, n, rate):
    runs = 150 if n == 200 else 60
    assert found_share(process, n, runs) >= rate - slack(rate, runs)


@pytest.mark.calibration
@pytest.mark.parametrize(
    ("name", "process", "n", "rate"),
    [*FALSE_POSITIVES, *((name, process, 10_000, 0.01) for name, process, n, _ in FALSE_POSITIVES[5:10])],
)
def test_false_positives_in_full(name, process, n, rate):
    runs = 200 if n == 10_000 else 1000
    assert found_share(process, n, runs) <= rate + slack(rate, runs)


@pytest.mark.calibration
@pytest.mark.parametrize(("name", "process", "n", "rate"), POWERS)
def test_power_in_full(name, process, n, rate):
    assert found_share(process, n, 1000) >= rate - slack(rate, 1000)


def brute_force(values: np.ndarray, penalty: float, shortest: int) -> list[int]:
    """Return the optimal segmentation by trying every last segment, without pruning."""
    sums = np.concatenate([[0.0], values.cumsum()])
    best, previous = np.full(values.size + 1, np.inf), np.zeros(values.size + 1, dtype=int)
    best[0] = -penalty
    for end in range(shortest, values.size + 1):
        for start in range(end - shortest + 1):
            cost = best[start] + penalty - (sums[end] - sums[start]) ** 2 / (end - start)
            if cost < best[end]:
                best[end], previous[end] = cost, start
    changes = []
    end = int(previous[-1])
    while end:
        changes.append(end)
        end = int(previous[end])
    return changes[::-1]


@pytest.mark.parametrize("penalty", [0.5, 5.0, 25.0])
@pytest.mark.parametrize("shortest", [1, 7, 40])
def test_pruning_loses_nothing(penalty, shortest):
    rng = np.random.default_rng(0)
    for _ in range(8):
        values = iid(rng, 120) + np.repeat(rng.normal(0, 1.5, 6), 20)
        assert segment(values, penalty, shortest).tolist() == brute_force(values, penalty, shortest)


def test_the_nile_changed_in_1898():
    from statsmodels.datasets import nile

    data = nile.load_pandas().data
    changes = change_points(data["volume"])
    assert changes.at.tolist() == [28]
    assert data["year"].iloc[28] == 1899  # the last year of the old level is 1898
    assert changes.levels[0] > changes.levels[1] + 200


def test_breaks_are_located_also_in_long_series():
    rng = np.random.default_rng(0)
    places = [change_points(level_break(0.5, at=0.3)(rng, 1000)).largest_at for _ in range(60)]
    assert (
        np.median(np.abs(np.array(places) - 300)) <= 20
    )  # 2 % of n; a fifth of breaks of .5 sd lie further off
    changes = change_points(level_break(1.0)(rng, 40_000))
    assert changes.decimation == 8
    assert changes.notes == ("breaks were located on medians of 8 values",)
    assert changes.at.tolist() == pytest.approx([20_000], abs=200)
    assert changes.largest == pytest.approx(1.0, abs=0.05)


def test_only_the_order_of_the_values_counts():
    x = level_break(1.0)(np.random.default_rng(0), 400)
    np.testing.assert_array_equal(change_points(np.exp(x)).at, change_points(x).at)
    np.testing.assert_array_equal(change_points(1e200 * x).at, change_points(x).at)
    np.testing.assert_array_equal(400 - change_points(x[::-1]).at, change_points(x).at)
