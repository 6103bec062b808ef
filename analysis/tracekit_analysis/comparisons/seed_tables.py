"""From a table of traces or of their statistics to one row per seed of every cell, with its outcome.

A run that diverged is an outcome and stays in the table; a run that failed or is still running has none yet.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from tracekit_analysis.errors import AnalysisError, bad_argument, require_choice
from tracekit_analysis.features.characterization import characterize
from tracekit_analysis.tables.runs import (
    DEFAULT_SIGNAL,
    OUTCOME,
    RUN_STATUS,
    require_column,
    require_one_run_per_seed,
    rows_of_signal,
    run_outcomes,
)

Match = Literal["equal", "updates", "epochs", "none"]
"""How series of different lengths are treated: refused, cut to as many updates or epochs, or taken whole."""
MATCHES: tuple[Match, ...] = ("equal", "updates", "epochs", "none")
MATCH_WORDS: Mapping[Match, str] = {
    "equal": "",
    "updates": "; runs cut to as many updates as the shortest",
    "epochs": "; runs cut to as many epochs as the shortest",
    "none": "; lengths of runs not matched",
}
"""What a result adds to its method, by how lengths were matched."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A statistic of a series by which runs are compared."""

    kind: Literal["shape", "scale"]
    """``scale`` if it changes with the unit of the signal."""
    unit: str
    """Unit of the values that are compared."""
    log: bool = False
    """Whether natural logarithms are compared."""


FEATURES: Mapping[str, Feature] = {
    "lower_index": Feature("shape", "half-spreads"),
    "upper_index": Feature("shape", "half-spreads"),
    "lower_drift": Feature("shape", "half-spreads"),
    "upper_drift": Feature("shape", "half-spreads"),
    "tau_int": Feature("shape", "log updates", log=True),
    "spectral_entropy": Feature("shape", "share of white noise"),
    "lower_bound": Feature("scale", "signal units"),
    "upper_bound": Feature("scale", "signal units"),
    "lower_spread": Feature("scale", "log signal units", log=True),
    "upper_spread": Feature("scale", "log signal units", log=True),
}
"""Features that are compared unless others are named; fixed here, before any data are seen."""


