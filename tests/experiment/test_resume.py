"""An experiment that was stopped, in whatever way, ends with the traces of one that was not."""

import json
import os
import signal
import time

import numpy as np
import pytest

import tracekit
from tests.experiment.decoding import decoded
from tracekit.errors import StoreError
from tracekit.experiment import Interrupted, Sweep, execution, resume_sweep, run_sweep, unfinished_runs
from tracekit.experiment.checkpointing import Checkpointer
from tracekit.traces import RunWriter, open_experiment
from tracekit.traces.doctor import examine, quarantine

SETTINGS = {"model": "mlp", "batch_sizes": [100], "updates": 60}


class Stop(Exception):
    """Stands for the end of the process: nothing of the run's own cleanup sees it coming."""


@pytest.fixture
def dies_after(monkeypatch):
    """Make the process "die" after an update: the writer's thread is let finish, its exit is skipped."""

    def arm(step, *, every_update=True):
        seen = {"n": 0}
        original = Checkpointer.on_update_end

        def on_update_end(self, now):
            if every_update:
                monkeypatch.setattr(
                    type(self._writer), "due", property(lambda writer: writer._buffer.n_values > 0)
                )
            original(self, now)
            seen["n"] += 1
            if seen["n"] == step:
                self._writer._settle()
                raise Stop

        monkeypatch.setattr(Checkpointer, "on_update_end", on_update_end)
        monkeypatch.setattr(RunWriter, "__exit__", lambda self, kind, error, trace: self.abandon())

    return arm


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    """Give the decoded traces of a sweep that nothing stops, trained once for all that ask for the same one."""
    known = {}

    def give(sweep):
        if repr(sweep) not in known:
            folder = tmp_path_factory.mktemp("whole") / "whole"
            run_sweep(sweep, folder, jobs=1)
            known[repr(sweep)] = decoded(folder)
        return known[repr(sweep)]

    return give


@pytest.mark.parametrize("step", [1, 2, 13, 14, 15, 28, 59])
@pytest.mark.parametrize("decay", ["off", "layer"])
def test_a_run_that_died_goes_on_to_the_same_bytes(
    tmp_path, monkeypatch, dies_after, step, decay, never_stopped
):
    """There are 14 updates in an epoch: the steps lie inside, at the end and at the start of epochs."""
    sweep = Sweep(optimizers=["adam"], information_decay=decay, **SETTINGS)
    with monkeypatch.context():
        dies_after(step)
        run_sweep(sweep, tmp_path / "died", jobs=1)
        monkeypatch.undo()
    (run,) = open_experiment(tmp_path / "died").runs
    assert run.status == "running"
    assert (run.path / "checkpoint.npz").exists()
    resume_sweep(tmp_path / "died", jobs=1)
    (run,) = open_experiment(tmp_path / "died").runs
    assert run.status == "finished"
    assert not (run.path / "checkpoint.npz").exists()
    assert decoded(tmp_path / "died") == never_stopped(sweep)


@pytest.mark.parametrize(("model", "preset"), [("vgg_small", "standard"), ("small_cnn", "full")])
def test_signals_that_remember_go_on_too(tmp_path, monkeypatch, dies_after, model, preset):
    """Sign flips, cosines of successive gradients, distance from initialisation, codes of the epoch."""
    settings = SETTINGS | {"model": model, "updates": 24}
    sweep = Sweep(optimizers=["muon"], **settings, recording={"preset": preset})
    run_sweep(sweep, tmp_path / "whole", jobs=1)
    dies_after(17)
    run_sweep(sweep, tmp_path / "died", jobs=1)
    monkeypatch.undo()
    resume_sweep(tmp_path / "died", jobs=1)
    whole, died = (tracekit.read(tmp_path / name) for name in ("whole", "died"))
    timed = whole["signal"].astype(str).str.contains("time|seconds").to_numpy()
    assert whole[["signal", "layer", "index", "step"]].equals(died[["signal", "layer", "index", "step"]])
    assert whole["value"].to_numpy()[~timed].tobytes() == died["value"].to_numpy()[~timed].tobytes()


def test_values_beyond_the_checkpoint_are_recorded_once(tmp_path, monkeypatch, dies_after, never_stopped):
    """A part left, the checkpoint after it did not: the part's values are dropped and recorded again."""
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    dies_after(30)
    run_sweep(sweep, tmp_path / "died", jobs=1)
    monkeypatch.undo()
    (run,) = open_experiment(tmp_path / "died").runs
    older = tmp_path / "older.npz"
    (run.path / "checkpoint.npz").rename(older)
    # The checkpoint of an earlier moment, as if the last ones had not been written.
    dies_after(20)
    run_sweep(sweep, tmp_path / "earlier", jobs=1)
    monkeypatch.undo()
    (earlier,) = open_experiment(tmp_path / "earlier").runs
    (earlier.path / "checkpoint.npz").rename(run.path / "checkpoint.npz")
    resume_sweep(tmp_path / "died", jobs=1)
    assert decoded(tmp_path / "died") == never_stopped(sweep)


