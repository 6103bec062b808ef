"""Labels of the configurations of an experiment, from a table of traces or of their statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd

from tracekit_analysis.errors import bad_argument, require_between, require_choice
from tracekit_analysis.features.characterization import characterize
from tracekit_analysis.features.probe_batch import CROSS_SECTION, cross_sections, quantiles
from tracekit_analysis.features.registry import describe_columns
from tracekit_analysis.labels.cell import LABEL_COLUMNS, Seed
from tracekit_analysis.labels.reading import label_sentence
from tracekit_analysis.labels.rule import label_cell
from tracekit_analysis.labels.traits import read_traits
from tracekit_analysis.results import Side
from tracekit_analysis.statistics.bounds import MARGIN, MIN_LABEL_LENGTH
from tracekit_analysis.tables.configurations import Configurations, configurations, with_one_value
from tracekit_analysis.tables.groups import Progress
from tracekit_analysis.tables.runs import (
    DEFAULT_SIGNAL,
    RUN_STATUS,
    require_column,
    require_separate_seeds,
)

Unit = Literal["series", "cross_section"]
UNITS: tuple[Unit, ...] = ("series", "cross_section")


def label(
    frame: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    signal: str = DEFAULT_SIGNAL,
    unit: Unit = "series",
    cross_section: str = CROSS_SECTION,
    replicate: str | None = None,
    side: Side = "lower",
    margin: float = MARGIN,
    level: float = 0.95,
    jobs: int = 1,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Label every configuration of a tidy table of traces as stable, unstable, inconclusive or diverged.

    Stable if the interval of the pooled stability index ends below `margin`, unstable if it starts above,
    otherwise inconclusive; see `label_from_features` for all rules.

    The index is measured in half-spreads of the signal, so the signal must have step noise for "stable" to be
    within reach. The default, one logit of the first training sample of every step, is what the reference
    paper traced, and its half-spread is the variation between samples. A signal of a fixed probe batch
    (``probe/...``) hardly varies between steps: there any learning at all is a drift of several
    half-spreads, and every run that learns is called unstable.

    Parameters
    ----------
    frame : DataFrame
        Tidy table of traces (columns ``signal``, ``step``, ``value`` and those named here; ``run``,
        ``status`` and ``epoch`` are used where present), or the result of `characterize` on one.
    by : str or sequence of str, optional
        Columns that tell configurations apart; default: the attributes that vary between runs, optimizer and batch
        size first (`tables.configurations`). Attributes that these determine are shown behind them.
    signal : str
        Signal to judge; by default the reference paper's, see above. If it has several series per run
        (layers), the one with the median theta speaks.
    unit : {"series", "cross_section"}
        Whose half-spread is the unit: that of the series `signal` itself, or that of the recorded
        `cross_section`, whose bound is then judged (`cross_section_index`); `signal` gives the traits.
    cross_section : str
        Signal whose quantiles ``/q05`` (``/q95``) and ``/q50`` were recorded. Where they are in the table, the
        fast movement of the bound (`jitter`) is judged in any case.
    replicate : str, optional
        Column that tells the runs of a configuration apart; default: the seed where each has its own, else the run.
    side : {"lower", "upper"}
        Which bound.
    margin : float
        Largest index that counts as stable, in half-spreads.
    level : float
        Confidence level.
    jobs : int
        Processes to spread the series over.
    progress : callable, optional
        Called as ``progress(done, total)`` after every series.

    Returns
    -------
    DataFrame
        One row per cell: `by`, attributes that these determine, then the fields of `CellLabel`.

    Raises
    ------
    AnalysisError
        If the signal or a column is missing, an argument cannot be used, or two runs of a cell share a seed.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import label
    >>> traces = pd.DataFrame({"seed": np.repeat(range(5), 600), "step": np.tile(range(600), 5)})
    >>> traces["value"] = np.random.default_rng(0).standard_normal(3000)
    >>> traces = traces.assign(optimizer="sgd", signal="train/first_logit")
    >>> label(traces, by="optimizer")[["optimizer", "label", "index", "ci_low", "ci_high"]].round(2)
      optimizer   label  index  ci_low  ci_high
    0       sgd  stable   0.03     0.0      0.1
    """
    if f"{side}_theta" in frame.columns:
        return label_from_features(
            frame, by, signal=signal, unit=unit, replicate=replicate, side=side, margin=margin, level=level
        )
    found = _found(frame, by, replicate)
    _check(frame, signal, side, margin, level, found)
    require_choice("unit", unit, UNITS)
    keys = [*found.by, *found.nested, found.replicate]
    frame = with_one_value(frame, [*found.by, *found.nested])
    runs = [*keys, *(name for name in ("run", "status") if name in frame.columns and name not in keys)]
    series = [name for name in ("layer", "index") if name in frame.columns and name not in runs]
    features = characterize(
        frame[frame["signal"] == signal].assign(signal=signal),
        by=[*runs, "signal", *series],
        jobs=jobs,
        progress=progress,
    )
    ended = frame[runs].drop_duplicates().rename(columns={"status": RUN_STATUS})
    recorded = set(quantiles(cross_section, side)) <= set(frame["signal"].dropna().unique())
    cross = None
    if recorded or unit == "cross_section":
        cross = cross_sections(frame, runs, signal=cross_section, side=side)
    judged = quantiles(cross_section, side)[0] if unit == "cross_section" else signal
    return _label_cells(ended, features, cross, found, judged, unit, side, margin, level)


