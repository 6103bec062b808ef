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
from tracekit_analysis import as_series
from tracekit_analysis.features.full_battery import FULL_COLUMNS, TOPICS, full_columns
from tracekit_analysis.features.standard import LABEL_TOPICS

FUNCTIONS = {
    "local_whittle": analysis.statistics.local_whittle,
    "peak_test": analysis.statistics.peak_test,
    "nyquist_test": analysis.statistics.nyquist_test,
    "sawtooth": functools.partial(analysis.series.sawtooth, epoch_length=30),
    "multitaper": analysis.statistics.multitaper_psd,
    "slepian": functools.partial(analysis.statistics.multitaper_psd, tapers="slepian"),
    "coherence": functools.partial(
        analysis.statistics.multitaper_coherence, y=NOISE[::-1], reference=np.roll(NOISE, 99)
    ),
    "ljung_box": analysis.statistics.ljung_box,
    "whiteness_test": analysis.statistics.whiteness_test,
    "permutation_entropy": analysis.statistics.permutation_entropy,
    "sample_entropy": analysis.statistics.sample_entropy,
    "dfa": analysis.statistics.dfa,
    "correlation_shape": analysis.statistics.correlation_shape,
    "tail_index": analysis.statistics.tail_index,
    "stable_alpha": analysis.statistics.stable_alpha,
    "find_spikes": analysis.statistics.find_spikes,
    "relative_spike_rule": analysis.statistics.relative_spike_rule,
    "running_mean_rule": analysis.statistics.running_mean_rule,
    "change_points": analysis.statistics.change_points,
    "detect_interleaving": analysis.series.detect_interleaving,
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("data", INPUTS)
def test_a_status_for_all_data(data, function):
    values, status = INPUTS[data]
    before = values.copy()
    outcome = FUNCTIONS[function](values)
    np.testing.assert_array_equal(values, before)
    assert outcome.n == len(values)
    assert bool(outcome.reason) == (outcome.status != "ok")
    if status is not None:
        assert outcome.status == status
    record = outcome.to_record()
    assert list(record) == [field.name for field in dataclasses.fields(outcome)]
    for name, value in record.items():
        if name.endswith("pvalue"):
            assert np.isnan(value) or 0.0 <= value <= 1.0


LABEL_COLUMNS = {name: text for topic in LABEL_TOPICS for name, text in topic.COLUMNS.items()}
ALL_COLUMNS = {**LABEL_COLUMNS, **FULL_COLUMNS}


def all_columns(series: analysis.series.Series) -> dict[str, object]:
    of_labels = {name: cell for topic in LABEL_TOPICS for name, cell in topic.columns(series).items()}
    return of_labels | full_columns(series)


@pytest.mark.parametrize("data", INPUTS)
def test_every_series_fills_the_same_columns(data):
    values, _ = INPUTS[data]
    row = all_columns(as_series(values, steps=np.arange(len(values)), epochs=np.arange(len(values)) // 30))
    assert list(row) == list(ALL_COLUMNS)
    for cell in row.values():
        assert isinstance(cell, (bool, int, float, str))


@given(
    hnp.arrays(np.float64, st.integers(0, 450), elements=st.floats()),
    st.sampled_from([0.0, 1.0, 1e-300, 1e300]),
)
def test_arbitrary_floats_are_rows_too(values, noise):
    with np.errstate(over="ignore", invalid="ignore"):
        values = values + noise * NOISE[: values.size]
    assert list(all_columns(as_series(values, epochs=np.arange(values.size) // 20))) == list(ALL_COLUMNS)


def test_each_topic_fills_its_own_columns_and_no_name_is_used_twice():
    series = as_series(autoregressive(0.5)(np.random.default_rng(0), 1200), epochs=np.arange(1200) // 40)
    names = [name for topic in (*TOPICS, *LABEL_TOPICS) for name in topic.COLUMNS]
    assert len(names) == len(set(names))
    for topic in (*TOPICS, *LABEL_TOPICS):
        assert list(topic.columns(series)) == list(topic.COLUMNS), topic.__name__
    assert not set(FULL_COLUMNS) & set(analysis.describe_columns("standard"))


def test_columns_are_those_of_the_functions_and_the_same_every_time():
    series = as_series(reshuffled(40)(np.random.default_rng(0), 1200), epochs=np.arange(1200) // 40)
    row = all_columns(series)
    assert row["memory_d"] == analysis.statistics.local_whittle(series).d
    assert row["tail_alpha"] == analysis.statistics.tail_index(series).alpha_050
    rest = analysis.series.remove_epoch_profile(series)
    assert row["peak_pvalue_no_profile"] == analysis.statistics.peak_test(rest).pvalue
    assert repr(all_columns(series)) == repr(row)


def test_without_epochs_the_columns_of_epochs_are_missing():
    row = full_columns(as_series(NOISE))
    assert math.isnan(row["sawtooth"])
    assert math.isnan(row["memory_d_no_profile"])
    assert row["memory_no_profile"] == "not analysed"


def test_interleaved_channels_are_found():
    rng = np.random.default_rng(0)
    scales = np.resize(4.0 ** rng.permutation(np.linspace(-2, 2, 8)), 8000)
    row = full_columns(as_series(rng.standard_normal(8000) * scales))
    assert row["interleaved"]
    assert row["n_channels"] == 8


UNITS = (
    "amplitude", "sawtooth", "sawtooth_se", "epoch_rise", "epoch_rise_se", "largest_change",
)  # fmt: skip
LEVEL = ("interleav", "n_channels", "stable_alpha", "zeros", "rule_")
"""Columns about the size of values, or about zeros, which a shift changes."""


@given(st.integers(0, 2**32), st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_units_and_origin_change_no_verdict_and_no_pvalue(seed, factor, shift):
    x = autoregressive(0.5)(np.random.default_rng(seed), 400)
    epochs = np.arange(400) // 40
    before = all_columns(as_series(x, epochs=epochs))
    after = all_columns(as_series(factor * (x + shift), epochs=epochs))
    for name in ALL_COLUMNS:
        if name.removesuffix("_no_profile").endswith(UNITS) or name.startswith(LEVEL):
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
    full_columns(series)
    start = time.process_time()
    full_columns(series)
    assert time.process_time() - start < 1.0