def test_a_run_without_a_checkpoint_starts_anew(tmp_path, monkeypatch, dies_after, never_stopped):
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    dies_after(10)
    run_sweep(sweep, tmp_path / "died", jobs=1)
    monkeypatch.undo()
    next((tmp_path / "died").rglob("checkpoint.npz")).unlink()
    resume_sweep(tmp_path / "died", jobs=1)
    assert decoded(tmp_path / "died") == never_stopped(sweep)


def test_ctrl_c_stops_after_an_update_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "_NEWS_SECONDS", 0.01)  # else a fast machine is done before there are news
    sweep = Sweep(optimizers=["adam", "sgd"], **SETTINGS | {"updates": 400})
    run_sweep(sweep, tmp_path / "whole", jobs=1)

    def press(news):
        if news.step > 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        run_sweep(sweep, tmp_path / "x", jobs=1, progress=press)
    assert str(caught.value) == (
        f"stopped; the recorded values are kept in {tmp_path / 'x'}; `tracekit resume {tmp_path / 'x'}` continues."
    )
    (run,) = open_experiment(tmp_path / "x").runs
    assert run.status == "interrupted"
    assert run.reason == f"interrupted after step {run.step}"
    assert len(unfinished_runs(tmp_path / "x")) == 2
    resume_sweep(tmp_path / "x", jobs=1)
    assert unfinished_runs(tmp_path / "x") == []
    assert decoded(tmp_path / "x") == decoded(tmp_path / "whole")


@pytest.mark.parametrize("damaged", [0, 7, -1])
def test_a_damaged_part_of_an_unfinished_run_is_recorded_again(
    tmp_path, monkeypatch, dies_after, damaged, never_stopped
):
    """Whether it is the first, one in the middle or the last: no step is missing in the end."""
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    with monkeypatch.context():
        dies_after(20)
        run_sweep(sweep, tmp_path / "died", jobs=1)
        monkeypatch.undo()
    (run,) = open_experiment(tmp_path / "died").runs
    part = run.parts[damaged]
    part.write_bytes(part.read_bytes()[:-20])
    quarantine(examine(tmp_path / "died"))
    steps = tracekit.read(tmp_path / "died")["step"]
    assert sorted(set(steps)) == list(range(1, len(set(steps)) + 1))  # up to the hole
    assert json.loads((run.path / "status.json").read_text())["lost"]
    resume_sweep(tmp_path / "died", jobs=1)
    assert decoded(tmp_path / "died") == never_stopped(sweep)
    status = json.loads((run.path / "status.json").read_text())
    assert (status["status"], status.get("lost", [])) == ("finished", [])
    assert examine(tmp_path / "died") == []


def test_failed_runs_are_tried_again_on_request(tmp_path, monkeypatch, never_stopped):
    sweep = Sweep(optimizers=["adam"], **SETTINGS)

    def fail(*args, **kwargs):
        raise RuntimeError("no luck")

    with monkeypatch.context() as patch:
        patch.setattr("tracekit.experiment.run.train", fail)
        run_sweep(sweep, tmp_path / "x", jobs=1)
    (run,) = open_experiment(tmp_path / "x").runs
    assert (run.status, run.reason) == ("failed", "RuntimeError: no luck")
    resume_sweep(tmp_path / "x", jobs=1)
    assert open_experiment(tmp_path / "x").runs[0].status == "failed"
    resume_sweep(tmp_path / "x", jobs=1, failed=True)
    assert decoded(tmp_path / "x") == never_stopped(sweep)


def test_a_finished_experiment_is_left_alone(tmp_path, monkeypatch):
    run_sweep(Sweep(optimizers=["adam"], **SETTINGS), tmp_path / "x", jobs=1)
    monkeypatch.setattr(execution, "execute_run", None)
    assert len(resume_sweep(tmp_path / "x").runs) == 1


def test_other_data_is_refused(tmp_path, monkeypatch, dies_after):
    dies_after(10)
    run_sweep(Sweep(optimizers=["adam"], **SETTINGS), tmp_path / "x", jobs=1)
    monkeypatch.undo()
    config = next((tmp_path / "x").rglob("config.json"))
    content = json.loads(config.read_text())
    content["configuration"]["dataset_sha256"] = "0" * 64
    config.write_text(json.dumps(content))
    news = []
    resume_sweep(tmp_path / "x", jobs=1, progress=news.append)
    assert news[-1].status == "failed"
    assert (
        "was recorded on other data than this digits; pass the --data-dir that it was run with."
        in news[-1].reason
    )


