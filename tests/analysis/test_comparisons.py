"""Comparisons of arms of seeds on grids with planted truth, from tables and from traces."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tests.analysis.processes import autoregressive, iid, level_break, traces
from tests.analysis.seed_grids import FEATURES, grid, mark
from tracekit_analysis import AnalysisError, characterize, compare, compare_headline, seed_table
from tracekit_analysis.seeds import detectable_effect

CONVENTION = [
    "estimate", "ci_low", "ci_high", "pvalue", "pvalue_adjusted", "effect_size", "n_seeds", "method", "unit", "family",
]  # fmt: skip


def overall(frame: pd.DataFrame, **arguments: object) -> pd.Series:
    arguments = {"features": FEATURES, **arguments}
    (row,) = (row for _, row in compare(frame, **arguments).iterrows() if row["feature"] == "all")
    return row


def test_planted_differences_are_found_and_others_are_not():
    table = compare(grid(shift=3.0), features=FEATURES)
    assert table["feature"].tolist() == ["all", *FEATURES]
    assert table["answer"].tolist()[:3] == ["different"] * 3
    assert "different" not in table["answer"].tolist()[3:]
    row = table.iloc[1]
    assert (row["level_a"], row["level_b"]) == ("adam", "sgd")
    assert row["ci_low"] < 3 < row["ci_high"]
    assert row["effect_size"] > 1.5
    assert row["cliffs_delta"] > 0.8
    assert table.iloc[0]["kind"] == "location"
    assert set(CONVENTION) <= set(table.columns)


def test_equal_arms_of_many_seeds_are_equivalent():
    row = overall(grid(1, seeds=60))
    assert row["answer"] == "equivalent"
    assert row["equivalence_pvalue"] < 0.05
    shifted = compare(grid(1, seeds=90, shift=0.45, n_shifted=1), features=["x1"])
    assert shifted["answer"].tolist() == ["equivalent", "equivalent"]
    assert shifted["reason"].iloc[1].endswith("though it is not zero")


def test_other_scatter_is_a_difference_but_never_sameness():
    row = overall(grid(2, seeds=20, ratio=5.0))
    assert (row["answer"], row["kind"]) == ("different", "dispersion")
    assert row["location_pvalue"] > 0.05


def test_equal_arms_of_few_seeds_are_unresolved():
    row = overall(grid(3))
    assert row["answer"] == "unresolved"
    assert row["pvalue"] > 0.05


@pytest.mark.parametrize(
    ("seeds", "interval", "tested", "reason"),
    [
        (1, False, False, "1 seed; below 3 the difference is only described"),
        (2, False, False, "2 seeds; below 3 the difference is only described"),
        (3, True, False, "3 seeds give an interval but no test; 5 are needed"),
        (4, True, False, "4 seeds give an interval but no test; 5 are needed"),
        (5, True, True, "5 seeds allow a test but no claim; 10 are needed"),
        (9, True, True, "9 seeds allow a test but no claim; 10 are needed"),
    ],
)
def test_few_seeds_claim_nothing(seeds, interval, tested, reason):
    table = compare(grid(seeds=seeds, shift=9.0), features=FEATURES)
    assert (table["answer"] == "unresolved").all()
    assert table["reason"].unique().tolist() == [reason]
    assert np.isfinite(table["ci_low"].iloc[1]) == interval
    assert np.isfinite(table["pvalue"]).all() == tested
    assert np.isfinite(table["estimate"]).all()
    assert np.isinf(table["detectable_effect"].iloc[0]) == (seeds <= 5)


def test_runs_that_share_seeds_are_paired():
    row = overall(grid(4, shared=0.95, shift=0.8, n_shifted=5))
    assert row["paired"]
    assert row["smallest_pvalue"] == 2 / 2**10
    assert row["answer"] == "different"
    apart = overall(grid(4, shared=0.95, shift=0.8, n_shifted=5), pairing="unpaired")
    assert not apart["paired"]
    assert apart["pvalue"] > row["pvalue"]
    assert row["correlation"] > 0.8
    assert row["detectable_effect"] < apart["detectable_effect"] / 2


def test_unequal_seed_counts():
    table = grid(5, seeds={"sgd": 14, "adam": 11}, shift=3.0)
    paired = overall(table)
    assert (paired["n_a"], paired["n_b"], paired["n_left_out"], paired["paired"]) == (11, 11, 3, True)
    apart = table.assign(seed=table["seed"] + 100 * (table["optimizer"] == "adam"))
    unpaired = overall(apart)
    assert (unpaired["n_a"], unpaired["n_b"], unpaired["n_left_out"], unpaired["paired"]) == (
        11,
        14,
        0,
        False,
    )
    assert unpaired["answer"] == "different"
    few = overall(grid(5, seeds={"sgd": 30, "adam": 11}, shift=3.0))
    assert (few["paired"], few["n_a"], few["n_b"]) == (False, 11, 30)


def test_holm_goes_over_the_cells_and_bh_over_the_features():
    table = compare(grid(6, batch_sizes=(50, 100, 150, 200), shift={("adam", 50): 3.0}), features=FEATURES)
    cells = table[table["feature"] == "all"].set_index("batch_size")
    assert cells["answer"].tolist() == ["different", "unresolved", "unresolved", "unresolved"]
    assert cells.loc[50, "pvalue_adjusted"] == 4 * cells.loc[50, "pvalue"]
    assert cells["family"].unique().tolist() == ["Holm over 4 comparisons"]
    inside = table[(table["feature"] != "all") & (table["batch_size"] == 50)]
    assert (inside["pvalue_adjusted"] >= inside["pvalue"]).all()
    assert inside["family"].unique().tolist() == ["Benjamini-Hochberg over 5 features"]


def test_a_missing_cell_is_left_out_and_the_others_stay():
    table = grid(7, batch_sizes=(50, 100))
    table = table[~((table["optimizer"] == "adam") & (table["batch_size"] == 100))]
    assert compare(table, features=FEATURES)["batch_size"].unique().tolist() == [50]


def test_three_optimizers_are_compared_two_by_two():
    table = compare(grid(8, optimizers=("sgd", "adam", "lion"), seeds=5), features=["x1"])
    cells = table[table["feature"] == "all"]
    assert list(zip(cells["level_a"], cells["level_b"], strict=True)) == [
        ("adam", "lion"), ("adam", "sgd"), ("lion", "sgd"),
    ]  # fmt: skip
    assert cells["family"].unique().tolist() == ["Holm over 3 comparisons"]
    two = compare(
        grid(8, optimizers=("sgd", "adam", "lion"), seeds=5), features=["x1"], levels=["sgd", "lion"]
    )
    assert two["level_a"].unique().tolist() == ["sgd"]


def test_diverged_runs_are_an_outcome():
    table = mark(grid(9, seeds=12), "adam", range(9), "diverged")
    rows = compare(table, features=FEATURES).set_index("feature")
    assert rows.loc["all", "answer"] == "different"
    assert rows.loc["diverged", "estimate"] == 0.75
    assert rows.loc["diverged", "ci_low"] > 0.2
    assert rows.loc["diverged", "answer"] == "different"
    assert rows.loc["x3", "estimate"] == np.inf
    assert rows.loc["x3", "cliffs_delta"] > 0.4
    assert rows.loc["x3", ["n_a", "n_diverged_a", "n_diverged_b"]].tolist() == [12, 9, 0]
    assert rows.loc["x3", "method"].startswith("permutation test of means of ranks, ")


def test_the_family_counts_every_test_that_was_made():
    """The share of diverged runs is tested too; a feature that nobody has is not."""
    table = mark(grid(9, seeds=12), "adam", range(4), "diverged").assign(x5=np.nan)
    rows = compare(table, features=FEATURES).set_index("feature")
    singles = rows.drop(index="all")
    assert singles["family"].unique().tolist() == ["Benjamini-Hochberg over 5 features"]
    assert singles["family_size"].unique().tolist() == [5]
    assert (rows.loc["all", "family"], rows.loc["all", "family_size"]) == ("Holm over 1 comparisons", 1)
    level = 0.05 / 5
    row = singles.loc["x1"]
    reach = detectable_effect(
        row["n_a"], row["n_b"], paired=True, correlation=row["correlation"], alpha=level
    )
    assert row["detectable_effect"] == pytest.approx(reach)


def test_one_diverged_run_is_kept_and_forbids_sameness():
    rows = compare(mark(grid(1, seeds=60), "adam", [3], "diverged"), features=FEATURES).set_index("feature")
    assert rows.loc["all", "n_a"] == 60
    assert rows.loc["all", "answer"] == "unresolved"
    assert rows.loc["x1", "reason"].endswith("equivalence could not be tested")
    assert np.isfinite(rows.loc["x1", "estimate"])


def test_runs_that_all_diverged_differ_in_nothing():
    table = mark(mark(grid(9), "adam", range(10), "diverged"), "sgd", range(10), "diverged")
    rows = compare(table, features=FEATURES)
    assert (rows["pvalue"].dropna() == 1.0).all()
    assert (rows["answer"] == "unresolved").all()


def test_unfinished_and_unusable_runs_are_left_out_and_counted():
    table = mark(mark(grid(10, seeds=12), "adam", [0], "running"), "sgd", [1], "failed")
    table.loc[(table["optimizer"] == "adam") & (table["seed"] == 2), FEATURES] = np.nan
    row = overall(table)
    assert (row["n_a"], row["n_b"], row["n_left_out"]) == (9, 9, 6)


def test_a_feature_that_some_seeds_lack():
    table = grid(11, seeds=12)
    table.loc[(table["optimizer"] == "adam") & (table["seed"] < 2), "x5"] = np.nan
    rows = compare(table, features=FEATURES).set_index("feature")
    assert rows.loc["x5", "n_seeds"] == 10
    assert rows.loc["x1", "n_seeds"] == 12
    assert rows.loc["all", "n_seeds"] == 10
    assert rows["unknown"].to_dict() == {
        "all": "x5 in 2 and 0 runs",
        **dict.fromkeys(FEATURES, ""),
        "x5": "x5 in 2 and 0 runs",
    }
    assert rows.loc["all", "sentence"].endswith("; missing: x5 in 2 and 0 runs.")
    none = compare(table.assign(x5=np.nan), features=FEATURES).set_index("feature")
    assert none.loc["all", "n_seeds"] == 12
    assert none.loc["x5", "n_seeds"] == 0


def test_constant_features_do_not_matter():
    row = overall(grid(12).assign(x5=1.0))
    assert row["pvalue"] == overall(grid(12), features=FEATURES[:4])["pvalue"]


def test_heterogeneous_seeds_do_not_make_a_difference():
    table = grid(13, seeds=10)
    table[FEATURES] += 20.0 * np.random.default_rng(0).standard_normal(10)[table["seed"]][:, None]
    assert overall(table)["pvalue"] > 0.05
    assert overall(table, pairing="unpaired")["pvalue"] > 0.05


def test_affine_features_order_and_names_of_arms_do_not_matter():
    table = grid(14, shift=1.0, seeds=11)
    reference = compare(table, features=FEATURES)
    moved = table.assign(**{name: 3.0 * table[name] - 7.0 for name in FEATURES})
    shuffled = table.sample(frac=1.0, random_state=0)
    names = {"adam": "sgd", "sgd": "adam"}
    swapped = compare(table.assign(optimizer=table["optimizer"].map(names)), features=FEATURES)
    for other in (compare(moved, features=FEATURES), compare(shuffled, features=FEATURES), swapped):
        for name in ("pvalue", "pvalue_adjusted", "equivalence_pvalue", "dispersion_pvalue"):
            np.testing.assert_allclose(other[name], reference[name], rtol=1e-9)
    np.testing.assert_allclose(swapped["cliffs_delta"], -reference["cliffs_delta"])


def test_cells_are_independent_of_each_other_and_bytes_repeat():
    table = grid(15, batch_sizes=(50, 100), seeds=20)
    both = compare(table, features=FEATURES, pairing="unpaired", n_permutations=199)
    again = compare(table, features=FEATURES, pairing="unpaired", n_permutations=199)
    assert both.to_csv().encode() == again.to_csv().encode()
    alone = compare(
        table[table["batch_size"] == 100], features=FEATURES, pairing="unpaired", n_permutations=199
    )
    tail = both[both["batch_size"] == 100].reset_index(drop=True)
    pd.testing.assert_series_equal(alone["pvalue"], tail["pvalue"])


def test_sentences_state_method_and_uncertainty():
    table = compare(grid(0, shift=3.0), features=["x1", "x3"])
    assert (
        table["sentence"]
        .iloc[0]
        .startswith("At batch_size 50, adam and sgd over all features (10 pairs): distance ")
    )
    assert (
        "all 1024 sign flips within pairs; Holm over 1 comparisons; location or dispersion: location. "
        in table["sentence"].iloc[0]
    )
    assert "(95% interval), g " in table["sentence"].iloc[1]
    assert "smallest attainable p 0.002, power .8 for a difference of " in table["sentence"].iloc[1]


def test_traces_and_their_statistics_give_the_same_answer():
    frame = pd.concat(
        [traces(iid, seeds=10, n=400), traces(autoregressive(0.7), seeds=10, n=400, optimizer="adam")],
        ignore_index=True,
    )
    before = frame.copy()
    table = compare(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(compare(characterize(frame)), table)
    rows = table.set_index("feature")
    assert rows.loc["all", "answer"] == "different"
    assert rows.loc["tau_int", "answer"] == "different"
    assert rows.loc["tau_int", "estimate"] > 0.5
    assert rows.loc["tau_int", "unit"] == "log updates"


def test_cells_may_have_several_keys_or_none():
    table = grid(batch_sizes=(50, 100)).assign(depth=3)
    several = compare(table, features=["x1"], at=["batch_size", "depth"])
    pd.testing.assert_series_equal(several["estimate"], compare(table, features=["x1"])["estimate"])
    assert several["sentence"].iloc[0].startswith("At batch_size 50, depth 3, adam and sgd over ")
    none = compare(table[table["batch_size"] == 50], features=["x1"], at=())
    assert none["sentence"].iloc[0].startswith("adam and sgd over all features (10 pairs)")


def test_pairs_that_do_not_exist_and_features_that_nobody_has():
    table = grid()
    apart = table.assign(seed=table["seed"] + 100 * (table["optimizer"] == "adam"))
    rows = compare(apart, features=["x1"], pairing="paired")
    assert rows["n_seeds"].tolist() == [0, 0]
    assert rows["n_left_out"].tolist() == [20, 20]
    assert rows["reason"].unique().tolist() == ["0 seeds; below 3 the difference is only described"]
    rows = compare(table.assign(x1=np.nan), features=["x1"])
    assert rows["estimate"].isna().all()


def test_infinite_and_huge_values_are_no_reason_to_stop():
    table = grid(seeds=12)
    table.loc[3, "x1"] = np.inf
    table.loc[5, "x2"] = 1e308
    table["x3"] *= 1e-290
    rows = compare(table, features=FEATURES).set_index("feature")
    assert rows.loc["x1", "n_seeds"] == 11
    assert np.isfinite(rows.loc["x2", "pvalue"])
    plain = compare(grid(seeds=12), features=["x3"]).iloc[1]
    assert rows.loc["x3", "pvalue"] == plain["pvalue"]
    assert rows.loc["x3", "effect_size"] == pytest.approx(plain["effect_size"])
    assert rows.loc["x3", "ci_low"] == pytest.approx(1e-290 * plain["ci_low"], rel=1e-9, abs=0.0)
    assert np.isfinite(rows.loc["all", "pvalue"])


def test_layers_speak_through_their_median():
    layers = [
        traces(process, n=300, signal="layer/grad_norm", layer=name, optimizer=optimizer)
        for optimizer in ("sgd", "adam")
        for name, process in {"a": iid, "b": iid, "c": level_break(9.0)}.items()
    ]
    table = seed_table(pd.concat(layers, ignore_index=True), signal="layer/grad_norm")
    assert len(table) == 10
    assert table["upper_index"].max() < 1.0


def lengths(sgd: int, adam: int) -> pd.DataFrame:
    return pd.concat(
        [traces(iid, seeds=5, n=sgd), traces(iid, seeds=5, n=adam, optimizer="adam")], ignore_index=True
    )


def test_cells_of_different_lengths_are_refused_or_cut():
    frame = lengths(400, 600)
    with pytest.raises(AnalysisError) as error:
        compare(frame)
    assert str(error.value) == (
        "`frame` must hold series of one length at batch_size 32, but they have 400 to 600 values; pass the traces "
        "with match='updates' or match='epochs', or match='none' (in a command: --match)."
    )
    cut = compare(frame, match="updates")
    short = pd.concat([frame[frame["step"] < 400]], ignore_index=True)
    said = ["method", "sentence"]
    pd.testing.assert_frame_equal(cut.drop(columns=said), compare(short).drop(columns=said))
    pd.testing.assert_frame_equal(compare(frame, match="epochs").drop(columns=said), cut.drop(columns=said))
    assert cut["method"].str.endswith("; runs cut to as many updates as the shortest").all()
    assert len(compare(frame, match="none")) == len(cut)
    with pytest.raises(AnalysisError) as error:
        compare(characterize(frame), match="updates")
    assert (
        str(error.value) == "`match` (='updates') needs traces; pass the traces instead of their statistics."
    )


@pytest.mark.parametrize("statistics", [False, True])
def test_two_signals_are_not_mixed(statistics):
    frame = pd.concat([traces(iid, seeds=2, n=30, optimizer=name) for name in ("sgd", "adam")])
    both = pd.concat(
        [frame, frame.assign(signal="train/loss", value=9.0 * frame["value"])], ignore_index=True
    )
    mixed = (characterize(both) if statistics else both).drop(columns="signal")
    with pytest.raises(AnalysisError) as error:
        compare(mixed)
    what = "2 rows" if statistics else "2 values at one step"
    assert str(error.value) == (
        "`frame` must hold one series per run, or tell them apart by a column 'layer' or 'index', but batch_size 32, "
        f"optimizer sgd, seed 0 has {what}; keep the column 'signal', pass one signal alone, or add the column in "
        "which they differ to `at`."
    )
    compare(characterize(both) if statistics else both)


@pytest.mark.parametrize(
    ("change", "arguments", "sentence"),
    [
        (lambda t: t.drop(columns="seed"), {}, "`frame` (='20 rows') must have a column 'seed'; it has 'optimizer', 'batch_size', 'status', 'x1', 'x2', 'x3', 'x4', 'x5'."),
        (lambda t: t[t["optimizer"] == "sgd"], {}, "`factor` (='optimizer') must have two or more levels, but has ['sgd'] alone."),
        (lambda t: t, {"levels": ["sgd", "lion"]}, "`levels` (='lion') must be in column 'optimizer'; it has ['adam', 'sgd']."),
        (lambda t: t.assign(batch_size=np.where(t["optimizer"] == "sgd", 50, 100)), {}, "`frame` has no cell in which two of the levels ['adam', 'sgd'] of 'optimizer' meet."),
        (lambda t: t.assign(signal="train/loss"), {}, "`signal` (='train/first_logit') must be a recorded signal; recorded are 'train/loss'."),
        (lambda t: t.assign(run=range(len(t)), seed=t["seed"] // 2), {}, "`at` must separate runs, but cell (50, 'adam') has 2 runs with seed 0; add the column in which they differ to `at`, or pass replicate='run'."),
        (lambda t: t, {"features": ["x_1"]}, "`features` (='x_1') must be a column of the table; like it there are 'x1'."),
        (lambda t: t, {"features": ["optimizer"]}, "`features` (='optimizer') must be a column of numbers."),
        (lambda t: t, {"features": None}, "`features` (=None) must be named; no column of `FEATURES` is in the table."),
        (lambda t: t, {"at": "optimizer"}, "`at` (=['optimizer']) must not repeat `factor` ('optimizer') or `replicate` ('seed')."),
        (lambda t: t, {"pairing": "yes"}, "`pairing` (='yes') must be one of 'auto', 'paired', 'unpaired'."),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(change, arguments, sentence):
    with pytest.raises(AnalysisError) as error:
        compare(change(grid()), **{"features": FEATURES, **arguments})
    assert str(error.value) == sentence


def test_the_headline_says_who_differs_by_how_much_and_what_could_not_be_seen():
    shift = {("adam", 50): 4.0, ("adam", 100): 0.0}
    table = grid(0, batch_sizes=(50, 100), seeds=12, shift=shift)
    results = compare(table, features=FEATURES, n_permutations=999)
    answers = results[results["feature"] == "all"].set_index("batch_size")["answer"]
    assert answers.to_dict() == {50: "different", 100: "unresolved"}
    said = compare_headline(results)
    assert said.startswith("adam and sgd differ at batch size 50 (adjusted p at most 0.00")
    assert re.search(r", most in x[12]: g \d\.\d+\); adam and sgd are neither shown to differ", said)
    reach = results.loc[(results["feature"] == "all") & (results["batch_size"] == 100), "detectable_effect"]
    assert said.endswith(
        f"at batch size 100 (12 seeds detect a difference of {reach.iloc[0]:.3g} between-seed sd with power .8)."
    )
    few = compare_headline(compare(grid(0, seeds=4), features=FEATURES, n_permutations=99))
    assert few.endswith("(no difference can be significant with 4 seeds, and a claim needs 10).")
