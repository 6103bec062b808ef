"""Parquet files: series read from a folder without holding the folder in memory.

A first pass reads the key columns only and learns which series lie in which row groups; a second one reads a
few series at a time from just those row groups. Memory is bounded by the largest series and the largest row
group, or by two million rows if that is more. Of a trace store (docs/format.md) it knows what to leave out, and
which file tells a run from the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.tables.groups import (
    Progress,
    Row,
    RowFunction,
    group_numbers,
    map_groups,
    split_groups,
    stack_rows,
)
from tracekit_analysis.tables.parallel import require_jobs
from tracekit_analysis.tables.runs import RUN_STATUS

BUCKET_ROWS = 2_000_000
QUARANTINE = "quarantine"
"""Folder into which `tracekit doctor --quarantine` sets damaged files aside."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Which series a folder of Parquet files holds, and where."""

    pieces: tuple[Any, ...]
    """Row groups, as fragments of pyarrow, in order."""
    numbers: dict[tuple[Any, ...], int]
    """Number of each series by its keys, in order of first appearance."""
    keys: pd.DataFrame
    """The keys of each series."""
    lengths: NDArray[np.int64]
    """Rows of each series."""
    members: tuple[NDArray[np.intp], ...]
    """Numbers of the series that have rows in each piece."""


def column_names(path: str | Path) -> list[str]:
    """Return the columns of the Parquet files at a path."""
    return list(_dataset(path).schema.names)


def apply_over_dataset(
    path: str | Path,
    by: Sequence[str],
    function: RowFunction,
    *,
    measured: Sequence[str],
    columns: Sequence[str],
    progress: Progress | None = None,
    jobs: int = 1,
) -> pd.DataFrame:
    """Apply a function to every group of rows of Parquet files; see `apply_over_groups`.

    The result is that of `apply_over_groups` on all files read in the order of their paths.
    """
    require_jobs(jobs)
    dataset = _dataset(path)
    for name in by:
        if name not in dataset.schema.names:
            known = ", ".join(repr(column) for column in dataset.schema.names)
            raise bad_argument("frame", str(path), f"must have a column {name!r}", f"it has {known}")
    catalogue = _catalogue(dataset, by)
    rows: list[Row] = []
    for bucket in _buckets(catalogue.lengths):
        numbers, values = _read(catalogue, bucket, by, measured)
        _, groups = split_groups(values, numbers)
        rows += map_groups(
            function, groups, jobs=jobs, progress=progress, done=len(rows), total=len(catalogue.lengths)
        )
    return stack_rows(catalogue.keys, rows, columns)


def _dataset(path: str | Path) -> Any:
    """Open all Parquet files below a folder (or one file) as one dataset, in the order of their paths."""
    import pyarrow.dataset

    files = _files(Path(path))
    if not files or not files[0].is_file():
        raise bad_argument("frame", str(path), "must be a table, or a Parquet file or folder that exists")
    return pyarrow.dataset.dataset([str(file) for file in files], format="parquet")


def _files(path: Path) -> list[Path]:
    """Return the Parquet files below a folder, but those set aside and the leftovers of interrupted writes."""
    if not path.is_dir():
        return [path]
    return [file for file in sorted(path.rglob("*.parquet")) if not _ignored(file.relative_to(path))]


def _ignored(place: Path) -> bool:
    return any(part == QUARANTINE or part.startswith(".") for part in place.parts)


