"""An experiment that was stopped, in whatever way, ends with the traces of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import tracekit
from tracekit.errors import StoreError
from tracekit.experiment import Interrupted, Sweep, execution, resume_sweep, run_sweep, unfinished_runs
from tracekit.experiment.checkpointing import Checkpointer
from tracekit.traces import RunWriter, open_experiment
from tracekit.traces.doctor import examine, quarantine

SETTINGS = {"model": "mlp", "batch_sizes": [100], "updates": 60}


def decoded(path):
    """Every column of every run, as bytes."""
    frame = tracekit.read(path)
    names = [name for name in frame if name not in ("value", "status")]
    text = frame[names].astype(str).to_csv(index=False)
    return text, frame["value"].to_numpy().tobytes()


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


@pytest.mark.parametrize("step", [1, 2, 13, 14, 15, 28, 59])
@pytest.mark.parametrize("decay", ["off", "layer"])
def test_a_run_that_died_goes_on_to_the_same_bytes(tmp_path, monkeypatch, dies_after, step, decay):
    """There are 14 updates in an epoch: the steps lie inside, at the end and at the start of epochs."""
    sweep = Sweep(optimizers=["adam"], information_decay=decay, **SETTINGS)
    run_sweep(sweep, tmp_path / "whole", jobs=1)
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
    assert decoded(tmp_path / "died") == decoded(tmp_path / "whole")


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


def test_values_beyond_the_checkpoint_are_recorded_once(tmp_path, monkeypatch, dies_after):
    """A part left, the checkpoint after it did not: the part's values are dropped and recorded again."""
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    run_sweep(sweep, tmp_path / "whole", jobs=1)
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
    assert decoded(tmp_path / "died") == decoded(tmp_path / "whole")


def test_a_run_without_a_checkpoint_starts_anew(tmp_path, monkeypatch, dies_after):
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    run_sweep(sweep, tmp_path / "whole", jobs=1)
    dies_after(10)
    run_sweep(sweep, tmp_path / "died", jobs=1)
    monkeypatch.undo()
    next((tmp_path / "died").rglob("checkpoint.npz")).unlink()
    resume_sweep(tmp_path / "died", jobs=1)
    assert decoded(tmp_path / "died") == decoded(tmp_path / "whole")


def test_ctrl_c_stops_after_an_update_and_says_how_to_go_on(tmp_path):
    sweep = Sweep(optimizers=["adam", "sgd"], **SETTINGS | {"updates": 400})
    run_sweep(sweep, tmp_path / "whole", jobs=1)

    def press(news):
        if news.step > 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        run_sweep(sweep, tmp_path / "x", jobs=1, progress=press)
    assert str(caught.value) == (
        f"stopped; what was recorded is kept in {tmp_path / 'x'}: go on with `tracekit resume {tmp_path / 'x'}`."
    )
    (run,) = open_experiment(tmp_path / "x").runs
    assert run.status == "interrupted"
    assert run.reason == f"interrupted after step {run.step}"
    assert len(unfinished_runs(tmp_path / "x")) == 2
    resume_sweep(tmp_path / "x", jobs=1)
    assert unfinished_runs(tmp_path / "x") == []
    assert decoded(tmp_path / "x") == decoded(tmp_path / "whole")


@pytest.mark.parametrize("damaged", [0, 7, -1])
def test_a_damaged_part_of_an_unfinished_run_is_recorded_again(tmp_path, monkeypatch, dies_after, damaged):
    """Whether it is the first, one in the middle or the last: no step is missing in the end."""
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    run_sweep(sweep, tmp_path / "whole", jobs=1)
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
    assert decoded(tmp_path / "died") == decoded(tmp_path / "whole")
    status = json.loads((run.path / "status.json").read_text())
    assert (status["status"], status.get("lost", [])) == ("finished", [])
    assert examine(tmp_path / "died") == []


def test_failed_runs_are_tried_again_on_request(tmp_path, monkeypatch):
    sweep = Sweep(optimizers=["adam"], **SETTINGS)
    run_sweep(sweep, tmp_path / "whole", jobs=1)

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
    assert decoded(tmp_path / "x") == decoded(tmp_path / "whole")


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
        "was recorded on other data than this digits; pass the --data-dir it was run with." in news[-1].reason
    )


def test_there_must_be_an_experiment(tmp_path):
    with pytest.raises(StoreError) as caught:
        resume_sweep(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no experiment to resume; give the folder that `tracekit run --out` wrote."
    )


