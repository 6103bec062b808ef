"""`tracekit label`: what it reads, says and refuses."""

from __future__ import annotations

import json
import shutil

import pytest

import tracekit
from tracekit.traces.files import STATUS_FILE


def test_the_cross_section_of_the_probe_batch_may_decide(tracekit_command, small_experiment):
    rows = json.loads(tracekit_command("label", small_experiment, "--unit", "cross_section", "--json").out)
    assert {row["unit"] for row in rows} == {"half-spreads of the cross-section"}
    assert {row["signal"] for row in rows} == {"probe/logits/q05"}
    by_series = json.loads(tracekit_command("label", small_experiment, "--json").out)
    assert {row["unit"] for row in by_series} == {"half-spreads"}
    assert [row["jitter"] for row in rows] == [row["jitter"] for row in by_series]
    assert (
        {row["reason"] for row in rows}
        == {
            "0 seeds with a usable series; below 3 the index is only described"  # 195 updates after the first quarter
        }
    )


def test_labels_in_words_and_in_latex(tracekit_command, small_experiment, tmp_path):
    spoken = tracekit_command("label", small_experiment, "--sentences").out.splitlines()
    assert len(spoken) == 2
    assert all(line.startswith("Optimizer ") and "% interval of the index" in line for line in spoken)
    assert tracekit_command("label", small_experiment, "-o", tmp_path / "labels.tex").code == 0
    assert (tmp_path / "labels.tex").read_text().startswith(r"\begin{tabular}{lrrlrrrrllll}")


def test_a_narrow_latex_table_does_not_narrow_what_is_printed(tracekit_command, small_experiment, tmp_path):
    whole = json.loads(tracekit_command("label", small_experiment, "--json").out)
    words = ("label", small_experiment, "-o", tmp_path / "labels.tex")
    assert json.loads(tracekit_command(*words, "--json").out) == whole
    spoken = tracekit_command(*words, "--overwrite", "--sentences")
    assert spoken.out.splitlines() == [row["sentence"] for row in whole]
    assert spoken.err.startswith("2 rows in ")
    both = tracekit_command("label", small_experiment, "--json", "--sentences")
    assert (both.code, both.out, both.err) == (
        1,
        "",
        "Error: give --sentences or --json, not both; every object of the JSON has its `sentence`.\n",
    )


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--unit", "sigma", "Error: `unit` (='sigma') must be one of 'series', 'cross_section'.\n"),
        ("--side", "left", "Error: `side` (='left') must be one of 'lower', 'upper'.\n"),
    ],
)
def test_a_choice_that_does_not_exist_lists_those_that_do(
    tracekit_command, small_experiment, option, value, sentence
):
    done = tracekit_command("label", small_experiment, option, value)
    assert (done.code, done.err) == (1, sentence)


def test_runs_that_did_not_end_are_named_with_the_way_to_go_on(tracekit_command, small_experiment, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(small_experiment, copy)
    status = next(path for path in sorted(copy.glob(f"*/{STATUS_FILE}")))
    record = json.loads(status.read_text()) | {"status": "failed", "reason": "the disk was full"}
    status.write_text(json.dumps(record))
    done = tracekit_command("label", copy)
    assert done.code == 0
    assert done.err == (
        f"1 failed run was not counted (the disk was full); `tracekit resume {copy}` continues it.\n"
    )
    assert "4 seeds give an interval but no label; at least 5 are needed; 1 run did not end" in done.out


def test_several_learning_rates_are_several_cells(tracekit_command, tmp_path):
    sweep = tracekit.Sweep(
        model="softmax_regression",
        optimizers=["sgd:learning_rate=0.1", "sgd:learning_rate=1"],
        seeds=1,
        updates=5,
        recording={"signals": ["train/first_logit"]},
    )
    tracekit.run_sweep(sweep, tmp_path / "rates", jobs=1)
    rows = json.loads(tracekit_command("label", tmp_path / "rates", "--json").out)
    assert [row["learning_rate"] for row in rows] == [0.1, 1.0]
    assert {row["jitter_label"] for row in rows} == {"not analysed"}
    assert {row["label"] for row in rows} == {"inconclusive"}
