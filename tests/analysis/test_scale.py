"""Many series: several processes, Parquet folders larger than a bucket, progress."""

from __future__ import annotations

import gc
import io
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.analysis.processes import autoregressive, iid, traces
from tracekit_analysis import AnalysisError, characterize, label, label_from_features, progress_bar
from tracekit_analysis.tables import parquet


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Eight series of two signals, rows interleaved by step; some keys missing."""
    parts = [
        traces(iid, seeds=4, n=300, signal="train/loss"),
        traces(autoregressive(0.5), seeds=4, n=[200, 250, 300, 350], signal="layer/grad_norm", layer="conv1"),
    ]
    table = pd.concat(parts, ignore_index=True).sort_values("step", kind="stable", ignore_index=True)
    return table.astype({"layer": "string", "index": "Int32"})


@pytest.fixture(scope="module")
def folder(frame, tmp_path_factory):
    """The same rows in three files of several row groups."""
    place = tmp_path_factory.mktemp("parts")
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 3)):
        part = pa.Table.from_pandas(frame.iloc[rows], preserve_index=False)
        pq.write_table(part, place / f"part-{number:06}.parquet", row_group_size=500)
    return place


@pytest.mark.parametrize("preset", ["minimal", "standard"])
def test_any_number_of_processes_gives_the_same_bytes(frame, preset):
    one, two = (characterize(frame, preset=preset, jobs=jobs) for jobs in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert one.to_csv().encode() == two.to_csv().encode()


@pytest.mark.parametrize("bucket_rows", [1, 700, 2_000_000])
def test_a_folder_gives_what_its_rows_in_memory_give(folder, bucket_rows, monkeypatch):
    monkeypatch.setattr(parquet, "BUCKET_ROWS", bucket_rows)
    pd.testing.assert_frame_equal(
        characterize(folder, preset="minimal"), characterize(pd.read_parquet(folder), preset="minimal")
    )


def test_a_folder_of_one_series_needs_no_keys(folder):
    names = ["step", "value"]
    rows = pd.read_parquet(folder / "part-000000.parquet").query("signal == 'train/loss' and seed == 0")[
        names
    ]
    path = folder / "one" / "only.parquet"
    path.parent.mkdir()
    rows.to_parquet(path)
    try:
        pd.testing.assert_frame_equal(characterize(path), characterize(rows))
    finally:
        path.unlink()


def test_dictionary_columns_may_differ_between_files(tmp_path):
    for name in ("b", "a"):
        rows = traces(iid, seeds=1, n=60).assign(run=pd.Categorical([name] * 60))
        rows.to_parquet(tmp_path / f"{name}.parquet")
    table = characterize(tmp_path, by=["run", "seed"], preset="minimal")
    assert table["run"].tolist() == ["a", "b"]


def test_memory_is_bounded_by_the_largest_series(tmp_path):
    steps = np.arange(20_000)
    for run in range(40):
        rows = pd.DataFrame({"run": f"r{run:02}", "step": steps, "value": np.sin(steps) + run})
        rows.to_parquet(tmp_path / f"{run:02}.parquet")
    largest = []
    gc.collect()  # what tests before this one have left is not counted
    before = pa.total_allocated_bytes()

    def widest(group: pd.DataFrame) -> dict[str, int]:
        largest.append(pa.total_allocated_bytes() - before)
        return {"n": len(group)}

    saved, parquet.BUCKET_ROWS = parquet.BUCKET_ROWS, 1
    try:
        table = parquet.apply_over_dataset(
            tmp_path, ["run"], widest, measured=["step", "value"], columns=["n"]
        )
    finally:
        parquet.BUCKET_ROWS = saved
    assert table["n"].tolist() == [20_000] * 40
    assert max(largest) < 10 * 20_000 * 8  # of 40 times 20,000 rows of two columns


def test_an_empty_folder_and_a_missing_one_are_named(tmp_path):
    for path in (tmp_path, tmp_path / "none.parquet"):
        with pytest.raises(AnalysisError) as error:
            characterize(path)
        shown = repr(str(path)) if len(repr(str(path))) <= 80 else repr(str(path))[:77] + "..."
        assert str(error.value) == (
            f"`frame` (={shown}) must be a table, or a Parquet file or folder that exists."
        )


def test_columns_missing_from_a_folder_are_named(folder):
    with pytest.raises(AnalysisError, match=r"must have a column 'loss'; it has 'run', 'optimizer'"):
        characterize(folder, value="loss")
    with pytest.raises(AnalysisError, match=r"must have a column 'speed'; it has 'run', 'optimizer'"):
        characterize(folder, by="speed")


@pytest.mark.parametrize(
    "empty",
    [
        pd.DataFrame(columns=["step", "value"]),
        pd.DataFrame({"step": np.zeros(0, int), "value": np.zeros(0)}),
        pd.DataFrame(columns=["run", "signal", "step", "epoch", "value"]).astype({"run": "category"}),
    ],
)
@pytest.mark.parametrize("preset", ["minimal", "standard", "full"])
def test_no_rows_give_no_rows_but_all_columns(empty, preset):
    from tracekit_analysis import describe_columns

    table = characterize(empty, preset=preset, jobs=2)
    keys = [name for name in empty.columns if name not in ("step", "epoch", "value")]
    assert list(table.columns) == [*keys, *describe_columns(preset)]
    assert len(table) == 0


def test_an_empty_file_gives_an_empty_table(frame, tmp_path):
    frame.iloc[:0].to_parquet(tmp_path / "none.parquet")
    table = characterize(tmp_path, preset="minimal")
    pd.testing.assert_frame_equal(table, characterize(frame.iloc[:0], preset="minimal"), check_dtype=False)


def test_progress_is_drawn_and_counts_all_series(frame, folder):
    for data in (frame, folder):
        stream = io.StringIO()
        characterize(data, preset="minimal", progress=progress_bar(stream))
        assert stream.getvalue().endswith(f"\r[{'#' * 30}] 8/8 series\n")


def test_labels_do_not_depend_on_the_number_of_processes():
    frame = traces(iid, seeds=5, n=300)
    pd.testing.assert_frame_equal(label(frame), label(frame, jobs=2))


@pytest.mark.parametrize("jobs", [0, -1, 1.5, True])
def test_jobs_must_be_a_positive_whole_number(frame, jobs):
    with pytest.raises(AnalysisError) as error:
        characterize(frame, jobs=jobs)
    assert str(error.value) == f"`jobs` (={jobs!r}) must be a whole number of at least 1."


@pytest.fixture
def store(tmp_path):
    """Two runs as a trace store keeps them, a file set aside and a leftover of an interrupted write."""
    frame = traces(iid, seeds=2, n=300)[["run", "seed", "step", "signal", "value"]]
    for (run, seed), rows in frame.groupby(["run", "seed"]):
        place = tmp_path / "demo" / run
        (place / "traces").mkdir(parents=True)
        (place / "quarantine").mkdir()
        attributes = {"optimizer": "sgd", "batch_size": 32, "seed": seed}
        (place / "config.json").write_text(json.dumps({"attributes": attributes}))
        (place / "status.json").write_text(json.dumps({"status": "finished" if seed else "diverged"}))
        part = rows.drop(columns="seed")
        part.to_parquet(place / "traces" / "part-000000.parquet")
        for other in ("quarantine/part-000001.parquet", "traces/.part-000002.parquet"):
            part.to_parquet(place / other)
    return tmp_path / "demo"


def test_a_store_is_read_without_what_is_set_aside_and_with_the_attributes_of_its_runs(store):
    table = characterize(store, preset="minimal")
    assert list(table.columns[:6]) == ["run", "optimizer", "batch_size", "seed", "run_status", "signal"]
    assert table["n"].tolist() == [300, 300]
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["seed"].tolist() == [0, 1]
    assert table["run_status"].tolist() == ["diverged", "finished"]
    labels = label_from_features(table)
    assert (labels["n_seeds"].item(), labels["n_diverged"].item()) == (2, 1)
    chosen = characterize(store, by=["run", "signal"], preset="minimal")
    assert list(chosen.columns[:3]) == ["run", "signal", "n"]
    one = characterize(
        store / "sgd-32-0" / "quarantine", preset="minimal"
    )  # where that is what was asked for
    assert one["n"].tolist() == [300]


def test_a_store_whose_records_cannot_be_read_is_a_folder_of_files(store):
    for record in store.rglob("*.json"):
        record.write_text("{")
    table = characterize(store, preset="minimal")
    assert list(table.columns[:3]) == ["run", "signal", "n"]


def test_two_runs_of_one_name_are_not_told_apart_by_guessing(store, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(store, other / "demo")
    shutil.copytree(store, other / "again")
    changed = other / "again" / "sgd-32-0" / "config.json"
    changed.write_text(json.dumps({"attributes": {"optimizer": "adam"}}))
    table = characterize(other, preset="minimal")
    assert list(table.columns[:3]) == ["run", "signal", "n"]
    assert table["reason"].str.contains("out of order").all()
