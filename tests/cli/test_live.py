"""What is shown while a sweep runs, by itself and by another process, and that Ctrl-C ends it well."""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

import tracekit

RUN = (sys.executable, "-m", "tracekit.cli", "run", "--optimizer", "sgd", "--optimizer", "adam")
RUN += ("--model", "softmax_regression", "--seeds", "5", "--preset", "minimal")


#: Seconds to wait for another process on a machine that is busy with other things.
PATIENCE = 240


@pytest.fixture
def start():
    """Start processes that do not outlive the test."""
    begun = []

    def start(words, **settings):
        begun.append(subprocess.Popen(words, **settings))
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def watched(tracekit_command, folder):
    return json.loads(tracekit_command("watch", folder, "--once", "--json").out)


def test_watch_shows_a_sweep_that_has_ended(tracekit_command, small_experiment):
    board = watched(tracekit_command, small_experiment)
    assert (board["done"], board["n_runs"], board["statuses"]) == (True, 10, {"finished": 10})
    assert board["updates"] == board["n_updates"] == 2600
    labels = json.loads(tracekit_command("label", small_experiment, "--json").out)
    for cell, label in zip(
        sorted(board["cells"], key=lambda row: row["optimizer"]),
        sorted(labels, key=lambda row: row["optimizer"]),
        strict=True,
    ):
        assert all(
            cell[key] == label[key] for key in ("optimizer", "batch_size", "label", "index", "n_seeds")
        )
        assert (cell["n_ended"], cell["updates"]) == (5, 1300)
    losses = tracekit.read(small_experiment, signals="train/loss")
    last = losses[losses["step"] == 260].set_index("run")["value"]
    assert {run["run"]: run["loss"] for run in board["runs"]} == last.to_dict()
    done = tracekit_command("watch", small_experiment)
    assert done.code == 0
    assert "small: 10/10 runs, 2600/2600 updates" in done.out
    lines = tracekit_command("watch", small_experiment, "--json").out.splitlines()
    assert [json.loads(line)["done"] for line in lines] == [True]


def test_watch_writes_nothing_and_knows_runs_that_wait_stopped_or_failed(
    tracekit_command, small_experiment, tmp_path, monkeypatch
):
    store = tmp_path / "x"
    shutil.copytree(small_experiment, store)
    (store / "index.json").unlink(missing_ok=True)
    shutil.rmtree(store / "adam-lr0.001-b40-s4")

    def put(run, **changes):
        path = store / run / "status.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    put("sgd-lr0.1-b40-s4", status="interrupted", step=130)
    put("sgd-lr0.1-b40-s3", status="failed", reason="StoreError: no room")
    before = sorted(path.relative_to(store) for path in store.rglob("*"))
    board = watched(tracekit_command, store)
    assert board["statuses"] == {"failed": 1, "finished": 7, "interrupted": 1, "waiting": 1}
    assert (board["done"], board["n_updates"], board["updates"]) == (False, 2600, 2600 - 260 - 130)
    waiting = next(run for run in board["runs"] if run["status"] == "waiting")
    assert (waiting["run"], waiting["step"], waiting["n_updates"]) == ("adam-lr0.001-b40-s4", 0, 260)
    assert sorted(path.relative_to(store) for path in store.rglob("*")) == before
    # Nothing runs and nothing will: watching ends, with the code of a sweep in which a run failed.
    monkeypatch.setattr("tracekit.cli.commands.watch._STOPPED_AFTER", 0.0)
    done = tracekit_command("watch", store, "--interval", 0.1, "--no-labels")
    assert done.code == 3
    assert "sgd-lr0.1-b40-s3: failed (StoreError: no room)" in done.out
    put("sgd-lr0.1-b40-s3", status="finished", reason=None)
    done = tracekit_command("watch", store, "--interval", 0.1, "--no-labels")
    assert done.code == 0
    assert done.out.endswith(f"the sweep has stopped; `tracekit resume {store}` continues it.\n")


