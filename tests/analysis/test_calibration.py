"""The machinery that measures error rates, a fast tier of the rates, and the page that quotes them."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from tracekit_analysis import AnalysisError, calibrate
from tracekit_analysis.calibration.bands import BANDS, LENGTHS, Band, judge_rates
from tracekit_analysis.calibration.page import (
    QUANTITIES,
    Calibration,
    main,
    missed_bands,
    run_calibration,
    write_page,
)
from tracekit_analysis.calibration.pictures import draw_calibration, label_shares, rate_dots
from tracekit_analysis.calibration.processes import PROCESSES
from tracekit_analysis.calibration.rates import COSTLY, error_rates

PAGE = Path(__file__).parents[2] / "docs" / "methods" / "calibration.md"
FAST = ["iid", "Cauchy", "MA-.8", "AR.5", "trend", "variance x2", "reshuffled", "interleaved"]


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    return judge_rates(error_rates(FAST, 1000, runs=150, costly_runs=15))


def test_the_fast_tier_keeps_every_band(rates):
    asked = rates[rates["must"] != ""]
    assert len(asked) > 40
    missed = asked[asked["outcome"] == "missed"]
    assert missed.empty, missed.to_string()


def test_every_band_is_measured_and_every_quantity_explained(rates):
    assert {band.process for band in BANDS} <= set(PROCESSES)
    assert {band.quantity for band in BANDS} <= set(QUANTITIES)
    assert set(rates["quantity"]) <= set(QUANTITIES)
    assert set(COSTLY) <= set(PROCESSES)
    assert len({(band.process, band.quantity, band.n) for band in BANDS}) == len(BANDS)


def test_intervals_of_a_known_drift_hold_it_and_an_unknown_one_is_not_judged():
    rates = error_rates(["iid", "t2", "trend", "lower drift", "break", "walk"], 1000, runs=100)
    drift = rates[rates["quantity"] == "drift covered"].set_index("process")
    assert (drift.loc[["iid", "t2", "trend", "lower drift"], "mean"] >= 0.85).all()
    assert (drift.loc[["break", "walk"], "runs"] == 0).all()
    trend = rates[rates["quantity"] == "bound trend"].set_index("process")["mean"]
    assert trend[["iid", "t2"]].max() <= 0.11 < 0.9 < trend["trend"]


def test_rates_do_not_depend_on_the_number_of_processes():
    one, two = (error_rates(["iid", "walk"], 200, runs=60, costly_runs=10, jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert not error_rates("iid", 200, runs=60, seed=1).equals(error_rates("iid", 200, runs=60, seed=2))


@pytest.mark.parametrize(
    ("band", "mean", "outcome"),
    [
        (Band("iid", "level", 200, "size", 0.05, 0.05), 0.061, "reached"),
        (Band("iid", "level", 200, "size", 0.05, 0.05), 0.064, "missed"),
        (Band("iid", "level", 200, "size", 0.05, 0.05), 0.030, "conservative"),
        (Band("iid", "level", 200, "at most", 0.02, 0.02), 0.027, "reached"),
        (Band("iid", "level", 200, "at most", 0.02, 0.02), 0.030, "missed"),
        (Band("iid", "level", 200, "at least", 0.90, 0.90), 0.89, "reached"),
        (Band("iid", "level", 200, "at least", 0.90, 0.90), 0.88, "missed"),
        (Band("iid", "level", 200, "coverage", 0.93, 0.97), 0.92, "reached"),
        (Band("iid", "level", 200, "between", 2.7, 3.3), 3.4, "missed"),
        (Band("iid", "level", 200, "at most", 0.02, 0.02), math.nan, "missed"),
    ],
)
def test_a_rate_is_held_against_its_band(band, mean, outcome):
    assert band.judge(mean, 0.005, 2000) == outcome


def test_bands_say_in_words_what_they_ask():
    words = {band.words for band in BANDS}
    assert {".05", "at most .07", "at least .9", ".93 to .97", "2.7 to 3.3"} <= words


def test_calibrate_gives_achieved_rates_of_the_labels():
    table = calibrate(600, 5, 0.3, noises=["iid", "t2"], shapes=["break"], n_cells=20)
    assert table["index"].tolist() == pytest.approx([0.0, 0.3, 0.5] * 2)
    assert (table[["stable", "unstable", "inconclusive"]].sum(axis=1) == 1.0).all()
    still, margin, beyond = (row for _, row in table.iloc[:3].iterrows())
    assert still["stable"] >= 0.8
    assert still["wrong"] == still["unstable"] == 0.0
    assert margin["wrong"] == margin["stable"] + margin["unstable"]
    assert beyond["unstable"] >= 0.8
    assert (table["wrong_ci_low"] <= table["wrong"]).all()
    assert (table["wrong"] <= table["wrong_ci_high"]).all()


def test_calibrate_is_the_same_for_any_number_of_processes_and_keeps_count():
    seen: list[tuple[int, int]] = []
    arguments = {"noises": ["iid"], "shapes": ["trend"], "n_cells": 12}
    one = calibrate(200, 3, **arguments, progress=lambda *args: seen.append(args))
    pd.testing.assert_frame_equal(one, calibrate(200, 3, **arguments, jobs=2))
    assert seen[-1] == (36, 36)
    assert (one["inconclusive"] == 1.0).all()  # three seeds give no label


def test_intervals_of_cells_hold_the_truth_also_where_the_bound_is_another_quantile():
    table = calibrate(400, 5, noises=["iid"], n_cells=30)  # below 500 values tau is .10
    assert table["covered"].min() >= 0.8
    assert table["covered"].mean() >= 0.92


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 4}, "`n` (=4) must be a whole number of at least 8."),
        ({"n": 200, "n_seeds": 0}, "`n_seeds` (=0) must be a whole number of at least 1."),
        ({"n": 200, "margin": 0}, "`margin` (=0) must be a number strictly between 0 and inf."),
        ({"n": 200, "n_cells": 2.5}, "`n_cells` (=2.5) must be a whole number of at least 1."),
        ({"n": 200, "shapes": ["step"]}, "`shapes` (='step') must be one of 'trend', 'break'."),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(AnalysisError) as error:
        calibrate(**arguments)
    assert str(error.value) == message


def test_wrong_arguments_of_the_rates_are_named():
    with pytest.raises(AnalysisError) as error:
        error_rates("iid", 200, runs=0)
    assert str(error.value) == "`runs` (=0) must be a whole number of at least 1."
    with pytest.raises(AnalysisError) as error:
        calibrate(200, noises=["walk"])
    assert str(error.value).startswith("`noises` (='walk') must be one of 'iid', 't2', 'Cauchy', ")


def test_the_page_lists_what_was_missed(rates, tmp_path):
    spoilt = rates.copy()
    place = spoilt.index[(spoilt["process"] == "iid") & (spoilt["quantity"] == "level")][0]
    spoilt.loc[place, ["mean", "outcome"]] = [0.2, "missed"]
    labels = calibrate(1000, 5, noises=["iid"], n_cells=2)
    labels.loc[0, ["unstable", "wrong", "wrong_ci_low"]] = [0.5, 0.5, 0.3]
    calibration = Calibration(spoilt, labels, 1.0, 0)
    rate, label = missed_bands(calibration)
    assert rate.startswith("iid, n = 1000: level is .200 (s.e. ")
    assert label.startswith("labels, iid, none with I = 0, n = 1000, S = 5: .500 [.300, ")
    write_page(calibration, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert f"- **{rate}**" in text
    assert "| level | – / .05 / – |  | **.200** |  |" in text
    pictures = ("size.svg", "power.svg", "coverage.svg", "labels.svg")
    first = [(tmp_path / "page" / file).read_bytes() for file in pictures]
    assert all(f"(page/{file})" in text for file in pictures)
    write_page(calibration, tmp_path / "page.md")
    assert [(tmp_path / "page" / file).read_bytes() for file in pictures] == first


def test_pictures_take_empty_tables():
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    empty = pd.DataFrame(columns=["process", "n", "quantity", "mean", "se", "runs"])
    assert rate_dots(empty, "level", ("iid",), ax) is ax
    labels = calibrate(200, 1, noises=[], n_cells=1)
    assert label_shares(labels, ax) is ax
    figure = Figure(layout="constrained")
    assert draw_calibration(empty, labels, figure) is figure


def test_the_committed_page_is_of_a_full_run():
    text = PAGE.read_text(encoding="utf-8")
    assert "# Calibration: measured error rates" in text
    for process in {band.process for band in BANDS}:
        assert f"### {process}: " in text
    rates = pd.read_csv(PAGE.with_suffix("") / "rates.csv")
    assert set(rates["n"]) == set(LENGTHS)
    assert rates.groupby("n")["runs"].max().min() >= 1000


@pytest.mark.calibration
def test_all_bands_at_a_third_of_the_full_size():
    known = {line.split(" is ")[0] for line in PAGE.read_text().splitlines() if line.startswith("- **")}
    missed = {
        f"- **{sentence.split(' is ')[0]}" for sentence in missed_bands(run_calibration(scale=0.3, jobs=2))
    }
    assert missed <= known


@pytest.mark.calibration
def test_the_command_writes_the_page(tmp_path, capsys):
    assert main(["--scale", "0.005", "--jobs", "2", "--out", str(tmp_path / "calibration.md")]) == 0
    assert "bands missed" in capsys.readouterr().out
    assert (tmp_path / "calibration" / "rates.csv").exists()
