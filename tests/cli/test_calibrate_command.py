"""`tracekit calibrate`: tables, files and pictures of simulated error rates, and its wrong uses."""

import json

import pandas as pd
import pytest

SMALL = ("calibrate", "--updates", 300, "--noise", "iid", "--process", "iid", "--process", "trend")
SMALL = (*SMALL, "--runs", 30, "--cells", 4)


def test_it_answers_for_the_given_design_in_json(tracekit_command):
    answer = json.loads(tracekit_command(*SMALL, "--seeds", 6, "--margin", 0.3, "--json").out)
    assert {row["process"] for row in answer["series"]} == {"iid", "trend"}
    rates = {(row["process"], row["quantity"]): row["mean"] for row in answer["series"]}
    assert rates["iid", "level"] <= 0.2
    assert rates["trend", "level"] >= 0.9
    assert [row["index"] for row in answer["cells"]] == pytest.approx([0.0, 0.3, 0.5, 0.3, 0.5])
    assert all((row["n"], row["n_seeds"], row["margin"]) == (300, 6, 0.3) for row in answer["cells"])
    assert all(0.0 <= row["covered"] <= 1.0 for row in answer["cells"])


def test_a_wider_margin_lets_more_be_stable(tracekit_command):
    shares = []
    for margin in (0.2, 2.0):
        answer = json.loads(tracekit_command(*SMALL, "--margin", margin, "--json").out)
        shares.append(
            next(
                row["mean"]
                for row in answer["series"]
                if (row["process"], row["quantity"]) == ("trend", "stable")
            )
        )
    assert shares[0] < 0.1
    assert shares[1] == 1.0


def test_it_prints_tables_that_say_what_they_show(tracekit_command):
    out = tracekit_command(*SMALL, "--battery", 2).out
    assert out.startswith(
        "One series of 300 values: share that a test rejects at .05, share with each label at margin 0.2, "
    )
    for words in (
        "normal, linear trend of 1 sd",
        "LFQ lower",
        "I covered",
        "Phillips-Perron",
        "Configurations of 5 seeds: ",
    ):
        assert words in out
    assert out.count("break") == 4  # two rows of labels, and two quantities of the battery


def test_the_number_of_workers_does_not_change_a_number(tracekit_command):
    one, two = (tracekit_command(*SMALL, "--jobs", jobs, "--json").out for jobs in (1, 2))
    assert one == two


def test_tables_and_pictures_are_written_side_by_side(tracekit_command, tmp_path):
    names = ("rates.csv", "deep/rates.parquet", "rates.tex", "rates.svg", "rates.png", "rates.pdf")
    wanted = [word for name in names for word in ("-o", tmp_path / name)]
    done = tracekit_command(*SMALL, *wanted)
    assert (done.code, done.out) == (0, "")
    table = pd.read_csv(tmp_path / "rates.csv")
    assert set(table["part"]) == {"series", "cell"}
    assert {"LFQ lower", "I covered", "stable", "wrong", "covered"} <= set(table["quantity"])
    assert len(pd.read_parquet(tmp_path / "deep" / "rates.parquet")) == len(table)
    assert (tmp_path / "rates.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "rates.pdf").read_bytes().startswith(b"%PDF")
    drawn = (tmp_path / "rates.svg").read_bytes()
    again = tracekit_command(*SMALL, "-o", tmp_path / "rates.svg")
    assert again.err == f"Error: {tmp_path / 'rates.svg'} exists; choose another file or pass --overwrite.\n"
    assert tracekit_command(*SMALL, "-o", tmp_path / "rates.svg", "--overwrite").code == 0
    assert (tmp_path / "rates.svg").read_bytes() == drawn


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--margin", 0), "`margin` (=0.0) must be a number strictly between 0 and inf."),
        (("--level", 95), "`level` (=95.0) must be a number strictly between 0 and 1."),
        (("--noise", "walk"), "`noises` (='walk') must be one of 'iid', 't2', "),
        (("--process", "divergent"), "`process` (='divergent') must be one of 'iid', 't2', "),
        (("-o", "rates.xlsx"), "`out` (='rates.xlsx') must end in .csv, .parquet, .tex, .svg, .png, .pdf."),
    ],
)
def test_wrong_uses_are_one_sentence_before_anything_is_simulated(tracekit_command, words, sentence):
    done = tracekit_command("calibrate", "--runs", 10**9, *words)
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith(f"Error: {sentence}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("words", [("--seeds", 0), ("--updates", 3), ("--cells", 0), ("--jobs", 0)])
def test_counts_below_the_least_are_wrong_usage(tracekit_command, words):
    done = tracekit_command("calibrate", *words)
    assert done.code == 2
    assert words[0] in done.err


def test_help_has_an_example(tracekit_command):
    assert "tracekit calibrate --updates" in tracekit_command("calibrate", "--help").out
