"""Parts of a run: Parquet files with checksums, built from and read into Arrow tables."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tracekit.errors import StoreError
from tracekit.traces.files import checksum, write_whole
from tracekit.traces.schema import RUN_KEY, SCHEMA_VERSION, TABLE_SCHEMA, UNITS_KEY, VERSION_KEY

#: A column of one part: (signal, layer, index).
Channel = tuple[str, str | None, int | None]


class PartRecord(TypedDict):
    """Entry of one part in a run's status."""

    file: str  #: name in the run's traces folder
    n_rows: int
    first_step: int
    last_step: int
    sha256: str


def channel_order(channel: Channel) -> tuple[str, bool, str, bool, int]:
    """Return the sort key of a channel: signal, layer, index, nulls last."""
    signal, layer, index = channel
    return signal, layer is None, layer or "", index is None, index or 0


def build_table(run: str, series: Mapping[Channel, Sequence[np.ndarray]]) -> pa.Table:
    """Build a table in the order of a part.

    Parameters
    ----------
    run : str
        Name of the run.
    series : mapping
        Steps, epochs and values of each channel, equally long, in the order of the steps.
    """
    channels = sorted(series, key=channel_order)
    lengths = [len(series[channel][0]) for channel in channels]
    steps, epochs, values = (np.concatenate([series[channel][k] for channel in channels]) for k in range(3))
    data = {
        "run": _repeat([run] * len(channels), lengths),
        "step": pa.array(steps.astype(np.int64, copy=False)),
        "epoch": pa.array(epochs.astype(np.int32, copy=False)),
        "signal": _repeat([signal for signal, _, _ in channels], lengths),
        "layer": _repeat([layer for _, layer, _ in channels], lengths),
        "index": pa.array(
            np.repeat([-1 if index is None else index for _, _, index in channels], lengths),
            pa.int32(),
            mask=np.repeat([index is None for _, _, index in channels], lengths),
        ),
        "value": pa.array(values.astype(np.float64, copy=False)),
    }
    return pa.table([data[name] for name in TABLE_SCHEMA.names], schema=TABLE_SCHEMA)


def _repeat(labels: Sequence[str | None], lengths: Sequence[int]) -> pa.DictionaryArray:
    """Repeat each label by its length, dictionary-encoded; None becomes null."""
    names = sorted({label for label in labels if label is not None})
    position = {name: code for code, name in enumerate(names)}
    codes = np.repeat([-1 if label is None else position[label] for label in labels], lengths).astype(
        np.int32
    )
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32(), mask=codes < 0), pa.array(names, pa.string())
    )


def sort_table(table: pa.Table) -> pa.Table:
    """Sort rows by signal, layer, index and step, the order of every part."""
    table = table.unify_dictionaries()
    channel, steps = np.zeros(table.num_rows, np.int64), table["step"].to_numpy()
    for name in ("signal", "layer", "index"):
        n_places, places = _places(table[name])
        channel = channel * n_places + places
    # Few channels fit sixteen bits, which sort in linear time. Steps mostly arrive in order.
    narrow = channel.astype(np.uint16) if channel.max(initial=0) < 1 << 16 else channel
    order = np.argsort(narrow, kind="stable")
    ordered, sorted_steps = narrow[order], steps[order]
    if np.any((ordered[1:] == ordered[:-1]) & (sorted_steps[1:] < sorted_steps[:-1])):
        order = np.lexsort((steps, channel))
    return table.take(pa.array(order))