def test_there_must_be_an_experiment(tmp_path):
    with pytest.raises(StoreError) as caught:
        resume_sweep(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no experiment to resume; give the folder that `tracekit run --out` wrote."
    )


def test_states_of_observers_are_part_of_the_checkpoint(tmp_path, monkeypatch, dies_after):
    """The information decay gathers codes over an epoch: without them the learning rates would differ."""
    sweep = Sweep(optimizers=["sgd"], information_decay="global", **SETTINGS | {"updates": 120})
    run_sweep(sweep, tmp_path / "whole", jobs=1)
    dies_after(70)
    run_sweep(sweep, tmp_path / "died", jobs=1)
    monkeypatch.undo()
    resume_sweep(tmp_path / "died", jobs=1)
    norms = [
        tracekit.read(tmp_path / name, signals="layer/update_norm")["value"].to_numpy()
        for name in ("whole", "died")
    ]
    assert np.array_equal(*norms)


def test_the_clock_of_a_run_goes_on(tmp_path, monkeypatch, dies_after):
    settings = SETTINGS | {"recording": {"signals": ["time/seconds"]}}
    dies_after(30)
    original = execution.execute_run
    with monkeypatch.context() as patch:
        patch.setattr(
            execution,
            "execute_run",
            lambda *args, **kwargs: original(*args, **kwargs | {"stopped": lambda: time.sleep(0.005)}),
        )
        run_sweep(Sweep(optimizers=["adam"], **settings), tmp_path / "x", jobs=1)
    monkeypatch.undo()
    resume_sweep(tmp_path / "x", jobs=1)
    seconds = tracekit.read(tmp_path / "x")["value"].to_numpy()
    assert len(seconds) == 60
    assert np.all(np.diff(seconds) > 0)
    assert seconds[30] >= 30 * 0.005


@pytest.fixture
def interrupted(tmp_path, monkeypatch, dies_after):
    """An experiment of one run that died, and a way to change what it says of its circumstances."""
    dies_after(20)
    run_sweep(Sweep(optimizers=["adam"], **SETTINGS), tmp_path / "x", jobs=1, threads=1)
    monkeypatch.undo()
    (meta,) = (tmp_path / "x").rglob("meta.json")

    def put(**changes):
        meta.write_text(json.dumps(json.loads(meta.read_text()) | changes))

    return tmp_path / "x", meta, put


def test_compiled_loops_and_others_are_not_mixed_in_one_run(interrupted, monkeypatch):
    folder, meta, put = interrupted
    here = json.loads(meta.read_text())["compiled"]
    ways = {
        True: "without compiled loops, which are used here, and would continue with other values; set TRACEKIT_COMPILED=0",
        False: "with compiled loops, which are not used here, and would continue with other values; install numba "
        "(`pip install tracekit[fast]`) and do not set TRACEKIT_COMPILED=0",
    }
    for now, sentence in ways.items():
        monkeypatch.setattr(
            "tracekit.experiment.environment.describe", lambda now=now: {"compiled": now, "versions": {}}
        )
        put(compiled=not now)
        with pytest.raises(StoreError) as caught:
            resume_sweep(folder, jobs=1)
        assert str(caught.value) == (
            f"{meta.parent} was recorded {sentence}, or move the folder away to train the run again."
        )
    monkeypatch.undo()
    put(compiled=not here)
    (meta.parent / "checkpoint.npz").unlink()  # then nothing is mixed: it starts anew
    resume_sweep(folder, jobs=1)
    content = json.loads(meta.read_text())
    assert (content["compiled"], "earlier" in content) == (here, False)


def test_other_versions_are_said_in_one_sentence_and_recorded(interrupted, caplog):
    folder, meta, put = interrupted
    versions = json.loads(meta.read_text())["versions"]
    put(versions=versions | {"numpy": "1.0"})
    resume_sweep(folder, jobs=1, threads=2, flush_seconds=1.0)
    (record,) = caplog.records
    assert record.getMessage() == (
        f"interrupted runs continue with numpy {np.__version__} instead of 1.0; their values may differ in the last "
        "digits from those of uninterrupted runs."
    )
    content = json.loads(meta.read_text())
    assert (content["threads"], content["versions"]) == (2, versions)
    (before,) = content["earlier"]
    assert (before["threads"], before["versions"]["numpy"]) == (1, "1.0")
    assert open_experiment(folder).runs[0].meta == content
