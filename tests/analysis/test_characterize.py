"""One row per series from a tidy table."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import tracekit_analysis
from tests.analysis.processes import autoregressive, iid, level_break, start_up, traces
from tracekit_analysis import AnalysisError, characterize, describe_columns, stability_index
from tracekit_analysis.statistics import lfq_test, stability_label


def test_one_row_per_series_with_its_keys():
    frame = pd.concat(
        [
            traces(iid, seeds=2, signal="train/loss"),
            traces(iid, seeds=2, signal="layer/grad_norm", layer="conv1"),
            traces(iid, seeds=2, signal="layer/grad_norm", layer="conv2"),
        ],
        ignore_index=True,
    )
    table = characterize(frame)
    assert list(table.columns[:9]) == [
        "run", "optimizer", "batch_size", "learning_rate", "seed", "run_status", "signal", "layer", "index",
    ]  # fmt: skip
    assert list(table.columns[9:]) == list(describe_columns())
    assert len(table) == 6
    assert table["layer"].isna().sum() == 2
    assert (table["n"] == 1000).all()
    assert set(table["run_status"]) == {"finished"}


def test_columns_are_those_of_the_functions_on_the_array():
    frame = traces(autoregressive(0.5), seeds=1)
    (row,) = characterize(frame).to_dict("records")
    x = frame["value"].to_numpy()[row["burn_in"] :]
    index, upper = stability_index(x), stability_index(x, side="upper")
    assert row["lower_index"] == index.index
    assert row["lower_theta"] == row["lower_bound_variance_excess"] == index.theta
    assert row["upper_drift"] == upper.drift
    assert row["lower_label"] == stability_label(index).label
    assert row["lower_lfq_pvalue"] == lfq_test(x, n_epochs=20).pvalue


def test_rows_of_several_series_may_be_interleaved():
    frame = traces(iid, seeds=3, n=400)
    interleaved = frame.sort_values("step", kind="stable")
    pd.testing.assert_frame_equal(characterize(interleaved), characterize(frame))


def test_order_in_doubt_is_a_row_with_a_reason():
    frame = traces(iid, seeds=3, n=400)
    frame.loc[frame["seed"] == 1, "step"] = np.random.default_rng(0).permutation(400)
    frame.loc[frame["seed"] == 2, "step"] = np.arange(400) // 2
    table = characterize(frame)
    assert list(table["status"]) == ["ok", "inconclusive", "inconclusive"]
    assert table["reason"].str.split(";").str[0].tolist() == [
        "",
        "steps are out of order",
        "200 duplicated steps",
    ]
    assert table["lower_index"].isna().tolist() == [False, True, True]
    assert table["lower_label"].tolist()[1:] == ["inconclusive", "inconclusive"]


def test_categories_and_missing_keys_are_kept():
    frame = traces(iid, seeds=2, n=300)
    frame["optimizer"] = pd.Categorical(frame["optimizer"], categories=["adam", "sgd"])
    frame["seed"] = frame["seed"].astype("Int64").where(frame["seed"] > 0)
    table = characterize(frame, preset="minimal")
    assert table["optimizer"].dtype == frame["optimizer"].dtype
    assert table["seed"].tolist() == [pd.NA, 1]


def test_the_start_up_is_cut_and_the_whole_series_is_shown_beside():
    (row,) = characterize(traces(start_up(6.0, 0.04), seeds=1)).to_dict("records")
    assert 50 < row["burn_in"] <= 250
    assert row["n_used"] == 1000 - row["burn_in"]
    assert row["lower_index"] < 0.2 < row["lower_index_whole"]
    assert row["settled"]


def test_a_late_break_is_not_cut():
    (row,) = characterize(traces(level_break(2.0), seeds=1)).to_dict("records")
    assert row["burn_in"] == 0
    assert not row["settled"]
    assert row["settles_at"] >= 0.45
    assert row["lower_label"] == "unstable"
    assert row["stationarity"] in ("contradictory", "unit-root-like")


def test_epoch_columns_need_equal_epochs():
    even = traces(iid, seeds=1)
    odd = even.assign(epoch=np.sort(np.random.default_rng(0).integers(0, 20, 1000)))
    none = even.drop(columns="epoch")
    assert characterize(even)["epoch_comb_pvalue"].notna().all()
    assert characterize(odd)["epoch_comb_pvalue"].isna().all()
    assert characterize(none)["points_per_epoch"].isna().all()


def test_minimal_preset_is_a_part_of_the_standard_one():
    frame = traces(iid, seeds=2, n=300)
    standard, minimal = characterize(frame), characterize(frame, preset="minimal")
    assert "adf_pvalue" not in minimal.columns
    shared = [name for name in minimal.columns if name != "notes"]
    pd.testing.assert_frame_equal(standard[shared], minimal[shared])


def test_the_same_table_gives_the_same_bytes():
    frame = traces(iid, seeds=2)
    before = frame.copy()
    assert characterize(frame).to_csv().encode() == characterize(frame).to_csv().encode()
    pd.testing.assert_frame_equal(frame, before)


def test_progress_is_reported_per_series():
    seen: list[tuple[int, int]] = []
    characterize(traces(iid, seeds=3, n=100), preset="minimal", progress=lambda *args: seen.append(args))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_an_empty_table_gives_an_empty_table_with_all_columns():
    table = characterize(traces(iid, seeds=1, n=10).iloc[:0])
    assert len(table) == 0
    assert set(describe_columns()) <= set(table.columns)


def test_a_table_of_one_series_needs_no_keys():
    frame = pd.DataFrame({"step": np.arange(300), "value": iid(np.random.default_rng(0), 300)})
    assert characterize(frame)["n"].tolist() == [300]


def test_missing_columns_are_named():
    with pytest.raises(AnalysisError) as error:
        characterize(pd.DataFrame({"step": [1, 2], "loss": [0.1, 0.2]}))
    assert str(error.value) == ("`frame` (='2 rows') must have a column 'value'; it has 'step', 'loss'.")
    with pytest.raises(AnalysisError) as error:
        characterize(traces(iid, seeds=1, n=10), preset="best")
    assert str(error.value) == "`preset` (='best') must be one of 'minimal', 'standard', 'full'."


def test_importing_the_package_loads_nothing_heavy():
    code = (
        "import sys, tracekit_analysis; heavy = {'numpy', 'pandas', 'scipy', 'arch', 'statsmodels'}; "
        "print(sorted(heavy & set(sys.modules))); "
        "tracekit_analysis.characterize; print(sorted({'arch', 'statsmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


def test_all_public_names_can_be_imported():
    wings = [one for _, one, is_package in pkgutil.iter_modules(tracekit_analysis.__path__) if is_package]
    assert set(wings) <= set(tracekit_analysis.__all__)
    for home in (tracekit_analysis, *(getattr(tracekit_analysis, wing) for wing in wings)):
        for name in home.__all__:
            assert getattr(home, name).__doc__
    of_wings = {name for wing in wings for name in getattr(tracekit_analysis, wing).__all__}
    assert set(tracekit_analysis.__all__) - {*wings, "AnalysisError"} <= of_wings


def test_no_module_hides_a_function_of_its_wing():
    """Importing the module would put it in the place of the function of the same name."""
    for _, wing, is_package in pkgutil.iter_modules(tracekit_analysis.__path__):
        if is_package:
            home = getattr(tracekit_analysis, wing)
            assert not {name for _, name, _ in pkgutil.iter_modules(home.__path__)} & set(home.__all__)


def notes_of(x, preset="standard"):
    frame = pd.DataFrame({"step": np.arange(len(x)), "epoch": np.arange(len(x)) // 5, "value": x})
    return characterize(frame, preset=preset)["notes"].item().split("; ")


def test_notes_gather_what_every_statistic_says_once_and_in_order():
    rng = np.random.default_rng(0)
    assert notes_of(iid(rng, 1500)) == [""]
    assert notes_of(iid(rng, 25_000)) == [
        "ADF: tested on means of 2 values",
        "change points: breaks were located on medians of 5 values",
    ]
    zeros = np.where(rng.random(1500) < 0.4, 0.0, iid(rng, 1500))
    share = f"{np.mean(zeros == 0.0):.0%} of the values are exactly zero"
    assert notes_of(zeros) == [
        f"tails: {share}, the tail describes the others",
        f"spikes: {share} and were left out",
    ]
    assert notes_of(iid(rng, 110)) == [
        "spectrum, epoch comb, peaks, period 2, memory: not analysed: 110 usable values, at least 128 are needed",
        "tails: not analysed: 110 usable values, at least 200 are needed",
    ]
    assert notes_of(iid(rng, 30)) == [""]  # the reason of the row says it
    full = notes_of(zeros, "full")
    assert len(full) == len(set(full))
    assert full[:2] == notes_of(zeros)


def test_a_dependent_short_series_is_said_to_be_one_once():
    notes = notes_of(autoregressive(0.9)(np.random.default_rng(1), 200), "full")
    assert sum("autocorrelation times of" in note for note in notes) == 1