def label_from_features(
    features: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    signal: str = DEFAULT_SIGNAL,
    unit: Unit = "series",
    cross_sections: pd.DataFrame | None = None,
    replicate: str | None = None,
    side: Side = "lower",
    margin: float = MARGIN,
    level: float = 0.95,
) -> pd.DataFrame:
    """Label every configuration from the result of `characterize`, so that series are analysed only once.

    1. A run that diverged, by its status or in its values, is an outcome. At least half of a cell
       diverged: ``diverged``. Any diverged: never ``stable``. Failed and running runs are left out.
    2. The interval of I^2 is the union of the t interval of theta over seeds, which knows their
       heterogeneity, and of the pooled noncentral F interval, which knows the skewness.
    3. Fewer than 3 usable seeds: description only. Fewer than 5 seeds: interval, no label. A diverged
       seed counts towards these 5 for ``unstable``, since it can only speak against stability.
    4. A label that two or more single seeds contradict is demoted to ``inconclusive``.

    Parameters
    ----------
    features : DataFrame
        Result of `characterize`, all signals that were recorded or only `signal`.
    by, signal, unit, replicate, side, margin, level
        As for `label`.
    cross_sections : DataFrame, optional
        Result of `cross_sections` on the same runs; needed for `unit` "cross_section" and for `jitter`.

    Returns
    -------
    DataFrame
        One row per cell: `by`, attributes that these determine, then the fields of `CellLabel`.

    Raises
    ------
    AnalysisError
        As for `label`.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import characterize, label_from_features
    >>> traces = pd.DataFrame({"seed": np.repeat(range(5), 600), "step": np.tile(range(600), 5)})
    >>> traces["value"] = np.random.default_rng(0).standard_normal(3000)
    >>> traces = traces.assign(optimizer="sgd", signal="train/first_logit")
    >>> rows = characterize(traces, preset="minimal")
    >>> [label_from_features(rows, "optimizer", margin=margin)["label"].item() for margin in (0.05, 0.2)]
    ['inconclusive', 'stable']
    """
    found = _found(features, by, replicate)
    _check(features, signal, side, margin, level, found)
    require_column(features, f"{side}_theta")
    keys = [*found.by, *found.nested, found.replicate]
    features = with_one_value(features, [*found.by, *found.nested])
    runs = [*keys, *(name for name in ("run", RUN_STATUS) if name in features.columns and name not in keys)]
    ended = features[runs].drop_duplicates()
    chosen = features[features["signal"] == signal]
    require_choice("unit", unit, UNITS)
    if unit == "cross_section" and cross_sections is None:
        raise bad_argument(
            "unit", unit, "needs the argument `cross_sections`", "pass the result of `cross_sections`"
        )
    judged = f"cross-section, traits of {signal}" if unit == "cross_section" else signal
    return _label_cells(ended, chosen, cross_sections, found, judged, unit, side, margin, level)


def _found(frame: pd.DataFrame, by: str | Sequence[str] | None, replicate: str | None) -> Configurations:
    """Return what tells configurations and their runs apart; the choice of the caller wins."""
    found = configurations(frame, by=by, statistics=[*describe_columns("full")])
    found = replace(found, replicate=replicate or found.replicate)
    if found.replicate in found.by:
        raise bad_argument("replicate", found.replicate, "must not be among the columns of `by`")
    return found


