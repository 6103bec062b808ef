"""Writing a run: values come in step by step and leave as sorted Parquet parts."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import ArrayLike

from tracekit.errors import ArgumentError, OutputExistsError, bad_argument
from tracekit.traces.files import (
    CONFIG_FILE,
    META_FILE,
    STATUS_FILE,
    TRACES_FOLDER,
    make_folder,
    write_json,
    write_whole,
)
from tracekit.traces.schema import TABLE_SCHEMA

#: A column of one part: (signal, layer, index).
_Channel = tuple[str, str | None, int | None]


class RunWriter:
    """Writes one run's folder; a context manager that marks the run failed if its block raises.

    Parameters
    ----------
    folder : Path
        The run's folder; created, and must not hold a run yet.
    attributes : mapping
        What tells this run from others (optimizer, batch_size, seed, ...): strings and numbers that
        `read` joins to every row as columns.
    configuration : mapping
        The resolved configuration, JSON-compatible.
    meta : mapping
        Circumstances of the run (versions, processor), JSON-compatible.
    rows_per_part : int
        Buffered values after which a part is written.

    Raises
    ------
    OutputExistsError
        The folder holds a run already.
    """

    def __init__(
        self,
        folder: Path,
        *,
        attributes: Mapping[str, str | int | float],
        configuration: Mapping[str, Any],
        meta: Mapping[str, Any],
        rows_per_part: int = 1_000_000,
    ) -> None:
        if rows_per_part < 1:
            raise ArgumentError(bad_argument("rows_per_part", rows_per_part, "must be at least 1"))
        clash = sorted(set(attributes) & {*TABLE_SCHEMA.names, "status"})
        if clash:
            raise ArgumentError(
                bad_argument("attributes", clash[0], "must not be a column of the trace table", "rename it")
            )
        if (folder / CONFIG_FILE).exists():
            raise OutputExistsError(f"{folder} holds a run already; remove it or write to another folder.")
        self.folder = folder
        self._rows_per_part = rows_per_part
        self._started = _now()
        self._last_step = 0
        self._n_parts = 0
        self._n_rows = 0
        self._buffered = 0
        self._buffer: dict[_Channel, tuple[list[int], list[int], list[float]]] = {}
        make_folder(folder / TRACES_FOLDER)
        write_json(folder / META_FILE, dict(meta))
        self._write_status("running", None)
        write_json(
            folder / CONFIG_FILE, {"attributes": dict(attributes), "configuration": dict(configuration)}
        )

    def record(
        self, step: int, epoch: int, signal: str, value: ArrayLike | float, *, layer: str | None = None
    ) -> None:
        """Keep one value, or a vector of values (its positions become the `index` column), of a signal."""
        if isinstance(value, (float, int)):
            self._append((signal, layer, None), step, epoch, float(value))
        else:
            vector = np.asarray(value, dtype=np.float64)
            if vector.ndim == 0:
                self._append((signal, layer, None), step, epoch, float(vector))
            else:
                for index, element in enumerate(vector.ravel().tolist()):
                    self._append((signal, layer, index), step, epoch, element)
        self._last_step = max(self._last_step, step)
        if self._buffered >= self._rows_per_part:
            self.flush()

    def _append(self, channel: _Channel, step: int, epoch: int, value: float) -> None:
        columns = self._buffer.get(channel)
        if columns is None:
            columns = self._buffer[channel] = ([], [], [])
        columns[0].append(step)
        columns[1].append(epoch)
        columns[2].append(value)
        self._buffered += 1

    def flush(self) -> None:
        """Write what is buffered as one part, sorted by signal, layer, index and step."""
        if not self._buffered:
            return
        channels = sorted(self._buffer, key=_nulls_last)
        lengths = [len(self._buffer[channel][0]) for channel in channels]
        columns = {
            "run": _repeat([self.folder.name] * len(channels), lengths),
            "step": pa.array(_joined(self._buffer, channels, 0), pa.int64()),
            "epoch": pa.array(_joined(self._buffer, channels, 1), pa.int32()),
            "signal": _repeat([signal for signal, _, _ in channels], lengths),
            "layer": _repeat([layer for _, layer, _ in channels], lengths),
            "index": pa.array(
                np.repeat([-1 if index is None else index for _, _, index in channels], lengths),
                pa.int32(),
                mask=np.repeat([index is None for _, _, index in channels], lengths),
            ),
            "value": pa.array(_joined(self._buffer, channels, 2), pa.float64()),
        }
        table = pa.table([columns[name] for name in TABLE_SCHEMA.names], schema=TABLE_SCHEMA)
        path = self.folder / TRACES_FOLDER / f"part-{self._n_parts:06d}.parquet"
        write_whole(path, lambda temporary: _write_table(table, temporary))
        self._n_parts += 1
        self._n_rows += self._buffered
        self._buffered = 0
        self._buffer = {}

    def finish(self, status: str = "finished", *, reason: str | None = None) -> None:
        """Write the last part and say how the run ended: finished, diverged or failed, and why."""
        self.flush()
        self._write_status(status, reason)

    def _write_status(self, status: str, reason: str | None) -> None:
        started, now = self._started, _now()
        write_json(
            self.folder / STATUS_FILE,
            {
                "status": status,
                "step": self._last_step,
                "reason": reason,
                "n_rows": self._n_rows,
                "n_parts": self._n_parts,
                "started": started.isoformat(timespec="seconds"),
                "ended": None if status == "running" else now.isoformat(timespec="seconds"),
                "seconds": round((now - started).total_seconds(), 3),
            },
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.finish("failed", reason=f"{type(error).__name__}: {error}")


def _nulls_last(channel: _Channel) -> tuple[str, bool, str, bool, int]:
    signal, layer, index = channel
    return signal, layer is None, layer or "", index is None, index or 0


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _joined(
    buffer: Mapping[_Channel, tuple[list[int], list[int], list[float]]], channels: list[_Channel], column: int
) -> np.ndarray:
    kind = np.float64 if column == 2 else np.int64
    total = sum(len(buffer[channel][column]) for channel in channels)
    flat = (element for channel in channels for element in buffer[channel][column])
    return np.fromiter(flat, dtype=kind, count=total)


def _repeat(labels: list[str | None] | list[str], lengths: list[int]) -> pa.DictionaryArray:
    """Each label as often as its length says, dictionary-encoded; None becomes null."""
    names = sorted({label for label in labels if label is not None})
    position = {name: code for code, name in enumerate(names)}
    codes = np.repeat([-1 if label is None else position[label] for label in labels], lengths).astype(
        np.int32
    )
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32(), mask=codes < 0), pa.array(names, pa.string())
    )


def _write_table(table: pa.Table, path: Path) -> None:
    # Most signals are float32 numbers in a float64 column: splitting the bytes into streams lets the
    # compressor drop the constant low ones, which a dictionary cannot.
    pq.write_table(
        table,
        path,
        compression="zstd",
        use_dictionary=["run", "signal", "layer"],
        column_encoding={"value": "BYTE_STREAM_SPLIT", "step": "DELTA_BINARY_PACKED"},
        row_group_size=131_072,
    )
