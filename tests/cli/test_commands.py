"""What each command prints, for people and for programs."""

import json

import pandas as pd
import pytest

import tracekit


def test_run_then_list_show_analyze_and_label(tracekit_command, small_experiment, tmp_path):
    listed = json.loads(tracekit_command("list", "runs", small_experiment, "--json").out)
    assert len(listed) == 10
    assert listed[0]["status"] == "finished"
    assert listed[0]["step"] == 260

    shown = json.loads(tracekit_command("show", small_experiment, "--json").out)
    assert shown["statuses"] == {"finished": 10}
    assert "probe/logits/q05" in shown["signals"]
    assert shown["record"]["configuration"]["batch_sizes"] == [40]
    assert "10 finished" in tracekit_command("show", small_experiment).out

    analyzed = tracekit_command(
        "analyze", small_experiment, "--signal", "train/loss", "-o", tmp_path / "m.csv"
    )
    assert analyzed.code == 0
    metrics = pd.read_csv(tmp_path / "m.csv")
    assert len(metrics) == 10
    assert {"optimizer", "batch_size", "seed", "lower_index", "stationarity"} <= set(metrics.columns)

    labels = json.loads(tracekit_command("label", small_experiment, "--json").out)
    assert {row["optimizer"] for row in labels} == {"sgd", "adam"}
    assert all(row["n_seeds"] == 5 and row["reason"] for row in labels)
    assert {row["label"] for row in labels} <= {"stable", "unstable", "inconclusive"}
    table = tracekit_command("label", small_experiment).out
    assert all(word in table for word in ("optimizer", "batch_size", "label", "adam", "sgd"))


def test_analyze_writes_parquet_with_all_columns(tracekit_command, small_experiment, tmp_path):
    out = tmp_path / "deep" / "m.parquet"
    assert tracekit_command("analyze", small_experiment, "--signal", "train/loss", "-o", out).code == 0
    assert len(pd.read_parquet(out)) == 10
    again = tracekit_command("analyze", small_experiment, "-o", out)
    assert again.code == 1
    assert again.err == f"Error: {out} exists; choose another file or pass --overwrite.\n"


@pytest.mark.parametrize("kind", ["optimizers", "schedules", "models", "datasets", "signals"])
def test_lists_are_tables_and_json(tracekit_command, kind):
    rows = json.loads(tracekit_command("list", kind, "--json").out)
    assert all(row["name"] and row.get("summary", "x") for row in rows)
    table = tracekit_command("list", kind).out
    assert all(row["name"] in table for row in rows)


def test_run_prints_progress_to_stderr_and_the_next_step_to_stdout(tracekit_command, tmp_path):
    done = tracekit_command(
        *("run", "--optimizer", "sgd", "--model", "softmax_regression", "--batch-size", 500),
        *("--epochs", 1, "--jobs", 1, "--learning-rate", 0.5, "--out", tmp_path / "x"),
    )
    assert done.code == 0
    assert done.out == f"1 runs in {tmp_path / 'x'}; next: tracekit report {tmp_path / 'x'} -o reports/x\n"
    assert done.err.startswith("1/1 runs, 2 updates in ")
    (run,) = tracekit.open_experiment(tmp_path / "x").runs
    assert run.attributes["learning_rate"] == 0.5


def test_a_diverged_run_is_a_result_and_is_named(tracekit_command, tmp_path):
    done = tracekit_command(
        *(
            "run",
            "--optimizer",
            "sgd:learning_rate=1e30",
            "--model",
            "mlp",
            "--updates",
            20,
            "--jobs",
            1,
            "-q",
        ),
        *("--out", tmp_path / "x"),
    )
    assert done.code == 0
    assert "sgd-lr1e+30-b100-s0: diverged (diverged at step " in done.err


def test_version(tracekit_command):
    assert tracekit_command("--version").out == f"tracekit {tracekit.__version__}\n"


def test_data_show(tracekit_command):
    content = json.loads(tracekit_command("data", "show", "digits", "--json").out)
    assert content["input_shape"] == [8, 8, 1]
    assert content["n_train"] + content["n_test"] == 1797


def test_range_test_suggests_a_rate(tracekit_command):
    words = ("range-test", "--optimizer", "sgd", "--model", "mlp", "--updates", 60)
    result = json.loads(tracekit_command(*words, "--json").out)
    assert 1e-3 < result["suggestion"] < 10
    assert len(result["losses"]) == len(result["learning_rates"]) <= 60
    assert "suggested learning rate: " in tracekit_command(*words).out


def test_a_run_with_schedule_smoothing_and_information_decay(tracekit_command, tmp_path):
    done = tracekit_command(
        *(
            "run",
            "--optimizer",
            "muon",
            "--optimizer",
            "yamadam",
            "--model",
            "mlp",
            "--batch-size",
            300,
            "--epochs",
            3,
        ),
        *(
            "--schedule",
            "cosine:warmup=2",
            "--label-smoothing",
            0.1,
            "--information-decay",
            "global",
            "--jobs",
            1,
        ),
        *("-q", "--out", tmp_path / "x"),
    )
    assert done.code == 0, done.err
    runs = tracekit.open_experiment(tmp_path / "x").runs
    assert sorted(run.name for run in runs) == ["muon-lr0.02-b300-s0", "yamadam-b300-s0"]
    assert runs[0].configuration["schedule"] == {"name": "cosine", "final": 0.0, "warmup": 2}
