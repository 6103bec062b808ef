"""Coherence of every pair of channels (layers) of every run in a tidy table, against that across runs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pandas as pd

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.statistics.coherence import multitaper_coherence
from tracekit_analysis.tables.runs import require_column

COLUMNS: dict[str, str] = {
    "mean": "mean squared coherence; 1/7 for unrelated series",
    "largest": "largest squared coherence",
    "largest_at": "its frequency, in cycles per value",
    "pvalue": "p-value of the largest one; null: the two are independent, which shared minibatches make false",
    "excess": "mean coherence less that with the second channel of the next run",
    "excess_pvalue": "one-sided p-value of the excess; missing with a single run",
    "n_used": "number of common steps used",
    "status": "ok, inconclusive, degenerate or divergent",
    "reason": "why the status is not ok, in one sentence",
}


def coherence_table(
    frame: pd.DataFrame,
    *,
    channel: str = "layer",
    run: str = "run",
    value: str = "value",
    step: str = "step",
) -> pd.DataFrame:
    """Compute the coherence of all pairs of channels within each run, and its excess over that across runs.

    The reference of a pair (a, b) in one run is channel b of the next run (the last run takes the first),
    which saw its data in another order if its shuffle seed differs: that is for the caller to see to.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of one signal, at most one value per run, channel and step.
    channel, run, value, step : str
        Names of its columns.

    Returns
    -------
    DataFrame
        One row per run and pair: the run, ``first`` and ``second`` channel, and `COLUMNS`.

    Raises
    ------
    AnalysisError
        If a column is missing, or a run has two values of one channel at one step.
    """
    for name in (channel, run, value, step):
        require_column(frame, name)
    if frame.duplicated([run, channel, step]).any():
        raise bad_argument(
            "frame",
            f"{len(frame)} rows",
            "must have one value per run, channel and step",
            "select one signal",
        )
    signals = {
        key: part.set_index(step)[value]
        for key, part in frame.dropna(subset=[channel]).groupby([run, channel], observed=True, sort=False)
    }
    runs = list(dict.fromkeys(key[0] for key in signals))
    rows: list[dict[str, Any]] = []
    for place, this in enumerate(runs):
        other = runs[(place + 1) % len(runs)]
        channels = [key[1] for key in signals if key[0] == this]
        for first, second in combinations(channels, 2):
            chosen = [signals[this, first], signals[this, second]]
            if other != this and (other, second) in signals:
                chosen.append(signals[other, second])
            common = pd.concat(chosen, axis=1, join="inner").to_numpy(dtype="float64", na_value=float("nan"))
            reference = common[:, 2] if len(chosen) > 2 else None
            found = multitaper_coherence(common[:, 0], common[:, 1], reference=reference)
            rows.append(
                {run: this, "first": first, "second": second}
                | {column: getattr(found, column) for column in COLUMNS}
            )
    return pd.DataFrame.from_records(rows, columns=[run, "first", "second", *COLUMNS])
