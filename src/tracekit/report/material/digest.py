"""Digest of a run: what the report keeps of it, enough to draw and judge it, a small part of the recorded values.

One run is read, characterized and freed before the next one, so that memory does not grow with the experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tracekit.errors import StoreError, UnknownNameError
from tracekit.report.figures.drawing import Vector, block_quantiles, bound_level, stretch_means
from tracekit.report.figures.thinning import extremes
from tracekit.report.material.deciding_series import Portrait, portray
from tracekit.traces import Run, read, signal_names
from tracekit_analysis import characterize, cross_sections, performance
from tracekit_analysis.features.probe_batch import CROSS_SECTION, quantiles

#: The signals that measure the jitter of a run: lower bound and centre of the probe batch's logits.
CROSS_SECTION_SIGNALS = quantiles(CROSS_SECTION, "lower")

#: Columns of time in the heat map of a signal's layers.
HEAT_STRETCHES = 48


@dataclass(frozen=True, slots=True)
class Wanted:
    """Signals and sizes of what is read of every run."""

    judged: str  #: the signal that decides
    characterized: tuple[str, ...]  #: signals with a row of statistics
    drawn: tuple[str, ...]  #: signals that are drawn over updates
    layered: tuple[str, ...]  #: signals with one value per layer, kept as heat maps
    performance: tuple[str, ...]  #: signals by which runs are ranked, lower is better
    last_step: float  #: last update of any run
    points: int  #: values that a drawn series may keep
    segment: int  #: values in a segment of the spectrum, the same for all runs

    @property
    def names(self) -> frozenset[str]:
        """Names of all signals that are read."""
        return frozenset(
            {
                self.judged,
                *self.characterized,
                *self.drawn,
                *self.layered,
                *self.performance,
                *CROSS_SECTION_SIGNALS,
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class SeriesDigest:
    """One recorded series, reduced; all vectors hold finite values unless stated otherwise."""

    run: str
    signal: str
    channel: str  #: layer and index, where a run has several series of the signal; else empty
    status: str  #: how the run ended
    n: int  #: recorded values
    n_broken: int  #: values that are NaN or infinite
    first_broken: float  #: update of the first of them; NaN if there is none
    stride: float  #: updates from one value to the next, median; NaN for a single value
    n_missing: int  #: steps that a regular schedule would have had
    last: float  #: last value, finite or not
    step: Vector = field(repr=False)  #: thinned; updates, ascending
    value: Vector = field(repr=False)  #: thinned: whole, or lowest and highest of each stretch; NaN is a gap
    stretch: float  #: updates in the stretch whose lowest and highest value two points are; 0 if all are kept
    mean_at: Vector = field(repr=False)  #: updates
    mean: Vector = field(repr=False)  #: the series, averaged over 40 stretches if it has more than 80 values
    bound_at: Vector = field(repr=False)  #: middles of the blocks, in updates
    lower: Vector = field(repr=False)  #: lower quantile of each block
    upper: Vector = field(repr=False)  #: upper quantile of each block
    inner: tuple[float, float]  #: the .5 % and the 99.5 % quantile; NaN without a finite value


@dataclass(frozen=True, slots=True, eq=False)
class RunDigest:
    """What the report keeps of one run."""

    signals: frozenset[str]  #: names of all signals that it recorded
    series: dict[str, tuple[SeriesDigest, ...]]  #: by signal, those that are drawn
    layers: dict[str, dict[str, Vector]]  #: by signal and layer: medians over stretches of updates
    features: pd.DataFrame  #: one row per characterized series
    cross_section: pd.DataFrame  #: one row on the probe batch's logits, if their quantiles were recorded
    portrait: Portrait | None  #: the deciding series; None if it was not recorded
    performance: dict[
        str, pd.DataFrame
    ]  #: one row, from `tracekit_analysis.performance`, of its first such signal


def digest_run(run: Run, wanted: Wanted) -> RunDigest:
    """Read one run and reduce it to a digest.

    Raises
    ------
    StoreError
        A part of the run is damaged, or the store changed while it was read.
    """
    signals = frozenset(signal_names(run))
    names = sorted(wanted.names & signals)
    if not names:
        return RunDigest(signals, {}, {}, pd.DataFrame(), pd.DataFrame(), None, {})
    try:
        frame = read(run.path, signals=names)
    except UnknownNameError as error:
        raise StoreError(f"{run.path} changed while it was read ({error}); run the report again.") from error
    # The run's attributes are the same in every row; grouping by them would take half of the time.
    frame = frame.drop(columns=list(run.attributes))
    by_signal = {str(name): rows for name, rows in frame.groupby("signal", observed=True, sort=True)}
    chosen = frame[frame["signal"].isin(wanted.characterized)]
    features = characterize(chosen) if len(chosen) else pd.DataFrame()
    portrait = None
    if wanted.judged in by_signal:
        judged = by_signal[wanted.judged]
        first = _channels(judged)[0][1]
        at = int(np.flatnonzero((features["signal"] == wanted.judged).to_numpy())[0])
        portrait = portray(first, burn_in=int(features["burn_in"].iloc[at]), segment=wanted.segment)
        for name, value in portrait.statistics.items():
            features[name] = pd.Series([value if row == at else None for row in range(len(features))])
    crossed, performed = pd.DataFrame(), {}
    if by_signal.keys() >= set(CROSS_SECTION_SIGNALS):
        crossed = _of_run(run, cross_sections(frame[frame["signal"].isin(CROSS_SECTION_SIGNALS)]))
    for name in [one for one in wanted.performance if one in by_signal][:1]:
        rows = by_signal[name].drop(columns=["layer", "index"])
        performed[name] = _of_run(run, performance(rows, signal=name))
    return RunDigest(
        signals,
        {name: _digests(run, name, by_signal[name], wanted) for name in wanted.drawn if name in by_signal},
        {
            name: heat_rows(by_signal[name], wanted.last_step)
            for name in wanted.layered
            if name in by_signal and by_signal[name]["layer"].notna().any()
        },
        _of_run(run, features),
        crossed,
        portrait,
        performed,
    )


def _of_run(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Insert the run's attributes as columns after its name."""
    if table.empty:
        return table
    attributes = pd.DataFrame([run.attributes] * len(table), index=table.index)
    return pd.concat([table[["run"]], attributes, table.drop(columns="run")], axis=1)