KILLED = """
import sys
from tracekit.experiment import Sweep, resume_sweep, run_sweep
path, fresh = sys.argv[1], sys.argv[2] == "fresh"
print("ready", flush=True)
told = []
def tell(news):
    if not told:
        told.append(print("recording", flush=True))
if fresh:
    sweep = Sweep(optimizers=["adam", "muon"], model="mlp", batch_sizes=[50], updates=int(sys.argv[3]))
    run_sweep(sweep, path, jobs=1, flush_seconds=0.02, progress=tell)
else:
    resume_sweep(path, jobs=1, flush_seconds=0.02, progress=tell)
"""


def live_and_die(path, fresh, updates, seconds, early):
    """Start (or go on with) the experiment in a process of its own and kill it -9; whether it ended before.

    The clock runs from the first update, however slow the machine is, or with `early` from before the first file.
    """
    words = [sys.executable, "-c", KILLED, str(path), "fresh" if fresh else "resume", str(updates)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        if not early:
            process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return process.returncode == 0


def kill_until_done(tmp_path, n_kills, updates, longest, seed):
    draw = random.Random(seed)
    sweep = Sweep(optimizers=["adam", "muon"], model="mlp", batch_sizes=[50], updates=updates)
    run_sweep(sweep, tmp_path / "whole", jobs=1)
    path = tmp_path / "killed"
    kills = 0
    while kills < n_kills:
        begun = (path / "experiment.json").exists()
        if live_and_die(path, not begun, updates, draw.uniform(0.0, longest), early=draw.random() < 0.2):
            break
        kills += 1
        if (path / "experiment.json").exists() and any(path.rglob("config.json")):
            frame = tracekit.read(path)  # readable after every kill
            assert not frame.duplicated(["run", "signal", "layer", "index", "step"]).any()
    if not (path / "experiment.json").exists():
        run_sweep(sweep, path, jobs=1)
    resume_sweep(path, jobs=1)
    assert decoded(path) == decoded(tmp_path / "whole")
    return kills


def test_kill_minus_nine_at_random_moments(tmp_path):
    kills = kill_until_done(tmp_path, n_kills=3, updates=1000, longest=0.5, seed=0)
    assert kills == 3


@pytest.mark.calibration
def test_fifty_kills_at_random_moments(tmp_path, capsys):
    kills = kill_until_done(tmp_path, n_kills=60, updates=15_000, longest=1.0, seed=1)
    with capsys.disabled():
        print(f"\nkilled {kills} times; the decoded tables are equal")
    assert kills >= 50


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


LOGGED = """
import os, sys, time
from tracekit.experiment import Sweep, run_sweep
from tracekit.experiment.checkpointing import Checkpointer
original = Checkpointer.on_update_end
reached = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def on_update_end(self, step):
    os.write(reached, f"{time.monotonic()} {step}\\n".encode())
    original(self, step)
Checkpointer.on_update_end = on_update_end
sweep = Sweep(optimizers=["adam"], model="mlp", batch_sizes=[50], updates=10_000_000)
run_sweep(sweep, sys.argv[1], jobs=1, flush_seconds=0.2)
"""
#: Seconds that writing a part may take on a machine that is busy with other things.
SLACK = 1.0


@pytest.mark.skipif(sys.platform != "linux", reason="the clock must be the same for two processes")
def test_a_kill_costs_at_most_the_last_flush_interval(tmp_path):
    path, log = tmp_path / "x", tmp_path / "reached"
    with subprocess.Popen([sys.executable, "-c", LOGGED, str(path), str(log)]) as process:
        deadline = time.monotonic() + 120
        while not any(path.glob("*/checkpoint.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline, "nothing was stored"
            time.sleep(0.05)
        time.sleep(2.0)
        killed = time.monotonic()
        process.send_signal(signal.SIGKILL)
    reached = [line.split() for line in log.read_text().splitlines() if line.count(" ") == 1]
    owed = max(int(step) for moment, step in reached if float(moment) <= killed - 0.2 - SLACK)
    (run,) = open_experiment(path).runs
    assert run.status == "running"
    assert run.step >= owed > 1
    loss = tracekit.read(path, signals="train/loss")
    assert loss["step"].tolist() == list(range(1, run.step + 1))


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
        True: "without compiled loops, which are used here, and would go on to other values; set TRACEKIT_COMPILED=0",
        False: "with compiled loops, which are not used here, and would go on to other values; install numba "
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
            f"{meta.parent} was recorded {sentence}, or move the folder away to train the run anew."
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
        f"interrupted runs go on with numpy {np.__version__} instead of 1.0: values may differ in the last digits "
        "from those of runs that were not interrupted."
    )
    content = json.loads(meta.read_text())
    assert (content["threads"], content["versions"]) == (2, versions)
    (before,) = content["earlier"]
    assert (before["threads"], before["versions"]["numpy"]) == (1, "1.0")
    assert open_experiment(folder).runs[0].meta == content
