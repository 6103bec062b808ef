"""What compiled loops describe of float32 arrays, against NumPy in float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tracekit.record import summary
from tracekit.record.memory import Tensors
from tracekit.record.signals import activations, step_sizes

loops = pytest.importorskip("tracekit.record.loops", reason="numba is not installed", exc_type=ImportError)

#: With zeros of both signs, the smallest and the largest numbers, and many ties.
ELEMENTS = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0**-149, -(2.0**-126), 3e38, -3e38]),
)
FINITE = arrays(np.float32, st.integers(1, 300), elements=ELEMENTS)
ANY = arrays(np.float32, st.integers(1, 300), elements=st.floats(width=32))


@given(FINITE, st.data())
def test_order_statistics_are_those_of_the_sorted_array(values, data):
    ranks = sorted(data.draw(st.lists(st.integers(0, values.size - 1), min_size=1, max_size=20)))
    found = np.empty(len(ranks), np.float32)
    loops.order_statistics(values.view(np.int32), np.array(ranks, np.int32), found.view(np.int32))
    np.testing.assert_array_equal(found, np.sort(values)[ranks])


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(9000),
        np.full(9000, -2.5),
        np.maximum(np.random.default_rng(1).normal(size=90_000), 0),
        np.random.default_rng(2).standard_cauchy(size=70_000),
        1.0 + 1e-4 * np.random.default_rng(3).normal(size=30_000),
    ],
    ids=["zeros", "equal", "rectified", "heavy tails", "one leading half"],
)
def test_quantiles_of_many_elements(values):
    values = values.astype(np.float32)
    shares = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    np.testing.assert_allclose(
        summary.quantiles(values, shares), np.quantile(values.astype(float), shares), rtol=1e-12
    )


@given(ANY)
def test_magnitudes_are_those_of_numpy(values):
    bits, n_zeros = loops.magnitudes(values.view(np.int32))
    largest = np.int32(bits).view(np.float32)
    np.testing.assert_array_equal(largest, np.abs(values).max())
    assert n_zeros == np.count_nonzero(values == 0)


@given(FINITE)
def test_sums_are_those_of_float64(values):
    wide = values.astype(float)
    total, squares = loops.sums_about(values, 0.25)
    assert total == pytest.approx(math.fsum(wide - 0.25), rel=1e-12, abs=1e-12 * np.abs(wide - 0.25).sum())
    assert squares == pytest.approx(math.fsum((wide - 0.25) ** 2), rel=1e-12)
    backwards = np.ascontiguousarray(values[::-1])
    assert loops.product(values, backwards) == pytest.approx(
        math.fsum(wide * wide[::-1]), rel=1e-12, abs=1e-12 * np.abs(wide * wide[::-1]).sum()
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 7, 99])
def test_what_is_not_finite_is_not_lost(bad, place):
    values = np.random.default_rng(0).normal(size=100).astype(np.float32)
    values[place] = bad
    with np.errstate(invalid="ignore"):
        np.testing.assert_equal(loops.sums_about(values, 0.0), (bad, bad * bad))
        assert not np.isfinite(summary.summarize(values)).any()
    tensors = Tensors({"weight": values})
    np.testing.assert_equal(tensors.norms()["weight"], abs(bad))
    np.testing.assert_equal(tensors.largest()["weight"], abs(bad))


@given(st.integers(1, 40), st.integers(1, 7), st.data())
def test_both_ways_say_the_same(rows, columns, data):
    values = data.draw(arrays(np.float32, (rows, columns), elements=ELEMENTS))
    others = data.draw(arrays(np.float32, (rows, columns), elements=ELEMENTS))

    def described():
        here, there = Tensors({"weight": values}), Tensors({"weight": others})
        n_active, active = activations._count_active(values)
        ratios, narrow = step_sizes._ratios(values.ravel(), others.ravel(), 0.5)
        numbers = [
            *(here.norms()["weight"], here.largest()["weight"], here.zeros()["weight"], n_active),
            *np.sort(ratios)[:: max(1, ratios.size // 9)],
            *np.sort(narrow.astype(float))[:: max(1, narrow.size // 9)],
        ]
        scale = np.abs(values.astype(float)).sum() or 1.0
        signed = [here.means()["weight"] / scale, summary.mean_and_std(values)[0] / scale]
        product = here.products(there)["weight"] / (here.norms()["weight"] * there.norms()["weight"] or 1.0)
        return numbers, [*signed, product], active

    compiled = described()
    with pytest.MonkeyPatch.context() as patch:
        for module in (summary, step_sizes, activations):
            patch.setattr(module, "loops_for", lambda *arrays, module: None)
        patch.setattr("tracekit.record.memory.loops_for", lambda *arrays, module: None)
        plain = described()
    np.testing.assert_allclose(compiled[0], plain[0], rtol=2e-7)
    np.testing.assert_allclose(compiled[1], plain[1], atol=1e-12)
    np.testing.assert_array_equal(compiled[2], plain[2])


@given(arrays(np.float32, st.integers(2, 200), elements=st.floats(-1e3, 1e3, width=32)))
def test_summaries_are_the_same_both_ways(values):
    compiled = summary.summarize(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(summary, "loops_for", lambda *arrays, module: None)
        plain = summary.summarize(values)
    # Where all elements are equal but for rounding, the powers of their distances are rounding too.
    spread = plain[1] / (np.abs(values).max() or 1.0)
    np.testing.assert_allclose(compiled[:2], plain[:2], rtol=1e-9, atol=1e-12 * np.abs(values).max())
    np.testing.assert_allclose(compiled[4:], plain[4:], rtol=1e-12)
    if spread > 1e-3:
        np.testing.assert_allclose(compiled[2:4], plain[2:4], rtol=1e-6, atol=1e-6)


def test_ratios_without_room_in_float32_stay_wide():
    numerator = np.array([1e-3, 1.0, 0.0], np.float32)
    for denominator in (1e-44, 1e38):
        ratios, narrow = step_sizes._ratios(numerator, np.full(3, denominator, np.float32), 10.0)
        assert narrow.dtype == np.float64
        np.testing.assert_array_equal(ratios, narrow)
        expected = numerator.astype(float) / (float(np.float32(denominator)) * 10.0)
        np.testing.assert_allclose(ratios, expected, rtol=1e-15)
