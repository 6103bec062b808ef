"""Every command tells configurations apart by the same columns, also in a store without optimizers or batch sizes."""

import json

import numpy as np
import pytest

from tracekit.traces import RunWriter


@pytest.fixture(scope="module")
def store_of_models(tmp_path_factory):
    """Two models, five seeds each; no optimizer, no batch size, and a path that every run has for itself."""
    folder = tmp_path_factory.mktemp("models")
    for number, (model, seed) in enumerate((model, seed) for model in ("mlp", "cnn") for seed in range(5)):
        rng = np.random.default_rng(number)
        attributes = {"model": model, "seed": seed, "log_path": f"logs/{number}.csv"}
        run = folder / f"{model}-{seed}"
        with RunWriter(run, attributes=attributes, configuration={}, meta={}) as writer:
            for step in range(1, 251):
                writer.record(step, 1, "train/first_logit", float(rng.standard_normal()))
                writer.record(step, 1, "train/loss", 1.0 / step)
            writer.finish()
    return folder


def test_label_compare_and_watch_find_the_models(tracekit_command, store_of_models):
    labels = json.loads(tracekit_command("label", store_of_models, "--json").out)
    assert [(row["model"], row["n_seeds"]) for row in labels] == [("cnn", 5), ("mlp", 5)]
    compared = json.loads(tracekit_command("compare", store_of_models, "--json").out)
    assert {(row["level_a"], row["level_b"]) for row in compared} == {("cnn", "mlp")}
    watched = json.loads(tracekit_command("watch", store_of_models, "--once", "--json").out)
    assert sorted((cell["model"], cell["n_runs"]) for cell in watched["cells"]) == [("cnn", 5), ("mlp", 5)]
    assert "cnn" in tracekit_command("watch", store_of_models, "--once").out


def test_a_report_has_a_row_for_each_model(tracekit_command, store_of_models, tmp_path):
    done = tracekit_command("report", store_of_models, "-o", tmp_path / "report", "--jobs", "1")
    assert done.code == 0, done.err
    labels = (tmp_path / "report" / "labels.csv").read_text().splitlines()
    assert labels[0].startswith("optimizer,batch_size,model,label")
    assert len(labels) == 3


def test_by_chooses_other_columns(tracekit_command, small_experiment, store_of_models, tmp_path):
    pooled = tracekit_command("label", small_experiment, "--by", "batch_size")
    assert pooled.code == 1
    assert "cell (40,) has 2 runs with seed 0; add the column in which they differ" in pooled.err
    watched = tracekit_command("watch", store_of_models, "--once", "--json", "--by", "seed")
    assert len(json.loads(watched.out)["cells"]) == 5
    done = tracekit_command(
        "report", small_experiment, "-o", tmp_path / "r", "--by", "optimizer", "--jobs", "1"
    )
    assert done.code == 0, done.err
    assert (tmp_path / "r" / "labels.csv").read_text().startswith("optimizer,label")
    wrong = tracekit_command("label", small_experiment, "--by", "modle")
    assert wrong.code == 1
    assert "must have a column 'modle'; it has" in wrong.err


def test_claims_say_which_columns_they_know(tracekit_command, store_of_models, tmp_path):
    done = tracekit_command("claims", store_of_models)
    assert done.code == 1
    assert done.err == (
        "Error: the runs differ in model too, of which the claims say nothing; pass runs that share one value, "
        "or choose the columns with `by` (in a command: --by).\n"
    )
