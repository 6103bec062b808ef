"""docs/json.md says which keys each command's JSON has, and they are those."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from tracekit_analysis.comparisons.interactions import Interaction

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")


def section(title):
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def keys(title):
    """Keys of a section whose table has a row for each."""
    return set(re.findall(r"^\| `(\w+)` \|", section(title), re.MULTILINE))


def row_keys(title, command):
    """Keys of a section whose table has a row for each command."""
    (row,) = re.findall(rf"^\| `{command}` \|(.*)\|$", section(title), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row))


def inner(title, key):
    """Keys of the objects in a list, as the row of the list names them."""
    (text,) = re.findall(rf"^\| `{key}` \| a list:(.*)\|$", section(title), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", text))


@pytest.fixture
def printed(tracekit_command):
    def run(*words):
        return json.loads(tracekit_command(*words, "--json").out)

    return run


ATTRIBUTES = {"optimizer", "batch_size", "learning_rate", "seed"}


def test_run_and_watch(printed, tmp_path):
    words = ("run", "--optimizer", "sgd", "--model", "softmax_regression", "--updates", 3, "--jobs", 1, "-q")
    outcome = printed(*words, "--out", tmp_path / "x")
    assert set(outcome) == keys("run, resume")
    assert set(outcome["runs"][0]) == inner("run, resume", "runs")
    assert printed("resume", tmp_path / "x").keys() == outcome.keys()
    board = printed("watch", tmp_path / "x", "--once")
    assert set(board) == keys("watch")
    assert set(board["cells"][0]) == inner("watch", "cells")
    assert set(board["runs"][0]) == inner("watch", "runs") | ATTRIBUTES
    found = printed("doctor", tmp_path / "x")
    assert set(found) == keys("doctor")
    (tmp_path / "x" / "experiment.json").unlink()
    found = printed("doctor", tmp_path / "x")
    assert set(found["findings"][0]) == inner("doctor", "findings") - {"none", "values"}
    assert set(printed("init", tmp_path / "x.toml")) == keys("init")


def test_range_test(printed):
    result = printed(
        "range-test", "--optimizer", "sgd", "--model", "softmax_regression", "--updates", 10, "--seeds", 1
    )
    assert set(result) == keys("range-test")
    assert set(result["seeds"][0]) == inner("range-test", "seeds")


@pytest.mark.parametrize("kind", ["optimizers", "schedules", "models", "datasets", "signals"])
def test_list(printed, kind):
    assert all(set(row) == row_keys("list", f"list {kind}") for row in printed("list", kind))


def test_what_reads_a_store(printed, small_experiment):
    assert set(printed("list", "runs", small_experiment)[0]) == row_keys("list", "list runs")
    assert set(printed("show", small_experiment)) == keys("show")
    assert set(printed("data", "show", "digits")) == row_keys("data", "data show")
    rows = "analyze, label, compare, claims, plan"
    for command in ("label", "compare", "claims"):
        assert row_keys(rows, command) <= set(printed(command, small_experiment)[0])
    for what, *words in (("identify",), ("rank",), ("target", "--target", 1), ("profile",)):
        found = printed("compare", small_experiment, "--what", what, *words)[0]
        assert row_keys(rows, f"compare --what {what}") <= set(found)
    # of one batch size there is no interaction
    assert row_keys(rows, "compare --what interaction") <= {field.name for field in fields(Interaction)}
    assert row_keys(rows, "plan") <= set(printed("plan")[0])
    series = printed("analyze", small_experiment, "--signal", "train/loss", "--preset", "minimal")
    assert row_keys(rows, "analyze") <= set(series[0])


def test_report(printed, small_experiment, tmp_path):
    assert set(printed("report", small_experiment, "-o", tmp_path / "r")) == keys("report")


def test_calibrate(printed):
    found = printed(
        *("calibrate", "--updates", 200, "--seeds", 5, "--process", "iid", "--noise", "iid"),
        "--runs",
        5,
        "--cells",
        2,
    )
    assert set(found) == keys("calibrate")
    assert inner("calibrate", "cells") == set(found["cells"][0])
    assert inner("calibrate", "series") == set(found["series"][0])
