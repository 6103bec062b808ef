"""Trimmed t, Hedges g, Cliff's delta and sameness against other programs, by hand, and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from tracekit_analysis import AnalysisError
from tracekit_analysis.seeds import cliffs_delta, hedges_g, iqm, three_way, tost, trimmed_difference


def slack(rate: float, runs: int) -> float:
    return 2.58 * math.sqrt(rate * (1 - rate) / runs)


@pytest.mark.parametrize("n", [3, 4, 8, 11])
def test_iqm_is_the_trimmed_mean_with_the_trimmed_t(n):
    x = np.random.default_rng(n).standard_t(2, n)
    y = np.random.default_rng(n + 1).standard_t(2, n + 2)
    assert iqm(x).estimate == pytest.approx(scipy.stats.trim_mean(x, 0.25))
    difference = trimmed_difference(x, y)
    half = (difference.ci_high - difference.ci_low) / 2
    oracle = scipy.stats.ttest_ind(x, y, trim=0.25, equal_var=False)
    critical = scipy.stats.t.ppf(0.975, oracle.df)
    assert difference.estimate == pytest.approx(
        scipy.stats.trim_mean(x, 0.25) - scipy.stats.trim_mean(y, 0.25)
    )
    assert half == pytest.approx(abs(difference.estimate / oracle.statistic) * critical)


def test_three_seeds_give_the_plain_t_interval():
    x = np.array([1.0, 2.0, 4.5])
    half = scipy.stats.t.ppf(0.975, 2) * x.std(ddof=1) / math.sqrt(3)
    assert (iqm(x).ci_low, iqm(x).ci_high) == pytest.approx((x.mean() - half, x.mean() + half))
    paired = trimmed_difference(x, np.zeros(3), paired=True)
    assert paired.ci_low == pytest.approx(iqm(x).ci_low)


@pytest.mark.parametrize("n", [1, 2])
def test_one_and_two_seeds_have_no_interval(n):
    x = np.arange(n) + 1.0
    for effect in (iqm(x), trimmed_difference(x, x), cliffs_delta(x, x)):
        assert math.isfinite(effect.estimate)
        assert math.isnan(effect.ci_low)
        assert effect.reason == "an interval needs 3 seeds in each arm"
    assert hedges_g(x, x + 1).reason == (
        "at least 2 seeds in each arm are needed for a standard deviation"
        if n == 1
        else "an interval needs 3 seeds in each arm"
    )


def test_trimming_survives_as_many_diverged_runs_as_it_cuts_off():
    x = np.r_[np.arange(8.0), np.inf, np.inf]
    assert iqm(x).estimate == pytest.approx(4.5)
    assert math.isfinite(iqm(x).ci_high)
    assert iqm(np.r_[x, np.inf]).estimate == math.inf
    assert iqm(np.r_[x, np.inf]).reason == "more runs diverged than the trimming cuts off"
    both = trimmed_difference([np.inf, 1.0, 2.0, 3.0], [np.inf, 0.0, 1.0, 2.0], paired=True)
    assert both.estimate == pytest.approx(1.0)


def test_hedges_g_by_hand():
    a, b = [3.0, 4.0, 5.0, 6.0], [1.0, 2.0, 3.0, 4.0]
    s = math.sqrt(5 / 3)
    assert hedges_g(a, b).estimate == pytest.approx((1 - 3 / 23) * 2 / s)
    assert hedges_g(a, b, paired=True).estimate == pytest.approx((1 - 3 / 23) * 2 / s)
    assert hedges_g(b, a).ci_low == pytest.approx(-hedges_g(a, b).ci_high)
    assert hedges_g([1.0, 1.0], [1.0, 1.0]).reason == "the values do not vary between seeds"
    assert hedges_g([1.0, np.inf], [1.0, 2.0]).reason == "a run diverged"


def test_cliffs_delta_by_hand():
    assert cliffs_delta([1.0, 2.0, 3.0], [2.0, 2.0, 0.0]).estimate == pytest.approx((5 - 2) / 9)
    assert cliffs_delta([np.inf, 2.0, 3.0], [1.0, np.inf, 0.0]).estimate == pytest.approx((6 - 2) / 9)
    assert cliffs_delta([5.0, 2.0, 3.0], [1.0, 2.0, 0.0], paired=True).estimate == pytest.approx(2 / 3)
    apart = cliffs_delta(np.arange(10.0) + 100, np.arange(10.0))
    assert (apart.estimate, apart.ci_high) == (1.0, 1.0)
    assert 0.3 < apart.ci_low < 0.7
    assert cliffs_delta(np.arange(10.0), np.arange(10.0) + 100).ci_high == -apart.ci_low


def test_tost_agrees_with_statsmodels_where_the_sd_is_known():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(12) + 0.2, 2 * rng.standard_normal(15)
    oracle = ttost_ind(a, b, -1.5, 1.5, usevar="unequal")[0]
    assert tost(a, b, margin=1.0, sd=1.5).pvalue == pytest.approx(oracle)
    oracle = ttost_paired(a, b[:12], -1.5, 1.5)[0]
    paired = tost(a, b[:12], margin=1.0, sd=1.5, paired=True)
    assert paired.pvalue == pytest.approx(oracle)
    assert (paired.pvalue <= 0.05) == (paired.ci_low > -1.5 and paired.ci_high < 1.5)


def test_tost_refuses_what_it_cannot_judge():
    assert tost([1.0], [2.0]).reason == "at least 2 seeds in each arm are needed for a standard deviation"
    assert tost([1.0, np.inf], [2.0, 1.0]).reason == "a run diverged"
    assert tost([1.0, 1.0], [1.0, 1.0]).reason == "the values do not vary between seeds"
    assert tost([], [1.0]).reason == "an arm has no seeds"
    with pytest.raises(AnalysisError) as error:
        tost([1.0], [2.0], margin=0)
    assert str(error.value) == "`margin` (=0) must be a number strictly between 0 and inf."


@pytest.mark.parametrize(
    ("pvalue", "same", "n", "answer", "reason"),
    [
        (0.001, 0.4, 2, "unresolved", "2 seeds; below 3 the difference is only described"),
        (0.001, 0.4, 4, "unresolved", "4 seeds give an interval but no test; 5 are needed"),
        (0.001, 0.4, 9, "unresolved", "9 seeds allow a test but no claim; 10 are needed"),
        (0.001, 0.4, 10, "different", "the difference is significant (adjusted p = 0.001)"),
        (0.5, 0.01, 20, "equivalent", "the difference is shown to be below 1 between-seed sd (p = 0.01)"),
        (0.01, 0.01, 90, "equivalent", "the difference is shown to be below 1 between-seed sd (p = 0.01), though it is not zero"),
        (0.5, 0.4, 10, "unresolved", "neither a difference (adjusted p = 0.5) nor equivalence within 1 between-seed sd (p = 0.4) is shown"),
        (0.5, np.nan, 10, "unresolved", "no difference is shown (adjusted p = 0.5), and equivalence could not be tested"),
        (np.nan, np.nan, 10, "unresolved", "the difference could not be tested"),
    ],
)  # fmt: skip
def test_three_way_answers(pvalue, same, n, answer, reason):
    assert three_way(pvalue, same, n, 1.0) == (answer, reason)


@pytest.mark.parametrize(
    ("pvalue", "same", "n", "answer", "reason"),
    [
        (0.5, 0.01, 19, "unresolved", "no difference is shown (adjusted p = 0.5), and equivalence within 0.5 between-seed sd needs 20 seeds, not 19"),
        (0.01, 0.01, 19, "different", "the difference is significant (adjusted p = 0.01)"),
        (0.5, 0.01, 20, "equivalent", "the difference is shown to be below 0.5 between-seed sd (p = 0.01)"),
    ],
)  # fmt: skip
def test_sameness_within_less_than_one_sd_needs_twenty_seeds(pvalue, same, n, answer, reason):
    assert three_way(pvalue, same, n, 0.5) == (answer, reason)


def narrow_answers(n: int, gap: float, runs: int) -> dict[str, float]:
    """Shares of answers about pairs that correlate by .95, at a margin of half a sd."""
    rng = np.random.default_rng([n, int(10 * gap), runs])
    counts = dict.fromkeys(("different", "equivalent", "unresolved"), 0)
    for _ in range(runs):
        common, x, y = rng.standard_normal((3, n))
        x, y = (np.sqrt(0.95) * common + np.sqrt(0.05) * one for one in (x + gap / np.sqrt(0.05), y))
        difference = scipy.stats.ttest_rel(x, y).pvalue
        same = tost(x, y, margin=0.5, paired=True).pvalue
        counts[three_way(difference, same, n, 0.5)[0]] += 1
    return {answer: count / runs for answer, count in counts.items()}


@pytest.mark.parametrize("n", [12, 20, 30])
def test_narrow_margins_keep_their_error_rates(n):
    assert narrow_answers(n, 0.0, 600)["different"] <= 0.05 + slack(0.05, 600)
    assert narrow_answers(n, 0.5, 600)["equivalent"] <= 0.05 + slack(0.05, 600)
    assert (narrow_answers(n, 0.0, 600)["equivalent"] > 0.5) == (n >= 20)


def coverage(n: int, runs: int, lognormal: bool = False) -> dict[str, float]:
    """Share of intervals that hold the truth, for arms one sd apart; trimmed ones of lognormal values too."""
    rng = np.random.default_rng([n, runs, lognormal])
    hits = dict.fromkeys(("iqm", "difference", "g", "paired g", "delta"), 0)
    delta = 2 * scipy.stats.norm.cdf(1 / math.sqrt(2)) - 1
    for _ in range(runs):
        x, y, common = rng.standard_normal((3, n))
        if lognormal:
            truth = 1.1088  # trimmed mean of a lognormal law: its quantiles .25 to .75 averaged
            found = iqm(np.exp(x))
            hits["iqm"] += found.ci_low <= truth <= found.ci_high
            continue
        pair = np.sqrt(0.7) * common
        intervals = {
            "iqm": (iqm(x), 0.0),
            "difference": (trimmed_difference(x + 1, y), 1.0),
            "g": (hedges_g(x + 1, y), 1.0),
            "paired g": (hedges_g(pair + np.sqrt(0.3) * x + 1, pair + np.sqrt(0.3) * y, paired=True), 1.0),
            "delta": (cliffs_delta(x + 1, y), delta),
        }
        for name, (found, truth) in intervals.items():
            hits[name] += found.ci_low <= truth <= found.ci_high
    return {name: count / runs for name, count in hits.items()}


@pytest.mark.parametrize(("n", "trimmed"), [(3, 0.95), (5, 0.93), (10, 0.94)])
def test_coverage(n, trimmed):
    found = coverage(n, 600)
    assert found["iqm"] == pytest.approx(trimmed, abs=slack(trimmed, 600) + 0.01)
    assert min(found.values()) >= 0.92 - slack(0.92, 600)


@pytest.mark.calibration
@pytest.mark.parametrize(("n", "trimmed"), [(3, 0.95), (5, 0.93), (10, 0.94), (20, 0.93)])
def test_coverage_in_full(n, trimmed):
    found = coverage(n, 4000)
    assert found["iqm"] == pytest.approx(trimmed, abs=slack(trimmed, 4000) + 0.01)
    assert min(found.values()) >= 0.92 - slack(0.92, 4000)


def sameness(n: int, margin: float, difference: float, shared: float, runs: int) -> float:
    """Share of pairs of arms that are called the same."""
    rng = np.random.default_rng([n, runs, int(100 * shared)])
    found = 0
    for _ in range(runs):
        common = np.sqrt(shared) * rng.standard_normal(n)
        x, y = common + np.sqrt(1 - shared) * rng.standard_normal((2, n))
        found += tost(x + difference, y, margin=margin, paired=shared > 0).pvalue <= 0.05
    return found / runs


@pytest.mark.parametrize(
    ("n", "margin", "low", "high"), [(5, 1.0, 0.0, 0.07), (10, 1.0, 0.27, 0.39), (20, 1.0, 0.79, 0.86), (10, 1.5, 0.79, 0.88)]
)  # fmt: skip
def test_power_of_sameness(n, margin, low, high):
    assert low - slack(low, 500) <= sameness(n, margin, 0.0, 0.0, 500) <= high + slack(high, 500)


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("n", [10, 20])
def test_a_difference_of_the_margin_is_rarely_called_the_same(n, shared):
    assert sameness(n, 1.0, 1.0, shared, 500) <= 0.05 + slack(0.05, 500)
