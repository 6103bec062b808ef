"""The store keeps every value, says what is damaged, and never shows half a file."""

import json
import math
import struct

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracekit
from tracekit.errors import ArgumentError, OutputExistsError, StoreError, UnknownNameError
from tracekit.traces import SCHEMA_VERSION, Columns, RunWriter, open_experiment, read, signal_names

ATTRIBUTES = {"optimizer": "adam", "batch_size": 50, "learning_rate": 0.001, "seed": 0}


def writer(folder, **attributes):
    return RunWriter(
        folder, attributes=ATTRIBUTES | attributes, configuration={"updates": 3}, meta={"threads": 1}
    )


def write_run(folder, values=(1.0, 2.0, 3.0), **attributes):
    with writer(folder, **attributes) as run:
        for step, value in enumerate(values, start=1):
            run.record(step, 1, "train/loss", value)
            run.record(step, 1, "layer/grad_norm", 10 * value, layer="conv1.weight")
            run.record(step, 1, "train/vector", np.array([value, -value]))
        run.finish()


def test_frame_has_the_documented_columns_and_rows(tmp_path):
    write_run(tmp_path / "exp" / "a")
    frame = tracekit.read(tmp_path / "exp")
    assert list(frame.columns) == [
        *["run", "optimizer", "batch_size", "learning_rate", "seed", "status"],
        *["step", "epoch", "signal", "layer", "index", "value"],
    ]
    assert len(frame) == 3 * 4
    gradient = frame[frame["signal"] == "layer/grad_norm"]
    assert gradient["layer"].tolist() == ["conv1.weight"] * 3
    assert gradient["value"].tolist() == [10.0, 20.0, 30.0]
    assert gradient["index"].isna().all()
    vector = frame[frame["signal"] == "train/vector"]
    assert vector["index"].tolist() == [0, 0, 0, 1, 1, 1]
    assert vector["step"].tolist() == [1, 2, 3, 1, 2, 3]
    assert set(frame["status"]) == {"finished"}


@given(values=st.lists(st.floats(width=64, allow_nan=True, allow_infinity=True), min_size=1, max_size=40))
def test_every_float_comes_back_bit_for_bit(tmp_path_factory, values):
    specials = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.797e308]
    folder = tmp_path_factory.mktemp("bits")
    with writer(folder / "a") as run:
        for step, value in enumerate(values + specials, start=1):
            run.record(step, 1, "x", value)
        run.finish()
    back = read(folder)["value"].to_numpy()
    expected = np.array(values + specials)
    assert np.array_equal(np.isnan(back), np.isnan(expected))
    finite = ~np.isnan(expected)
    assert back[finite].tobytes() == expected[finite].tobytes()


def test_parts_are_joined_in_order_of_signal_and_step(tmp_path):
    with RunWriter(tmp_path / "a", attributes=ATTRIBUTES, configuration={}, meta={}, rows_per_part=4) as run:
        for step in range(1, 8):
            run.record(step, 1, "b", float(step))
            run.record(step, 1, "a", -float(step))
        run.finish()
    assert len(list((tmp_path / "a" / "traces").glob("part-*.parquet"))) == 1
    frame = read(tmp_path)
    assert frame["signal"].tolist() == ["a"] * 7 + ["b"] * 7
    assert frame["step"].tolist() == [*range(1, 8), *range(1, 8)]
    assert frame["value"].tolist() == [*range(-1, -8, -1), *range(1, 8)]


