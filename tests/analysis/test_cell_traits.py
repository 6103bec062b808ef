"""What the seeds of a cell show beside stable or unstable, on processes whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from tests.analysis.processes import autoregressive, iid, level_break, sawtooth, student, traces
from tracekit_analysis import AnalysisError, characterize, label, read_labels, sentences
from tracekit_analysis.calibration.processes import fractional_noise
from tracekit_analysis.labels import label_aspects
from tracekit_analysis.labels.traits import SeedTraits, is_shown, vote_on_spectrum, vote_pvalue


def only(frame: pd.DataFrame, **arguments: object) -> pd.Series:
    (row,) = (row for _, row in label(frame, **arguments).iterrows())
    return row


def sine(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n) + 0.8 * np.sin(2 * np.pi * np.arange(n) / 13.7 + rng.uniform(0, 6))


def alternating(rng: np.random.Generator, n: int) -> np.ndarray:
    bursts = np.repeat(0.3 + np.abs(rng.standard_normal(n // 50 + 1)), 50)[:n]
    return rng.standard_normal(n) + bursts * np.cos(np.pi * np.arange(n))


def spiky(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.standard_normal(n) + 15 * (rng.random(n) < 0.004)


SPECTRA = {
    "white": (iid, 1000),
    "red": (autoregressive(0.5), 1000),
    "blue": (autoregressive(-0.3), 1000),
    "long memory": (fractional_noise(0.3), 2000),
    "drifting level": (level_break(2.0), 1000),
    "periodic": (sine, 1000),
    "edge of stability": (alternating, 1000),
    "epoch-locked": (sawtooth(50, height=0.8), 1000),
}


def traits(spectrum: str) -> SeedTraits:
    return SeedTraits(frozenset({spectrum} - {""}), 3.0, 1.0, "", "", 0.0, 0.0)


@pytest.mark.parametrize(
    ("red", "blue", "verdict"), [(7, 13, "mixed"), (10, 10, "mixed"), (0, 13, "blue"), (19, 1, "red")]
)
def test_seeds_of_both_colours_are_mixed(red, blue, verdict):
    seeds = [traits("red")] * red + [traits("blue")] * blue + [traits("")] * (20 - red - blue)
    found, period, also = vote_on_spectrum(seeds)
    assert found.verdict == verdict
    assert found.bearing == max(red, blue)
    assert math.isnan(period)
    assert also == ("red, blue" if verdict == "mixed" else "")


@pytest.mark.parametrize("truth", SPECTRA)
def test_planted_spectra_are_named(truth):
    process, n = SPECTRA[truth]
    row = only(traces(process, seeds=6, n=n))
    assert row["spectrum"] == truth, row["spectrum_detail"]
    assert row["spectrum_seeds"] >= 4
    assert row["traits_of"] == 6
    if truth == "periodic":
        assert row["period"] == pytest.approx(13.7, rel=0.02)
        assert row["headline"].endswith("period 13.7")
    elif truth == "edge of stability":
        assert row["period"] == 2.0
        assert row["headline"].endswith("at the edge of stability")
    else:
        assert math.isnan(row["period"])


def test_tails_breaks_and_spikes_are_named():
    heavy = only(traces(student(1), n=4000))
    assert (heavy["tails"], heavy["spikes"]) == ("infinite variance", "spikes")
    assert heavy["headline"].endswith("infinite variance")
    broken = only(traces(level_break(2.0)))
    assert (broken["breaks"], broken["breaks_seeds"]) == ("breaks", 5)
    assert broken["headline"] == "unstable, drifting"
    jumpy = only(traces(spiky))
    assert jumpy["spikes"] == "spikes"
    assert jumpy["headline"] == "stable, spikes"
    plain = only(traces(iid))
    assert (plain["breaks"], plain["spikes"]) == ("no breaks shown", "no spikes shown")
    assert (plain["stationarity_verdict"], plain["headline"]) == ("stationary", "stable")


@pytest.mark.parametrize("seeds", [1, 2, 3, 4])
def test_below_five_seeds_traits_are_only_described(seeds):
    row = only(traces(level_break(2.0), seeds=seeds))
    for name in ("stationarity_verdict", "spectrum", "tails", "breaks", "spikes"):
        assert row[name] == "undecided"
    assert row["breaks_detail"].startswith(f"{seeds} of {seeds} seed")
    assert row["breaks_detail"].endswith("below 5 seeds only described")
    assert row["headline"] == "inconclusive"


def test_the_threshold_is_the_exact_binomial_one():
    smallest = {n: next(k for k in range(n + 1) if is_shown(k, n)) for n in (5, 6, 10, 20)}
    assert smallest == {5: 3, 6: 4, 10: 5, 20: 7}
    assert vote_pvalue(3, 5) == pytest.approx(10 * 0.1**3 * 0.9**2 + 5 * 0.1**4 * 0.9 + 0.1**5)
    assert not is_shown(4, 4)


def test_a_minority_of_seeds_shows_nothing():
    frame = pd.concat(
        [traces(iid, seeds=6), traces(level_break(2.0), seeds=2, first_seed=6)], ignore_index=True
    )
    row = only(frame)
    assert (row["breaks"], row["breaks_seeds"]) == ("no breaks shown", 2)


def test_a_tie_of_seed_labels_is_said():
    frame = pd.concat(
        [traces(iid, seeds=3, n=2000), traces(level_break(3.0), seeds=3, first_seed=3, n=2000)],
        ignore_index=True,
    )
    row = only(frame)
    assert row["seed_label"] == "unstable or stable"
    assert row["agreement"] == 0.5
    pd.testing.assert_series_equal(only(frame.iloc[::-1].sort_values("step", kind="stable")), row, rtol=1e-9)


def test_the_pooled_index_and_the_median_seed_are_both_given():
    frame = pd.concat(
        [traces(iid, seeds=4, n=2000), traces(level_break(5.0), seeds=1, first_seed=4, n=2000)],
        ignore_index=True,
    )
    row = only(frame)
    assert row["index_median"] < 0.1 < 0.5 < row["index"]
    assert (
        f"Index {row['index']:.3g} over all seeds, median seed {row['index_median']:.3g}" in row["sentence"]
    )


def test_runs_that_did_not_end_are_named_where_they_cost_a_label():
    frame = traces(iid, seeds=5)
    frame.loc[frame["seed"] >= 3, "status"] = "interrupted"
    row = only(frame)
    assert row["n_unfinished"] == 2
    assert row["reason"] == (
        "3 seeds give an interval but no label; at least 5 are needed; 2 runs did not end and do not count"
    )


def test_one_diverged_run_is_one_run():
    frame = traces(iid, seeds=1)
    frame["status"] = "diverged"
    assert only(frame)["reason"] == "1 of 1 run diverged"


def test_aspects_are_a_tidy_table():
    frame = pd.concat([traces(iid), traces(level_break(2.0), optimizer="adam")], ignore_index=True)
    labels = label(frame)
    table = label_aspects(labels)
    assert list(table.columns[:4]) == ["optimizer", "batch_size", "aspect", "verdict"]
    assert {"estimate", "ci_low", "ci_high", "pvalue", "n_seeds", "method", "unit", "family"} <= set(table)
    adam = table[table["optimizer"] == "adam"].set_index("aspect")
    assert list(adam.index) == [
        "lower bound", "jitter", "divergence", "stationarity", "spectrum", "tails", "breaks", "spikes", "agreement",
    ]  # fmt: skip
    assert adam.loc["breaks", "estimate"] == 1.0
    assert adam.loc["breaks", "pvalue"] == pytest.approx(scipy.stats.binom.sf(4, 5, 0.1))
    assert adam.loc["lower bound", "estimate"] == labels.set_index("optimizer").loc["adam", "index"]
    assert sentences(table)[0].startswith("Stable: the 95% interval of the index")
    one = read_labels(labels)["sgd", 32]
    assert one.label == "stable"
    assert "<td>spectrum</td><td>white</td>" in one._repr_html_()


def test_without_the_columns_traits_are_not_analysed_and_the_bound_is():
    row = only(characterize(traces(iid), preset="minimal"))
    assert (row["label"], row["spectrum"], row["tails"]) == ("stable", "not analysed", "not analysed")
    with pytest.raises(AnalysisError, match=r"must have a column 'label'"):
        label_aspects(characterize(traces(iid, seeds=1, n=300)))


def test_any_number_of_jobs_gives_the_same_bytes():
    frame = pd.concat([traces(iid, n=400), traces(sine, optimizer="adam", n=400)], ignore_index=True)
    one = label(frame).to_csv().encode()
    assert label(frame, jobs=2).to_csv().encode() == one
    assert label(frame, jobs=3).to_csv().encode() == one


def test_the_rule_errs_as_rarely_as_it_says():
    """Where each seed bears a trait by chance in 10 %, at most 1 % of cells show it."""
    rng = np.random.default_rng(0)
    for of in (5, 6, 7, 8, 10, 12, 20):
        bearing = rng.binomial(of, 0.10, size=20_000)
        shown = np.array([is_shown(k, of) for k in range(of + 1)])[bearing].mean()
        assert shown <= 0.01 + 2.58 * math.sqrt(0.01 * 0.99 / 20_000)
