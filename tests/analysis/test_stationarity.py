"""Burn-in, unit-root tests and the verdict."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.analysis.processes import (
    autoregressive,
    iid,
    level_break,
    linear_trend,
    negative_moving_average,
    noisy_random_walk,
    random_walk,
    start_up,
)
from tracekit_analysis import AnalysisError, as_series
from tracekit_analysis.statistics import adf, burn_in, classify_stationarity, holm, kpss
from tracekit_analysis.statistics.regime import Regime


def test_a_start_up_is_cut_where_its_bias_has_gone():
    rng = np.random.default_rng(0)
    cuts = [burn_in(start_up(5.0, 0.05)(rng, 1000)).fraction for _ in range(30)]
    assert 0.08 < np.median(cuts) < 0.25  # the bias falls below .1 sd at .196
    none = [burn_in(iid(rng, 1000)).fraction for _ in range(30)]
    assert np.median(none) == 0.0


def test_a_lasting_trend_never_settles():
    transient = burn_in(linear_trend(5.0)(np.random.default_rng(0), 1000))
    assert not transient.settled
    assert transient.start == 0
    assert math.isnan(transient.level_fraction)


def test_a_break_at_half_is_history_and_not_a_transient():
    whole = as_series(level_break(2.0)(np.random.default_rng(0), 1000))
    assert burn_in(whole).fraction >= 0.4
    regime = Regime(whole)
    assert not regime.settled
    assert regime.late.n_used == 1000


def test_a_heavy_tail_does_not_make_a_transient():
    regime = Regime(as_series(np.random.default_rng(0).standard_cauchy(1000)))
    assert regime.settled
    assert regime.start <= 250


@pytest.mark.parametrize(
    ("process", "verdict", "at_least"),
    [
        (autoregressive(0.9), "stationary", 0.85),
        (random_walk, "unit-root-like", 0.80),
        (noisy_random_walk, "unit-root-like", 0.75),
        (linear_trend(1.0), "contradictory", 0.95),
        (level_break(0.5), "contradictory", 0.95),
    ],
)
def test_verdicts_of_whole_series_have_the_measured_shares(process, verdict, at_least):
    rng = np.random.default_rng(1)
    verdicts = [classify_stationarity(process(rng, 1000), remove_burn_in=False).verdict for _ in range(80)]
    assert verdicts.count(verdict) / 80 >= at_least


def test_lags_are_fixed_in_long_series_and_chosen_in_short_ones():
    rng = np.random.default_rng(0)
    assert adf(iid(rng, 1000)).lags == math.floor(12 * 10**0.25)
    assert adf(iid(rng, 200)).lags < math.floor(12 * 2**0.25)


def test_very_long_series_are_tested_on_block_means():
    test = adf(iid(np.random.default_rng(0), 50_000))
    assert test.n_used == 16_666
    assert test.notes == ("tested on means of 3 values",)


def test_the_automatic_lag_of_kpss_falls_back_on_anti_persistent_series():
    rng = np.random.default_rng(0)
    notes = [kpss(negative_moving_average(rng, 200)).notes for _ in range(20)]
    assert ("the automatic lag failed; kpss_cosine was used instead",) in notes
    assert () in notes


def test_holm_against_a_worked_example():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005, "e": math.nan})
    assert adjusted == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02, "e": math.nan}, nan_ok=True)


def test_wrong_arguments_are_named():
    with pytest.raises(AnalysisError) as error:
        adf(np.arange(100.0), trend="n")
    assert str(error.value) == "`trend` (='n') must be one of 'c', 'ct'."
    with pytest.raises(AnalysisError) as error:
        classify_stationarity(np.arange(100.0), alpha=5)
    assert str(error.value) == "`alpha` (=5) must be a number strictly between 0 and 1."