def test_signals_and_runs_can_be_chosen_and_unknown_ones_are_named(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", seed=1)
    assert set(read(tmp_path, signals="train/loss")["signal"]) == {"train/loss"}
    assert set(read(tmp_path, runs=["b"])["run"]) == {"b"}
    with pytest.raises(UnknownNameError) as caught:
        read(tmp_path, signals=["train/los"])
    assert str(caught.value) == (
        "unknown signal 'train/los'; did you mean 'train/loss'? Known: layer/grad_norm, train/loss, train/vector."
    )
    with pytest.raises(UnknownNameError) as caught:
        read(tmp_path, runs="c")
    assert str(caught.value) == "unknown run 'c'; Known: a, b."


def test_a_run_of_another_kind_may_have_other_attributes(tmp_path):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", note="second")
    frame = read(tmp_path, signals="train/loss")
    assert frame.loc[frame["run"] == "a", "note"].isna().all()
    assert (frame.loc[frame["run"] == "b", "note"] == "second").all()


def test_one_run_can_be_opened_by_its_own_folder(tmp_path):
    write_run(tmp_path / "exp" / "a")
    assert [run.name for run in open_experiment(tmp_path / "exp" / "a").runs] == ["a"]
    assert len(read(tmp_path / "exp" / "a")) == 12


def test_runs_are_sorted_by_number_not_by_text(tmp_path):
    for size in (100, 50, 200):
        write_run(tmp_path / f"b{size}", batch_size=size)
    assert [run.attributes["batch_size"] for run in open_experiment(tmp_path).runs] == [50, 100, 200]


def test_a_raising_block_leaves_a_failed_run_with_what_was_recorded(tmp_path):
    def crash():
        with writer(tmp_path / "a") as run:
            run.record(1, 1, "train/loss", 0.5)
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        crash()
    (run,) = open_experiment(tmp_path).runs
    assert (run.status, run.reason, run.step) == ("failed", "RuntimeError: out of luck", 1)
    assert read(tmp_path)["value"].tolist() == [0.5]


def test_a_run_that_is_still_going_can_be_read_up_to_its_last_part(tmp_path):
    run = writer(tmp_path / "a")
    run.record(1, 1, "train/loss", 0.5)
    assert read(tmp_path).empty
    run.flush(wait=True)
    frame = read(tmp_path)
    assert frame["value"].tolist() == [0.5]
    assert set(frame["status"]) == {"running"}
    run.finish()


def test_a_run_is_never_written_over(tmp_path):
    write_run(tmp_path / "a")
    with pytest.raises(OutputExistsError) as caught:
        writer(tmp_path / "a")
    assert str(caught.value) == f"{tmp_path / 'a'} holds a run already; remove it or write to another folder."


def test_attributes_must_not_hide_columns(tmp_path):
    with pytest.raises(ArgumentError) as caught:
        writer(tmp_path / "a", step=3)
    assert str(caught.value) == "`attributes` (='step') must not be a column of the trace table; rename it."


def test_missing_and_empty_folders_are_told_apart(tmp_path):
    with pytest.raises(StoreError) as caught:
        read(tmp_path / "nowhere")
    assert str(caught.value) == (
        f"{tmp_path / 'nowhere'} is not a folder; give the folder that `tracekit run --out` wrote."
    )
    with pytest.raises(StoreError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{tmp_path} holds no runs; give the folder that `tracekit run --out` wrote."


@pytest.mark.parametrize("kept", [0, 10, 0.5, -1])
def test_a_half_written_part_is_named(tmp_path, kept):
    write_run(tmp_path / "a")
    (part,) = (tmp_path / "a" / "traces").glob("*.parquet")
    content = part.read_bytes()
    part.write_bytes(content[: int(len(content) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(StoreError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{part} cannot be read as Parquet (")
    assert str(caught.value).endswith(
        "it is damaged or half-written: run `tracekit doctor` on the experiment."
    )


def test_a_leftover_temporary_file_is_not_read(tmp_path):
    write_run(tmp_path / "a")
    (tmp_path / "a" / "traces" / ".part-000001.parquet.77.tmp").write_bytes(b"PAR1")
    assert len(read(tmp_path)) == 12


def test_newer_formats_are_refused_with_the_way_out(tmp_path):
    write_run(tmp_path / "exp" / "a")
    (part,) = (tmp_path / "exp" / "a" / "traces").glob("*.parquet")
    table = pq.read_table(part)
    pq.write_table(table.replace_schema_metadata({"tracekit_schema_version": str(SCHEMA_VERSION + 1)}), part)
    with pytest.raises(StoreError) as caught:
        read(tmp_path / "exp")
    assert str(caught.value) == (
        f"{part} has trace format {SCHEMA_VERSION + 1}, but this tracekit reads formats up to {SCHEMA_VERSION}; upgrade tracekit."
    )


def put_version(path, version):
    (part,) = (path / "traces").glob("*.parquet")
    key = {} if version is None else {"tracekit_schema_version": version}
    metadata = {name: text for name, text in pq.read_schema(part).metadata.items() if b"version" not in name}
    pq.write_table(pq.read_table(part).replace_schema_metadata(metadata | key), part)
    return part


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (None, "does not name its trace format (`tracekit_schema_version` in the file's metadata), so another program wrote it; move it away, or write it with that key."),
        ("one", "has trace format 'one', which is not a number; the file is damaged."),
    ],
)  # fmt: skip
def test_a_part_without_a_format_is_told_from_one_of_a_newer_format(tmp_path, version, sentence):
    write_run(tmp_path / "a")
    part = put_version(tmp_path / "a", version)
    with pytest.raises(StoreError) as caught:
        read(tmp_path)
    assert str(caught.value) == f"{part} {sentence}"


def test_a_store_of_version_1_is_read_and_its_units_are_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr("tracekit.traces.parts.SCHEMA_VERSION", 1)
    write_run(tmp_path / "a")
    (part,) = (tmp_path / "a" / "traces").glob("*.parquet")
    metadata = {key: text for key, text in pq.read_schema(part).metadata.items() if key != b"tracekit_units"}
    assert metadata[b"tracekit_schema_version"] == b"1"
    pq.write_table(pq.read_table(part).replace_schema_metadata(metadata), part)
    monkeypatch.undo()
    assert SCHEMA_VERSION == 2
    assert read(tmp_path, signals="train/loss")["value"].tolist() == [1.0, 2.0, 3.0]
    assert open_experiment(tmp_path).unit("train/loss") == ""


def test_units_come_back_by_signal_and_are_empty_where_none_was_given(tmp_path):
    write_run(tmp_path / "a")
    with RunWriter(
        tmp_path / "b", attributes={"seed": 1}, configuration={}, meta={}, units={"train/loss": "nat"}
    ) as run:
        run.record(1, 1, "train/loss", 1.0)
        run.record(1, 1, "mine", 2.0)
        run.record_row(1, 1, Columns([("temperature", None, None)], units={"temperature": "°C"}), 3.0)
        run.finish()
    experiment = open_experiment(tmp_path)
    units = {name: experiment.unit(name) for name in ("train/loss", "mine", "temperature", "nowhere")}
    assert units == {"train/loss": "nat", "mine": "", "temperature": "°C", "nowhere": ""}
    assert {run.name: run.unit("train/loss") for run in experiment.runs} == {"a": "", "b": "nat"}
    (part,) = (tmp_path / "b" / "traces").glob("*.parquet")
    assert json.loads(pq.read_schema(part).metadata[b"tracekit_units"]) == {
        "temperature": "°C",
        "train/loss": "nat",
    }


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_units_that_are_no_object_are_damage(tmp_path, text):
    write_run(tmp_path / "a")
    (part,) = (tmp_path / "a" / "traces").glob("*.parquet")
    metadata = pq.read_schema(part).metadata | {b"tracekit_units": text.encode()}
    pq.write_table(pq.read_table(part).replace_schema_metadata(metadata), part)
    with pytest.raises(StoreError) as caught:
        open_experiment(tmp_path).unit("train/loss")
    assert str(caught.value) == (
        f"{part} has units that are not a JSON object (`tracekit_units` in the file's metadata); it is damaged."
    )


def test_damaged_records_are_named(tmp_path):
    write_run(tmp_path / "a")
    path = tmp_path / "a" / "config.json"
    path.write_text("{")
    with pytest.raises(
        StoreError,
        match=r"config\.json cannot be read as JSON .*; `tracekit doctor --quarantine` sets its run aside\.",
    ):
        read(tmp_path)


def test_parquet_is_plain_for_other_readers(tmp_path):
    write_run(tmp_path / "a")
    (part,) = (tmp_path / "a" / "traces").glob("*.parquet")
    frame = pd.read_parquet(part)
    assert frame.columns.tolist() == ["run", "step", "epoch", "signal", "layer", "index", "value"]
    assert pq.read_schema(part).field("value").metadata[b"description"].startswith(b"the value")


def test_float32_signals_take_less_than_six_bytes_a_value(tmp_path):
    values = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    with writer(tmp_path / "a") as run:
        for step, value in enumerate(values.tolist(), start=1):
            run.record(step, 1, "x", value)
        run.finish()
    (part,) = (tmp_path / "a" / "traces").glob("*.parquet")
    assert part.stat().st_size < 6 * values.size


def test_signal_names_need_no_values(tmp_path):
    write_run(tmp_path / "a")
    (run,) = open_experiment(tmp_path).runs
    assert signal_names(run) == ["layer/grad_norm", "train/loss", "train/vector"]


def test_records_hold_no_nan_that_other_json_readers_would_refuse(tmp_path):
    write_run(tmp_path / "a")

    def refuse(name):
        raise AssertionError(name)

    for path in (tmp_path / "a").glob("*.json"):
        json.loads(path.read_text(), parse_constant=refuse)


def test_nan_payload_is_kept(tmp_path):
    payload = struct.unpack("<d", struct.pack("<Q", 0x7FF8000000ABCDEF))[0]
    with writer(tmp_path / "a") as run:
        run.record(1, 1, "x", np.array([payload]))
        run.finish()
    back = read(tmp_path)["value"].to_numpy()
    assert back.view(np.uint64)[0] == 0x7FF8000000ABCDEF


def test_rows_series_and_single_values_become_one_table(tmp_path):
    """A channel may come in several ways, at steps in any order; the table is sorted all the same."""
    pair = Columns([("a", "conv1.weight", None), ("v", None, 1)])
    with writer(tmp_path / "x") as run:
        run.record_row(3, 1, pair, np.array([3.0, 30.0]))
        run.record(2, 1, "a", 2.0, layer="conv1.weight")
        run.flush()
        run.record_series("v", np.array([5, 4]), np.array([2, 2]), np.array([50.0, 40.0]), index=1)
        run.record_row(1, 1, pair, np.array([1.0, 10.0]))
        run.record(6, 2, "v", np.array([0.5, 60.0, -0.5]))
        run.record(7, 2, "empty", np.array([]))
        run.finish()
    frame = read(tmp_path)
    rows = frame[["signal", "layer", "index", "step", "epoch", "value"]].astype(object)
    assert rows.where(rows.notna(), None).to_numpy().tolist() == [
        ["a", "conv1.weight", None, 1, 1, 1.0],
        ["a", "conv1.weight", None, 2, 1, 2.0],
        ["a", "conv1.weight", None, 3, 1, 3.0],
        ["v", None, 0, 6, 2, 0.5],
        ["v", None, 1, 1, 1, 10.0],
        ["v", None, 1, 3, 1, 30.0],
        ["v", None, 1, 4, 2, 40.0],
        ["v", None, 1, 5, 2, 50.0],
        ["v", None, 1, 6, 2, 60.0],
        ["v", None, 2, 6, 2, -0.5],
    ]
    assert open_experiment(tmp_path).runs[0].step == 7


def test_large_parts_are_not_merged_again(tmp_path, monkeypatch):
    monkeypatch.setattr("tracekit.traces.writer._LARGE_PART", 5)
    with writer(tmp_path / "a") as run:
        for step in range(1, 15):
            run.record(step, 1, "x", float(step))
            if step in (2, 7, 9, 14):
                run.flush(wait=True)
        run.finish()
    (entry,) = open_experiment(tmp_path).runs
    assert sorted(pq.read_metadata(part).num_rows for part in entry.parts) == [4, 5, 5]
    assert read(tmp_path)["value"].tolist() == list(range(1, 15))
