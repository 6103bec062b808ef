"""The columns of preset "full" and those that labels rest on, and what each statistic behind them answers to unusable data."""

from __future__ import annotations

import dataclasses
import functools
import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tracekit_analysis as analysis
from tests.analysis.processes import autoregressive, reshuffled
from tests.analysis.test_degenerate_inputs import INPUTS, NOISE
from tracekit_analysis import as_series, columns
from tracekit_analysis.calibration import column_rates
from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.features.registry import MODULES, columns_of, groups_of, row_of
from tracekit_analysis.statistics.regime import Regime

ALL_COLUMNS = columns_of("full")
VARIANTS = {
    "sawtooth": functools.partial(analysis.series.sawtooth, epoch_length=30),
    "multitaper": analysis.statistics.multitaper_psd,
    "slepian": functools.partial(analysis.statistics.multitaper_psd, tapers="slepian"),
    "coherence": functools.partial(
        analysis.statistics.multitaper_coherence, y=NOISE[::-1], reference=np.roll(NOISE, 99)
    ),
}
"""Functions, or ways to call them, that no column comes from."""


def all_columns(series: analysis.series.Series) -> dict[str, object]:
    return row_of(Regime(series, remove_burn_in=False), "full")


def check_result(outcome, n, status):
    assert outcome.n == n
    assert outcome.status in ("ok", "inconclusive", "degenerate", "divergent")
    assert bool(outcome.reason) == (outcome.status != "ok")
    if status is not None:
        assert outcome.status == status
    record = outcome.to_record()
    assert list(record) == [field.name for field in dataclasses.fields(outcome)]
    for name, value in record.items():
        if name.endswith("pvalue"):
            assert np.isnan(value) or 0.0 <= value <= 1.0


@pytest.mark.parametrize("function", VARIANTS)
@pytest.mark.parametrize("data", INPUTS)
def test_a_status_for_all_data(data, function):
    values, status = INPUTS[data]
    before = values.copy()
    check_result(VARIANTS[function](values), len(values), status)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("data", INPUTS)
