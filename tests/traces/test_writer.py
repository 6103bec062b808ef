"""The writer: when parts leave, how they are laid out and merged, and what a run's times are."""

import datetime
import json
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq

from tests.traces.small_runs import fill, writer
from tracekit.traces import RunWriter, open_experiment, read, signal_names
from tracekit.traces.doctor import examine


def test_two_processes_cannot_write_one_run(tmp_path):
    run = writer(tmp_path / "a")
    code = (
        "import sys; from pathlib import Path; from tracekit.traces import RunWriter\n"
        "try: RunWriter.resume(Path(sys.argv[1]), last_step=0)\n"
        "except Exception as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == (
        f"{tmp_path / 'a'} is being written by another process; wait for it, or write to another folder."
    )
    fill(run, 1, 3)
    run.finish()
    assert len(read(tmp_path)) == 6


def test_a_clock_that_is_set_back_changes_no_duration(tmp_path, monkeypatch):
    with writer(tmp_path / "a", flush_seconds=0.01) as run:
        fill(run, 1, 2)
        monkeypatch.setattr(time, "time", lambda: 0.0)
        time.sleep(0.02)
        assert run.due
        run.finish()
    (entry,) = open_experiment(tmp_path).runs
    assert entry.seconds >= 0.02


def test_parts_are_due_by_age_and_by_number(tmp_path):
    with writer(tmp_path / "a", flush_seconds=1e9, rows_per_part=4) as run:
        assert not run.due
        fill(run, 1, 1)
        assert not run.due
        fill(run, 2, 2)
        assert run.due
        run.flush()
        assert not run.due
        run.finish()


def test_many_parts_of_a_long_run_are_merged_as_it_goes(tmp_path):
    with writer(tmp_path / "a") as run:
        for step in range(1, 201):
            fill(run, step, step)
            run.flush(wait=True)
            assert len(list((tmp_path / "a" / "traces").iterdir())) <= 64
        run.finish()
    assert len(open_experiment(tmp_path).runs[0].parts) == 1
    frame = read(tmp_path, signals="train/loss")
    assert frame["step"].tolist() == list(range(1, 201))
    assert examine(tmp_path) == []


def test_each_signal_has_its_own_row_groups(tmp_path):
    steps = np.arange(1, 5001)
    with writer(tmp_path / "a") as run:
        for name in ("x", "y", "z"):
            run.record_series(name, steps, np.ones(5000, int), np.arange(5000.0))
        run.finish()
    (part,) = open_experiment(tmp_path).runs[0].parts
    groups = pq.ParquetFile(part).metadata
    column = groups.schema.names.index("signal")
    spans = {
        groups.row_group(k).column(column).statistics.min: groups.row_group(k).num_rows
        for k in range(groups.num_row_groups)
    }
    assert spans == {"x": 5000, "y": 5000, "z": 5000}
    assert signal_names(open_experiment(tmp_path).runs[0]) == ["x", "y", "z"]


def test_a_writer_flushes_by_itself_when_a_part_is_due(tmp_path):
    """By age, at the next update; parts end between updates."""
    with writer(tmp_path / "a", flush_seconds=0.05) as run:
        fill(run, 1, 3)
        time.sleep(0.06)
        fill(run, 4, 4)
        run._settle()
        frame = read(tmp_path)
        assert (len(frame), frame["step"].max()) == (6, 3)
        run.record_series("x", np.array([1]), np.array([1]), np.array([1.0]))
        time.sleep(0.06)
        run.record_series("y", np.array([1]), np.array([1]), np.array([1.0]))
        run._settle()
        assert len(read(tmp_path)) == 9
        run.finish()
    with writer(tmp_path / "b", flush_seconds=0.01, flush_when_due=False) as run:
        fill(run, 1, 3)
        time.sleep(0.02)
        fill(run, 4, 4)
        assert run.due
        assert read(tmp_path / "b").empty
        run.finish()


def test_the_end_is_the_clocks_time_after_a_rest(tmp_path):
    with writer(tmp_path / "a") as run:
        fill(run, 1, 10)
        run.finish("interrupted")
    path = tmp_path / "a" / "status.json"
    content = json.loads(path.read_text())
    content["started"] = "2020-01-01T00:00:00+00:00"
    path.write_text(json.dumps(content))
    with RunWriter.resume(tmp_path / "a", last_step=10, meta={"threads": 3}) as run:
        run.finish()
    content = json.loads(path.read_text())
    assert content["started"] == "2020-01-01T00:00:00+00:00"
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(content["ended"])
    assert age < datetime.timedelta(minutes=5)
    assert json.loads((tmp_path / "a" / "meta.json").read_text()) == {"threads": 3}


def test_units_outlast_a_kill_and_the_merging_of_parts(tmp_path):
    run = writer(tmp_path / "a", units={"train/loss": "nat"})
    fill(run, 1, 2)
    run.flush(wait=True)
    fill(run, 3, 6)
    run.flush(wait=True)
    run.abandon()
    # Whoever goes on knows nothing of units: those of what is kept are kept.
    with RunWriter.resume(tmp_path / "a", last_step=4) as run:
        fill(run, 5, 6)
        run.finish()
    (entry,) = open_experiment(tmp_path).runs
    assert len(entry.parts) == 1
    assert (entry.unit("train/loss"), entry.unit("layer/grad_norm")) == ("nat", "")
    assert len(read(tmp_path)) == 12
