"""What each command prints, for people and for programs."""

import json
import shutil

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
    for row in rows:
        stem, _, field = row["name"].replace("/<quantity>", "").rpartition("/")
        assert row["name"] in table or (stem in table and field in table)


def test_run_prints_progress_to_stderr_and_the_next_step_to_stdout(tracekit_command, tmp_path):
    done = tracekit_command(
        *("run", "--optimizer", "sgd", "--model", "softmax_regression", "--batch-size", 500),
        *("--epochs", 1, "--jobs", 1, "--learning-rate", 0.5, "--out", tmp_path / "x"),
    )
    assert done.code == 0
    assert done.out == f"1 run in {tmp_path / 'x'}; next: tracekit report {tmp_path / 'x'} -o reports/x\n"
    assert done.err.splitlines()[-1].startswith(
        "1/1 run, 2 updates in "
    )  # before it: loops are compiled, once
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


def test_range_test_suggests_a_rate_and_says_how_far_seeds_agree(tracekit_command):
    words = ("range-test", "--optimizer", "sgd", "--model", "mlp", "--updates", 60)
    result = json.loads(tracekit_command(*words, "--json").out)
    assert [entry["seed"] for entry in result["seeds"]] == [0, 1, 2]
    suggestions = sorted(entry["suggestion"] for entry in result["seeds"])
    assert suggestions == [result["lowest_suggestion"], result["suggestion"], result["highest_suggestion"]]
    assert len(set(suggestions)) > 1
    assert 1e-3 < suggestions[0] <= suggestions[-1] < 10
    for entry in result["seeds"]:
        assert len(entry["losses"]) == len(entry["learning_rates"]) <= 60
    low, middle, high = (f"{suggestion:.2g}" for suggestion in suggestions)
    ending = f"suggested learning rate: {middle} (3 seeds, from {low} to {high})\n"
    assert tracekit_command(*words).out.endswith(ending)
    one = json.loads(tracekit_command(*words, "--seeds", 1, "--seed", 2, "--json").out)["seeds"][0]
    assert one == result["seeds"][2]
    assert "one seed" in tracekit_command(*words, "--seeds", 1).out


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


def test_resume_says_when_there_is_nothing_to_do(tracekit_command, small_experiment):
    done = tracekit_command("resume", small_experiment)
    assert (done.code, done.out) == (0, f"{small_experiment} has no unfinished runs.\n")


def test_resume_goes_on_with_an_interrupted_sweep(tracekit_command, small_experiment, tmp_path):
    shutil.copytree(small_experiment, tmp_path / "x")
    shutil.rmtree(tmp_path / "x" / "adam-lr0.001-b40-s3")
    done = tracekit_command("resume", tmp_path / "x", "--jobs", 1)
    assert done.code == 0
    assert done.err.startswith("1/1 run, 260 updates in ")
    assert done.out.startswith(f"10 runs in {tmp_path / 'x'}; next: ")
    frames = [tracekit.read(folder) for folder in (small_experiment, tmp_path / "x")]
    assert frames[0]["value"].to_numpy().tobytes() == frames[1]["value"].to_numpy().tobytes()