def _channels(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if rows["layer"].isna().all() and rows["index"].isna().all():
        return [("", rows)]
    keys = [rows["layer"].astype(object), rows["index"].astype(object)]
    filled = [key.where(key.notna(), "") for key in keys]
    groups: Any = rows.groupby(filled, sort=False)
    return [(" ".join(str(part) for part in key).strip(), part) for key, part in groups]


def _digests(run: Run, name: str, rows: pd.DataFrame, wanted: Wanted) -> tuple[SeriesDigest, ...]:
    return tuple(
        digest_series(
            part["step"].to_numpy(np.float64),
            part["value"].to_numpy(np.float64),
            run=run.name,
            status=run.status,
            signal=name,
            channel=channel,
            last_step=wanted.last_step,
            points=wanted.points,
        )
        for channel, part in _channels(rows)
    )


def digest_series(
    step: Vector,
    value: Vector,
    *,
    run: str,
    status: str,
    signal: str,
    channel: str,
    last_step: float,
    points: int,
) -> SeriesDigest:
    """Reduce one series: `step` (n_steps,) in updates, ascending, and `value` (n_steps,)."""
    finite = np.isfinite(value)
    sound, when = value[finite], step[finite]
    between = np.diff(step)
    stride = float(np.median(between)) if between.size else np.nan
    due = 1 + round((step[-1] - step[0]) / stride) if between.size and stride > 0 else step.size
    stretches = max(2, points // 2)
    kept_at, kept, stretch = step, np.where(finite, value, np.nan), 0.0
    if step.size > points:
        edges = np.linspace(0.5, last_step + 0.5, stretches + 1)
        kept_at, kept = extremes(when, sound, edges)
        stretch = last_step / stretches
    tau = bound_level(value.size)
    bound_at, lower = block_quantiles(when, sound, tau=tau)
    _, upper = block_quantiles(when, sound, tau=1.0 - tau)
    mean_at, mean = stretch_means(when, sound, last_step)
    inner = np.quantile(sound, [0.005, 0.995]) if sound.size else np.full(2, np.nan)
    return SeriesDigest(
        run=run,
        signal=signal,
        channel=channel,
        status=status,
        n=value.size,
        n_broken=int(value.size - sound.size),
        first_broken=float(step[~finite][0]) if sound.size < value.size else np.nan,
        stride=stride,
        n_missing=max(0, due - step.size),
        last=float(value[-1]),
        step=kept_at,
        value=kept,
        stretch=stretch,
        mean_at=mean_at,
        mean=mean,
        bound_at=bound_at,
        lower=lower,
        upper=upper,
        inner=(float(inner[0]), float(inner[1])),
    )


def heat_rows(rows: pd.DataFrame, last_step: float, *, stretches: int = HEAT_STRETCHES) -> dict[str, Vector]:
    """Return the median of a layered signal over equal stretches of updates, by layer in recorded order.

    `rows` has ``layer``, ``step`` and ``value``. A stretch without a recorded value holds the previous one;
    before the first and after the last finite value the result is NaN.
    """
    values = rows["value"].to_numpy(np.float64)
    codes, layers = pd.factorize(rows["layer"])
    place = np.minimum((rows["step"].to_numpy(np.float64) / last_step * stretches).astype(int), stretches - 1)
    sound = np.isfinite(values) & (codes >= 0)
    medians = pd.Series(values[sound]).groupby(codes[sound] * stretches + place[sound]).median()
    table = np.full((len(layers), stretches), np.nan)
    table.flat[medians.index.to_numpy()] = medians.to_numpy()
    return {str(layer): _held(line) for layer, line in zip(layers, table, strict=True)}


def _held(line: Vector) -> Vector:
    """Fill gaps between values with the previous value."""
    there = np.flatnonzero(np.isfinite(line))
    if there.size:
        span = np.arange(there[0], there[-1] + 1)
        line[span] = line[there[np.searchsorted(there, span, side="right") - 1]]
    return line


def stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables by rows; a column that a table lacks is missing in its rows."""
    tables = [table for table in tables if len(table)]
    names = dict.fromkeys(name for table in tables for name in table.columns)
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for table in tables:
        for name, values in columns.items():
            values.extend(table[name].tolist() if name in table else [None] * len(table))
    return pd.DataFrame(columns)
