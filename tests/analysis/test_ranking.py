"""Performance of runs, ranks with ties, profiles and times to a target, on runs whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.duration.survfunc import SurvfuncRight

from tests.analysis.processes import Process, traces
from tracekit_analysis import AnalysisError, performance, performance_profile, rank, time_to_target
from tracekit_analysis.comparisons import median_time


def fall(level: float, speed: float = 30.0) -> Process:
    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        own = level + 0.05 * rng.standard_normal()
        return 2 * np.exp(-np.arange(n) / speed) + own + 0.02 * rng.standard_normal(n)

    return draw


def runs(levels: dict[str, float], *, seeds: int = 12, n: int = 200) -> pd.DataFrame:
    cells = [
        traces(fall(level), optimizer=name, batch_size=50, seeds=seeds, n=n, signal="eval/loss")
        for name, level in levels.items()
    ]
    return pd.concat(cells, ignore_index=True)


LEVELS = {"sgd": 0.6, "rmsprop": 0.31, "adam": 0.3}


def test_performance_of_a_run_by_hand():
    frame = traces(lambda rng, n: np.linspace(10.0, 1.0, n), seeds=1, n=10, signal="eval/loss")
    (row,) = performance(frame, target=5.0).to_dict("records")
    assert (row["final"], row["anytime"], row["best"], row["n"]) == (1.0, 5.5, 1.0, 10)
    assert (row["time_to_target"], row["reached"], row["outcome"]) == (5.0, True, "finished")
    (smooth,) = performance(frame, target=5.0, window=3).to_dict("records")
    assert smooth["time_to_target"] == 6.0
    (rising,) = performance(frame.assign(value=-frame["value"]), target=-5.0, lower_is_better=False).to_dict(
        "records"
    )
    assert (rising["final"], rising["time_to_target"]) == (-1.0, 5.0)


def test_unequal_steps_are_weighted_by_their_length():
    frame = pd.DataFrame({"run": "a", "signal": "eval/loss", "step": [0, 1, 10], "value": [4.0, 2.0, 2.0]})
    assert performance(frame)["anytime"].item() == pytest.approx((3 + 18) / 10)


def test_a_diverged_run_has_the_worst_values_but_keeps_its_target():
    frame = traces(lambda rng, n: np.linspace(10.0, 1.0, n), seeds=2, n=10, signal="eval/loss")
    frame.loc[(frame["seed"] == 1) & (frame["step"] > 7), "value"] = np.nan
    rows = performance(frame, target=5.0)
    assert rows["outcome"].tolist() == ["finished", "diverged"]
    assert rows["final"].tolist() == [1.0, np.inf]
    assert rows["time_to_target"].tolist() == [5.0, 5.0]
    assert performance(frame, lower_is_better=False)["final"].tolist() == [1.0, -np.inf]


def test_a_run_that_diverged_before_its_first_value_still_counts():
    frame = runs({"sgd": 0.5, "adam": 0.3})
    silent = frame[(frame["run"] != "sgd-50-3")]
    other = frame[frame["run"] == "sgd-50-3"].assign(signal="train/loss", status="diverged")
    rows = performance(pd.concat([silent, other], ignore_index=True))
    assert len(rows) == 24
    assert rows.loc[rows["run"] == "sgd-50-3", "final"].item() == np.inf


def test_ranks_with_ties_best_first():
    table = rank(runs(LEVELS))
    assert table["entry"].tolist() == ["adam", "rmsprop", "sgd"] or table["entry"].tolist() == [
        "rmsprop",
        "adam",
        "sgd",
    ]
    assert list(zip(table["rank_best"], table["rank_worst"], strict=True)) == [(1, 2), (1, 2), (3, 3)]
    assert table["tied_with"].tolist()[2] == ""
    assert table["estimate"].tolist()[2] == pytest.approx(0.6, abs=0.08)
    assert (table["omnibus_pvalue"] < 0.001).all()
    assert table["probability_of_improvement"].mean() == pytest.approx(0.5)
    assert " has rank 3 of 3 in final (12 seeds): IQM 0.6" in table["sentence"].iloc[2]


def test_anytime_ranks_may_differ_from_final_ones():
    frame = pd.concat(
        [
            traces(fall(0.3, 90.0), optimizer="slow", seeds=12, n=400, signal="eval/loss"),
            traces(fall(0.5, 10.0), optimizer="fast", seeds=12, n=400, signal="eval/loss"),
        ],
        ignore_index=True,
    )
    assert rank(frame)["entry"].tolist() == ["slow", "fast"]
    assert rank(frame, metric="anytime")["entry"].tolist() == ["fast", "slow"]


@pytest.mark.parametrize(("seeds", "interval", "tested"), [(1, False, False), (2, False, False), (4, True, False), (9, True, True)])  # fmt: skip
def test_few_seeds_leave_everything_tied(seeds, interval, tested):
    table = rank(runs({"sgd": 9.0, "adam": 0.3}, seeds=seeds))
    assert table["entry"].tolist() == ["adam", "sgd"]
    assert list(zip(table["rank_best"], table["rank_worst"], strict=True)) == [(1, 2), (1, 2)]
    assert np.isfinite(table["ci_low"]).all() == interval
    assert np.isfinite(table["pvalue"]).all() == tested
    assert table["sentence"].iloc[0].endswith("; ranks are claimed from 10 seeds on.")


def test_diverged_runs_rank_last():
    frame = runs({"sgd": 0.3, "adam": 0.3})
    frame.loc[frame["optimizer"] == "adam", "status"] = "diverged"
    table = rank(frame)
    assert table["entry"].tolist() == ["sgd", "adam"]
    assert (table["rank_best"].tolist(), table["n_diverged"].tolist()) == ([1, 2], [0, 12])
    assert table["estimate"].tolist()[1] == np.inf


def test_higher_is_better_for_accuracies():
    frame = runs(LEVELS)
    turned = rank(frame.assign(value=-frame["value"]), lower_is_better=False)
    assert turned["entry"].tolist() == rank(frame)["entry"].tolist()
    assert turned["estimate"].tolist() == pytest.approx([-value for value in rank(frame)["estimate"]])
    assert (turned["ci_low"] < turned["ci_high"]).all()


def test_the_omnibus_test_is_friedmans_in_the_limit():
    frame = runs({"sgd": 0.33, "rmsprop": 0.31, "adam": 0.3})
    table = rank(frame)
    final = performance(frame).pivot(index="seed", columns="optimizer", values="final")
    oracle = scipy.stats.friedmanchisquare(*(final[name] for name in final)).pvalue
    assert table["omnibus_pvalue"].iloc[0] == pytest.approx(oracle, abs=0.03)
    apart = frame.assign(seed=frame["seed"] + 100 * frame["optimizer"].astype("category").cat.codes)
    oracle = scipy.stats.kruskal(*(final[name] for name in final)).pvalue
    assert rank(apart)["omnibus_pvalue"].iloc[0] == pytest.approx(oracle, abs=0.03)


def test_order_of_rows_does_not_matter_and_bytes_repeat():
    frame = runs(LEVELS)
    shuffled = performance(frame).sample(frac=1.0, random_state=0)
    assert rank(frame).to_csv() == rank(frame).to_csv()
    pd.testing.assert_frame_equal(rank(shuffled), rank(frame))


def test_runs_of_different_lengths_are_refused_or_cut():
    """A loss that still falls: whoever trained longer is ahead, unless all are judged at the same update."""
    short, long = runs({"adam": 0.3}, n=120), runs({"sgd": 0.3}, n=400)
    frame = pd.concat([short, long], ignore_index=True)
    with pytest.raises(AnalysisError) as error:
        rank(frame)
    assert str(error.value) == (
        "`frame` must hold series of one length at batch_size 50, but they have 120 to 400 values; pass the traces with "
        "match='updates' or match='epochs', or match='none' (in a command: --match)."
    )
    whole = rank(frame, match="none").set_index("entry")
    assert whole.loc["sgd", "estimate"] < whole.loc["adam", "estimate"] - 0.02
    assert whole["method"].str.endswith("; lengths of runs not matched").all()
    cut = rank(frame, match="updates").set_index("entry")
    assert cut.loc["sgd", "estimate"] == pytest.approx(
        rank(frame[frame["step"] < 120]).set_index("entry").loc["sgd", "estimate"]
    )
    assert cut["method"].str.endswith("; runs cut to as many updates as the shortest").all()
    with pytest.raises(AnalysisError) as error:
        rank(performance(frame), match="epochs")
    assert (
        str(error.value) == "`match` (='epochs') needs traces; pass the traces instead of their statistics."
    )


def test_ranks_say_what_these_seeds_could_have_told_apart():
    table = rank(runs(LEVELS))
    assert table["family_size"].tolist() == [3, 3, 3]
    assert table["family"].unique().tolist() == ["Holm over 3 pairs"]
    assert table["detectable_effect"].between(0.3, 3.0).all()
    assert np.isinf(rank(runs({"sgd": 9.0, "adam": 0.3}, seeds=4))["detectable_effect"]).all()


def test_median_time_agrees_with_statsmodels():
    rng = np.random.default_rng(0)
    times, reached = np.ceil(rng.exponential(50, 40)), rng.random(40) < 0.7
    ours = median_time(times, reached)
    oracle = SurvfuncRight(times, reached.astype(int))
    assert ours.estimate == oracle.quantile(0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = oracle.quantile_ci(0.5, method="cloglog")
    assert (ours.ci_low, ours.ci_high) == (low, high)


def test_times_that_are_not_reached():
    never = median_time([100.0] * 5, [False] * 5)
    assert (never.estimate, never.share, never.n_reached) == (np.inf, 0.0, 0)
    most = median_time([10.0, 20.0, 30.0, np.inf, np.inf], [True, True, True, False, False])
    assert (most.estimate, most.share, most.ci_high) == (30.0, pytest.approx(0.6), np.inf)
    assert np.isnan(median_time([1.0, 2.0], [True, True]).ci_low)
    assert median_time([], []).status == "inconclusive"


def test_time_to_target_counts_those_that_never_get_there():
    frame = runs({"sgd": 0.6, "adam": 0.3})
    frame.loc[(frame["optimizer"] == "adam") & (frame["seed"] == 0), "status"] = "diverged"
    frame.loc[(frame["run"] == "adam-50-0") & (frame["step"] > 5), "value"] = np.nan
    rows = time_to_target(frame, 0.5).set_index("optimizer")
    assert rows.loc["adam", ["n_seeds", "n_reached", "n_diverged"]].tolist() == [12, 11, 1]
    assert 55 < rows.loc["adam", "estimate"] < 90
    assert rows.loc["sgd", "share_reached"] < 0.5
    assert rows.loc["sgd", "estimate"] == np.inf
    assert rows.loc["sgd", "sentence"].endswith("median not reached (Kaplan-Meier, log-log interval).")


def test_two_runs_of_one_seed_are_not_two_replicates():
    frame = runs({"sgd": 0.6}, seeds=3, n=20)
    both = pd.concat([frame, frame.assign(run=frame["run"] + "-b", learning_rate=0.2)], ignore_index=True)
    cell = ["optimizer", "batch_size"]
    for call in (lambda: time_to_target(both, 0.5, by=cell), lambda: rank(both, by=cell)):
        with pytest.raises(AnalysisError) as error:
            call()
        assert "has 2 runs with seed 0" in str(error.value)
    assert (
        len(time_to_target(both, 0.5))
        == len(time_to_target(both, 0.5, by=["optimizer", "learning_rate"]))
        == 2
    )


def test_profiles_count_diverged_runs():
    table = performance(runs(LEVELS))
    table.loc[table["run"] == "sgd-50-0", "final"] = np.inf
    values = performance_profile(table, thresholds=[0.0, 0.45, 99.0])
    shares = values.pivot(index="optimizer", columns="threshold", values="estimate")
    assert shares.loc["adam"].tolist() == [0.0, 1.0, 1.0]
    assert shares.loc["sgd"].tolist() == [0.0, 0.0, pytest.approx(11 / 12)]
    ratios = performance_profile(table, problem=["batch_size", "seed"])
    best = ratios[ratios["threshold"] == 1.0]["estimate"]
    assert best.sum() == pytest.approx(1.0)
    assert ratios["threshold"].nunique() <= 100
    assert (ratios["ci_low"] <= ratios["estimate"]).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda f: performance(f, signal="eval/los"), "`signal` (='eval/los') must be a recorded signal; recorded are 'eval/loss'."),
        (lambda f: performance(f, window=0), "`window` (=0) must be a whole number of at least 1."),
        (lambda f: rank(f[f["optimizer"] == "sgd"]), "`factor` (='optimizer') must have two or more levels, but has ['sgd'] alone."),
        (lambda f: rank(f.drop(columns="seed"), replicate="seed"), "`frame` (='3 rows') must have a column 'seed'; it has 'run', 'optimizer', 'batch_size', 'learning_rate', 'outcome', 'final', 'anytime', 'best', 'time_to_target', 'reached', 'last_step', 'n', 'status'."),
        (lambda f: performance_profile(performance(f.assign(value=-1.0)), problem="seed"), "`metric` (='final') must be positive for ratios; leave out `problem`."),
        (lambda f: median_time([1.0, np.nan], [True, False]), "`times` (=array([ 1., nan])) must be numbers, finite where the event was reached."),
    ],
)  # fmt: skip
def test_wrong_input_gets_one_sentence(call, sentence):
    with pytest.raises(AnalysisError) as error:
        call(runs(LEVELS, seeds=1, n=20))
    assert str(error.value) == sentence
