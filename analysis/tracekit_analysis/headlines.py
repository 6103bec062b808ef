"""One sentence over a whole table of comparisons or labels: who, how much, and what could not be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tracekit_analysis.equivalence import MIN_SEEDS_CLAIM
from tracekit_analysis.features import require_column
from tracekit_analysis.wording import number

MAX_NAMED = 3


def compare_headline(results: pd.DataFrame) -> str:
    """Return the answer of a whole table of comparisons: who differs, by how much, what could not be seen.

    Parameters
    ----------
    results : DataFrame
        Result of `compare`.

    Returns
    -------
    str
        One sentence.

    Raises
    ------
    AnalysisError
        If it is no table of comparisons.
    """
    for name in ("feature", "level_a", "level_b", "answer", "detectable_effect"):
        require_column(results, name)
    whole = results[results["feature"] == "all"]
    strata = [str(name) for name in results.columns[: results.columns.get_loc("feature")]]
    parts = []
    for answer, verb in (
        ("different", "differ"),
        ("equivalent", "are equivalent"),
        ("unresolved", "are neither shown to differ nor to be equivalent"),
    ):
        rows = whole[whole["answer"] == answer]
        if len(rows):
            parts.append(_pairs(rows, strata, verb) + _evidence(rows, results, answer, strata))
    return "; ".join(parts) + "."


def _pairs(rows: pd.DataFrame, strata: Sequence[str], verb: str) -> str:
    """Name the pairs with the cells in which they meet, the same cells together."""
    places: dict[tuple[str, ...], list[str]] = {}
    for (a, b), members in rows.groupby(["level_a", "level_b"], sort=False):
        where = tuple(_place(row, strata) for row in members.to_dict("records"))
        places.setdefault(where, []).append(f"{a} and {b}")
    named = []
    for where, pairs in places.items():
        shown = ", ".join(pairs[:MAX_NAMED])
        if len(pairs) > MAX_NAMED:
            shown += f" and {len(pairs) - MAX_NAMED} more pairs"
        heading = ", ".join(name.replace("_", " ") for name in strata)
        at = f" at {heading} {_listed([place for place in where if place])}" if strata else ""
        named.append(f"{shown} {verb}{at}")
    return "; ".join(named)


def _place(row: dict[Any, Any], strata: Sequence[str]) -> str:
    return ", ".join(str(row[name]) for name in strata)


def _evidence(rows: pd.DataFrame, results: pd.DataFrame, answer: str, strata: Sequence[str]) -> str:
    if answer == "different":
        single = results[(results["feature"] != "all") & (results["answer"] == "different")]
        single = single.merge(rows[[*strata, "level_a", "level_b"]], on=[*strata, "level_a", "level_b"])
        words = f"adjusted p at most {rows['pvalue_adjusted'].max():.2g}"
        sizes = single["effect_size"].abs().fillna(-1.0)
        if (sizes >= 0.0).any():
            largest = single.to_dict("records")[int(sizes.to_numpy().argmax())]
            place = _place(largest, strata)
            words += f", most in {largest['feature']}: g {number(largest['effect_size'])}"
            words += f" at {place}" if place and len(rows) > 1 else ""
        return f" ({words})"
    if answer == "equivalent":
        return f" (within {number(rows['margin'].iloc[0])} between-seed sd)"
    seeds = int(rows["n_seeds"].min())
    reach = float(rows["detectable_effect"].max())
    words = (
        f"no difference could be significant with {seeds} seeds"
        if math.isinf(reach)
        else f"differences below {number(reach)} between-seed sd could not be seen with {seeds} seeds"
    )
    if seeds < MIN_SEEDS_CLAIM:
        words += f", and a claim needs {MIN_SEEDS_CLAIM}"
    return f" ({words})"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
