"""Tables of runs: the columns they need, one run per seed, and how each run ended."""

from __future__ import annotations

import pandas as pd

from tracekit_analysis.errors import AnalysisError, bad_argument

RUN_STATUS = "run_status"
WALL_TIME = "wall_time"
OUTCOME = "outcome"
DEFAULT_SIGNAL = "train/first_logit"
"""The scalar of the reference paper. A fixed probe batch has hardly any step noise, so that any learning
is large in its own half-spreads: on a small demonstration all 8 cells were unstable with I = 3 to 5."""


def rows_of_signal(frame: pd.DataFrame, signal: str) -> pd.DataFrame:
    """Return the rows of one signal, without the column that names it; AnalysisError if there are none."""
    present = sorted(str(name) for name in frame["signal"].dropna().unique())
    if signal not in present:
        listed = ", ".join(repr(name) for name in present) or "none"
        raise bad_argument("signal", signal, "must be a recorded signal", f"recorded are {listed}")
    return frame[frame["signal"] == signal].drop(columns="signal")


def require_one_run_per_seed(ended: pd.DataFrame, keys: list[str]) -> None:
    """Raise AnalysisError if two runs of a configuration share a seed; the last of `keys` is the seed."""
    if "run" not in ended.columns or "run" in keys:
        return
    counts = ended.groupby(keys, dropna=False, observed=True)["run"].nunique()
    if (counts > 1).any():
        key = pd.DataFrame(counts.index[(counts > 1).to_numpy()].tolist()[:1]).astype(object).iloc[0].tolist()
        cell = tuple(key[:-1])
        raise AnalysisError(
            f"`at` must separate runs, but cell {cell!r} has {counts.max()} runs with {keys[-1]} "
            f"{key[-1]!r}; add the column in which they differ to `at`, or pass replicate='run'."
        )


def run_outcomes(table: pd.DataFrame) -> pd.Series:
    """Return the outcome of every row, from how its run ended and whether its series ran away."""
    ended = table[RUN_STATUS].astype(str) if RUN_STATUS in table.columns else pd.Series("", index=table.index)
    state = table["status"].astype(str) if "status" in table.columns else pd.Series("", index=table.index)
    outcome = pd.Series("finished", index=table.index)
    outcome[ended.isin(["failed", "running", "interrupted"])] = "unfinished"
    outcome[(ended == "diverged") | state.isin(["divergent", "diverged"])] = "diverged"
    return outcome


def require_separate_seeds(ended: pd.DataFrame, cell: list[str], replicate: str) -> None:
    """Raise AnalysisError if two runs of a configuration share a seed: they are not two replicates."""
    if "run" not in ended.columns or replicate == "run":
        return
    groups = ended.groupby([*cell, replicate], dropna=False, observed=True, sort=False)
    for key, members in groups:
        if members["run"].nunique(dropna=False) > 1:
            raise AnalysisError(
                f"`by` (={cell!r}) must separate runs, but cell {key[:-1]!r} has {len(members)} runs with "
                f"{replicate} {key[-1]!r}; add the column in which they differ, or pass replicate='run'."
            )


def require_column(frame: pd.DataFrame, name: str) -> None:
    """Raise AnalysisError if a table lacks a column."""
    if name not in frame.columns:
        known = ", ".join(repr(column) for column in frame.columns)
        raise bad_argument("frame", f"{len(frame)} rows", f"must have a column {name!r}", f"it has {known}")
