"""A process that is killed, at whatever moment, costs a moment and nothing else."""

import random
import signal
import subprocess
import sys
import time

import pytest

import tracekit
from tests.experiment.decoding import decoded
from tracekit.experiment import Sweep, resume_sweep, run_sweep
from tracekit.traces import open_experiment

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
