"""Permutation tests against enumeration by hand, by Fisher and by scipy; invariances; refusals."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from tracekit_analysis import AnalysisError
from tracekit_analysis.seeds import energy_permutation, location_dispersion, mean_permutation, smallest_pvalue

CROSSED = [188, 96, 168, 176, 153, 172, 177, 163, 146, 173, 186, 168, 177, 184, 96]  # Darwin's maize,
SELFED = [139, 163, 160, 160, 147, 149, 149, 122, 132, 144, 130, 144, 102, 124, 144]  # in eighths of inches


def test_fishers_analysis_of_darwins_maize():
    one_sided = mean_permutation(CROSSED, SELFED, paired=True, alternative="greater", max_exact=2**15)
    two_sided = mean_permutation(CROSSED, SELFED, paired=True, max_exact=2**15)
    assert one_sided.pvalue == 863 / 32768
    assert two_sided.pvalue == pytest.approx(0.0527, abs=5e-5)
    assert two_sided.exact
    assert two_sided.n_arrangements == 2**15
    random = mean_permutation(CROSSED, SELFED, paired=True)
    assert not random.exact
    assert random.n_arrangements == 10_000
    assert random.pvalue == pytest.approx(0.0527, abs=0.008)
    assert random.method == "9999 random sign flips within pairs"


@pytest.mark.parametrize(
    ("n", "paired", "pvalue"),
    [
        (1, False, 1.0), (2, False, 0.333), (3, False, 0.100), (4, False, 0.029), (5, False, 0.0079), (6, False, 0.0022),
        (1, True, 1.0), (2, True, 0.5), (3, True, 0.25), (4, True, 0.125), (5, True, 0.063), (6, True, 0.031),
        (8, True, 0.0078), (10, True, 0.0020),
    ],
)  # fmt: skip
def test_smallest_pvalues(n, paired, pvalue):
    smallest = smallest_pvalue(n, paired=paired)
    assert smallest == pytest.approx(pvalue, rel=0.03)
    apart = np.arange(n) + 100.0 * np.arange(1, n + 1) ** 2
    test = mean_permutation(apart, -apart, paired=paired)
    assert test.pvalue == pytest.approx(smallest)
    assert test.smallest_pvalue == smallest
    vectors = apart[:, None] * np.array([[1.0, 2.0]])
    assert energy_permutation(vectors, -vectors, paired=paired).pvalue == pytest.approx(smallest)


def test_smallest_pvalues_of_unequal_arms_have_no_mirror():
    assert smallest_pvalue(3, 5) == 1 / 56
    assert smallest_pvalue(10) == 1e-4
    assert smallest_pvalue(4, one_sided=True) == 1 / 70


@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("sizes", [(5, 5), (4, 7), (7, 4)])
def test_unpaired_agrees_with_scipy(sizes, alternative):
    rng = np.random.default_rng(sum(sizes))
    a, b = rng.standard_normal(sizes[0]) + 0.7, rng.standard_normal(sizes[1])

    def statistic(x, y, axis):
        difference = x.mean(axis=axis) - y.mean(axis=axis)
        return np.abs(difference) if alternative == "two-sided" else difference

    side = "greater" if alternative == "two-sided" else alternative
    oracle = scipy.stats.permutation_test((a, b), statistic, alternative=side, n_resamples=np.inf)
    assert mean_permutation(a, b, alternative=alternative).pvalue == pytest.approx(oracle.pvalue)


def test_paired_agrees_with_scipy():
    rng = np.random.default_rng(1)
    a = rng.standard_normal(8)
    b = a + rng.standard_normal(8) - 0.8
    oracle = scipy.stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.abs(np.mean(x - y, axis=axis)),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    assert mean_permutation(a, b, paired=True).pvalue == pytest.approx(oracle.pvalue)


def test_energy_distance_agrees_with_scipy_and_its_pvalue_with_enumeration():
    rng = np.random.default_rng(2)
    a, b = rng.standard_normal((5, 1)) * 3, rng.standard_normal((6, 1))
    test = energy_permutation(a, b)
    assert test.statistic == pytest.approx(scipy.stats.energy_distance(a[:, 0], b[:, 0]) ** 2)
    oracle = scipy.stats.permutation_test(
        (a[:, 0], b[:, 0]),
        scipy.stats.energy_distance,
        vectorized=False,
        alternative="greater",
        n_resamples=np.inf,
    )
    assert test.pvalue == pytest.approx(oracle.pvalue)


def test_energy_sees_scatter_and_permanova_only_location():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((10, 5)) * 4, rng.standard_normal((10, 5))
    assert energy_permutation(a, b).pvalue < 0.01
    wide = location_dispersion(a, b)
    assert (wide.kind, wide.location_pvalue > 0.05) == ("dispersion", True)
    assert wide.dispersion_ratio > 2
    assert location_dispersion(b + 3, b).kind == "location"
    assert location_dispersion(a + 9, b).kind == "location and dispersion"


def test_permanova_is_the_analysis_of_variance_in_one_dimension():
    rng = np.random.default_rng(4)
    a, b = rng.standard_normal((6, 1)) + 1, rng.standard_normal((9, 1))
    f = scipy.stats.f_oneway(a[:, 0], b[:, 0]).statistic
    assert location_dispersion(a, b).r_squared == pytest.approx(f / (f + 13))


def test_pairs_see_a_shift_that_is_smaller_than_the_gaps_between_seeds():
    seeds = np.linspace(-50, 50, 10)[:, None]
    noise = 0.1 * np.random.default_rng(5).standard_normal((10, 1))
    assert energy_permutation(seeds + 0.3 + noise, seeds, paired=True).pvalue < 0.01
    assert energy_permutation(seeds + 0.3 + noise, seeds).pvalue > 0.9


@given(st.integers(0, 10_000), st.integers(2, 13), st.booleans())
def test_order_of_arms_and_of_seeds_does_not_matter(seed, n, paired):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, 2)) + 0.5, rng.standard_normal((n if paired else n + seed % 3, 2))
    order = rng.permutation(n)
    other = order if paired else rng.permutation(len(b))
    for test in (energy_permutation, location_dispersion):
        forward = test(a, b, paired=paired, n_permutations=99).to_record()
        names = [name for name in ("pvalue", "location_pvalue", "dispersion_pvalue") if name in forward]
        for first, second in ((b, a), (a[order], b[other])):
            again = test(first, second, paired=paired, n_permutations=99).to_record()
            assert [again[name] for name in names] == pytest.approx(
                [forward[name] for name in names], nan_ok=True
            )
    swapped = mean_permutation(b[:, 0], a[:, 0], paired=paired, n_permutations=99)
    assert swapped.pvalue == mean_permutation(a[:, 0], b[:, 0], paired=paired, n_permutations=99).pvalue


def test_a_diverged_run_takes_the_last_rank():
    a, b = [1.0, np.inf, np.inf, np.inf, 5.0], [1.5, 2.0, 3.0, 0.5, 0.1]
    ranks = scipy.stats.rankdata([*a, *b])
    assert mean_permutation(a, b).pvalue == mean_permutation(ranks[:5], ranks[5:]).pvalue
    assert mean_permutation(a, b).statistic == ranks[:5].mean() - ranks[5:].mean()


def test_the_same_seed_gives_the_same_random_arrangements():
    rng = np.random.default_rng(6)
    a, b = rng.standard_normal(20), rng.standard_normal(20)
    assert mean_permutation(a, b, rng=3) == mean_permutation(a, b, rng=3)
    assert mean_permutation(a, b, rng=3).pvalue != mean_permutation(a, b, rng=4).pvalue


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ([], [1.0], "an arm has no seeds"),
        ([np.nan, 1.0], [1.0, 2.0], "a value is missing"),
    ],
)
def test_data_that_cannot_be_tested_have_a_status(a, b, reason):
    test = mean_permutation(a, b)
    assert (test.status, test.reason) == ("inconclusive", reason)
    assert np.isnan(test.pvalue)
    assert energy_permutation(np.reshape(a, (-1, 1)), np.reshape(b, (-1, 1))).reason == reason


def test_constant_arms_are_exchangeable():
    assert mean_permutation([2.0] * 5, [2.0] * 5).pvalue == 1.0
    assert energy_permutation(np.ones((5, 2)), np.ones((5, 2))).pvalue == 1.0
    same = location_dispersion(np.ones((5, 2)), np.ones((5, 2)))
    assert (same.kind, same.r_squared) == ("undetermined", 0.0)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"a": [1.0], "b": [1.0, 2.0], "paired": True}, "`a` has 1 seeds, but `b` has 2; pairs need the same seeds in both arms."),
        ({"a": [[1.0]], "b": [1.0]}, "`a` (='array of shape (1, 1)') must have 1 dimension(s)."),
        ({"a": [1.0], "b": [1.0], "alternative": "more"}, "`alternative` (='more') must be one of 'two-sided', 'greater', 'less'."),
        ({"a": [1.0], "b": [1.0], "n_permutations": 0}, "`n_permutations` (=0) must be a whole number of at least 1."),
        ({"a": np.arange(20.0), "b": np.arange(20.0), "rng": -1}, "`rng` (=-1) must be a seed (0, 1, 2, ...) or a numpy.random.Generator."),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be_used(arguments, sentence):
    with pytest.raises(AnalysisError) as error:
        mean_permutation(**arguments)
    assert str(error.value) == sentence