def with_run_attributes(table: pd.DataFrame, path: str | Path) -> pd.DataFrame:
    """Put what tells runs apart, where a trace store is read, and how each run ended beside the name of the run.

    ``RUN/config.json`` holds the attributes of the runs in ``RUN/traces/*.parquet``, ``RUN/status.json`` their
    status. A table without a column ``run`` comes back as it is, as does one of files that no store has written,
    or in which two runs of one name differ.
    """
    if "run" not in table.columns or not Path(path).is_dir():
        return table
    known: dict[str, dict[str, Any]] = {}
    for folder in dict.fromkeys(file.parent.parent for file in _files(Path(path))):
        recorded = _json(folder / "config.json").get("attributes")
        attributes = dict(recorded) if isinstance(recorded, dict) else {}
        if status := _json(folder / "status.json").get("status"):
            attributes[RUN_STATUS] = status
        if known.setdefault(folder.name, attributes) != attributes:
            return table
    names = dict.fromkeys(name for attributes in known.values() for name in attributes)
    place = list(table.columns).index("run") + 1
    runs = [known.get(str(run), {}) for run in table["run"]]
    for name in (name for name in names if name not in table.columns):
        table.insert(place, name, pd.Series([run.get(name) for run in runs], index=table.index))
        place += 1
    return table


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where there is none to read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _catalogue(dataset: Any, by: Sequence[str]) -> Catalogue:
    """Read the key columns, one row group at a time."""
    import pyarrow as pa

    pieces = tuple(piece for part in dataset.get_fragments() for piece in part.split_by_row_group())
    numbers: dict[tuple[Any, ...], int] = {}
    first_rows = [dataset.schema.empty_table().select(list(by))]
    counts: list[int] = []
    members = []
    for piece in pieces:
        table = _table(piece, dataset.schema, by)
        local, firsts, keys = _local_groups(table, by)
        fresh = [position for position, key in enumerate(keys) if key not in numbers]
        for position in fresh:
            numbers[keys[position]] = len(numbers)
        counts += [0] * len(fresh)
        known = np.array([numbers[key] for key in keys], dtype=np.intp)
        for number, count in zip(known, np.bincount(local, minlength=len(keys)), strict=True):
            counts[number] += int(count)
        if fresh:
            first_rows.append(table.take(pa.array(firsts[fresh])))
        members.append(known)
    keys_table = pa.concat_tables(first_rows).unify_dictionaries()
    frame = keys_table.to_pandas() if by else pd.DataFrame(index=range(len(numbers)))
    return Catalogue(pieces, numbers, frame, np.array(counts, dtype=np.int64), tuple(members))


def _buckets(lengths: NDArray[np.int64]) -> Iterator[range]:
    """Yield runs of series numbers of at most `BUCKET_ROWS` rows together, but at least one series."""
    start, n_rows = 0, 0
    for number, length in enumerate(lengths):
        if number > start and n_rows + length > BUCKET_ROWS:
            yield range(start, number)
            start, n_rows = number, 0
        n_rows += int(length)
    if start < len(lengths):
        yield range(start, len(lengths))


def _read(
    catalogue: Catalogue, bucket: range, by: Sequence[str], measured: Sequence[str]
) -> tuple[NDArray[np.intp], pd.DataFrame]:
    """Return the series numbers and measured columns of all rows of the series in a bucket."""
    found_numbers, found_values = [], []
    columns = [*by, *(name for name in measured if name not in by)]
    for piece, members in zip(catalogue.pieces, catalogue.members, strict=True):
        if not ((members >= bucket.start) & (members < bucket.stop)).any():
            continue
        table = _table(piece, None, columns)
        local, _, keys = _local_groups(table, by)
        numbers = np.array([catalogue.numbers[key] for key in keys], dtype=np.intp)[local]
        wanted = (numbers >= bucket.start) & (numbers < bucket.stop)
        found_numbers.append(numbers[wanted])
        found_values.append(table.select(list(measured)).filter(wanted).to_pandas())
    return np.concatenate(found_numbers), pd.concat(found_values, ignore_index=True)


def _table(piece: Any, schema: Any, columns: Sequence[str]) -> Any:
    """Read columns of one row group, without threads, which would read ahead."""
    options = {} if schema is None else {"schema": schema}
    return piece.to_table(columns=list(columns), use_threads=False, **options)


def _local_groups(
    table: Any, by: Sequence[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[tuple[Any, ...]]]:
    """Return group numbers inside one row group, the first row of each group, and its keys; NA is None."""
    if not by:
        some = table.num_rows > 0
        return np.zeros(table.num_rows, dtype=np.intp), np.zeros(int(some), dtype=np.intp), [()] * some
    frame = table.select(list(by)).to_pandas()
    numbers = group_numbers(frame, by)
    firsts = np.unique(numbers, return_index=True)[1]
    rows = frame.iloc[firsts].itertuples(index=False, name=None)
    return numbers, firsts, [tuple(None if pd.isna(key) else key for key in row) for row in rows]
