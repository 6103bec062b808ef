"""Configurations: which columns tell the cells of an experiment apart, decided here for every command and table.

A configuration is what was trained, whatever the seed. Its columns are the attributes that vary between runs.
Provenance (paths, names, times, versions) is none, nor is an attribute of as many values as there are runs: both would
make a cell of every run. An attribute that the others determine, such as a learning rate tuned per optimizer and batch
size, is nested: shown, but not matched on, so that tuned optimizers stay comparable at one batch size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tracekit_analysis.errors import AnalysisError, bad_argument
from tracekit_analysis.tables.runs import RUN_STATUS, WALL_TIME, require_column
from tracekit_analysis.words import listed

CORE = ("optimizer", "batch_size")
"""Columns that lead and are kept wherever a table has them, whether or not they vary."""
DESIGN = (*CORE, "learning_rate", "model", "dataset")
"""Columns that count although each run has its own value: two runs of two optimizers are two configurations."""
MEASURED = frozenset(
    {"run", "signal", "layer", "index", "step", "epoch", "value", WALL_TIME, "status", RUN_STATUS, "reason"}
)
"""Columns of traces and of their statistics that are no attributes of a run."""
PROVENANCE = re.compile(
    r"(.*_)?(path|file|filename|folder|dir|directory|name|run|run_id|id|uuid|url|source|host|hostname|user|"
    r"time|date|timestamp|created|started|ended|seconds|version|commit|command|lost|imported_from)",
    re.IGNORECASE,
)
"""Names of attributes that say where a run comes from."""
SAME_NUMBER = 1e-9
"""Relative difference under which two numbers are one setting."""


@dataclass(frozen=True, slots=True)
class Configurations:
    """What tells the configurations of a table apart."""

    by: tuple[str, ...]
    """Columns to match on, in order."""
    nested: tuple[str, ...]
    """Columns that vary and are determined by those."""
    replicate: str
    """Column that tells the runs of a configuration apart: "seed" where every run has one, else "run"."""


def configurations(
    table: pd.DataFrame, *, by: str | Sequence[str] | None = None, statistics: Sequence[str] = ()
) -> Configurations:
    """Decide which columns tell the configurations of a table apart.

    Parameters
    ----------
    table : DataFrame
        Traces, statistics of traces, or one row per run; attributes of runs are columns.
    by : str or sequence of str, optional
        The columns, where the caller chooses them; nothing is nested then.
    statistics : sequence of str
        Further columns that are no attributes.

    Returns
    -------
    Configurations

    Raises
    ------
    AnalysisError
        If a column of `by` is missing.
    """
    if by is not None:
        named = (by,) if isinstance(by, str) else tuple(by)
        for name in named:
            require_column(table, name)
        return Configurations(named, (), replicate_of(run_rows(table, named)))
    left_out = MEASURED | set(statistics)
    attributes = [
        str(name) for name in table.columns if name not in left_out and not str(name).endswith("seed")
    ]
    attributes.sort(key=lambda name: (name not in CORE, CORE.index(name) if name in CORE else 0))
    runs = run_rows(table, attributes)
    chosen = [name for name in CORE if name in attributes]
    nested = []
    for name in attributes:
        if name in chosen or not _varies(runs, name):
            continue
        if (
            chosen
            and runs.groupby(chosen, dropna=False, observed=True)[name].nunique(dropna=False).max() == 1
        ):
            nested.append(name)
        else:
            chosen.append(name)
    return Configurations(tuple(chosen), tuple(nested), replicate_of(runs))


def run_rows(table: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """Return one row per run: the attributes, and the columns ``run`` and ``seed`` where they are."""
    known = [name for name in ("run", "seed") if name in table.columns and name not in attributes]
    rows = table[[*attributes, *known]].drop_duplicates(ignore_index=True)
    return rows.assign(**{str(name): one_value(rows[name]) for name in attributes})


def one_value(column: pd.Series) -> pd.Series:
    """Return a column whose numbers are one where they differ by less than a billionth: they print alike."""
    if not pd.api.types.is_float_dtype(column):
        return column
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    present = np.unique(values[np.isfinite(values)])
    if present.size < 2:
        return column
    new = np.diff(present) > SAME_NUMBER * np.abs(present[1:])
    if new.all():
        return column
    first = present[np.concatenate([[True], new])]
    position = np.searchsorted(first, values, side="right") - 1
    merged = np.where(np.isfinite(values), first[np.maximum(position, 0)], values)
    return pd.Series(merged, index=column.index, name=column.name)


def with_one_value(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the frame with `one_value` of these columns."""
    merged = {name: one_value(frame[name]) for name in names}
    changed = {name: column for name, column in merged.items() if column is not frame[name]}
    return frame.assign(**changed) if changed else frame


