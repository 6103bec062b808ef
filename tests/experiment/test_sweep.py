"""Sweeps give the same bytes for any number of processes, survive their runs' failures and never overwrite."""

import json

import numpy as np
import pandas as pd
import pytest

import tracekit
from tracekit.engine.kernels.parallel import processors
from tracekit.errors import ArgumentError, OutputExistsError, StoreError
from tracekit.experiment import Sweep, execution, run_sweep
from tracekit.traces import RunWriter

SMALL = {"model": "softmax_regression", "updates": 6, "batch_sizes": [30]}


def frame_bytes(path):
    frame = tracekit.read(path)
    return {
        name: frame[name].astype(str).str.cat(sep="|")
        if name != "value"
        else frame[name].to_numpy().tobytes()
        for name in frame
    }


@pytest.fixture(scope="module")
def on_two_processes(tmp_path_factory):
    """A sweep of four runs on two processes: its folder, the sweep, and what was told of its runs."""
    folder = tmp_path_factory.mktemp("processes") / "two"
    sweep = Sweep(optimizers=["sgd", "adam"], seeds=2, **SMALL | {"model": "small_cnn"})
    news = []
    run_sweep(sweep, folder, jobs=2, progress=news.append)
    return folder, sweep, news


def test_traces_do_not_depend_on_the_number_of_processes(on_two_processes, tmp_path):
    two, sweep, news = on_two_processes
    run_sweep(sweep, tmp_path / "one", jobs=1)
    assert frame_bytes(tmp_path / "one") == frame_bytes(two)
    assert sorted(item.run for item in news if item.status == "finished") == sorted(
        name for name, _ in sweep.named_runs()
    )
    assert all(item.n_updates == 6 for item in news)


def test_runs_of_one_seed_share_initial_weights_and_order(tmp_path):
    run_sweep(Sweep(optimizers=["sgd", "adam"], seeds=2, **SMALL), tmp_path / "x", jobs=1)
    frame = tracekit.read(tmp_path / "x", signals=["train/loss", "train/first_logit"])
    first = frame[frame["step"] == 1].groupby(["seed", "signal"], observed=True)["value"].nunique()
    assert (first == 1).all()
    assert frame[(frame["step"] == 1) & (frame["signal"] == "train/loss")]["value"].nunique() == 2


def test_a_diverging_run_is_recorded_and_the_others_go_on(tmp_path):
    sweep = Sweep(optimizers=["sgd:learning_rate=1e30", "adam"], **SMALL | {"model": "mlp"})
    experiment = run_sweep(sweep, tmp_path / "x", jobs=1)
    status = {run.attributes["optimizer"]: run for run in experiment.runs}
    assert status["adam"].status == "finished"
    assert status["sgd"].status == "diverged"
    assert status["sgd"].reason.startswith(f"diverged at step {status['sgd'].step}: the loss is ")
    loss = tracekit.read(tmp_path / "x", signals="train/loss", runs=status["sgd"].name)["value"].to_numpy()
    assert len(loss) == status["sgd"].step
    assert not np.isfinite(loss[-1])
    assert np.isfinite(loss[0])


def test_a_failing_run_is_marked_and_the_others_go_on(tmp_path, monkeypatch):
    def fail_once(config, *args, **kwargs):
        if config.seed == 0:
            raise RuntimeError("no luck")
        return original(config, *args, **kwargs)

    original = execution.execute_run
    monkeypatch.setattr(execution, "execute_run", fail_once)
    news = []
    experiment = run_sweep(
        Sweep(optimizers=["sgd"], seeds=2, **SMALL), tmp_path / "x", jobs=1, progress=news.append
    )
    assert [run.attributes["seed"] for run in experiment.runs] == [1]
    failed = next(item for item in news if item.status == "failed")
    assert failed.reason == "RuntimeError: no luck"


def test_an_occupied_folder_is_left_alone(tmp_path):
    sweep = Sweep(optimizers=["sgd"], **SMALL)
    run_sweep(sweep, tmp_path / "x", jobs=1)
    before = frame_bytes(tmp_path / "x")
    with pytest.raises(OutputExistsError) as caught:
        run_sweep(sweep, tmp_path / "x", jobs=1)
    assert str(caught.value) == f"{tmp_path / 'x'} is not empty; choose another --out or pass --overwrite."
    assert frame_bytes(tmp_path / "x") == before


