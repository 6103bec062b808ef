"""Permutation entropy, sample entropy, DFA and the shape of the autocorrelation function."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from tests.analysis.nile_minima import NILE_MINIMA
from tests.analysis.processes import autoregressive, iid, random_walk, student
from tracekit_analysis import AnalysisError
from tracekit_analysis.calibration.processes import with_zeros
from tracekit_analysis.statistics import correlation_shape, dfa, permutation_entropy, sample_entropy


def test_permutation_entropy_is_that_of_the_counted_orders():
    x = autoregressive(0.5)(np.random.default_rng(0), 1500)
    counts = Counter(tuple(np.argsort(x[t : t + 5])) for t in range(1496))
    shares = np.array(list(counts.values())) / 1496
    found = permutation_entropy(x)
    assert found.entropy == pytest.approx(-(shares @ np.log(shares)) / math.log(120))
    assert (found.m, found.n_patterns) == (5, len(counts))


def test_permutation_entropy_of_noise_order_and_short_series():
    rng = np.random.default_rng(0)
    assert permutation_entropy(iid(rng, 10_000)).entropy == pytest.approx(1.0, abs=0.002)
    assert permutation_entropy(np.arange(500.0)).entropy == 0.0
    assert permutation_entropy(iid(rng, 200)).m == 3
    assert np.mean([permutation_entropy(iid(rng, 200), m=5).entropy for _ in range(50)]) == pytest.approx(
        0.93, abs=0.01
    )


def test_only_the_order_counts_and_ties_are_drawn_from_the_seed():
    rng = np.random.default_rng(0)
    x = iid(rng, 1000)
    assert permutation_entropy(np.exp(x)).entropy == permutation_entropy(x).entropy
    tied = with_zeros(0.38)(rng, 2000)
    found = permutation_entropy(tied)
    assert found.ties == pytest.approx(0.38, abs=0.05)
    assert found.entropy == permutation_entropy(tied, rng=0).entropy
    assert found.entropy != permutation_entropy(tied, rng=1).entropy


def test_sample_entropy_counts_the_pairs_that_agree():
    x = iid(np.random.default_rng(0), 300)
    found = sample_entropy(x)
    tolerance = 0.2 * (np.quantile(x, 0.75) - np.quantile(x, 0.25)) / 1.3489795
    assert found.tolerance == pytest.approx(tolerance)
    counts = []
    for m in (2, 3):
        rows = np.array([x[t : t + m] for t in range(298)])
        apart = np.abs(rows[:, None] - rows[None]).max(axis=2)
        counts.append((np.count_nonzero(apart <= tolerance) - 298) // 2)
    assert found.n_matches == counts[1]
    assert found.entropy == pytest.approx(math.log(counts[0] / counts[1]))


def test_sample_entropy_of_noise_is_two_point_two_and_does_not_fall_with_n_for_heavy_tails():
    rng = np.random.default_rng(0)
    assert sample_entropy(iid(rng, 4000)).entropy == pytest.approx(2.19, abs=0.03)
    short, long = (
        np.mean([sample_entropy(student(2)(rng, n)).entropy for _ in range(10)]) for n in (500, 4000)
    )
    assert long == pytest.approx(short, abs=0.1)
    assert sample_entropy(iid(rng, 20_000)).n_used == 5000


def test_dfa_of_noise_and_of_its_sum():
    rng = np.random.default_rng(0)
    for n in (200, 1000, 10_000):
        assert np.mean([dfa(iid(rng, n)).exponent for _ in range(40)]) == pytest.approx(0.5, abs=0.02)
    assert dfa(random_walk(rng, 5000)).exponent == pytest.approx(1.5, abs=0.1)
    found = np.mean([dfa(autoregressive(0.9)(rng, 1000)).exponent for _ in range(40)])
    assert found == pytest.approx(0.99, abs=0.06)  # why it is no measure of long memory


@pytest.mark.parametrize("function", [dfa, permutation_entropy, sample_entropy, correlation_shape])
def test_units_do_not_matter(function):
    x = autoregressive(0.5)(np.random.default_rng(0), 1000)
    first = {"dfa": "exponent", "correlation_shape": "decay"}.get(function.__name__, "entropy")
    assert getattr(function(1e150 * x), first) == pytest.approx(getattr(function(x), first))


@pytest.mark.parametrize("name", ["sunspots", "nile"])
def test_the_shape_is_that_of_the_autocorrelations_of_statsmodels(name):
    import statsmodels.datasets
    from statsmodels.tsa.stattools import acf

    x = getattr(statsmodels.datasets, name).load_pandas().data.iloc[:, 1].to_numpy()
    rho = acf(x, nlags=len(x) - 1, fft=False)
    shape = correlation_shape(x)
    below = int(np.flatnonzero(rho < 1 / math.e)[0])
    assert below - 1 < shape.decay <= below
    assert np.interp(shape.decay, [below - 1, below], rho[below - 1 : below + 1]) == pytest.approx(1 / math.e)
    assert shape.first_zero == np.flatnonzero(rho <= 0)[0]
    turns = [k for k in range(1, len(x) - 1) if rho[k - 1] > rho[k] < rho[k + 1]]
    assert shape.first_minimum == turns[0]


@pytest.mark.parametrize(
    ("series", "decay", "first_minimum"),
    [("sunspots", 2.202552060526588, 5), ("nile", 2.294402380798698, 7), ("minima", 4.103284189105525, 6)],
)
def test_the_shape_is_that_of_catch22(series, decay, first_minimum):
    """Outputs of pycatch22 1.0.2: CO_FirstCrossing_acf_1e (once CO_f1ecac) and CO_FirstMin_ac."""
    import statsmodels.datasets

    x = (
        np.array(NILE_MINIMA) / 100
        if series == "minima"
        else getattr(statsmodels.datasets, series).load_pandas().data.iloc[:, 1].to_numpy()
    )
    shape = correlation_shape(x)
    assert shape.decay == pytest.approx(decay, rel=1e-12)
    assert shape.first_minimum == first_minimum


def test_split_rhat_is_above_one_where_the_halves_differ():
    x = iid(np.random.default_rng(0), 1000)
    assert correlation_shape(x).split_rhat == pytest.approx(1.0, abs=0.01)
    assert correlation_shape(x + (np.arange(1000) >= 500)).split_rhat > 1.05
    assert correlation_shape(np.repeat([0.0, 1.0], 50)).split_rhat == math.inf


def test_what_cannot_be_computed_is_said():
    few = sample_entropy(np.where(np.arange(400) % 10 == 0, 1.0, 0.0))
    assert few.reason == "at least half of the values are equal, so there is no tolerance"
    with pytest.raises(AnalysisError) as error:
        permutation_entropy(np.arange(100.0), m=8)
    assert str(error.value) == "`m` (=8) must be a whole number from 2 to 7."
