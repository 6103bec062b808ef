"""What is accepted as a series, and the status of what is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tracekit_analysis import AnalysisError, as_series

NOISE = np.random.default_rng(0).standard_normal(400)


def changed(**places: float) -> np.ndarray:
    values = NOISE.copy()
    for place, value in places.items():
        values[int(place[1:])] = value
    return values


@pytest.mark.parametrize(
    ("values", "status", "reason", "n_used"),
    [
        (NOISE, "ok", "", 400),
        (NOISE[:7], "inconclusive", "7 values; at least 8 are needed", 0),
        (np.zeros(0), "inconclusive", "0 values; at least 8 are needed", 0),
        (np.full(50, 3.0), "degenerate", "constant: all values are 3.0", 0),
        (np.full(50, np.nan), "inconclusive", "no finite value", 0),
        (changed(t0=np.nan), "ok", "", 399),
        (changed(t300=np.nan), "ok", "", 300),
        (
            np.where(np.arange(400) % 20, NOISE, np.nan),
            "inconclusive",
            "5.0% of the values are missing; at most 1% is allowed",
            0,
        ),
        (changed(t250=np.inf), "divergent", "divergent: not finite at value 250 of 400", 250),
        (
            np.where(np.arange(400) < 120, NOISE, np.nan),
            "divergent",
            "divergent: not finite at value 120 of 400",
            120,
        ),
    ],
)
def test_status_of_data(values, status, reason, n_used):
    series = as_series(values)
    assert (series.status, series.reason, series.n_used) == (status, reason, n_used)
    assert series.n == len(values)


def test_growth_without_bound_is_divergent_before_it_overflows():
    series = as_series(np.exp(0.05 * np.arange(1000)) * (1 + 0.1 * np.resize(NOISE, 1000)))
    assert series.status == "divergent"
    assert series.reason.startswith("divergent: growing without bound from value ")
    assert 400 < series.n_used < 1000


@pytest.mark.parametrize(
    "values",
    [
        NOISE.cumsum(),
        np.where(np.arange(400) == 399, 1e9, NOISE),
        NOISE + np.where(np.arange(400) < 200, 0, 1e9),
    ],
)
def test_walks_spikes_and_steps_are_not_divergent(values):
    assert as_series(values).status == "ok"


def test_order_must_be_attested_by_increasing_steps():
    steps = np.arange(400)
    assert as_series(NOISE, steps=steps).status == "ok"
    swapped = steps.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    assert as_series(NOISE, steps=swapped).reason == (
        "steps are out of order; sort the rows only if the step numbers can be trusted"
    )
    assert as_series(NOISE, steps=np.repeat(steps[:200], 2)).reason == (
        "200 duplicated steps; several series may be mixed, or rows stored twice"
    )


def test_missing_steps_count_as_missing_values():
    steps = np.arange(0, 4000, 10)
    assert as_series(NOISE, steps=steps).notes == ()
    gap = as_series(NOISE[:399], steps=np.delete(steps, 200))
    assert (gap.status, gap.notes) == ("ok", ("1 steps are missing; the values were taken as evenly spaced",))
    assert as_series(NOISE, steps=np.arange(400) ** 3).status == "inconclusive"


def test_epochs_give_their_number_and_length():
    series = as_series(NOISE, steps=np.arange(400), epochs=np.arange(400) // 50)
    assert (series.n_epochs, series.points_per_epoch) == (8, 50)
    unequal = as_series(NOISE, epochs=np.sort(np.random.default_rng(0).integers(0, 9, 400)))
    assert (unequal.n_epochs, unequal.points_per_epoch) == (9, None)


def test_a_series_knows_its_stride_its_zeros_and_the_start_of_its_first_full_epoch():
    steps = np.arange(7, 4007, 10)
    series = as_series(np.where(NOISE > 0, NOISE, 0.0), steps=steps, epochs=(np.arange(400) + 20) // 50)
    assert (series.stride, series.epoch_start, series.points_per_epoch) == (10.0, 30, 50)
    assert series.zeros == pytest.approx(0.5, abs=0.1)
    assert [series.since(start).epoch_start for start in (0, 10, 30, 50)] == [30, 20, 0, 30]
    bare = as_series(NOISE)
    assert (bare.stride, bare.epoch_start, bare.zeros) == (None, 0, 0.0)


def test_a_constant_rest_is_degenerate():
    series = as_series(np.where(np.arange(400) < 100, NOISE, 2.0)).since(150)
    assert (series.status, series.reason) == ("degenerate", "constant from value 150 of 400 on")
    assert series.refusal() == (series.status, series.reason)


def test_leading_nan_shift_the_start_of_the_first_full_epoch():
    series = as_series(changed(t0=np.nan), epochs=np.arange(400) // 50)
    assert (series.n_used, series.epoch_start) == (399, 49)


@pytest.mark.parametrize(
    "values",
    [
        NOISE.astype(np.float32),
        np.round(NOISE * 100).astype(np.int16),
        NOISE > 0,
        np.repeat(NOISE, 2)[::2],
        pd.Series(NOISE, dtype="Float64"),
        list(NOISE),
    ],
)
def test_any_real_numbers_are_accepted_and_left_unchanged(values):
    before = np.array(values, dtype=float)
    series = as_series(values)
    assert series.status == "ok"
    np.testing.assert_array_equal(series.values, before)
    np.testing.assert_array_equal(np.array(values, dtype=float), before)


def test_missing_values_of_pandas_are_missing_values():
    assert as_series(pd.Series([1.0, pd.NA, 3.0] * 40, dtype="Float64")).status == "inconclusive"


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        (np.zeros((4, 5)), {}, "`x` (=(4, 5)) must be one-dimensional; pass one series at a time."),
        (["a", "b"], {}, "`x` (='str32') must be an array of real numbers."),
        (np.zeros(9, complex), {}, "`x` (='complex128') must be an array of real numbers."),
        (np.zeros(9), {"steps": np.arange(8)}, "`steps` (=8) must be as long as the values (=9)."),
    ],
)
def test_unusable_arguments_raise(values, arguments, message):
    with pytest.raises(AnalysisError) as error:
        as_series(values, **arguments)
    assert str(error.value) == message


def test_values_that_vanish_beside_the_largest_count_as_zero():
    values = np.linspace(1.0, 2.0, 100)
    values[7], values[8] = 1e-151, -1e-149
    series = as_series(values * 1e200)
    assert series.values[7] == 0.0
    assert series.values[8] * series.scale == -1e51
    assert series.zeros == 0.01
    assert series.notes == ("1 values below 1e-150 of the largest count as zero",)
