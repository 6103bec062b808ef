"""Thinning and drawing: no spike may vanish, and the same data must give the same bytes."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.report.figures.drawing import block_quantiles, draw, envelope, shared_limits


@given(n=st.integers(1, 5000), spike=st.integers(0, 4999), bins=st.integers(2, 200))
def test_the_envelope_keeps_every_spike_and_invents_no_point(n, spike, bins):
    value = np.sin(np.arange(n) / 7.0)
    value[spike % n] = 1e6
    step = np.arange(1.0, n + 1)
    thinned = envelope(step, value, bins=bins)
    assert thinned.value.size <= max(2 * bins, n if n <= 2 * bins else 0)
    assert value.max() in thinned.value
    assert value.min() in thinned.value
    assert (np.diff(thinned.step) > 0).all()
    assert np.array_equal(value[thinned.step.astype(int) - 1], thinned.value)


def test_values_that_are_not_finite_leave_the_line_and_are_reported():
    value = np.array([1.0, np.nan, 2.0, np.inf])
    thinned = envelope(np.arange(4.0), value)
    assert thinned.value.tolist() == [1.0, 2.0]
    assert thinned.broken.tolist() == [1.0, 3.0]


def test_block_quantiles_need_enough_points_to_be_more_than_minima():
    middles, quantiles = block_quantiles(np.arange(600.0), np.tile([0.0, 1.0], 300), tau=0.05)
    assert middles.size == quantiles.size == 16
    assert block_quantiles(np.arange(30.0), np.arange(30.0), tau=0.05)[0].size == 0


def test_both_bounds_have_the_same_blocks_at_every_length():
    value = np.sin(np.arange(600.0))
    for n in range(1, 601):
        for tau in (0.05, 0.1, 0.2):
            lower, _ = block_quantiles(np.arange(float(n)), value[:n], tau=tau)
            upper, _ = block_quantiles(np.arange(float(n)), value[:n], tau=1.0 - tau)
            np.testing.assert_array_equal(lower, upper, err_msg=f"{n} values, tau {tau}")


def test_shared_limits_show_the_bulk_when_a_few_points_dwarf_it():
    values = np.concatenate([np.linspace(-1, 1, 1000), [1e9]])
    low, high = shared_limits([values])
    assert low < -1
    assert 1 < high < 4


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_shared_limits_of_nothing_or_a_constant_are_still_an_axis(values):
    low, high = shared_limits([np.array(values)])
    assert low < high


def test_limits_of_a_logarithmic_axis_stay_positive():
    low, high = shared_limits([np.geomspace(1e-3, 10, 50)], log=True)
    assert 0 < low < 1e-3
    assert high > 10


def test_a_drawing_depends_on_its_data_alone():
    def paint(ax):
        ax.plot([0, 1, 2], [1.0, 3.0, 2.0], label="x")
        ax.set_xlabel("update")

    before = dict(matplotlib.rcParams)
    first = draw(paint)
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30}):
        second = draw(paint)
    assert first.svg == second.svg
    assert dict(matplotlib.rcParams) == before
    assert first.svg.startswith("<svg ")
    assert "<metadata>" not in first.svg
    assert "<text" not in first.svg
