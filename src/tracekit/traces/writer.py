"""Run writer: takes values update by update and writes them as parts on its own thread."""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from tracekit.errors import ArgumentError, OutputExistsError, StoreError, argument_sentence
from tracekit.traces.buffer import Buffer, Columns
from tracekit.traces.files import (
    CHECKPOINT_FILE,
    CONFIG_FILE,
    META_FILE,
    STATUS_FILE,
    TRACES_FOLDER,
    make_folder,
    read_json,
    write_json,
)
from tracekit.traces.lock import RunLock
from tracekit.traces.parts import PartRecord, part_units, read_part, sort_table, write_part
from tracekit.traces.schema import ENDED_STATUSES, TABLE_SCHEMA

#: Number of small parts of a running run at which they are merged into one.
_MERGE_PARTS = 64
#: A part with at least this many rows is not merged: merging holds the parts in memory.
_LARGE_PART = 1_000_000


class RunWriter:
    """Writer of one run's folder; a context manager that marks the run failed if its block raises.

    Values are buffered and written in parts, by a thread, while the training continues. A written part stays readable
    whatever happens to the process. A part that is due is written when the next update begins, so that a killed
    process loses at most the last `flush_seconds` of its run and the update that it was in.

    Parameters
    ----------
    folder : Path
        The run's folder; created, and must not hold a run yet.
    attributes : mapping
        What distinguishes this run from others (optimizer, batch_size, seed, ...); columns of what `read` returns.
    configuration : mapping
        The resolved configuration, JSON-compatible.
    meta : mapping
        Circumstances of the run (versions, processor), JSON-compatible.
    units : mapping of str to str, optional
        Unit by signal, e.g. ``{"train/loss": "nat"}``, as axes show it. `Columns` may bring units of their own.
    flush_seconds : float
        Age of the oldest buffered value at which a part is due.
    rows_per_part : int
        Number of buffered values at which a part is due; at twice as many it is written within an update.
    flush_when_due : bool
        False: the caller checks `due` and calls `flush`, as it must if files such as checkpoints may not be ahead.

    Raises
    ------
    OutputExistsError
        The folder holds a run already.
    StoreError
        The folder cannot be written to, or another process writes it; errors of the thread come with the next part.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tracekit import read
    >>> from tracekit.traces import RunWriter
    >>> folder = Path(tempfile.mkdtemp()) / "mine-0"
    >>> with RunWriter(folder, attributes={"seed": 0}, configuration={}, meta={}) as run:
    ...     run.record(1, 1, "train/loss", 2.5)
    ...     run.finish()
    >>> read(folder)[["run", "seed", "status", "step", "value"]]
          run  seed    status  step  value
    0  mine-0     0  finished     1    2.5
    """

    def __init__(
        self,
        folder: Path,
        *,
        attributes: Mapping[str, str | int | float],
        configuration: Mapping[str, Any],
        meta: Mapping[str, Any],
        units: Mapping[str, str] | None = None,
        flush_seconds: float = 5.0,
        rows_per_part: int = 1_000_000,
        flush_when_due: bool = True,
    ) -> None:
        clash = sorted(set(attributes) & {*TABLE_SCHEMA.names, "status"})
        if clash:
            need = "must not be a column of the trace table"
            raise ArgumentError(argument_sentence("attributes", clash[0], need, "rename it"))
        if (folder / CONFIG_FILE).exists():
            raise OutputExistsError(f"{folder} holds a run already; remove it or write to another folder.")
        make_folder(folder / TRACES_FOLDER)
        self._start(folder, uuid.uuid4().hex, units, flush_seconds, rows_per_part, flush_when_due)
        write_json(folder / META_FILE, dict(meta))
        self._write_status("running", None)
        write_json(
            folder / CONFIG_FILE,
            {"run_id": self._run_id, "attributes": dict(attributes), "configuration": dict(configuration)},
        )

    def _start(
        self,
        folder: Path,
        run_id: str,
        units: Mapping[str, str] | None,
        flush_seconds: float,
        rows_per_part: int,
        flush_when_due: bool,
    ) -> None:
        for name, value in (("flush_seconds", flush_seconds), ("rows_per_part", rows_per_part)):
            if not value > 0:
                raise ArgumentError(argument_sentence(name, value, "must be positive"))
        self.folder = folder
        self._lock = RunLock(folder)
        self._run_id = run_id
        self._units = dict(units or {})
        self._flush_seconds = flush_seconds
        self._rows_per_part = rows_per_part
        self._flush_when_due = flush_when_due
        self._step = 0  # the update whose values are being recorded
        # Durations use the monotonic clock; the dates in the status are for people.
        self._started, self._clock = datetime.datetime.now(datetime.UTC), time.monotonic()
        self._seconds_before = 0.0
        self._parts: list[PartRecord] = []
        self._lost: list[PartRecord] = []  # those that `tracekit doctor` has removed
        self._next_part = 0
        self._last_step = 0
        self._buffer = Buffer()
        self._columns: dict[tuple[str, str | None, int | None], Columns] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tracekit-writer")
        self._pending: Future[None] | None = None

    @classmethod
    def resume(
        cls,
        folder: Path,
        *,
        last_step: int,
        meta: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
        flush_seconds: float = 5.0,
        rows_per_part: int = 1_000_000,
        flush_when_due: bool = True,
    ) -> Self:
        """Continue writing an interrupted run after `last_step`; drop recorded values of later steps.

        `meta` describes the circumstances from now on and replaces the recorded ones; `units` are those of what is
        recorded from now on.

        Raises
        ------
        StoreError
            The run has ended, is being written, or one of its parts is damaged.
        """
        config, status = read_json(folder / CONFIG_FILE), read_json(folder / STATUS_FILE)
        if status.get("status") in ENDED_STATUSES:
            raise StoreError(f"{folder} has {status['status']}; there is nothing to resume.")
        writer = cls.__new__(cls)
        run_id = str(config.get("run_id", ""))
        writer._start(folder, run_id, units, flush_seconds, rows_per_part, flush_when_due)
        writer._parts = list(status.get("parts", []))
        # What comes after `last_step` is recorded again.
        writer._lost = [part for part in status.get("lost", []) if part["first_step"] <= last_step]
        writer._next_part = 1 + max(
            (int(path.stem.rpartition("-")[2]) for path in (folder / TRACES_FOLDER).glob("part-*.parquet")),
            default=-1,
        )
        writer._seconds_before = float(status.get("seconds", 0.0))
        writer._started = datetime.datetime.fromisoformat(status["started"])
        writer._last_step = last_step
        writer._drop_after(last_step)
        if meta is not None:
            write_json(folder / META_FILE, dict(meta))
        writer._write_status("running", None)
        writer._remove_unlisted()
        return writer

    @property
    def due(self) -> bool:
        """Whether the buffered values are many enough, or old enough, to be written."""
        return (
            self._buffer.n_values >= self._rows_per_part
            or time.monotonic() - self._buffer.oldest >= self._flush_seconds
        )

    def record(
        self, step: int, epoch: int, signal: str, value: ArrayLike | float, *, layer: str | None = None
    ) -> None:
        """Record one value of a signal, or a vector of values whose positions become the `index` column."""
        self._begin(step)
        if isinstance(value, (float, int)):
            columns = self._columns.get((signal, layer, None)) or self._columns_of(signal, layer, None)
            self._buffer.add_row(step, epoch, columns, value)
        else:
            vector = np.array(value, dtype=np.float64)
            columns = self._columns_of(signal, layer, vector.size if vector.ndim else None)
            self._buffer.add_row(step, epoch, columns, vector.ravel())
        if self._buffer.n_values >= 2 * self._rows_per_part:
            self.flush()

    def _begin(self, step: int) -> None:
        """Write a due part at the first value of an update, so that parts end between updates."""
        if step != self._step:
            self._step = step
            if self._flush_when_due and self.due:
                self.flush()

    def _columns_of(self, signal: str, layer: str | None, size: int | None) -> Columns:
        """Return the columns of a signal whose value is a number, or a vector of some size."""
        key = signal, layer, size
        found = self._columns.get(key)
        if found is None:
            indices = (None,) if size is None else range(size)
            found = self._columns[key] = Columns((signal, layer, index) for index in indices)
        return found

    def record_row(self, step: int, epoch: int, columns: Columns, values: np.ndarray | float) -> None:
        """Record one value per channel, all of one update: the fast way to record the same channels often.

        Parameters
        ----------
        step, epoch : int
        columns : Columns
            The channels of the values; pass the same object each time.
        values : ndarray of float64, (n_channels,), or float
            A number if there is one channel. Not copied: the array must not change afterwards.
        """
        self._begin(step)
        self._buffer.add_row(step, epoch, columns, values)
        if self._buffer.n_values >= 2 * self._rows_per_part:
            self.flush()

    def record_series(
        self,
        signal: str,
        steps: np.ndarray,
        epochs: np.ndarray,
        values: np.ndarray,
        *,
        layer: str | None = None,
        index: int | None = None,
    ) -> None:
        """Record a whole series at once: equally long arrays of steps, epochs and values; for importers."""
        if not len(steps) == len(epochs) == len(values):
            lengths = (len(steps), len(epochs), len(values))
            raise ArgumentError(
                argument_sentence("lengths", lengths, "of steps, epochs and values must be equal")
            )
        if not len(steps):
            return
        if self._flush_when_due and self.due:
            self.flush()
        self._buffer.add_series((signal, layer, index), steps, epochs, values)
        if self._buffer.n_values >= 2 * self._rows_per_part:
            self.flush()

    def flush(self, *, then: Callable[[], object] | None = None, wait: bool = False) -> None:
        """Hand the buffered values to the writing thread as one part.

        Parameters
        ----------
        then : callable, optional
            Called on the writing thread once the part is in the store.
        wait : bool
            Return only when both are done.
        """
        self._settle()
        buffer, self._buffer = self._buffer, Buffer()
        self._last_step = last_step = max(self._last_step, buffer.last_step)
        if buffer.n_values or then is not None:
            self._pending = self._thread.submit(self._write, buffer, last_step, then)
        if wait:
            self._settle()

    def _write(self, buffer: Buffer, last_step: int, then: Callable[[], object] | None) -> None:
        if buffer.n_values:
            self._units |= buffer.units
            self._parts.append(self._store(buffer.table(self.folder.name)))
            self._write_status("running", None, step=last_step)
        if then is not None:
            then()
        if len(self._small_parts()) >= _MERGE_PARTS:
            self._merge("running", None)

    def _store(self, table: pa.Table) -> PartRecord:
        path = self.folder / TRACES_FOLDER / f"part-{self._next_part:06d}.parquet"
        self._next_part += 1
        return write_part(table, path, self._run_id, self._units)

    def _read(self, part: PartRecord) -> pa.Table:
        """Read a part that is to be written in another form, and know the units of what is in it."""
        self._units = part_units(self._path(part), self._run_id) | self._units
        return read_part(self._path(part), run_id=self._run_id)

    def _small_parts(self) -> list[PartRecord]:
        return [part for part in self._parts if part["n_rows"] < _LARGE_PART]

    def _merge(self, status: str, reason: str | None) -> None:
        """Replace the small parts by one; the status names either the old ones or the new one, never both."""
        small = self._small_parts()
        tables = [self._read(part) for part in small]
        merged = self._store(sort_table(pa.concat_tables(tables)))
        self._parts = [*(part for part in self._parts if part not in small), merged]
        self._write_status(status, reason)
        self._remove_unlisted()

    def _path(self, part: PartRecord) -> Path:
        return self.folder / TRACES_FOLDER / part["file"]

    def _remove_unlisted(self) -> None:
        """Remove parts that the status does not name: merged ones, and leftovers of a killed writer."""
        listed = {part["file"] for part in self._parts}
        for path in (self.folder / TRACES_FOLDER).iterdir():
            if path.name not in listed:
                path.unlink()

    def _drop_after(self, last_step: int) -> None:
        kept: list[PartRecord] = []
        for part in self._parts:
            if part["last_step"] <= last_step:
                kept.append(part)
            elif part["first_step"] <= last_step:
                kept.append(self._store(self._read(part).filter(pc.field("step") <= last_step)))
        self._parts = kept

    def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def finish(self, status: str = "finished", *, reason: str | None = None) -> None:
        """Write the remaining values, and how and why the run ended.

        An interrupted run keeps its parts and its checkpoint, so that `tracekit resume` can continue it.
        """
        try:
            self.flush(wait=True)
            if len(self._small_parts()) > 1 and status != "interrupted":
                self._merge(status, reason)
            self._write_status(status, reason)
            if status in ENDED_STATUSES:
                (self.folder / CHECKPOINT_FILE).unlink(missing_ok=True)
        finally:
            self._thread.shutdown()
            self._lock.release()

    def abandon(self) -> None:
        """Stop writing and leave the status as it is, as if the process had been killed; the run can be resumed."""
        self._thread.shutdown()
        self._lock.release()

    def _write_status(self, status: str, reason: str | None, *, step: int | None = None) -> None:
        seconds = self._seconds_before + time.monotonic() - self._clock
        ended = datetime.datetime.now(datetime.UTC)  # not started + seconds: a run may have paused
        write_json(
            self.folder / STATUS_FILE,
            {
                "status": status,
                "step": self._last_step if step is None else step,
                "reason": reason,
                "n_rows": sum(part["n_rows"] for part in self._parts),
                "started": self._started.isoformat(timespec="seconds"),
                "ended": None if status == "running" else ended.isoformat(timespec="seconds"),
                "seconds": round(seconds, 3),
                "parts": self._parts,
            }
            | ({"lost": self._lost} if self._lost else {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        interrupted = getattr(error, "interrupts_runs", False) or isinstance(error, KeyboardInterrupt)
        try:
            reason = str(error) or "interrupted by the user"
            named = reason if interrupted else f"{type(error).__name__}: {error}"
            self.finish("interrupted" if interrupted else "failed", reason=named)
        except StoreError as second:
            # Report the first error, with a note that the store could not record it.
            error.add_note(str(second))
