"""Performance of each run: at the end, over all updates, at its best, and the time to a target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracekit_analysis.errors import bad_argument, require_between
from tracekit_analysis.results import FloatArray
from tracekit_analysis.series.input import rescaled
from tracekit_analysis.tables.groups import apply_over_groups
from tracekit_analysis.tables.runs import OUTCOME, RUN_STATUS, require_column, run_outcomes

DEFAULT_PERFORMANCE = "eval/loss"
FINAL_SHARE = 0.1
_COLUMNS = ("final", "anytime", "best", "time_to_target", "reached", "last_step", "n", "ran_away")


def performance(
    frame: pd.DataFrame,
    *,
    signal: str = DEFAULT_PERFORMANCE,
    lower_is_better: bool = True,
    target: float | None = None,
    window: int = 1,
    by: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return one row per run with its performance in one signal.

    * final: mean of the last tenth of the values, at least one;
    * anytime: mean over the updates, by the trapezoidal rule (area under the curve over its length);
    * best: the best value;
    * time_to_target: first step at which the mean of the last `window` values meets `target`; infinite if
      the run ended without, and then `reached` is False.

    A run that diverged (by its status, or because a value is not finite) gets the worst values: infinite ones.
    A target that it met before counts as reached. A run that failed or is still running keeps its values, with
    the outcome "unfinished".

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces.
    signal : str
        Signal that measures performance, such as a loss.
    lower_is_better : bool
        False for accuracies.
    target : float, optional
        Value to reach; without one the last two columns are missing.
    window : int
        Number of values averaged for the target, the current one included.
    by : sequence of str, optional
        Columns that distinguish runs; by default all except those of single values.

    Returns
    -------
    DataFrame
        Columns of `by`, then outcome, final, anytime, best, time_to_target, reached, last_step, n.

    Raises
    ------
    AnalysisError
        If a column or the signal is missing, or an argument cannot be used.

    Examples
    --------
    >>> import pandas as pd
    >>> from tracekit_analysis import performance
    >>> traces = pd.DataFrame({"seed": [0, 0, 0, 1, 1, 1], "step": [10, 20, 30] * 2, "signal": "eval/loss"})
    >>> traces["value"] = [2.0, 0.9, 0.4, 2.0, 1.5, float("nan")]
    >>> performance(traces, target=1.0)[["seed", "outcome", "final", "time_to_target"]]
       seed   outcome  final  time_to_target
    0     0  finished    0.4            20.0
    1     1  diverged    inf             inf
    """
    for name in ("signal", "step", "value"):
        require_column(frame, name)
    if isinstance(window, bool) or not isinstance(window, int) or window < 1:
        raise bad_argument("window", window, "must be a whole number of at least 1")
    if target is not None:
        require_between("target", target, -math.inf, math.inf)
    present = sorted(str(name) for name in frame["signal"].dropna().unique())
    if signal not in present:
        listed = ", ".join(repr(name) for name in present) or "none"
        raise bad_argument("signal", signal, "must be a recorded signal", f"recorded are {listed}")
    inner = ("step", "epoch", "signal", "layer", "index", "value", "wall_time")
    keys = [str(name) for name in frame.columns if name not in inner] if by is None else list(by)
    ended = frame[keys].drop_duplicates().rename(columns={"status": RUN_STATUS})
    sign = 1.0 if lower_is_better else -1.0

    def row_of(run: pd.DataFrame) -> dict[str, object]:
        steps = run["step"].to_numpy(dtype=np.float64)
        values = sign * run["value"].to_numpy(dtype=np.float64, na_value=np.nan)
        return _run_row(steps, values, None if target is None else sign * target, window)

    rows = apply_over_groups(
        frame[frame["signal"] == signal], keys, row_of, measured=["step", "value"], columns=_COLUMNS
    )
    keys = ["run_status" if name == "status" else name for name in keys]
    table = ended.merge(rows, how="left", on=keys)
    outcome = run_outcomes(table)
    outcome[(table["ran_away"] == True) & (outcome == "finished")] = "diverged"  # noqa: E712 - may be NA
    gone = (outcome == "diverged").to_numpy()
    for name in ("final", "anytime", "best"):
        table[name] = sign * np.where(gone, math.inf, table[name].to_numpy(dtype=np.float64))
    if target is None:
        table["time_to_target"] = np.nan
    else:
        table["time_to_target"] = table["time_to_target"].fillna(math.inf)
    table["reached"] = np.isfinite(table["time_to_target"].to_numpy(dtype=np.float64))
    table.insert(len(keys), OUTCOME, outcome)
    return table.drop(columns=["ran_away", *([RUN_STATUS] if RUN_STATUS in table.columns else [])])


def _run_row(steps: FloatArray, values: FloatArray, target: float | None, window: int) -> dict[str, object]:
    """Return the row of one run; the sign of the values is such that lower is better."""
    finite = np.isfinite(values)
    ran_away = bool(not finite.all())
    stop = int(np.argmin(finite)) if ran_away else values.size
    sound, scale = rescaled(values[:stop])
    when = steps[:stop]
    reached_at = math.inf
    if target is not None and sound.size >= window:
        means = np.convolve(sound, np.full(window, 1.0 / window), mode="valid")
        met = np.flatnonzero(means <= target / scale)
        reached_at = float(when[met[0] + window - 1]) if met.size else math.inf
    last = max(1, math.ceil(FINAL_SHARE * sound.size))
    span = float(when[-1] - when[0]) if sound.size else 0.0
    anytime = float(sound.mean()) if sound.size else math.nan
    if span > 0.0:
        anytime = float(np.trapezoid(sound, when)) / span
    return {
        "final": float(sound[-last:].mean()) * scale if sound.size else math.nan,
        "anytime": anytime * scale,
        "best": float(sound.min()) * scale if sound.size else math.nan,
        "time_to_target": reached_at,
        "reached": math.isfinite(reached_at),
        "last_step": float(steps.max()) if steps.size else math.nan,
        "n": int(values.size),
        "ran_away": ran_away,
    }
