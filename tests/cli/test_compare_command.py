"""`tracekit compare`, its six questions, and `tracekit claims`: what they read, say and refuse."""

from __future__ import annotations

import importlib
import json

import pandas as pd
import pytest

import tracekit
from tracekit.cli.questions import QUESTIONS


def sweep(folder, optimizers, *, batch_sizes=(40,), seeds=2, updates=80):
    design = tracekit.Sweep(
        model="softmax_regression",
        optimizers=optimizers,
        batch_sizes=batch_sizes,
        seeds=seeds,
        updates=updates,
        recording={"signals": ["train/first_logit", "train/loss", "eval/loss", "eval/accuracy"]},
    )
    tracekit.run_sweep(design, folder, jobs=1)
    return folder


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    """Two optimizers at two batch sizes."""
    return sweep(tmp_path_factory.mktemp("grid") / "x", ["sgd", "adam"], batch_sizes=(40, 80), seeds=5)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """SGD at two learning rates, Adam at another."""
    optimizers = ["sgd:learning_rate=0.1", "sgd:learning_rate=1", "adam"]
    return sweep(tmp_path_factory.mktemp("uneven") / "x", optimizers)


def test_compare_begins_with_its_answer(tracekit_command, small_experiment, tmp_path):
    first = tracekit_command("compare", small_experiment).out.splitlines()[0]
    assert first.startswith("adam and sgd are neither shown to differ nor to be equivalent at batch size ")
    assert first.endswith("with 5 seeds, and a claim needs 10).")
    tracekit_command("compare", small_experiment, "-o", tmp_path / "c.csv")
    assert set(pd.read_csv(tmp_path / "c.csv")["answer"]) == {"unresolved"}


def test_below_the_table_stands_what_the_answers_rest_on(tracekit_command, small_experiment):
    table, _, below = tracekit_command("compare", small_experiment).out.partition("\n\n")[2].partition("\n\n")
    assert "unit" in table.splitlines()[0].split()
    whole, single = below.splitlines()
    assert whole.startswith("All features: energy distance of ")
    assert (
        "; all 32 sign flips within pairs; Holm over 1 comparisons; 5 pairs; smallest attainable p 0.062; "
        in whole
    )
    assert whole.endswith("; here no effect can be significant.")
    assert "; Benjamini-Hochberg over " in single


def once(function):
    """Return the function that computes an answer once, and gives a copy of it to all that ask again."""
    known = {}

    def give(*arguments):
        words = repr(arguments)
        if words not in known:
            known[words] = function(*arguments)
        return known[words].copy()

    return give


def test_every_question_has_an_answer_for_people_programs_and_files(
    tracekit_command, grid, tmp_path, monkeypatch
):
    command = importlib.import_module("tracekit.cli.commands.compare")
    for name in ("_featured", "_performed"):
        monkeypatch.setattr(command, name, once(getattr(command, name)))
    for what in QUESTIONS:
        words = ("compare", grid, "--what", what, *(("--target", 1.5) if what == "target" else ()))
        rows = json.loads(tracekit_command(*words, "--json").out)
        printed = tracekit_command(*words)
        assert (printed.code, printed.err) == (0, "")
        assert rows[0]["method"].split(";")[0] in printed.out.splitlines()[-1] or what in (
            "features",
            "identify",
        )
        assert tracekit_command(*words, "-o", tmp_path / f"{what}.csv").code == 0
        assert len(pd.read_csv(tmp_path / f"{what}.csv")) == len(rows)
        spoken = tracekit_command(*words, "--sentences")
        if what == "profile":
            assert spoken.err == "Error: --what profile has no sentences; leave out --sentences.\n"
        else:
            assert spoken.out.splitlines() == [row["sentence"] for row in rows]


def test_sgd_is_first_in_whatever_way_it_is_asked(tracekit_command, grid):
    """SGD at its default rate learns fast here, Adam at its own slowly."""

    def rows(*words):
        return json.loads(tracekit_command("compare", grid, *words, "--json").out)

    for words in ((), ("--metric", "anytime"), ("--signal", "eval/accuracy")):
        ranks = rows("--what", "rank", *words)
        assert [row["entry"] for row in ranks] == ["sgd", "adam"] * 2
        assert {row["unit"] for row in ranks} == {words[1] if words[:1] == ("--metric",) else "final"}
    assert rows("--what", "rank", "--better", "higher")[0]["entry"] == "adam"
    reached = {row["optimizer"]: row["n_reached"] for row in rows("--what", "target", "--target", 1.5)}
    assert reached == {"sgd": 5, "adam": 0}
    profile = pd.DataFrame(rows("--what", "profile"))
    middle = profile[profile["threshold"] == profile["threshold"].median()].set_index("optimizer")["estimate"]
    assert middle.empty or middle["sgd"] >= middle["adam"]


