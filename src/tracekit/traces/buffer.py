"""Write buffer of a run: it collects rows and series, and returns them as one sorted table."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tracekit.traces.parts import Channel, build_table


class Columns:
    """Channels whose values are recorded together, one row per update; made once and compared by identity.

    Parameters
    ----------
    channels : iterable of (signal, layer, index)
        Layer and index are None where there is none.
    units : mapping of str to str, optional
        Unit by signal, of those that have one.
    """

    __slots__ = ("channels", "size", "units")

    def __init__(self, channels: Iterable[Channel], *, units: Mapping[str, str] | None = None) -> None:
        self.channels = tuple(channels)
        self.size = len(self.channels)
        self.units = dict(units or {})


class Buffer:
    """Values recorded since the last part."""

    def __init__(self) -> None:
        self.n_values = 0
        self.oldest = math.inf  #: time of the first value, on the monotonic clock
        self._rows: dict[Columns, tuple[list[int], list[int], list[Any]]] = {}
        self._series: list[tuple[Channel, np.ndarray, np.ndarray, np.ndarray]] = []

    @property
    def last_step(self) -> int:
        """Latest step with a recorded value; 0 if there is none."""
        of_rows = (max(steps) for steps, _, _ in self._rows.values())
        of_series = (int(np.max(steps)) for _, steps, _, _ in self._series)
        return max([*of_rows, *of_series], default=0)

    @property
    def units(self) -> dict[str, str]:
        """Unit by signal, of the rows whose columns say it."""
        return {signal: unit for columns in self._rows for signal, unit in columns.units.items()}

    def add_row(self, step: int, epoch: int, columns: Columns, values: Any) -> None:
        """Keep one value per channel; a number if there is one channel, else an array, which is not copied."""
        rows = self._rows.get(columns)
        if rows is None:
            rows = self._rows[columns] = ([], [], [])
            self.oldest = min(self.oldest, time.monotonic())
        rows[0].append(step)
        rows[1].append(epoch)
        rows[2].append(values)
        self.n_values += columns.size

    def add_series(self, channel: Channel, steps: np.ndarray, epochs: np.ndarray, values: np.ndarray) -> None:
        """Keep a copy of a series of one channel."""
        self._series.append((channel, np.array(steps), np.array(epochs), np.array(values)))
        self.oldest = min(self.oldest, time.monotonic())
        self.n_values += len(steps)

    def table(self, run: str) -> pa.Table:
        """Build the sorted table of all kept values."""
        pieces: dict[Channel, list[tuple[np.ndarray, ...]]] = {}
        for columns, rows in self._rows.items():
            steps, epochs = np.array(rows[0], np.int64), np.array(rows[1], np.int32)
            values = np.array(rows[2], np.float64).reshape(len(steps), columns.size)
            # Transpose once: reading single columns of the rows would jump through memory.
            for channel, column in zip(columns.channels, np.ascontiguousarray(values.T), strict=True):
                pieces.setdefault(channel, []).append((steps, epochs, column))
        for channel, *arrays in self._series:
            pieces.setdefault(channel, []).append(tuple(arrays))
        return build_table(run, {channel: _joined(parts) for channel, parts in pieces.items()})


def _joined(parts: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, ...]:
    """Join one channel's steps, epochs and values, in the order of the steps."""
    if len(parts) == 1:
        return parts[0]
    joined = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return tuple(array[order] for array in joined)
