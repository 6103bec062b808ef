"""Whatever happens to a store is said in one sentence, and what was recorded stays readable."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from tests.traces.small_runs import fill, writer
from tracekit.errors import StoreError
from tracekit.traces import open_experiment, read
from tracekit.traces.doctor import examine, quarantine


@pytest.fixture
def store(tmp_path):
    """Two runs; the second has two parts, as an interrupted run has."""
    for name in ("a", "b"):
        with writer(tmp_path / "exp" / name) as run:
            fill(run, 1, 10)
            run.flush(wait=True)
            fill(run, 11, 20)
            run.finish("finished" if name == "a" else "interrupted")
    assert len(open_experiment(tmp_path / "exp").runs[1].parts) == 2
    return tmp_path / "exp"


def problems(store):
    return [(entry.run, entry.path.name, entry.problem, entry.loss) for entry in examine(store)]


def test_a_healthy_store_has_no_findings(store):
    assert problems(store) == []


def test_a_truncated_part(store):
    part = open_experiment(store).runs[1].parts[1]
    part.write_bytes(part.read_bytes()[:-20])
    (finding,) = problems(store)
    assert finding[:2] == ("b", part.name)
    assert finding[2].startswith("cannot be read as Parquet (")
    assert finding[2].endswith("it held 20 values")
    assert finding[3] == "values"
    with pytest.raises(StoreError, match=f"{part} cannot be read as Parquet"):
        read(store)
    assert len(read(store, runs="a")) == 40
    (moved,) = quarantine(examine(store))
    assert moved == store / "b" / "quarantine" / part.name
    assert problems(store) == [
        (
            "b",
            part.name,
            "was removed from the run's parts, with 20 values of updates 11 to 20; `tracekit resume` records them again",
            "values",
        )
    ]
    assert read(store, runs="b")["step"].max() == 10


def test_a_flipped_bit_that_parquet_does_not_notice(store):
    part = open_experiment(store).runs[0].parts[0]
    content = bytearray(part.read_bytes())
    for position in range(len(content) - 300, 8, -1):
        content[position] ^= 1
        part.write_bytes(content)
        try:
            read(store, runs="a")
        except StoreError:
            content[position] ^= 1
            continue
        break
    assert problems(store) == [("a", part.name, "does not have the checksum it was written with", "values")]


def test_a_missing_part(store):
    part = open_experiment(store).runs[1].parts[0]
    part.unlink()
    assert problems(store) == [("b", part.name, "is missing, with 20 values", "values")]
    with pytest.raises(StoreError, match=f"{part} cannot be read as Parquet"):
        read(store)
    (moved,) = quarantine(examine(store))
    assert moved.name == "part-000001.parquet"  # what comes after the hole
    assert read(store, runs="b").empty
    (run,) = (run for run in open_experiment(store).runs if run.name == "b")
    assert run.step == 0
    (store / "a" / "traces" / "part-000002.parquet").unlink()
    assert quarantine(examine(store)) == []
    assert [entry[2].partition("; ")[2] for entry in problems(store)] == [
        "move the run's folder away and `tracekit resume` trains it again",
        *["`tracekit resume` records them again"] * 2,
    ]


def test_a_part_of_another_run(store):
    source, target = open_experiment(store).runs[0].parts[0], open_experiment(store).runs[1].parts[0]
    shutil.copy(source, target)
    with pytest.raises(StoreError) as caught:
        read(store)
    assert str(caught.value) == f"{target} is a part of another run; move it to that run's folder."
    assert problems(store) == [("b", target.name, "is a part of another run; it held 20 values", "values")]
    quarantine(examine(store))
    assert [found[:2] for found in problems(store)] == [("b", target.name), ("b", "part-000001.parquet")]
    assert quarantine(examine(store)) == []


def test_a_stray_part_is_not_read_and_is_found(store):
    part = open_experiment(store).runs[0].parts[0]
    stray = part.with_name("part-000099.parquet")
    shutil.copy(part, stray)
    assert len(read(store, runs="a")) == 40
    assert problems(store) == [("a", stray.name, "is not a part of this run", "none")]
    quarantine(examine(store))
    assert not stray.exists()
    assert problems(store) == []


def test_a_leftover_of_an_interrupted_write(store):
    leftover = store / "a" / "traces" / ".part-000007.parquet.123.tmp"
    leftover.write_bytes(b"PAR1")
    assert problems(store) == [("a", leftover.name, "is a leftover of an interrupted write", "none")]


def test_damaged_records(store):
    (store / "a" / "status.json").write_text("{")
    (store / "b" / "meta.json").unlink()
    (store / "experiment.json").write_text("[]")
    found = {(run, name): problem for run, name, problem, _ in problems(store)}
    assert found["a", "status.json"].startswith("cannot be read as JSON (")
    assert found["b", "meta.json"] == "is missing"
    assert found["", "experiment.json"] == "must hold a JSON object"
    with pytest.raises(StoreError, match=r"status\.json cannot be read as JSON"):
        read(store / "a")


def test_a_run_without_its_records_is_set_aside_whole(store):
    (store / "a" / "status.json").unlink()
    with pytest.raises(StoreError) as caught:
        read(store)
    assert str(caught.value) == (
        f"{store / 'a' / 'status.json'} is missing; `tracekit doctor --quarantine` sets incomplete runs aside."
    )
    assert quarantine(examine(store)) == [store / "quarantine" / "a"]
    assert examine(store) == []
    assert set(read(store)["run"]) == {"b"}


def test_a_damaged_checkpoint(store):
    (store / "b" / "checkpoint.npz").write_bytes(b"half")
    (finding,) = problems(store)
    assert finding == (
        "b",
        "checkpoint.npz",
        "cannot be read; without it the run starts again from the beginning",
        "none",
    )
    assert quarantine(examine(store)) == [store / "b" / "quarantine" / "checkpoint.npz"]


def test_quarantine_never_overwrites(store):
    for content in (b"one", b"two"):
        (store / "b" / "checkpoint.npz").write_bytes(content)
        quarantine(examine(store))
    kept = sorted((store / "b" / "quarantine").iterdir())
    assert [path.read_bytes() for path in kept] == [b"one", b"two"]


@pytest.fixture
def disk(tmp_path):
    """A file system of 300 kB."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True
    ).returncode:
        pytest.skip("may not mount a file system here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_ends_the_run_and_keeps_what_was_written(disk):
    rng = np.random.default_rng(0)

    def run_until_full():
        with writer(disk / "a") as run:
            for step in range(1, 2000):
                run.record(step, 1, "noise", rng.normal(size=200))
                if step % 50 == 0:
                    run.flush(wait=True)

    with pytest.raises(StoreError) as caught:
        run_until_full()
    assert "No space left on device" in str(caught.value)
    assert str(caught.value).endswith("choose a writable folder with free space.")
    frame = read(disk)
    assert len(frame) >= 200 * 50
    assert len(frame) % (200 * 50) == 0
    assert frame["step"].max() == len(frame) // 200


def test_a_file_system_that_becomes_read_only_ends_the_run_and_keeps_what_was_written(disk):
    run = writer(disk / "a")
    fill(run, 1, 10)
    run.flush(wait=True)
    run._lock._file.close()  # an open file would keep the file system writable
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    fill(run, 11, 20)
    part = disk / "a" / "traces" / "part-000001.parquet"
    with pytest.raises(StoreError) as caught:
        run.flush(wait=True)
    assert str(caught.value) == (
        f"cannot write {part} (Read-only file system); choose a writable folder with free space."
    )
    assert read(disk)["step"].max() == 10
    with pytest.raises(StoreError) as caught:
        writer(disk / "b")
    folder = disk / "b" / "traces"
    assert str(caught.value) == (
        f"cannot create the folder {folder} (Read-only file system); choose a writable folder."
    )


def test_reading_one_signal_touches_only_its_row_groups(tmp_path):
    """The bytes of the others may even be damaged."""
    import pyarrow.parquet as pq

    steps = np.arange(1, 5001)
    with writer(tmp_path / "a") as run:
        for name in ("x", "y", "z"):
            run.record_series(name, steps, np.ones(5000, int), np.arange(5000.0))
        run.finish()
    (part,) = open_experiment(tmp_path).runs[0].parts
    groups, content = pq.read_metadata(part), bytearray(part.read_bytes())
    for number in (0, 2):
        columns = [groups.row_group(number).column(k) for k in range(groups.num_columns)]
        for column in columns:
            first = column.dictionary_page_offset or column.data_page_offset
            content[first : first + column.total_compressed_size] = bytes(column.total_compressed_size)
    part.write_bytes(content)
    assert read(tmp_path, signals="y")["value"].tolist() == list(range(5000))
    for name in ("x", "z"):
        with pytest.raises(StoreError, match=f"{part} cannot be read as Parquet"):
            read(tmp_path, signals=name)


def test_the_index_is_only_a_copy(store):
    before = open_experiment(store)
    index = store / "index.json"
    assert index.exists()
    index.write_text("{ damaged")
    assert open_experiment(store) == before
    index.unlink()
    assert open_experiment(store) == before
    with writer(store / "c") as run:
        fill(run, 1, 2)
        assert {entry.name: entry.status for entry in open_experiment(store).runs}["c"] == "running"
        run.finish()
    assert {entry.name: entry.status for entry in open_experiment(store).runs}["c"] == "finished"
    shutil.rmtree(store / "c")
    assert open_experiment(store) == before


def test_a_store_that_is_only_read_need_not_be_writable(store, monkeypatch):
    (store / "index.json").unlink(missing_ok=True)

    def refuse(path, write):
        raise StoreError("read-only")

    monkeypatch.setattr("tracekit.traces.index.write_whole", refuse)
    assert len(read(store)) == 80


def test_a_store_that_lists_no_parts_is_read_whole(store):
    """Another program may have written it, after docs/format.md; or an early tracekit."""
    import json

    for record, key in (("status.json", "parts"), ("config.json", "run_id")):
        path = store / "b" / record
        content = json.loads(path.read_text())
        del content[key]
        path.write_text(json.dumps(content))
    assert len(read(store, runs="b")) == 40


def test_what_a_writer_at_work_has_is_no_leftover(store):
    with writer(store / "c") as run:
        fill(run, 1, 2)
        leftover = store / "c" / "traces" / ".part-000000.parquet.123.tmp"
        leftover.write_bytes(b"PAR1")
        before = sorted(store.rglob("*"))
        assert problems(store) == []
        assert sorted(store.rglob("*")) == before
        run.abandon()
    assert problems(store) == [("c", leftover.name, "is a leftover of an interrupted write", "none")]
