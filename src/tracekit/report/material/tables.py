"""Tables for figures and sections, made from digests: one row per point, block or configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from tracekit.report.document import Column, Table, TableCell, number, words
from tracekit.report.figures.drawing import Vector, shared_limits
from tracekit.report.material.digest import SeriesDigest
from tracekit.report.material.material import Cell, Material, without_diverged
from tracekit_analysis import describe_columns


def thinned(series: Sequence[SeriesDigest]) -> pd.DataFrame:
    """Return ``run``, ``step`` and ``value`` of thinned series, with each run's first non-finite value as NaN."""
    parts = []
    for one in series:
        there = np.isfinite(one.value)
        step, value = one.step[there], one.value[there]
        if np.isfinite(one.first_broken):
            step, value = np.append(step, one.first_broken), np.append(value, np.nan)
        parts.append(_table(one, step, value))
    return _joined(parts)


def means(series: Sequence[SeriesDigest]) -> pd.DataFrame:
    """Return ``run``, ``step`` and ``value`` of series averaged over stretches."""
    return _joined([_table(one, one.mean_at, one.mean) for one in series])


def bounds(series: Sequence[SeriesDigest]) -> pd.DataFrame:
    """Return ``run``, ``step``, ``lower`` and ``upper`` of the blocks of series."""
    parts = [
        pd.DataFrame({"run": _name(one), "step": one.bound_at, "lower": one.lower, "upper": one.upper})
        for one in series
    ]
    return _joined(parts, ("run", "step", "lower", "upper"))


def limits_of(series: Sequence[SeriesDigest]) -> tuple[float, float]:
    """Return one value axis for series: the range of those that did not diverge, or its bulk if spikes dwarf it."""
    calm = without_diverged(series)
    inner = np.array([one.inner for one in calm if np.isfinite(one.inner).all()])
    everything = [one.value for one in calm]
    if not inner.size:
        return shared_limits(everything)
    return shared_limits(everything, inner=(float(inner[:, 0].min()), float(inner[:, 1].max())))


def seed_values(material: Material, column: str, rows: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return ``name`` (of the cell) and ``value`` of one statistic of the deciding signal, one row per run."""
    rows = material.judged() if rows is None else rows
    parts = []
    for cell in material.cells:
        own = pd.to_numeric(material.of_cell(rows, cell)[column], errors="coerce").to_numpy(float)
        parts.append(pd.DataFrame({"name": cell.name, "value": own if own.size else [np.nan]}))
    return pd.concat(parts, ignore_index=True)


def median_table(
    material: Material,
    rows: pd.DataFrame,
    shown: dict[str, str],
    caption: str,
    *,
    counted: Iterable[str] = (),
    meanings: dict[str, str] | None = None,
) -> Table:
    """Tabulate statistics by configuration: medians over its series, or counts of answers.

    Parameters
    ----------
    material : Material
        Source of the configurations.
    rows : DataFrame
        Rows of `Material.features`.
    shown : dict
        Titles of the columns, by the names of the statistics; those that are not in `rows` are left out.
    caption : str
        Caption of the table.
    counted : iterable of str
        Columns of words, whose answers are counted.
    meanings : dict, optional
        Explanations of columns that `describe_columns` does not have.
    """
    there = {name: title for name, title in shown.items() if name in rows}
    help_texts = describe_columns("full") | (meanings or {})
    listed = set(counted)
    columns = [Column("optimizer"), Column("batch size", numeric=True)]
    columns += [
        Column(title, numeric=name not in listed, help=help_texts.get(name, ""))
        for name, title in there.items()
    ]
    lines = []
    for cell in material.cells:
        own = material.of_cell(rows, cell)
        lines.append(
            (
                words(cell.optimizer),
                number(cell.batch_size),
                *(_counted(own[name]) if name in listed else _median(own[name]) for name in there),
            )
        )
    return Table(tuple(columns), tuple(lines), caption, keys=2)


def cell_label(cell: Cell, longest: int = 30) -> str:
    """Return the name of a configuration, cut in the middle if it is too long for a row."""
    half = longest // 2 - 1
    return cell.name if len(cell.name) <= longest else f"{cell.name[:half]}…{cell.name[-half:]}"


def _counted(answers: pd.Series) -> TableCell:
    times = answers.dropna().astype(str).value_counts(sort=False)
    ordered = sorted(times.items(), key=lambda item: (-item[1], str(item[0])))
    return words(", ".join(f"{n} {answer}" for answer, n in ordered) or "–")


def _median(values: pd.Series) -> TableCell:
    found = pd.to_numeric(values, errors="coerce").dropna().to_numpy(float)
    return number(float(np.median(found)) if found.size else None)


def _name(one: SeriesDigest) -> str:
    return f"{one.run} {one.channel}".strip()


def _table(one: SeriesDigest, step: Vector, value: Vector) -> pd.DataFrame:
    return pd.DataFrame({"run": _name(one), "step": step, "value": value})


def _joined(parts: list[pd.DataFrame], columns: Sequence[str] = ("run", "step", "value")) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=list(columns))