def test_doctor_finds_and_sets_aside(tracekit_command, small_experiment, tmp_path):
    healthy = tracekit_command("doctor", small_experiment)
    assert (healthy.code, healthy.out) == (0, "no problem found.\n")
    shutil.copytree(small_experiment, tmp_path / "x")
    part = sorted((tmp_path / "x").rglob("part-*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:100])
    found = tracekit_command("doctor", tmp_path / "x")
    assert found.code == 1
    assert part.name in found.out
    assert (
        f"`tracekit doctor {tmp_path / 'x'} --quarantine` moves the damaged files aside; it deletes nothing."
        in found.out
    )
    moved = json.loads(tracekit_command("doctor", tmp_path / "x", "--quarantine", "--json").out)
    assert moved["findings"][0]["loss"] == "values"
    assert len(moved["moved"]) == 1
    again = tracekit_command("doctor", tmp_path / "x")
    assert again.code == 1
    assert "was removed from the run's parts, with " in again.out
    assert len(json.loads(tracekit_command("list", "runs", tmp_path / "x", "--json").out)) == 10


@pytest.mark.parametrize(
    "harm", ["delete a run", "delete the record", "version 99", "copy a run", "swap runs"]
)
def test_doctor_compares_with_the_plan(tracekit_command, small_experiment, tmp_path, harm):
    store = tmp_path / "x"
    shutil.copytree(small_experiment, store)
    name, record = "adam-lr0.001-b40-s3", store / "experiment.json"
    if harm == "delete a run":
        shutil.rmtree(store / name)
        expected = [(name, "is missing, though it was planned; `tracekit resume` trains it")]
    elif harm == "delete the record":
        record.unlink()
        expected = [("", "is missing: the sweep cannot be resumed, and which runs it should have is unknown")]
    elif harm == "version 99":
        record.write_text(json.dumps(json.loads(record.read_text()) | {"schema_version": 99}))
        expected = [("", "has trace format 99, but this tracekit reads formats up to 2; upgrade tracekit")]
    elif harm == "copy a run":
        shutil.copytree(store / name, store / "a-copy")
        expected = [
            ("a-copy", f"is a copy of {name} (the same run id): its values would count twice"),
            ("a-copy", "is not a run of this sweep"),
        ]
    else:
        other = "adam-lr0.001-b40-s4"
        for source, target in ((name, "kept"), (other, name), ("kept", other)):
            (store / source).rename(store / target)
        expected = [(run, "was trained with another seed than planned") for run in (name, other)]
    done = tracekit_command("doctor", store, "--json")
    assert done.code == 1
    assert [(entry["run"], entry["problem"]) for entry in json.loads(done.out)["findings"]] == expected


def test_doctor_does_not_miss_runs_that_wait_for_their_turn(tracekit_command, small_experiment, tmp_path):
    store = tmp_path / "x"
    shutil.copytree(small_experiment, store)
    last = "adam-lr0.001-b40-s4"
    shutil.rmtree(store / last)
    assert tracekit_command("doctor", store).code == 1
    status = store / "sgd-lr0.1-b40-s4" / "status.json"
    status.write_text(json.dumps(json.loads(status.read_text()) | {"status": "interrupted"}))
    done = tracekit_command("doctor", store)
    assert done.code == 0
    assert f"1 planned run not begun yet; `tracekit resume {store}` continues." in done.out
    shutil.rmtree(store / "sgd-lr0.1-b40-s0")
    assert "sgd-lr0.1-b40-s0" in tracekit_command("doctor", store).out


def test_compare_and_claims_answer_with_their_evidence(tracekit_command, small_experiment, tmp_path):
    rows = json.loads(tracekit_command("compare", small_experiment, "--json").out)
    assert {row["answer"] for row in rows} <= {"different", "equivalent", "unresolved"}
    assert rows[0]["feature"] == "all"
    assert all(row["method"] and row["n_seeds"] == 5 for row in rows)
    table = tracekit_command("compare", small_experiment).out
    assert all(word in table for word in ("adam", "sgd", "lower_index", "answer"))
    spoken = tracekit_command("compare", small_experiment, "--sentences").out
    assert spoken.startswith("At batch_size 40, adam and sgd over all features (5 pairs): ")
    assert tracekit_command("compare", small_experiment, "-o", tmp_path / "c.tex").code == 0
    assert "\\toprule" in (tmp_path / "c.tex").read_text()

    rows = json.loads(tracekit_command("claims", small_experiment, "--json").out)
    assert {row["verdict"] for row in rows} <= {"supported", "refuted", "unresolved"}
    assert "verdict" in tracekit_command("claims", small_experiment).out


def test_report_says_where_its_files_are(tracekit_command, small_experiment, tmp_path):
    files = json.loads(tracekit_command("report", small_experiment, "-o", tmp_path / "r", "--json").out)
    assert sorted(files) == ["html", "labels", "metrics", "pdf"]
    assert (tmp_path / "r" / "report.html").exists()


def test_plan_says_what_is_needed(tracekit_command):
    spoken = tracekit_command("plan", "--effect", 1, "--family", 4).out
    assert "A difference of 1 between-seed sd needs 24 seeds per arm, unpaired" in spoken
    rows = json.loads(tracekit_command("plan", "--json").out)
    assert {row["question"] for row in rows} >= {"difference", "sameness"}
