"""Labels of cells against truth: what five seeds may say, and what fewer may not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.processes import NORMAL_05, autoregressive, garch, iid, level_break, linear_trend, traces
from tracekit_analysis import AnalysisError, characterize, label, label_from_features
from tracekit_analysis.calibration.processes import fractional_noise, with_break
from tracekit_analysis.labels import pooled_interval
from tracekit_analysis.seeds import wilson_interval

UNSTABLE = level_break(0.6 * 2 * NORMAL_05)  # index 0.6


def only(frame: pd.DataFrame, **arguments: object) -> pd.Series:
    (row,) = (row for _, row in label(frame, **arguments).iterrows())
    return row


def mark(frame: pd.DataFrame, seeds: list[int], status: str) -> pd.DataFrame:
    frame.loc[frame["seed"].isin(seeds), "status"] = status
    return frame


def test_five_seeds_label_a_constant_and_a_broken_bound():
    frame = pd.concat(
        [traces(iid), traces(level_break(2 / 3 * NORMAL_05), optimizer="adam")], ignore_index=True
    )
    labels = label(frame).set_index("optimizer")
    assert labels["label"].to_dict() == {"sgd": "stable", "adam": "unstable"}
    assert labels.loc["sgd", "ci_high"] < 0.2 < labels.loc["adam", "ci_low"]
    assert labels.loc["adam", "index"] == pytest.approx(1 / 3, abs=0.06)
    assert labels.loc["adam", "lfq_rejections"] == 5
    assert labels.loc["sgd", "n_used"] == 5


def test_one_bound_may_move_while_the_other_is_constant():
    def lower_half_widens(rng: np.random.Generator, n: int) -> np.ndarray:
        x = iid(rng, n)
        return np.where((x < 0) & (np.arange(n) > n / 2), 4 * x, x)

    frame = traces(lower_half_widens)
    assert only(frame)["label"] == "unstable"
    assert only(frame, side="upper")["label"] == "stable"


def test_labels_follow_the_margin():
    frame = traces(linear_trend(0.2 * np.sqrt(12) * NORMAL_05), n=4000)  # index 0.2
    row = only(frame)
    assert (row["label_at_010"], row["label_at_020"], row["label_at_040"]) == (
        "unstable", "inconclusive", "stable",
    )  # fmt: skip
    assert only(frame, margin=0.3)["label"] == "stable"
    assert only(frame, margin=0.3)["margin"] == 0.3


@pytest.mark.parametrize(
    ("seeds", "reason", "has_interval"),
    [
        (1, "1 seed with a usable series; below 3 the index is only described", False),
        (2, "2 seeds with a usable series; below 3 the index is only described", False),
        (3, "3 seeds give an interval but no label; at least 5 are needed", True),
        (4, "4 seeds give an interval but no label; at least 5 are needed", True),
    ],
)
def test_few_seeds_do_not_label(seeds, reason, has_interval):
    row = only(traces(iid, seeds=seeds))
    assert (row["label"], row["reason"]) == ("inconclusive", reason)
    assert np.isfinite(row["ci_high"]) == has_interval
    assert np.isfinite(row["index"])


def test_divergence_is_an_outcome():
    one = only(mark(traces(iid, seeds=6), [2], "diverged"))
    assert (one["label"], one["n_diverged"], one["n_used"]) == ("inconclusive", 1, 5)
    assert one["reason"].endswith("lies below the margin 0.2, but 1 of 6 runs diverged")
    most = only(mark(traces(iid, seeds=5), [0, 1, 2], "diverged"))
    assert (most["label"], most["reason"]) == ("diverged", "3 of 5 runs diverged")
    assert most["diverged_ci_low"] < 0.6 < most["diverged_ci_high"]
    unstable = only(mark(traces(UNSTABLE, seeds=5), [4], "diverged"))
    assert unstable["label"] == "unstable"
    assert unstable["reason"].endswith("lies above the margin 0.2; 1 of 5 runs diverged")


def test_a_run_that_diverged_before_it_was_recorded_still_counts():
    frame = mark(traces(iid, seeds=6), [2], "diverged")
    other = frame.assign(signal="train/loss")
    silent = pd.concat([frame[frame["seed"] != 2], other], ignore_index=True)
    assert only(silent)["n_diverged"] == 1


def test_values_that_run_away_count_as_divergence():
    frame = traces(iid, seeds=5)
    frame.loc[(frame["seed"] == 0) & (frame["step"] > 700), "value"] = np.inf
    frame.loc[(frame["seed"] == 1) & (frame["step"] > 700), "value"] = np.nan
    assert only(frame)["n_diverged"] == 2
    assert only(frame)["label"] == "inconclusive"


def test_unfinished_runs_do_not_count():
    frame = mark(mark(traces(iid, seeds=7), [5], "running"), [6], "failed")
    row = only(frame)
    assert (row["label"], row["n_seeds"]) == ("stable", 5)


def test_missing_values_cost_a_seed_its_voice():
    frame = traces(iid, seeds=6)
    frame.loc[(frame["seed"] == 3) & (frame["step"] % 10 == 3), "value"] = np.nan
    row = only(frame)
    assert (row["n_seeds"], row["n_used"], row["label"]) == (6, 5, "stable")


@pytest.mark.parametrize("unit", [1e-150, 1e-100, 1e100, 1e150])
def test_units_do_not_matter(unit):
    plain = only(traces(iid, n=400))
    row = only(traces(lambda rng, n: iid(rng, n) * unit, n=400))
    assert (row["n_used"], row["label"]) == (plain["n_used"], plain["label"]) == (5, "stable")
    for name in ("index", "ci_low", "ci_high"):
        assert row[name] == pytest.approx(plain[name], rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_units_whose_squares_have_no_float_give_no_label(unit):
    row = only(traces(lambda rng, n: iid(rng, n) * unit, n=400))
    assert (row["n_seeds"], row["n_used"], row["label"]) == (5, 0, "inconclusive")


def test_seeds_may_have_different_lengths():
    row = only(traces(iid, n=[600, 800, 1000, 1500, 2000]))
    assert (row["label"], row["n_used"]) == ("stable", 5)
    short = only(traces(iid, n=[150, 150, 1000, 1500, 2000]))
    assert (short["label"], short["n_used"]) == ("inconclusive", 3)


def test_contradicting_seeds_demote_a_label():
    frame = pd.concat(
        [traces(iid, seeds=40, n=2000), traces(UNSTABLE, seeds=2, n=2000, first_seed=40)], ignore_index=True
    )
    row = only(frame, margin=0.4)
    assert row["label"] == "inconclusive"
    assert row["reason"].endswith("lies below the margin 0.4, but 2 seeds alone are unstable")
    assert row["seed_label"] == "stable"
    assert row["agreement"] == pytest.approx(40 / 42)
    assert row["agreement_ci_low"] < 40 / 42 < row["agreement_ci_high"]


def test_layers_speak_through_their_median():
    layers = [
        traces(process, signal="layer/grad_norm", layer=name)
        for name, process in {"a": iid, "b": iid, "c": UNSTABLE}.items()
    ]
    row = only(pd.concat(layers, ignore_index=True), signal="layer/grad_norm")
    assert (row["label"], row["n_seeds"]) == ("stable", 5)


def test_cells_with_missing_keys_are_kept():
    frame = traces(iid, seeds=5, n=600)
    frame["learning_rate"] = np.nan
    row = only(frame, by=["optimizer", "learning_rate"])
    assert np.isnan(row["learning_rate"])
    assert row["label"] in ("stable", "inconclusive")
    assert row["n_used"] == 5


def test_features_once_are_enough():
    frame = pd.concat([traces(iid), traces(UNSTABLE, optimizer="adam")], ignore_index=True)
    features = characterize(frame)
    pd.testing.assert_frame_equal(label_from_features(features), label(frame))
    pd.testing.assert_frame_equal(label(features), label(frame))


def test_the_order_of_seeds_does_not_matter():
    frame = traces(iid, seeds=5)
    backwards = pd.concat([frame[frame["seed"] == seed] for seed in range(4, -1, -1)])
    forward_row, backward_row = only(frame), only(backwards)
    for name in ("index", "ci_low", "ci_high"):
        assert backward_row[name] == pytest.approx(forward_row[name], rel=1e-9)
    assert backward_row["label"] == forward_row["label"]


def test_a_missing_signal_lists_those_present():
    with pytest.raises(AnalysisError) as error:
        label(traces(iid, seeds=1, n=50), signal="train/los")
    assert (
        str(error.value)
        == "`signal` (='train/los') must be a recorded signal; recorded are 'train/first_logit'."
    )


def test_two_runs_of_one_seed_are_not_two_replicates():
    frame = traces(iid, seeds=2, n=50)
    other = frame.assign(run=frame["run"] + "-b", learning_rate=0.2)
    both = pd.concat([frame, other], ignore_index=True)
    with pytest.raises(AnalysisError) as error:
        label(both, by=["optimizer", "batch_size"])
    assert str(error.value) == (
        "`by` (=['optimizer', 'batch_size']) must separate runs, but cell ('sgd', 32) has 2 runs with seed 0; "
        "add the column in which they differ, or pass replicate='run'."
    )
    assert len(label(both)) == len(label(both, by=["optimizer", "batch_size", "learning_rate"])) == 2
    assert only(both, by=["optimizer", "batch_size"], replicate="run")["n_seeds"] == 4


def test_wilson_interval_of_a_textbook_example():
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe (1998), method 3
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_bursts_and_long_memory_stand_beside_the_label_where_they_make_it_liberal():
    bursting = only(traces(with_break(garch, 1.5)))
    assert bursting["arch_seeds"] >= 4
    assert bursting["arch_pvalue"] < 0.05
    assert bursting["caution"].startswith(f"bursts of noise (ARCH) in {bursting['arch_seeds']} of 5 seeds")
    assert bursting["sentence"].endswith("LFQ rejects and the label says unstable too often.")
    wandering = only(traces(fractional_noise(0.3), seeds=10, n=4000))
    assert wandering["memory_seeds"] >= 5
    assert 0.2 < wandering["memory_d"] < 0.4
    if wandering["label"] != "stable":
        assert f"long memory in {wandering['memory_seeds']} of 10 seeds, median d 0." in wandering["caution"]


@pytest.mark.parametrize("process", [iid, autoregressive(0.5), with_break(iid, 1.5)])
def test_plain_noise_gives_no_caution(process):
    row = only(traces(process, seeds=10))
    assert (row["caution"], row["memory_seeds"] <= 2, row["arch_seeds"] <= 3) == ("", True, True)


def test_a_label_from_the_minimal_preset_knows_neither():
    row = label_from_features(characterize(traces(iid), preset="minimal")).iloc[0]
    assert (row["memory_seeds"], row["arch_seeds"], row["caution"]) == (0, 0, "")
    assert np.isnan([row["memory_d"], row["arch_pvalue"]]).all()


@pytest.mark.parametrize("n_seeds", [0, 1, 2])
def test_fewer_than_three_seeds_have_no_pooled_interval(n_seeds):
    assert np.isnan(pooled_interval(*[[0.1] * n_seeds] * 3, *[[16] * n_seeds, [4] * n_seeds])).all()
    low, high = pooled_interval(*[[0.1, 0.2, 0.3]] * 3, [16] * 3, [4] * 3)
    assert low < 0.2 < high


def test_seeds_of_a_pooled_interval_must_match():
    with pytest.raises(AnalysisError) as error:
        pooled_interval([0.1] * 3, [0.1] * 3, [0.1] * 2, [16] * 3, [4] * 3)
    assert str(error.value) == "`msw` (=2) must be as long as `theta` (=3)."