def _check(
    frame: pd.DataFrame, signal: str, side: str, margin: float, level: float, found: Configurations
) -> None:
    """Raise AnalysisError if no configuration could be labelled with these arguments."""
    require_choice("side", side, ("lower", "upper"))
    require_between("margin", margin, 0.0, math.inf)
    require_between("level", level, 0.0, 1.0)
    for name in ("signal", *found.by, found.replicate):
        require_column(frame, name)
    present = [str(name) for name in frame["signal"].dropna().unique()]
    if signal not in present:
        listed = ", ".join(repr(name) for name in sorted(present)) or "none"
        raise bad_argument("signal", signal, "must be a recorded signal", f"recorded are {listed}")


def _label_cells(
    ended: pd.DataFrame,
    features: pd.DataFrame,
    cross: pd.DataFrame | None,
    found: Configurations,
    signal: str,
    unit: Unit,
    side: Side,
    margin: float,
    level: float,
) -> pd.DataFrame:
    """Gather the seeds of every configuration, whether or not the signal was recorded, and label each."""
    cell, shown = list(found.by), [*found.by, *found.nested]
    require_separate_seeds(ended, cell, found.replicate)
    merged = ended.merge(features.drop(columns="signal"), how="left", on=list(ended.columns))
    if cross is not None:
        named = {"index": "cross_index", "jitter": "cross_jitter", "status": "cross_status"}
        on = [name for name in ended.columns if name in cross.columns]
        merged = merged.merge(cross[[*on, *named]].rename(columns=named), how="left", on=on)
    rows: list[dict[str, Any]] = []
    keys = []
    groups: Any = merged.groupby(cell, dropna=False, observed=True, sort=False) if cell else [((), merged)]
    for _, members in groups:
        seeds = [
            _seed(series, side, unit)
            for _, series in members.groupby(found.replicate, dropna=False, observed=True, sort=False)
        ]
        keys.append(members[shown].iloc[:1])
        label = label_cell(seeds, signal, side, margin, level)
        words = label_sentence(members[cell].iloc[0].to_dict(), label)
        rows.append(replace(label, sentence=words).to_record())
    columns = list(LABEL_COLUMNS)
    if not keys:
        return pd.DataFrame(columns=[*shown, *columns])
    results = pd.DataFrame.from_records(rows, columns=columns)
    return pd.concat([pd.concat(keys, ignore_index=True), results], axis=1)


def _seed(series: pd.DataFrame, side: Side, unit: Unit) -> Seed:
    """Return what one seed contributes to the label."""
    first = series.iloc[0]
    run_status = str(first[RUN_STATUS]) if RUN_STATUS in series.columns else "finished"
    crossed = "cross_index" in series.columns
    jitter = float(first["cross_jitter"]) if crossed else math.nan
    runaway = (series["status"] == "divergent").any() or (crossed and first["cross_status"] == "divergent")
    if run_status == "diverged" or runaway:
        return Seed("diverged")
    if run_status in ("failed", "running", "interrupted"):
        return Seed("unfinished")
    measured = series[f"{side}_msw"].between(0.0, math.inf, inclusive="neither")
    usable = series[(series["status"] == "ok") & measured & (series[f"{side}_msb"] < math.inf)]
    usable = usable[usable["n_used"] >= MIN_LABEL_LENGTH].sort_values(f"{side}_theta", kind="stable")
    # Of an even number of series the upper one speaks, which is the less stable.
    median = usable.iloc[len(usable) // 2] if len(usable) else None
    described: dict[str, Any] = {"jitter": jitter}
    if median is not None:
        described |= {
            "verdict": str(median["stationarity"]) if "stationarity" in series.columns else "",
            "lfq_pvalue": float(median[f"{side}_lfq_pvalue"]),
            "traits": read_traits({str(name): cell for name, cell in median.items()}),
            "n_used": int(median["n_used"]),
            "memory": str(median.get("memory", "")),
            "memory_d": float(median.get("memory_d_robust", math.nan)),
            "arch_pvalue": float(median.get("arch_pvalue", math.nan)),
        }
    if unit == "cross_section":
        index = float(first["cross_index"])
        known = math.isfinite(index)
        theta = index * index if known else math.nan
        return Seed("used" if known else "unusable", theta=theta, exact=True, **described)
    if median is None:
        return Seed("unusable", jitter=jitter)
    spread = float(median[f"{side}_spread"])
    return Seed(
        "used",
        theta=float(median[f"{side}_theta"]),
        msb=float(median[f"{side}_msb"]) / spread / spread,
        msw=float(median[f"{side}_msw"]) / spread / spread,
        n_blocks=int(median[f"{side}_n_blocks"]),
        blocks_k=int(median[f"{side}_blocks_k"]),
        **described,
    )
