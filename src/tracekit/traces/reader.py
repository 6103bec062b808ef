"""Store reader: lists an experiment's runs and reads their values as one tidy frame."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracekit.errors import StoreError, unknown_name
from tracekit.traces.files import CONFIG_FILE, EXPERIMENT_FILE, TRACES_FOLDER, read_json
from tracekit.traces.index import read_records
from tracekit.traces.parts import (
    PartRecord,
    check_version,
    part_signals,
    part_units,
    read_part,
    sort_table,
)
from tracekit.traces.schema import SCHEMA_VERSION, STATUSES, TABLE_SCHEMA

if TYPE_CHECKING:
    import pandas as pd

#: Largest number of rows in the table that a notebook shows of an experiment.
_TABLED = 40


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a store, without its values."""

    name: str  #: the run's name, unique in its experiment
    path: Path  #: its folder
    attributes: dict[
        str, Any
    ]  #: what distinguishes it from other runs; columns of the frame that `read` returns
    configuration: dict[str, Any]  #: the resolved configuration it ran with
    meta: dict[str, Any]  #: versions, git commit, processor
    status: str  #: running | finished | diverged | interrupted | failed
    reason: str | None  #: why it diverged, was interrupted or failed
    step: int  #: last recorded update
    seconds: float  #: wall time of the run
    run_id: str | None  #: written into its parts, so that a part of another run is recognised
    parts: tuple[Path, ...]  #: its Parquet files, in the order they were written
    lost: tuple[PartRecord, ...] = ()  #: parts that `tracekit doctor --quarantine` has removed

    def unit(self, signal: str) -> str:
        """Return the unit of a signal; '' where it has none, or a store of format version 1 does not say it."""
        known = (part_units(part, self.run_id).get(signal, "") for part in self.parts)
        return next(filter(None, known), "")


@dataclass(frozen=True, slots=True, repr=False)
class Experiment:
    """An experiment's folder: its own record and the runs in it."""

    path: Path  #: the folder
    name: str  #: the experiment's name
    record: dict[str, Any]  #: contents of experiment.json (configuration, command, created)
    runs: tuple[Run, ...]  #: sorted by attributes, then by name

    def unit(self, signal: str) -> str:
        """Return the unit of a signal, as the first run that knows it says; '' where none does."""
        return next(filter(None, (run.unit(signal) for run in self.runs)), "")

    def __repr__(self) -> str:
        """Return its name, path and number of runs by status."""
        counts = ", ".join(f"{n} {status}" for status, n in Counter(run.status for run in self.runs).items())
        runs = f"{len(self.runs)} run{'s' * (len(self.runs) != 1)}"
        return f"Experiment({self.name!r}, {runs}: {counts}, path={str(self.path)!r})"

    def _repr_html_(self) -> str:
        """Tabulate the number of runs by configuration and status, for notebooks."""
        cells: dict[str, Counter[str]] = {}
        for run in self.runs:
            told = {name: value for name, value in run.attributes.items() if not name.endswith("seed")}
            cell = ", ".join(f"{name} {value}" for name, value in told.items()) or "all"
            cells.setdefault(cell, Counter())[run.status] += 1
        statuses = [status for status in STATUSES if any(counts[status] for counts in cells.values())]
        lines = [[cell, *(str(counts[status]) for status in statuses)] for cell, counts in cells.items()]
        left_out = len(lines) - _TABLED
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in line) + "</tr>"
            for line in lines[:_TABLED]
        )
        head = "".join(f"<th>{title}</th>" for title in ("runs", *statuses))
        caption = html.escape(f"{self.name} ({self.path})") + (
            f", {left_out} more rows" if left_out > 0 else ""
        )
        return (
            f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )


def open_experiment(path: str | Path) -> Experiment:
    """List an experiment's runs; the folder of a single run is an experiment of one run.

    Raises
    ------
    StoreError
        The folder is missing, holds no run, is of a newer format, or one of its records is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tracekit import open_experiment
    >>> from tracekit.traces import RunWriter
    >>> folder = Path(tempfile.mkdtemp())
    >>> for seed in range(2):
    ...     RunWriter(folder / f"sgd-{seed}", attributes={"seed": seed}, configuration={}, meta={}).finish()
    >>> [(run.name, run.attributes, run.status) for run in open_experiment(folder).runs]
    [('sgd-0', {'seed': 0}, 'finished'), ('sgd-1', {'seed': 1}, 'finished')]
    """
    folder = Path(path)
    if not folder.is_dir():
        raise StoreError(f"{folder} is not a folder; give the folder that `tracekit run --out` wrote.")
    if (folder / CONFIG_FILE).exists():
        (records,) = read_records(folder.parent, [folder.name], keep=False).values()
        run = _run(folder, records)
        return Experiment(folder, run.name, {"name": run.name, "configuration": run.configuration}, (run,))
    record: dict[str, Any] = {"name": folder.name}
    if (folder / EXPERIMENT_FILE).exists():
        record = read_json(folder / EXPERIMENT_FILE)
        check_version(folder / EXPERIMENT_FILE, record.get("schema_version", SCHEMA_VERSION))
    runs = [_run(folder / name, records) for name, records in read_records(folder).items()]
    if not runs:
        raise StoreError(f"{folder} holds no runs; give the folder that `tracekit run --out` wrote.")
    runs.sort(key=lambda run: ([_sortable(value) for value in run.attributes.values()], run.name))
    return Experiment(folder, str(record.get("name", folder.name)), record, tuple(runs))


def _run(folder: Path, records: dict[str, Any]) -> Run:
    config, status = records["config"], records["status"]
    if status.get("status") not in STATUSES:
        raise StoreError(
            f"{folder} has the status {status.get('status')!r}, which must be one of {', '.join(STATUSES)}."
        )
    traces = folder / TRACES_FOLDER
    # A store that another program wrote may list no parts: then every part in the folder belongs to the run.
    listed = status.get("parts")
    files = sorted(traces.glob("part-*.parquet")) if listed is None else [traces / p["file"] for p in listed]
    return Run(
        name=folder.name,
        path=folder,
        attributes=dict(config.get("attributes", {})),
        configuration=dict(config.get("configuration", {})),
        meta=records["meta"],
        status=status["status"],
        reason=status.get("reason"),
        step=int(status.get("step", 0)),
        seconds=float(status.get("seconds", 0.0)),
        run_id=config.get("run_id"),
        parts=tuple(files),
        lost=tuple(status.get("lost", [])),
    )


def _sortable(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))


def read(
    path: str | Path, *, signals: Sequence[str] | str | None = None, runs: Sequence[str] | str | None = None
) -> pd.DataFrame:
    """Read traces into one tidy frame, one row per value.

    Parameters
    ----------
    path : str or Path
        An experiment's folder, or one run's.
    signals : str or sequence of str, optional
        Signals to read; all by default. Only their row groups are read from disk.
    runs : str or sequence of str, optional
        Names of runs to read; all by default.

    Returns
    -------
    pandas.DataFrame
        Columns ``run``, the runs' attributes (``optimizer``, ``batch_size``, ``learning_rate``,
        ``seed``, ...), ``status``, ``step``, ``epoch``, ``signal``, ``layer``, ``index``, ``value``;
        text columns are categorical; sorted by run, signal, layer, index and step.

    Raises
    ------
    StoreError
        The path holds nothing readable, or a file is damaged; the message names the file.
    UnknownNameError
        A signal or run is not in the store.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tracekit import read
    >>> from tracekit.traces import RunWriter
    >>> folder = Path(tempfile.mkdtemp())
    >>> run = RunWriter(folder / "sgd-0", attributes={"seed": 0}, configuration={}, meta={})
    >>> run.record(1, 1, "train/loss", 2.5)
    >>> run.finish()
    >>> read(folder, signals="train/loss")[["run", "seed", "step", "value"]]
         run  seed  step  value
    0  sgd-0     0     1    2.5
    """
    experiment = open_experiment(path)
    wanted_runs = _chosen(runs, [run.name for run in experiment.runs], path)
    chosen = [run for run in experiment.runs if run.name in wanted_runs]
    wanted = None if signals is None else ([signals] if isinstance(signals, str) else list(signals))
    tables = [_read_run(run, wanted) for run in chosen]
    if wanted is not None:
        present = {name for table in tables for name in pc.unique(table["signal"]).to_pylist()}
        if set(wanted) - present:
            known = {name for run in chosen for name in signal_names(run)}
            for name in wanted:
                if name not in known:
                    raise unknown_name("signal", name, known, listing=f"tracekit show {path}")
    return _to_frame(chosen, tables)


