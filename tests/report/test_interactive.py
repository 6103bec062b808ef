"""The lines of an interactive figure: whole where there is room, and no spike lost where there is not."""

import numpy as np
import pandas as pd
import pytest

from tracekit.report.interactive import extremes, run_traces

COLUMNS = ("optimizer", "batch_size")


def frame(steps=1000, **values):
    """One run a keyword, its values over updates 1, 2, ...; all of adam at batch size 1,000."""
    parts = []
    for run, value in values.items():
        step = np.arange(1, steps + 1)
        parts.append(pd.DataFrame({"run": run, "signal": "train/loss", "step": step, "value": value}))
    return pd.concat(parts).assign(optimizer="adam", batch_size=1000)


def test_what_fits_is_kept_whole():
    value = np.random.default_rng(0).normal(size=1000)
    (line,) = run_traces(frame(a=value), columns=COLUMNS)
    np.testing.assert_array_equal(line.value, value)
    np.testing.assert_array_equal(line.step, np.arange(1, 1001))
    assert (line.signal, line.attributes, line.stretch, line.note) == (
        "train/loss",
        ("adam", "1,000"),
        0.0,
        "",
    )


def test_a_spike_of_one_update_survives_thinning():
    rng = np.random.default_rng(1)
    for place in (0, 1, 499, 998, 999):
        value = rng.normal(size=1000)
        value[place] = 50.0
        (line, _) = run_traces(frame(a=value, b=value), columns=COLUMNS, room=80)
        assert line.value.size <= 40
        assert np.nanmax(line.value) == 50.0
        assert np.nanmin(line.value) == value.min()
        assert abs(line.step[np.nanargmax(line.value)] - (place + 1)) <= line.stretch


def test_each_stretch_has_its_extremes_in_the_order_they_came():
    step = np.arange(1.0, 9.0)
    value = np.array([3.0, 1.0, 2.0, 9.0, 5.0, 5.0, 5.0, 4.0])
    at, kept = extremes(step, value, np.array([0.5, 4.5, 8.5]))
    np.testing.assert_array_equal(at, [1.5, 3.5, 5.5, 7.5])
    np.testing.assert_array_equal(kept, [1.0, 9.0, 5.0, 4.0])


def test_runs_that_end_early_leave_a_gap_and_runs_that_break_say_where():
    whole = np.ones(1000)
    broken = np.where(np.arange(1000) >= 499, np.inf, 1.0)
    early = frame(c=np.ones(1000)).query("step <= 300")
    data = pd.concat([frame(a=whole, b=broken), early])
    first, second, third = run_traces(data, columns=COLUMNS, room=120)
    assert np.isfinite(first.value).all()
    assert second.note == "not finite from update 500"
    assert np.isnan(second.value[second.step > 520]).all()
    assert np.isnan(third.value[third.step > 320]).all()
    assert np.isfinite(third.value[third.step < 280]).all()
    np.testing.assert_array_equal(first.step, third.step)


def test_short_series_stay_whole_beside_long_ones():
    evaluated = frame(steps=6, a=np.arange(6.0)).assign(signal="eval/loss")
    lines = run_traces(pd.concat([frame(a=np.zeros(1000)), evaluated]), columns=COLUMNS, room=400)
    assert [line.stretch > 0 for line in lines] == [True, False]
    np.testing.assert_array_equal(lines[1].value, np.arange(6.0))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_run_with_no_finite_value_is_all_gap(value):
    (line,) = run_traces(frame(a=np.full(1000, value)), columns=COLUMNS, room=100)
    assert np.isnan(line.value).all()
    assert line.note == "not finite from update 1"