def test_every_group_fills_its_columns_and_its_results_bear_a_status(data):
    """A statistic that declares its columns is tried on all these series without any other edit."""
    values, status = INPUTS[data]
    before = values.copy()
    steps = np.arange(len(values))
    regime = Regime(as_series(values, steps=steps, epochs=steps // 30), remove_burn_in=False)
    for group in groups_of("full"):
        cells = group.compute(regime if group.takes_regime else regime.late)
        assert list(cells.values) == list(group.columns), group.name
        for cell in cells.values.values():
            assert isinstance(cell, (bool, int, float, str)), group.name
        for _, result in cells.results:
            # The comb looks at whole epochs only, of which a short series has none.
            check_result(result, result.n if group.name == "spectral.epoch_columns" else len(values),
                         None if group.name == "spectral.epoch_columns" else status)  # fmt: skip
    np.testing.assert_array_equal(values, before)


@given(
    hnp.arrays(np.float64, st.integers(0, 450), elements=st.floats()),
    st.sampled_from([0.0, 1.0, 1e-300, 1e300]),
)
def test_arbitrary_floats_are_rows_too(values, noise):
    with np.errstate(over="ignore", invalid="ignore"):
        values = values + noise * NOISE[: values.size]
    row = all_columns(as_series(values, epochs=np.arange(values.size) // 20))
    assert set(row) == set(ALL_COLUMNS)


def test_a_column_is_declared_once_with_its_method_and_in_a_module_of_the_list():
    names = [name for group in groups_of("full") for name in group.columns]
    assert len(names) == len(set(names))
    assert all(column.method.partition("#")[2] for column in ALL_COLUMNS.values())
    listed = {module.rpartition(".")[2] for module in MODULES}
    assert {group.name.partition(".")[0] for group in groups_of("full")} == listed


def test_a_column_says_its_unit_once():
    assert Column("period of the strongest peak", "values").text == "period of the strongest peak, in values"
    assert Column("frequency in cycles per epoch; missing", "cycles per epoch").text.count("cycles") == 1
    assert Column("autocorrelation at lag 1").text == "autocorrelation at lag 1"


def test_a_module_outside_the_list_changes_nothing():
    before = groups_of("full")
    column_group("full", "spectral.md#peaks", {"not_listed": "nothing"})(
        lambda series: Cells({"not_listed": 0})
    )
    try:
        assert groups_of("full") == before
    finally:
        columns.GROUPS.pop()


def test_every_pvalue_keeps_its_level_on_white_noise():
    rates = column_rates("iid", n=300, runs=120, jobs=1)
    noise = rates[(rates["null"] == "noise") & (rates["runs"] > 0)]
    assert len(noise) >= 16
    too_often = noise[noise["rejected"] > 0.05 + 4.0 * noise["se"]]
    assert too_often.empty, too_often
    walks = rates[(rates["null"] == "walk") & (rates["runs"] > 0)]
    assert (walks["rejected"] > 0.5).all()  # white noise is no random walk


def test_columns_are_those_of_the_functions_and_the_same_every_time():
    series = as_series(reshuffled(40)(np.random.default_rng(0), 1200), epochs=np.arange(1200) // 40)
    row = all_columns(series)
    assert row["memory_d"] == analysis.statistics.local_whittle(series).d
    assert row["tail_alpha"] == analysis.statistics.tail_index(series).alpha_050
    rest = analysis.series.remove_epoch_profile(series)
    assert row["peak_pvalue_no_profile"] == analysis.statistics.peak_test(rest).pvalue
    assert repr(all_columns(series)) == repr(row)


def test_without_epochs_the_columns_of_epochs_are_missing():
    row = all_columns(as_series(NOISE))
    assert math.isnan(row["sawtooth"])
    assert math.isnan(row["memory_d_no_profile"])
    assert row["memory_no_profile"] == "not analysed"


def test_interleaved_channels_are_found():
    rng = np.random.default_rng(0)
    scales = np.resize(4.0 ** rng.permutation(np.linspace(-2, 2, 8)), 8000)
    row = all_columns(as_series(rng.standard_normal(8000) * scales))
    assert row["interleaved"]
    assert row["n_channels"] == 8


LEVEL = ("interleav", "n_channels", "stable_alpha", "zeros", "rule_")
"""Columns about the size of values, or about zeros, which a shift changes."""


@given(st.integers(0, 2**32), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_units_and_origin_change_no_verdict_and_no_pvalue(seed, factor, shift):
    x = autoregressive(0.5)(np.random.default_rng(seed), 400)
    epochs = np.arange(400) // 40
    before = all_columns(as_series(x, epochs=epochs))
    after = all_columns(as_series(factor * (x + shift), epochs=epochs))
    for name, column in ALL_COLUMNS.items():
        if "units" in column.unit or name.startswith(LEVEL) or name.endswith(("reason", "notes")):
            continue
        if isinstance(before[name], float):
            assert after[name] == pytest.approx(before[name], rel=1e-5, abs=1e-7, nan_ok=True), name
        else:
            assert after[name] == before[name], name


@pytest.mark.parametrize(
    "test",
    [
        analysis.statistics.peak_test,
        analysis.statistics.nyquist_test,
        analysis.statistics.ljung_box,
        analysis.statistics.whiteness_test,
    ],
)
def test_pvalues_are_uniform_under_independence(test):
    rng = np.random.default_rng(0)
    pvalues = np.sort([test(rng.standard_normal(401)).pvalue for _ in range(500)])
    distance = np.max(np.abs(pvalues - (np.arange(500) + 0.5) / 500))
    assert distance < 1.63 / math.sqrt(500)  # Kolmogorov's 1% point


def test_the_battery_takes_a_fraction_of_a_second():
    n = 20_000
    series = as_series(autoregressive(0.5)(np.random.default_rng(0), n), epochs=np.arange(n) // 100)
    all_columns(series)
    start = time.process_time()
    all_columns(series)
    assert time.process_time() - start < 1.0