def test_watch_needs_a_sweep(tracekit_command, tmp_path):
    done = tracekit_command("watch", tmp_path / "x", "--once")
    assert (done.code, done.err) == (
        1,
        f"Error: {tmp_path / 'x'} is not a folder; give the folder that `tracekit run --out` wrote.\n",
    )
    done = tracekit_command("watch", tmp_path, "--once")
    assert done.err == f"Error: {tmp_path} holds no runs; give the folder that `tracekit run --out` wrote.\n"


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_after_an_update_and_says_how_to_go_on(tracekit_command, start, tmp_path, jobs):
    store = tmp_path / "x"
    # A test runner in the background ignores Ctrl-C, and so would what it starts.
    heed = (
        "import signal, tracekit.cli as c; signal.signal(signal.SIGINT, signal.default_int_handler); c.main()"
    )
    words = [
        sys.executable,
        "-c",
        heed,
        *RUN[3:],
        "--updates",
        "20000",
        "--jobs",
        str(jobs),
        "--flush-seconds",
        "0.2",
        "--out",
        str(store),
    ]
    sweep = start(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    while len(list(store.glob("*/checkpoint.npz"))) < jobs:
        assert time.monotonic() < deadline, f"nothing was recorded in {PATIENCE} s"
        assert sweep.poll() is None
        time.sleep(0.1)
    board = watched(tracekit_command, store)  # while the other process writes
    assert board["statuses"]["running"] == jobs
    assert board["updates"] > 0
    sweep.send_signal(signal.SIGINT)
    _, told = sweep.communicate(timeout=PATIENCE)
    assert sweep.returncode == 130
    assert told.splitlines()[-1] == (
        f"Stopped; the recorded values are kept in {store}; `tracekit resume {store}` continues."
    )
    assert "Traceback" not in told
    statuses = watched(tracekit_command, store)["statuses"]
    assert statuses["interrupted"] >= jobs
    assert statuses["interrupted"] + statuses["waiting"] == 10
    assert tracekit_command("doctor", store).code == 0


def test_a_terminal_shows_bars_losses_and_labels(start, tmp_path):
    """In a terminal of 100 columns; what it shows is redrawn, so only its words are looked for."""
    primary, secondary = pty.openpty()
    store = tmp_path / "x"
    words = [*RUN, "--updates", "250", "--jobs", "1", "--out", str(store)]
    sweep = start(
        words, stdout=subprocess.PIPE, stderr=secondary, env=os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    )
    os.close(secondary)
    shown = b""
    while True:
        ready, _, _ = select.select([primary], [], [], PATIENCE)
        assert ready, f"nothing was shown in {PATIENCE} s"
        try:
            piece = os.read(primary, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    out, _ = sweep.communicate(timeout=PATIENCE)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert sweep.returncode == 0
    assert re.search(r"runs .*\d+/10 .*(updates/s, ETA [\d:]+|starting)", text)
    assert re.search(r"sgd-lr0.1-b100-s\d .*/250 .*loss \d", text)
    assert re.search(r"labels so far: sgd 100 (stable|unstable|inconclusive)", text)
    assert "10/10 runs, 2500 updates in " in text
    assert out.decode().startswith("10 runs in ")


def test_plain_lines_where_there_is_no_terminal_and_none_when_quiet(tracekit_command, tmp_path, monkeypatch):
    monkeypatch.setattr("tracekit.cli.progress._PLAIN_SECONDS", 0.0)
    monkeypatch.setattr("tracekit.cli.progress._SETTLED_SECONDS", 0.0)
    words = RUN[3:]
    done = tracekit_command(*words, "--updates", 250, "--jobs", 1, "--out", tmp_path / "x")
    assert done.code == 0
    lines = done.err.splitlines()
    assert re.match(
        r"0/10 runs, \d+ updates?, \d+ updates/s, ETA [\d:]+, sgd-lr0.1-b100-s0 loss \d", lines[0]
    )
    assert any(re.match(r"labels so far: sgd 100 \w+", line) for line in lines)
    assert re.fullmatch(r"10/10 runs, 2500 updates in \d+:\d\d", lines[-1])
    assert "\x1b" not in done.err
    done = tracekit_command(*words, "--updates", 3, "--jobs", 1, "--out", tmp_path / "y", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_run_gives_its_outcome_as_json(tracekit_command, tmp_path):
    done = tracekit_command(*RUN[3:], "--updates", 3, "--jobs", 1, "-q", "--json", "--out", tmp_path / "x")
    content = json.loads(done.out)
    assert content["n_runs"] == 10
    assert content["failed"] == {}
    assert {run["status"] for run in content["runs"]} == {"finished"}
    again = json.loads(tracekit_command("resume", tmp_path / "x", "--json").out)
    assert again == content


@pytest.fixture(scope="module")
def two_rates(tmp_path_factory):
    """One optimizer at two learning rates, five seeds each."""
    from tracekit.experiment import Sweep, run_sweep

    folder = tmp_path_factory.mktemp("rates") / "rates"
    sweep = Sweep(
        optimizers=["sgd:learning_rate=0.1", "sgd:learning_rate=0.01"],
        seeds=5,
        updates=150,
        model="softmax_regression",
        recording={"preset": "minimal"},
    )
    run_sweep(sweep, folder, jobs=1)
    return folder


def test_cells_are_those_of_label_where_an_optimizer_has_two_rates(tracekit_command, two_rates):
    board = watched(tracekit_command, two_rates)
    labels = json.loads(tracekit_command("label", two_rates, "--json").out)
    keys = ("optimizer", "batch_size", "learning_rate", "label", "index", "n_seeds")
    seen = [tuple(cell[key] for key in keys) for cell in board["cells"]]
    assert sorted(seen) == sorted(tuple(row[key] for key in keys) for row in labels)
    assert [cell["n_runs"] for cell in board["cells"]] == [5, 5]
    done = tracekit_command("watch", two_rates, "--once")
    assert re.search(r"sgd +100 +0\.01 +5/5", done.out)


def test_labels_so_far_of_a_run_with_two_rates(tracekit_command, tmp_path):
    words = ("run", "--optimizer", "sgd:learning_rate=0.1", "--optimizer", "sgd:learning_rate=0.01")
    words += ("--model", "softmax_regression", "--seeds", 5, "--preset", "minimal", "--updates", 150)
    done = tracekit_command(*words, "--jobs", 1, "--out", tmp_path / "x")
    assert done.code == 0
    assert re.search(r"labels so far: sgd 100 0\.1 (stable|unstable|inconclusive)", done.err)


def test_an_analysis_that_fails_does_not_end_the_watching(tracekit_command, two_rates, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("no luck")

    monkeypatch.setattr("tracekit_analysis.label", fail)
    done = tracekit_command("watch", two_rates)
    assert done.code == 0
    assert "no labels so far (RuntimeError: no luck)" in done.out
    board = watched(tracekit_command, two_rates)
    assert board["labels_problem"] == "RuntimeError: no luck"
    assert {cell["label"] for cell in board["cells"]} == {None}


def test_that_numba_is_missing_is_said_once_for_all_workers(tmp_path):
    (tmp_path / "numba.py").write_text("raise ModuleNotFoundError('numba')")
    words = [*RUN, "--updates", "3", "--jobs", "3", "-q", "--out", str(tmp_path / "x")]
    done = subprocess.run(
        words,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stderr.count("numba is not installed") == 1
    assert len(done.stderr.splitlines()) == 1


def test_resume_takes_threads_and_flush_seconds(tracekit_command, tmp_path, monkeypatch):
    tracekit_command(*RUN[3:], "--updates", 3, "--jobs", 1, "-q", "--out", tmp_path / "x")
    shutil.rmtree(next((tmp_path / "x").glob("adam-*")))
    seen = {}
    monkeypatch.setattr(
        "tracekit.experiment.resume_sweep", lambda *args, **given: seen.update(given) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        tracekit_command(
            "--debug", "resume", tmp_path / "x", "--threads", 2, "--flush-seconds", 0.5, "--jobs", 1
        )
    assert (seen["threads"], seen["flush_seconds"]) == (2, 0.5)
