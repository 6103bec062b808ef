"""Comparisons for the report: differences between optimizers, ranks, profiles and claims."""

from __future__ import annotations

import pandas as pd

from tracekit.report.material.material import Material
from tracekit_analysis import AnalysisError, compare, evaluate_claims, performance_profile, rank

#: Random arrangements of a permutation test, and the number of comparisons above which there are fewer of them.
_ARRANGEMENTS, _MANY = 20_000, 60


def comparisons_of(material: Material) -> pd.DataFrame | str:
    """Compare the optimizers two by two at each batch size; return a sentence if that is impossible."""
    features = _with_rows(material, material.judged())
    rows, sizes = len(material.rows), len(material.batch_sizes)
    if rows < 2:
        return "All runs have the same optimizer; a comparison needs two."
    pairs = rows * (rows - 1) // 2 * sizes
    try:
        return compare(
            features,
            factor="row",
            at="batch_size",
            signal=material.settings.signal,
            replicate=material.replicate,
            match="none",
            level=material.settings.level,
            n_permutations=_ARRANGEMENTS if pairs <= _MANY else 2_000,
        )
    except AnalysisError as error:
        return str(error)


def ranks_of(material: Material, metric: str, *, lower_is_better: bool) -> pd.DataFrame | str:
    """Rank the optimizers at each batch size by a column of the table of performances."""
    try:
        return rank(
            _with_rows(material, material.performance),
            metric=metric,
            lower_is_better=lower_is_better,
            factor="row",
            at="batch_size",
            replicate=material.replicate,
            match="none",
            level=material.settings.level,
            n_permutations=2_000,
        )
    except AnalysisError as error:
        return str(error)


def profiles_of(material: Material, metric: str, *, lower_is_better: bool) -> pd.DataFrame:
    """Return the share of each optimizer's runs that are at least as good as a threshold."""
    table = _with_rows(material, material.performance)
    return performance_profile(table, metric=metric, factor="row", lower_is_better=lower_is_better)


def claims_of(material: Material) -> pd.DataFrame | str:
    """Evaluate the reference paper's claims; return a sentence if that is impossible."""
    try:
        return evaluate_claims(
            material.features,
            signal=material.settings.signal,
            replicate=material.replicate,
            index_margin=material.settings.margin,
            level=material.settings.level,
            n_permutations=2_000,
        )
    except AnalysisError as error:
        return str(error)


def _with_rows(material: Material, table: pd.DataFrame) -> pd.DataFrame:
    """Add the optimizer of each run, as the column ``row``."""
    named = pd.Series("", index=table.index, dtype=object)
    for cell in material.cells:
        named.loc[material.of_cell(table, cell).index] = cell.optimizer
    return table.assign(row=named, **({} if "batch_size" in material.by else {"batch_size": "all"}))