def seed_table(
    frame: pd.DataFrame,
    *,
    factor: str = "optimizer",
    at: str | Sequence[str] = "batch_size",
    features: Sequence[str] | None = None,
    signal: str = DEFAULT_SIGNAL,
    replicate: str = "seed",
    match: Match = "equal",
) -> pd.DataFrame:
    """Return one row per run: its cell, its seed, its outcome and the values of its features.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces, the result of `characterize` on one, or any table with a row per run and the
        columns named here. If a signal has several series per run, told apart by ``layer`` or ``index``,
        their median speaks.
    factor : str
        Column whose levels are compared.
    at : str or sequence of str
        Columns within whose levels they are compared; may be empty.
    features : sequence of str, optional
        Columns to compare; by default those of `FEATURES` that are there. Those listed as logarithms are
        given as logarithms.
    signal : str
        Signal to analyse, where there is a column ``signal``.
    replicate : str
        Column that tells the seeds of a cell apart.
    match : {"equal", "updates", "epochs", "none"}
        What to do about series of different lengths at one level of `at`: refuse; cut traces to as many
        updates, or epochs, as the shortest has; or compare them as they are.

    Returns
    -------
    DataFrame
        Columns `at`, `factor`, `replicate`, ``outcome`` (finished, diverged, unfinished), then the features:
        NaN where unknown. Sorted by cell and seed.

    Raises
    ------
    AnalysisError
        If a column or the signal is missing, two runs of a cell share a seed, two series of a run are not told
        apart, or lengths differ.

    Examples
    --------
    >>> import pandas as pd
    >>> from tracekit_analysis import seed_table
    >>> runs = pd.DataFrame({"optimizer": ["sgd", "adam"] * 2, "batch_size": 50, "seed": [0, 0, 1, 1]})
    >>> table = seed_table(runs.assign(loss=[0.5, 0.3, 0.6, 0.4]), features=["loss"])
    >>> table.pivot(index="seed", columns="optimizer", values="loss").mean().to_dict()
    {'adam': 0.35, 'sgd': 0.55}
    """
    require_choice("match", match, MATCHES)
    strata = [at] if isinstance(at, str) else list(at)
    keys = [*strata, factor, replicate]
    for name in keys:
        require_column(frame, name)
    if len(set(keys)) < len(keys):
        raise bad_argument("at", at, f"must not repeat `factor` ({factor!r}) or `replicate` ({replicate!r})")
    everything = frame
    if "signal" in frame.columns:
        frame = rows_of_signal(frame, signal)
    runs = [*keys, *(name for name in ("run", RUN_STATUS) if name in frame.columns and name not in keys)]
    if {"step", "value"} <= set(frame.columns):
        runs += [name for name in ("status",) if name in frame.columns]
        ended = everything[runs].drop_duplicates().rename(columns={"status": RUN_STATUS})
        require_one_run_per_seed(ended, keys)
        frame = match_lengths(frame, strata, runs, match)
        series = [name for name in ("layer", "index") if name in frame.columns and name not in runs]
        _require_one_series(frame, keys, [*runs, *series, "step"], "values at one step")
        table = characterize(frame, by=[*runs, *series])
        runs = ["run_status" if name == "status" else name for name in runs]
    else:
        if match in ("updates", "epochs"):
            raise bad_argument("match", match, "needs traces", "pass the traces instead of their statistics")
        table = frame
        if RUN_STATUS not in runs and "status" in table.columns and "n_used" not in table.columns:
            table, everything = (part.rename(columns={"status": RUN_STATUS}) for part in (table, everything))
            runs.append(RUN_STATUS)
        ended = everything[runs].drop_duplicates()
        require_one_run_per_seed(ended, keys)
        series = [name for name in ("layer", "index") if name in table.columns and name not in runs]
        _require_one_series(table, keys, [*runs, *series], "rows")
    if match == "equal" and "n" in table.columns:
        _require_equal_lengths(table, strata)
    names = _feature_names(table, features)
    values = _values(table, keys, names)
    rows = ended[keys].drop_duplicates().merge(values, how="left", on=keys)
    rows.insert(len(keys), OUTCOME, _outcomes(rows[keys], ended, table, keys))
    unfinished = (rows[OUTCOME] != "finished").to_numpy()
    if unfinished.any():
        rows.loc[unfinished, names] = np.nan
    return rows.sort_values(keys, kind="stable", ignore_index=True)


def levels_of(table: pd.DataFrame, factor: str, levels: Sequence[object] | None) -> list[object]:
    """Return the levels of the factor that are compared, sorted unless named; at least two."""
    present = sorted(table[factor].dropna().unique().tolist(), key=lambda level: (str(type(level)), level))
    if levels is None:
        chosen = present
    else:
        chosen = list(levels)
        for level in chosen:
            if level not in present:
                raise bad_argument("levels", level, f"must be in column {factor!r}", f"it has {present!r}")
    if len(chosen) < 2:
        raise bad_argument("factor", factor, f"must have two or more levels, but has {chosen!r} alone")
    return chosen


def match_lengths(frame: pd.DataFrame, strata: list[str], runs: list[str], match: Match) -> pd.DataFrame:
    """Cut the traces of a stratum to as many updates or epochs as its shortest finished run has.

    `runs` are the columns that tell runs apart, the ``status`` of traces among them where there is one.
    """
    if match in ("equal", "none"):
        return frame
    clock = "step" if match == "updates" else "epoch"
    require_column(frame, clock)
    ends = frame.groupby(runs, dropna=False, observed=True)[clock].max().reset_index()
    if "status" in ends.columns:
        ends = ends[ends["status"] == "finished"]
    if strata:
        shortest = ends.groupby(strata, dropna=False, observed=True)[clock].min().rename("shortest")
        limit = frame[strata].merge(shortest.reset_index(), how="left", on=strata)["shortest"].to_numpy()
    else:
        limit = np.full(len(frame), ends[clock].min())
    return frame[~(frame[clock].to_numpy() > limit)]


