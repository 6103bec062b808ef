"""Thinning the lines of an interactive figure: no spike is lost, and a gap stays a gap."""

import numpy as np
import pytest

from tracekit.report.figures.thinning import extremes


@pytest.mark.parametrize("place", [0, 1, 499, 998, 999])
def test_a_spike_of_one_update_survives_thinning(place):
    step = np.arange(1.0, 1001.0)
    value = np.random.default_rng(place).normal(size=1000)
    value[place] = 50.0
    at, kept = extremes(step, value, np.linspace(0.5, 1000.5, 21))
    assert at.size == kept.size == 40
    assert (kept.min(), kept.max()) == (value.min(), 50.0)
    assert abs(at[kept.argmax()] - step[place]) <= 50


def test_each_stretch_has_its_extremes_in_the_order_they_came():
    step = np.arange(1.0, 9.0)
    value = np.array([3.0, 1.0, 2.0, 9.0, 5.0, 5.0, 5.0, 4.0])
    at, kept = extremes(step, value, np.array([0.5, 4.5, 8.5]))
    np.testing.assert_array_equal(at, [1.5, 3.5, 5.5, 7.5])
    np.testing.assert_array_equal(kept, [1.0, 9.0, 5.0, 4.0])


def test_a_stretch_with_no_value_is_a_gap():
    step = np.arange(1.0, 9.0)
    value = np.array([1.0, 2.0, np.nan, 4.0, np.nan, np.nan, np.inf, -np.inf])
    _, kept = extremes(step, value, np.array([0.5, 4.5, 8.5]))
    np.testing.assert_array_equal(kept, [1.0, 4.0, np.nan, np.nan])
    _, kept = extremes(step[:3], value[:3], np.array([0.5, 4.5, 8.5]))
    np.testing.assert_array_equal(kept, [1.0, 2.0, np.nan, np.nan])
    _, kept = extremes(step[:0], value[:0], np.array([0.5, 4.5, 8.5]))
    assert np.isnan(kept).all()