def _places(column: pa.ChunkedArray) -> tuple[int, np.ndarray]:
    """Return the number of distinct values in a column, and each row's rank among them, nulls last."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    encoded = column.combine_chunks()
    values = np.array(encoded.dictionary.to_pylist(), dtype=object)
    places = np.empty(values.size + 1, np.int64)
    places[np.argsort(values)] = np.arange(values.size)
    places[values.size] = values.size
    return values.size + 1, places[encoded.indices.fill_null(values.size).to_numpy()]


def write_part(table: pa.Table, path: Path, run_id: str, units: Mapping[str, str]) -> PartRecord:
    """Write one part, whole or not at all, one row group per signal, and return its entry for the status.

    `units` maps signals to units; those of the part's own signals are kept.
    """
    names = sorted(pc.unique(table["signal"]).to_pylist())
    known = json.dumps({name: units[name] for name in names if units.get(name)}, ensure_ascii=False)
    schema = TABLE_SCHEMA.with_metadata({VERSION_KEY: str(SCHEMA_VERSION), RUN_KEY: run_id, UNITS_KEY: known})

    def write(temporary: Path) -> None:
        # Most signals are float32 numbers in a float64 column: splitting the bytes into streams lets the
        # compressor drop the constant low ones, which a dictionary cannot.
        with pq.ParquetWriter(
            temporary,
            schema,
            compression="zstd",
            use_dictionary=["run", "signal", "layer"],
            column_encoding={"value": "BYTE_STREAM_SPLIT", "step": "DELTA_BINARY_PACKED"},
        ) as writer:
            for start, stop in _signal_spans(table):
                writer.write_table(table.slice(start, stop - start), row_group_size=1 << 20)

    write_whole(path, write)
    steps = pc.min_max(table["step"]).as_py()
    return {
        "file": path.name,
        "n_rows": table.num_rows,
        "first_step": steps["min"],
        "last_step": steps["max"],
        "sha256": checksum(path),
    }


#: Neighbouring signals with fewer rows share a row group: a group of their own would cost more than its content.
_FEW_ROWS = 512


def _signal_spans(table: pa.Table) -> list[tuple[int, int]]:
    """Return the first row and the row after the last of each signal in a sorted table; join small neighbours."""
    codes = table["signal"].combine_chunks().indices.to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), codes.size]
    spans = [(edges[0], edges[1])] if len(edges) > 1 else []
    for start, stop in itertools.pairwise(edges[1:]):
        if stop - spans[-1][0] <= _FEW_ROWS:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans


def read_part(
    path: Path,
    *,
    columns: list[str] | None = None,
    signals: list[str] | None = None,
    run_id: str | None = None,
) -> pa.Table:
    """Read one part, or only some of its signals.

    Raises
    ------
    StoreError
        The file is damaged, of a newer format, or of another run; the message names it.
    """
    with _opened(path, run_id) as file:
        if signals is None:
            return file.read(columns=columns)
        groups = _groups_of(file.metadata, signals)
        table = file.read_row_groups(groups, columns=columns)
        return table.filter(pc.is_in(table["signal"], pa.array(signals)))


@contextmanager
def _opened(path: Path, run_id: str | None) -> Iterator[pq.ParquetFile]:
    """Open a part and check its metadata; raise StoreError if that, or reading inside the block, fails."""
    try:
        # The version is checked first: a newer format may lack columns that this reader asks for.
        metadata = pq.read_metadata(path).metadata or {}
        version = metadata.get(VERSION_KEY.encode())
        check_version(path, None if version is None else version.decode(errors="replace"))
        recorded = metadata.get(RUN_KEY.encode(), b"").decode()
        if run_id is not None and recorded != run_id:
            raise StoreError(f"{path} is a part of another run; move it to that run's folder.")
        with pq.ParquetFile(path, read_dictionary=["run", "signal", "layer"]) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise StoreError(
            f"{path} cannot be read as Parquet ({detail}); it is damaged or half-written: "
            "run `tracekit doctor` on the experiment."
        ) from error


def _groups_of(metadata: pq.FileMetaData, signals: list[str]) -> list[int]:
    """Return the row groups that may hold some of the signals, by the bounds in their footers."""
    return [
        number
        for number, bounds in enumerate(_signal_bounds(metadata))
        if bounds is None or any(bounds[0] <= signal <= bounds[1] for signal in signals)
    ]


def _signal_bounds(metadata: pq.FileMetaData) -> list[tuple[str, str] | None]:
    """Return the alphabetically first and last signal of each row group, where the footer has them."""
    column = metadata.schema.names.index("signal")
    statistics = [
        metadata.row_group(number).column(column).statistics for number in range(metadata.num_row_groups)
    ]
    return [None if each is None or not each.has_min_max else (each.min, each.max) for each in statistics]


def part_signals(path: Path, run_id: str | None = None) -> set[str]:
    """Return the names of the signals in a part; only row groups of several signals are read."""
    with _opened(path, run_id) as file:
        bounds = _signal_bounds(file.metadata)
        alone = {each[0] for each in bounds if each is not None and each[0] == each[1]}
        mixed = [number for number, each in enumerate(bounds) if each is None or each[0] != each[1]]
        return alone | set(pc.unique(file.read_row_groups(mixed, columns=["signal"])["signal"]).to_pylist())


def part_units(path: Path, run_id: str | None = None) -> dict[str, str]:
    """Unit of each signal in a part that has one; only the footer is read."""
    with _opened(path, run_id) as file:
        text = (file.metadata.metadata or {}).get(UNITS_KEY.encode(), b"{}")
    try:
        units = json.loads(text)
    except ValueError:
        units = None
    if not isinstance(units, dict):
        raise StoreError(
            f"{path} has units that are not a JSON object (`{UNITS_KEY}` in the file's metadata); it is damaged."
        )
    return {str(name): str(unit) for name, unit in units.items()}


def check_version(path: Path, version: object) -> None:
    """Raise StoreError if a file has a newer format than this reader knows, or does not name its format."""
    if version is None:
        raise StoreError(
            f"{path} does not name its trace format (`{VERSION_KEY}` in the file's metadata), so another program "
            "wrote it; move it away, or write it with that key."
        )
    if not str(version).isdigit():
        raise StoreError(f"{path} has trace format {version!r}, which is not a number; the file is damaged.")
    if int(str(version)) > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has trace format {version}, but this tracekit reads formats up to {SCHEMA_VERSION}; "
            "upgrade tracekit."
        )