def signal_names(run: Run) -> list[str]:
    """Return the names of the signals that a run has recorded, sorted."""
    return sorted(set().union(*(part_signals(part, run.run_id) for part in run.parts)))


def _chosen(asked: Sequence[str] | str | None, known: list[str], path: str | Path) -> set[str]:
    if asked is None:
        return set(known)
    names = [asked] if isinstance(asked, str) else list(asked)
    for name in names:
        if name not in known:
            raise unknown_name("run", name, known, listing=f"tracekit list runs {path}")
    return set(names)


def _read_run(run: Run, signals: list[str] | None) -> pa.Table:
    # The run's name is the same in every row; it is joined from the run's record.
    columns = TABLE_SCHEMA.names[1:]
    parts = [read_part(part, columns=columns, signals=signals, run_id=run.run_id) for part in run.parts]
    if not parts:
        return TABLE_SCHEMA.empty_table().select(columns)
    return parts[0] if len(parts) == 1 else sort_table(pa.concat_tables(parts))


def _to_frame(runs: list[Run], tables: list[pa.Table]) -> pd.DataFrame:
    """Join the runs' attributes to their rows, column by column, with as few copies as possible."""
    import pandas as pd

    lengths = np.array([table.num_rows for table in tables])
    joined = pa.concat_tables(tables).unify_dictionaries()
    columns: dict[str, Any] = {"run": _constant([run.name for run in runs], lengths)}
    for name in dict.fromkeys(name for run in runs for name in run.attributes):
        columns[name] = _constant([run.attributes.get(name) for run in runs], lengths)
    columns["status"] = _constant([run.status for run in runs], lengths)
    for name in ("step", "epoch"):
        columns[name] = joined[name].to_numpy()
    for name in ("signal", "layer"):
        columns[name] = _categories(joined[name].combine_chunks())
    index = joined["index"]
    if index.null_count == len(index):
        missing = np.ones(len(index), dtype=bool)
        columns["index"] = pd.arrays.IntegerArray(np.ones(len(index), dtype=np.int32), missing)
    else:
        columns["index"] = index.to_pandas(integer_object_nulls=False).astype("Int32")
    columns["value"] = joined["value"].to_numpy()
    return pd.DataFrame(columns, copy=False)


def _categories(column: pa.DictionaryArray) -> pd.Categorical:
    import pandas as pd

    codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.Categorical.from_codes(codes, column.dictionary.to_pylist(), validate=False)


def _constant(values: list[Any], lengths: np.ndarray) -> Any:
    """Repeat one value per run over the run's rows: categories for text, plain numbers otherwise."""
    import pandas as pd

    if all(value is None or isinstance(value, str) for value in values):
        names = sorted({value for value in values if value is not None})
        codes = np.array([-1 if value is None else names.index(value) for value in values], dtype=np.int32)
        return pd.Categorical.from_codes(np.repeat(codes, lengths), pd.Index(names), validate=False)
    numbers = np.array([np.nan if value is None else value for value in values])
    return np.repeat(numbers, lengths)
