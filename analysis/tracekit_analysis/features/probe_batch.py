"""Quantiles of the probe batch over the samples, per run: their index and their jitter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import pandas as pd

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import Side
from tracekit_analysis.statistics.cross_section import CrossSectionIndex, cross_section_index
from tracekit_analysis.tables.groups import Row, apply_over_groups
from tracekit_analysis.tables.runs import require_column

CROSS_SECTION = "probe/logits"
"""The logits of a fixed probe batch, whose quantiles are recorded at every update."""


def cross_sections(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    signal: str = CROSS_SECTION,
    side: Side = "lower",
    value: str = "value",
    step: str = "step",
) -> pd.DataFrame:
    """Compute the index of a recorded cross-section for every run of a table of traces.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces with a column ``signal`` that holds ``<signal>/q05`` (``q95`` for the upper bound)
        and ``<signal>/q50``.
    by : str or sequence of str
        Columns that tell runs apart. Default: every column other than `value`, `step`, ``signal``, ``epoch``,
        ``wall_time``, ``layer`` and ``index``.
    signal : str
        Signal whose quantiles were recorded, by default the logits of the fixed probe batch.
    side : {"lower", "upper"}
        Which bound.
    value, step : str
        Names of the columns of values and of update numbers.

    Returns
    -------
    DataFrame
        One row per run: `by` (``status`` is called ``run_status``), then the fields of `CrossSectionIndex`.

    Raises
    ------
    AnalysisError
        If a column or one of the two signals is missing.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import cross_sections
    >>> traces = pd.DataFrame({"seed": 0, "step": np.tile(range(400), 2)})
    >>> traces["signal"] = np.repeat(["probe/logits/q05", "probe/logits/q50"], 400)
    >>> bound = np.random.default_rng(0).normal(-2.0, 0.1, 400) + 0.005 * np.arange(400)
    >>> traces["value"] = np.concatenate([bound, np.zeros(400)])
    >>> cross_sections(traces)[["seed", "index", "drift", "jitter"]].round(2)
       seed  index  drift  jitter
    0     0   0.57   0.55    0.13
    """
    require_choice("side", side, ("lower", "upper"))
    for name in ("signal", value, step):
        require_column(frame, name)
    names = quantiles(signal, side)
    present = [str(name) for name in frame["signal"].dropna().unique()]
    for name in names:
        if name not in present:
            listed = ", ".join(repr(name) for name in sorted(present)) or "none"
            raise bad_argument("signal", signal, f"needs the signal {name!r}", f"recorded are {listed}")
    left_out = {value, step, "signal", "epoch", "wall_time", "layer", "index"}
    if by is None:
        by = [str(name) for name in frame.columns if name not in left_out]
    keys = [by] if isinstance(by, str) else list(by)
    bound, centre = (frame.loc[frame["signal"] == name, [*keys, step, value]] for name in names)
    both = bound.merge(centre, how="left", on=[*keys, step], suffixes=("", "_centre"))
    return apply_over_groups(
        both,
        keys,
        _CrossSectionRow(value, step),
        measured=[step, value, f"{value}_centre"],
        columns=[field.name for field in fields(CrossSectionIndex)],
    )


def quantiles(signal: str, side: Side) -> tuple[str, str]:
    """Return the names of the signals that hold the bound and the centre of a cross-section."""
    return f"{signal}/{'q05' if side == 'lower' else 'q95'}", f"{signal}/q50"


@dataclass(frozen=True, slots=True)
class _CrossSectionRow:
    """The row of one run."""

    value: str
    step: str

    def __call__(self, run: pd.DataFrame) -> Row:
        """Compute the row."""
        centre = run[f"{self.value}_centre"]
        return cross_section_index(run[self.value], centre, steps=run[self.step]).to_record()