def _require_one_series(frame: pd.DataFrame, keys: list[str], apart: list[str], what: str) -> None:
    """Refuse runs with several rows where nothing tells them apart: values of two signals would be mixed."""
    twice = frame.duplicated(apart)
    if not twice.any():
        return
    one = frame.loc[twice, apart].iloc[:1]
    count = len(frame[apart].merge(one, on=apart))
    where = ", ".join(f"{name} {one[name].item()}" for name in keys)
    raise AnalysisError(
        f"`frame` must hold one series per run, or tell them apart by a column 'layer' or 'index', but {where} has "
        f"{count} {what}; keep the column 'signal', pass one signal alone, or add the column in which they differ "
        "to `at`."
    )


def _require_equal_lengths(table: pd.DataFrame, strata: list[str]) -> None:
    whole = table[run_outcomes(table) == "finished"]
    groups = whole.groupby(strata, dropna=False, observed=True) if strata else [("all", whole)]
    for key, members in groups:
        shortest, longest = members["n"].min(), members["n"].max()
        if shortest != longest:
            where = ", ".join(f"{n} {k}" for n, k in zip(strata, key, strict=False)) or "all runs"
            raise AnalysisError(
                f"`frame` must hold series of one length at {where}, but they have {shortest} to {longest} "
                "values; pass the traces with match='updates' or match='epochs', or match='none' "
                "(in a command: --match)."
            )


def _feature_names(table: pd.DataFrame, features: Sequence[str] | None) -> list[str]:
    if features is None:
        names = [name for name in FEATURES if name in table.columns]
        if not names:
            raise bad_argument("features", None, "must be named", "no column of `FEATURES` is in the table")
        return names
    names = [features] if isinstance(features, str) else list(dict.fromkeys(features))
    for name in names:
        if name not in table.columns:
            numeric = [
                str(column) for column in table.columns if pd.api.types.is_numeric_dtype(table[column])
            ]
            close = difflib.get_close_matches(str(name), numeric, n=3) or [
                n for n in FEATURES if n in numeric
            ]
            listed = ", ".join(repr(one) for one in close) or "numbers of any name"
            raise bad_argument(
                "features", name, "must be a column of the table", f"like it there are {listed}"
            )
        if not pd.api.types.is_numeric_dtype(table[name]):
            raise bad_argument("features", name, "must be a column of numbers")
    if not names:
        raise bad_argument("features", features, "must name at least one column")
    return names


def _values(table: pd.DataFrame, keys: list[str], names: list[str]) -> pd.DataFrame:
    numbers = table[[*keys, *names]].copy()
    for name in names:
        column = numbers[name].to_numpy(dtype=np.float64, na_value=np.nan)
        if name in FEATURES and FEATURES[name].log:
            column = np.log(np.where(column > 0.0, column, np.nan))
        numbers[name] = np.where(np.isfinite(column), column, np.nan)
    return numbers.groupby(keys, dropna=False, observed=True, sort=False)[names].median().reset_index()


def _outcomes(cells: pd.DataFrame, ended: pd.DataFrame, table: pd.DataFrame, keys: list[str]) -> list[str]:
    """Return the worst outcome of every seed, in the order of `cells`."""
    outcomes = [run_outcomes(part) for part in (ended, table)]
    if all((outcome == "finished").all() for outcome in outcomes):
        return ["finished"] * len(cells)
    known = pd.concat(
        [part[keys].assign(worst=outcome == "diverged", open=outcome == "unfinished")
         for part, outcome in zip((ended, table), outcomes, strict=True)]
    )  # fmt: skip
    merged = known.groupby(keys, dropna=False, observed=True)[["worst", "open"]].any().reset_index()
    found = cells.merge(merged, how="left", on=keys)
    return np.where(found["worst"], "diverged", np.where(found["open"], "unfinished", "finished")).tolist()