def test_overwrite_replaces_experiments_only(tmp_path):
    sweep = Sweep(optimizers=["sgd"], **SMALL)
    run_sweep(sweep, tmp_path / "x", jobs=1)
    run_sweep(Sweep(optimizers=["adam"], **SMALL), tmp_path / "x", jobs=1, overwrite=True)
    assert [run.attributes["optimizer"] for run in tracekit.open_experiment(tmp_path / "x").runs] == ["adam"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(
        OutputExistsError, match="holds files that are not a tracekit experiment, so it is not overwritten"
    ):
        run_sweep(sweep, tmp_path / "home", jobs=1, overwrite=True)
    assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"


def test_an_experiment_that_is_being_written_is_not_replaced(tmp_path):
    sweep = Sweep(optimizers=["sgd"], **SMALL)
    run_sweep(sweep, tmp_path / "x", jobs=1)
    other = RunWriter(tmp_path / "x" / "other", attributes={"seed": 9}, configuration={}, meta={})
    with pytest.raises(StoreError, match=r"x/other is being written by another process; wait for it"):
        run_sweep(sweep, tmp_path / "x", jobs=1, overwrite=True)
    other.finish()
    assert len(tracekit.open_experiment(tmp_path / "x").runs) == 2


def test_impossible_sweeps_are_refused_before_anything_is_removed(tmp_path):
    run_sweep(Sweep(optimizers=["sgd"], **SMALL), tmp_path / "x", jobs=1)
    before = frame_bytes(tmp_path / "x")
    with pytest.raises(
        ArgumentError, match=r"`batch_size` \(=5000\) must be at most the number of training samples"
    ):
        run_sweep(Sweep(optimizers=["sgd"], batch_sizes=[5000]), tmp_path / "x", jobs=1, overwrite=True)
    with pytest.raises(ArgumentError, match=r"`jobs` \(=0\) must be at least 1\."):
        run_sweep(Sweep(optimizers=["sgd"], **SMALL), tmp_path / "x", jobs=0, overwrite=True)
    assert frame_bytes(tmp_path / "x") == before


def test_records_name_no_person_machine_or_path(tmp_path):
    import getpass
    import socket

    run_sweep(Sweep(optimizers=["sgd"], **SMALL), tmp_path / "x", jobs=1)
    text = "".join(path.read_text() for path in (tmp_path / "x").rglob("*.json"))
    assert str(tmp_path) not in text
    assert socket.gethostname() not in text
    for word in (str(tmp_path.home()) + "/", f'"{getpass.getuser()}"'):
        assert word not in text
    meta = json.loads(next((tmp_path / "x").rglob("meta.json")).read_text())
    assert meta["versions"]["numpy"] == np.__version__
    assert meta["threads"] == processors()
    assert meta["compiled"] in (True, False)


def test_workers_share_the_processors_unless_told_otherwise(on_two_processes, tmp_path):
    two, sweep, _ = on_two_processes
    run_sweep(sweep, tmp_path / "told", jobs=2, threads=3)
    for folder, expected in ((two, max(1, processors() // 2)), (tmp_path / "told", 3)):
        said = [json.loads(path.read_text())["threads"] for path in folder.rglob("meta.json")]
        assert said == [expected] * 4
    pd.testing.assert_frame_equal(tracekit.read(two), tracekit.read(tmp_path / "told"))


def test_the_frame_is_ready_for_pandas(tmp_path):
    run_sweep(Sweep(optimizers=["sgd", "adam"], seeds=2, **SMALL), tmp_path / "x", jobs=1)
    frame = tracekit.read(tmp_path / "x", signals="train/loss")
    table = frame.pivot_table(index="step", columns=["optimizer", "seed"], values="value", observed=True)
    assert table.shape == (6, 4)
    assert isinstance(frame["optimizer"].dtype, pd.CategoricalDtype)


def test_variants_of_one_optimizer_are_cells_of_their_own(tmp_path):
    import tracekit_analysis

    variants = ["adam", "adam:beta1=0.5"]
    sweep = Sweep(optimizers=variants, seeds=5, **SMALL | {"updates": 120}, recording={"preset": "minimal"})
    experiment = run_sweep(sweep, tmp_path / "x", jobs=1)
    assert {run.attributes["optimizer"] for run in experiment.runs} == set(variants)
    frame = tracekit.read(tmp_path / "x", signals="train/loss")
    labels = tracekit_analysis.label(frame, by=["optimizer", "batch_size"], signal="train/loss")
    assert labels.set_index("optimizer")["n_seeds"].to_dict() == dict.fromkeys(variants, 5)
    results = tracekit_analysis.compare(frame, signal="train/loss")
    assert {*results["level_a"], *results["level_b"]} == set(variants)
    assert results["n_seeds"].max() == 5