def replicate_of(runs: pd.DataFrame) -> str:
    """Choose what tells the runs of a configuration apart: the seed where every run has one."""
    seeded = "seed" in runs.columns and not runs["seed"].isna().any()
    return "seed" if seeded or "run" not in runs.columns else "run"


def entries(
    frame: pd.DataFrame, found: Configurations, *, several: bool = True
) -> tuple[pd.DataFrame, str, list[str]]:
    """Return what is compared with what: the frame, the column of entries, and the columns of a cell.

    The first column of the configuration is compared within the others. A further column (a learning rate) stays a
    column of the cell only where all levels of the first were run at the same values of it; otherwise an entry is a
    level with its value, "sgd at 0.1".

    Parameters
    ----------
    frame : DataFrame
        Table with the columns of `found`.
    found : Configurations
        What tells its configurations apart.
    several : bool
        Whether a cell may have more than one column.

    Raises
    ------
    AnalysisError
        If nothing tells the runs apart.
    """
    if not found.by:
        raise AnalysisError(
            "`frame` has one configuration: no attribute of its runs varies, so that nothing can be compared; "
            "name a column with `by` (in a command: --by)."
        )
    factor, *others = found.by
    if not others:
        return frame, factor, []
    runs = run_rows(frame, found.by)[list(found.by)].drop_duplicates()
    at, extra = [others[0]], others[1:]
    folded: list[str] = []
    for name in extra:
        values = runs.groupby([*at, factor], observed=True, dropna=False)[name].agg(frozenset)
        crossed = (values.groupby(level=at).nunique() == 1).all() and runs[factor].nunique() > 1
        (at if several and crossed else folded).append(name)
    if folded:
        labels = frame[factor].astype(str)
        for name in folded:
            labels = labels + frame[name].map(_worded(name), na_action="ignore").fillna("").astype(str)
        frame = frame.assign(**{factor: labels})
    return frame, factor, at


def comparison(
    frame: pd.DataFrame,
    *,
    by: str | Sequence[str] | None,
    factor: str | None,
    at: str | Sequence[str] | None,
    replicate: str | None,
    several: bool = True,
) -> tuple[pd.DataFrame, str, list[str], str]:
    """Return frame, factor, columns of a cell and replicate column of a comparison, as the caller or the table says.

    `factor` and `at` name the columns one by one, `by` names them together; without any of them, traces say
    themselves (`configurations`), and other tables are taken to have ``optimizer`` and ``batch_size``.

    Raises
    ------
    AnalysisError
        If both ways are used, a column is missing, or nothing tells the runs of traces apart.
    """
    named = factor is not None or at is not None
    if by is not None and named:
        raise bad_argument("by", by, "says what `factor` and `at` say", "pass one of them")
    if by is None and (named or not {"step", "value"} <= set(frame.columns)):
        cell = ["batch_size"] if at is None else [at] if isinstance(at, str) else list(at)
        return frame, factor or "optimizer", cell, replicate or "seed"
    found = configurations(frame, by=by)
    frame, level, cell = entries(with_one_value(frame, found.by), found, several=several)
    return frame, level, cell, replicate or found.replicate


def require_one_configuration(found: Configurations, known: Sequence[str], what: str) -> None:
    """Raise AnalysisError if runs differ in a column of which `what` says nothing."""
    others = [name for name in found.by if name not in known]
    if others:
        raise AnalysisError(
            f"the runs differ in {listed(others)} too, of which {what} say nothing; pass runs that share one value, "
            "or choose the columns with `by` (in a command: --by)."
        )


def _worded(name: str) -> Callable[[object], str]:
    start = " at " if name == "learning_rate" else f", {name} "
    return lambda value: f"{start}{value:g}" if isinstance(value, float) else f"{start}{value}"


def _varies(runs: pd.DataFrame, name: str) -> bool:
    """Whether an attribute tells configurations apart rather than single runs."""
    different = runs[name].nunique(dropna=False)
    if different < 2:
        return False
    if name in DESIGN:
        return True
    return PROVENANCE.fullmatch(name) is None and different < len(runs)
