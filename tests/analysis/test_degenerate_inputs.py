"""Whatever the data, every function answers with a status: no exception, no warning, no changed input."""

from __future__ import annotations

import dataclasses
import functools
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tracekit_analysis as analysis

NOISE = np.random.default_rng(0).standard_normal(600)
STEP = np.arange(600)


def with_value(value: float, *places: int) -> np.ndarray:
    x = NOISE.copy()
    x[list(places)] = value
    return x


INPUTS = {
    "empty": (np.zeros(0), "inconclusive"),
    "one value": (np.ones(1), "inconclusive"),
    "seven values": (NOISE[:7], "inconclusive"),
    "eight values": (NOISE[:8], None),
    "sixty values": (NOISE[:60], None),
    "constant": (np.full(600, 2.5), "degenerate"),
    "all zero": (np.zeros(600), "degenerate"),
    "one spike": (np.where(STEP == 300, 1.0, 0.0), None),
    "spike at the end": (np.where(STEP == 599, 1e9, 0.0), None),
    "two values": (np.where(NOISE > 0, 1.0, 0.0), None),
    "alternating": (np.resize([0.0, 1.0], 600), None),
    "mostly zero": (np.where(NOISE > 1.5, NOISE, 0.0), None),
    "two levels": (np.where(STEP < 300, 0.0, 1.0), None),
    "levels far apart": (np.where(STEP < 300, 0.0, 1e6) + NOISE, None),
    "ramp": (STEP * 1.0, None),
    "smooth ramp": (STEP + 1e-9 * NOISE, None),
    "NaN first": (with_value(np.nan, 0), "ok"),
    "NaN inside": (with_value(np.nan, 400), "ok"),
    "NaN last": (with_value(np.nan, 599), "divergent"),
    "many NaN": (np.where(STEP % 10 == 3, np.nan, NOISE), "inconclusive"),
    "all NaN": (np.full(600, np.nan), "inconclusive"),
    "infinity first": (with_value(np.inf, 0), "divergent"),
    "infinity inside": (with_value(-np.inf, 400), "divergent"),
    "constant, then NaN": (np.where(STEP < 300, 1.0, np.nan), "divergent"),
    "huge": (NOISE / np.abs(NOISE).max() * 1.7e308, "ok"),
    "tiny": (NOISE * 1e-310, "ok"),
    "growing": (np.exp(0.1 * STEP), "divergent"),
    "growing, signs alternate": (np.exp(0.1 * STEP) * np.resize([1, -1], 600), "divergent"),
    "integers": (np.round(NOISE * 50).astype(np.int32), "ok"),
    "booleans": (NOISE > 0, None),
    "float32": (NOISE.astype(np.float32), "ok"),
    "not contiguous": (np.repeat(NOISE, 3)[::3], "ok"),
    "backwards": (NOISE[::-1], "ok"),
}
FUNCTIONS = {
    "lfq lower": analysis.statistics.lfq_test,
    "lfq upper": functools.partial(analysis.statistics.lfq_test, side="upper"),
    "kpss_cosine": analysis.statistics.kpss_cosine,
    "scale_lfq": analysis.statistics.scale_lfq,
    "index lower": analysis.stability_index,
    "index upper": functools.partial(analysis.stability_index, side="upper"),
    "burn_in": analysis.statistics.burn_in,
    "adf": analysis.statistics.adf,
    "kpss": analysis.statistics.kpss,
    "stationarity": analysis.statistics.classify_stationarity,
    "phillips_perron": analysis.statistics.phillips_perron,
    "dfgls": analysis.statistics.dfgls,
    "zivot_andrews": analysis.statistics.zivot_andrews,
    "variance_ratio": functools.partial(analysis.statistics.variance_ratio, lags=5),
    "mann_kendall": analysis.statistics.mann_kendall,
    "arch_test": analysis.statistics.arch_test,
    "block minima": analysis.statistics.block_extremes,
    "block maxima": functools.partial(analysis.statistics.block_extremes, side="upper"),
    "welch": analysis.statistics.welch_psd,
    "periodogram": analysis.statistics.periodogram,
    "comb": functools.partial(analysis.statistics.epoch_comb, updates_per_epoch=30),
    "tau": analysis.statistics.autocorrelation_time,
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("data", INPUTS)
def test_a_status_for_all_data(data, function):
    values, status = INPUTS[data]
    before = values.copy()
    outcome = FUNCTIONS[function](values)
    np.testing.assert_array_equal(values, before)
    assert outcome.n == len(values)
    assert outcome.status in ("ok", "inconclusive", "degenerate", "divergent")
    assert bool(outcome.reason) == (outcome.status != "ok")
    if status is not None:
        assert outcome.status == status
    for field in dataclasses.fields(outcome):
        if field.name.endswith("pvalue"):
            value = getattr(outcome, field.name)
            assert np.isnan(value) or 0.0 <= value <= 1.0


@given(
    hnp.arrays(np.float64, st.integers(0, 300), elements=st.floats()),
    st.sampled_from([0.0, 1.0, 1e-300, 1e300]),
)
def test_arbitrary_floats_are_rows_too(values, noise):
    with np.errstate(over="ignore", invalid="ignore"):
        values = values + noise * NOISE[: values.size]
    frame = pd.DataFrame(
        {"step": np.arange(values.size), "epoch": np.arange(values.size) // 20, "value": values}
    )
    table = analysis.characterize(frame)
    assert len(table) == (values.size > 0)


def test_every_unusable_series_is_a_row():
    frame = pd.concat(
        pd.DataFrame({"run": name, "step": np.arange(len(x)), "epoch": np.arange(len(x)) // 30, "value": x})
        for name, (x, _) in INPUTS.items()
        if len(x)
    )
    table = analysis.characterize(frame).set_index("run")
    for name, (x, status) in INPUTS.items():
        if len(x):
            assert table.loc[name, "n"] == len(x)
            assert status in (None, table.loc[name, "status"])
            assert np.isnan(table.loc[name, "kpss_cosine_pvalue"]) or table.loc[name, "n_used"] >= 50
            assert bool(table.loc[name, "reason"]) == (table.loc[name, "status"] != "ok")
    assert table.loc["growing", "lower_label"] == "diverged"


def test_a_million_values_take_seconds():
    n = 1_000_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"step": np.arange(n), "epoch": np.arange(n) // 500, "value": rng.standard_normal(n)}
    )
    analysis.characterize(frame.iloc[:1000])
    start = time.process_time()
    (row,) = analysis.characterize(frame).to_dict("records")
    assert time.process_time() - start < 10.0
    assert row["lower_label"] == row["upper_label"] == "stable"


@pytest.mark.parametrize("data", INPUTS)
def test_series_made_of_series_carry_a_status(data):
    values, status = INPUTS[data]
    before = values.copy()
    epochs = analysis.as_series(values, epochs=np.arange(len(values)) // 30)
    for made in (analysis.statistics.prewhiten(values), analysis.series.remove_epoch_profile(epochs)):
        assert made.n == len(values)
        assert made.status in ("ok", "inconclusive", "degenerate", "divergent")
        assert bool(made.reason) == (made.status != "ok")
        assert np.isfinite(made.values).all()
        if status not in (None, "ok"):
            assert made.status == status
    for bound, centre in ((values, values), (values, np.zeros(len(values))), (np.zeros(len(values)), values)):
        found = analysis.statistics.cross_section_index(bound, centre)
        assert found.status in ("ok", "inconclusive", "degenerate", "divergent")
        assert bool(found.reason) == (found.status != "ok")
    parts = analysis.series.split_channels(values, 3)
    assert sum(part.size for part in parts) == len(values)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("lower_is_better", [True, False])
@pytest.mark.parametrize("data", INPUTS)
def test_every_run_has_a_performance(data, lower_is_better):
    values = INPUTS[data][0]
    if not len(values):
        return
    frame = pd.DataFrame(
        {
            "run": data,
            "status": "finished",
            "signal": "eval/loss",
            "step": np.arange(len(values)),
            "value": values,
        }
    )
    (row,) = analysis.performance(frame, target=0.1, window=3, lower_is_better=lower_is_better).to_dict(
        "records"
    )
    sound = bool(np.isfinite(np.asarray(values, dtype=float)).all())
    assert row["outcome"] == ("finished" if sound else "diverged")
    for name in ("final", "anytime", "best"):
        assert np.isfinite(row[name]) == sound
    if sound:
        x = np.asarray(values, dtype=float)
        assert row["best"] == (x.min() if lower_is_better else x.max())
        assert x.min() <= row["final"] <= x.max()