def test_options_reach_the_statistics(tracekit_command, grid):
    words = ("compare", grid, "--feature", "lower_bound", "--feature", "lower_spread", "--json")
    rows = json.loads(tracekit_command(*words, "--margin", 2.5, "--pairing", "unpaired").out)
    assert {row["feature"] for row in rows} == {"all", "lower_bound", "lower_spread"}
    assert {row["margin"] for row in rows} == {2.5}
    assert {row["paired"] for row in rows} == {False}
    claims = json.loads(
        tracekit_command("claims", grid, "--base", "sgd=0.1", "--match", "none", "--json").out
    )
    assert any(str(row["method"]).endswith("lengths of runs not matched") for row in claims)
    planned = json.loads(
        tracekit_command("plan", "--margin", 1.2, "--index-margin", 0.3, "--level", 0.9, "--json").out
    )
    sizes = {
        question: {row["effect_size"] for row in planned if row["question"] == question}
        for question in ("sameness", "stable")
    }
    assert sizes == {"sameness": {1.2}, "stable": {0.3}}
    assert {row["alpha"] for row in planned if row["question"] == "sameness"} == {0.1}


@pytest.mark.parametrize("what", QUESTIONS)
def test_one_optimizer_at_several_rates_is_an_entry_for_each(tracekit_command, uneven, what):
    words = ("--target", 1.5) if what == "target" else ()
    done = tracekit_command("compare", uneven, "--what", what, *words, "--json")
    if what == "interaction":
        assert (
            done.err == "Error: `factor` (='batch_size') must have two or more levels, but has [40] alone.\n"
        )
        return
    assert (done.code, done.err) == (0, "")
    named = {row.get("level_a") or row.get("entry") or row.get("optimizer") for row in json.loads(done.out)}
    assert named >= {"adam at 0.001", "sgd at 0.1"}


def test_optimizers_at_the_same_rates_are_compared_at_each(tracekit_command, tmp_path):
    optimizers = [f"{name}:learning_rate={rate}" for name in ("sgd", "adam") for rate in (0.1, 0.01)]
    runs = sweep(tmp_path / "x", optimizers, updates=5)
    rows = json.loads(tracekit_command("compare", runs, "--json").out)
    assert {(row["learning_rate"], row["level_a"], row["level_b"]) for row in rows} == {
        (0.1, "adam", "sgd"),
        (0.01, "adam", "sgd"),
    }


def test_claims_about_several_rates_are_about_the_smallest(tracekit_command, uneven):
    done = tracekit_command("claims", uneven, "--json")
    assert (done.code, done.err) == (0, "")
    parts = {row["part"] for row in json.loads(done.out)}
    assert "sgd differs at ten times its learning rate at 40" in parts


def test_runs_of_different_lengths_are_refused_with_a_way_that_exists(tracekit_command, tmp_path):
    sweep(tmp_path / "x", ["sgd"], updates=80)
    sweep(tmp_path / "y", ["adam"], updates=150)
    for run in (tmp_path / "y").glob("adam-*"):
        run.rename(tmp_path / "x" / run.name)
    refused = tracekit_command("compare", tmp_path / "x")
    assert refused.code == 1
    assert refused.err.endswith("or match='none' (in a command: --match).\n")
    for what in ("features", "identify", "rank"):
        done = tracekit_command("compare", tmp_path / "x", "--what", what, "--match", "updates", "--json")
        methods = [row["method"] for row in json.loads(done.out)]
        assert all(method.endswith("; runs cut to as many updates as the shortest") for method in methods)
    assert tracekit_command("claims", tmp_path / "x", "--match", "updates").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--what", "best"), "`what` (='best') must be one of 'features', 'interaction', 'identify', 'rank', 'target', 'profile'."),
        (("--what", "target"), "--what target needs --target, the value to be reached."),
        (("--what", "rank", "--margin", 1), "--margin has no meaning with --what rank, which takes --metric, --better, --pairing, --match."),
        (("--target", 1), "--target has no meaning with --what features, which takes --margin, --pairing, --feature, --match."),
        (("--what", "rank", "--better", "more"), "`better` (='more') must be one of 'lower', 'higher'."),
        (("--pairing", "yes"), "`pairing` (='yes') must be one of 'auto', 'paired', 'unpaired'."),
        (("--match", "steps"), "`match` (='steps') must be one of 'equal', 'updates', 'epochs', 'none'."),
        (("--feature", "lower_indx"), "`features` (='lower_indx') must be a column of the table; like it there are 'lower_index', "),
    ],
)  # fmt: skip
def test_wrong_use_is_one_sentence(tracekit_command, small_experiment, words, sentence):
    done = tracekit_command("compare", small_experiment, *words)
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(f"Error: {sentence}")


@pytest.mark.parametrize("word", ["sgd", "sgd=fast", "=0.1"])
def test_a_base_that_is_no_rate(tracekit_command, small_experiment, word):
    done = tracekit_command("claims", small_experiment, "--base", word)
    assert done.err == f"Error: `base` (={word!r}) must be an optimizer and a rate, such as sgd=0.1.\n"
