"""Headline of a table of comparisons: one sentence with the answers, and the evidence they rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from tracekit_analysis.seeds.thresholds import MIN_SEEDS_CLAIM
from tracekit_analysis.tables.runs import require_column
from tracekit_analysis.words import listed, number

MAX_NAMED = 3


def compare_headline(results: pd.DataFrame) -> str:
    """Return the headline of a table of comparisons: who differs, by how much, and what the seeds can detect.

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
        If `results` is not a table of comparisons.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tracekit_analysis import compare, compare_headline
    >>> runs = pd.DataFrame({"optimizer": ["sgd", "adam"] * 10, "batch_size": 50, "seed": np.arange(20) // 2})
    >>> runs["loss"] = np.random.default_rng(0).normal(1.0, 0.1, 20) + 0.5 * (runs["optimizer"] == "sgd")
    >>> compare_headline(compare(runs, features=["loss"]))
    'adam and sgd differ at batch size 50 (adjusted p at most 0.002, most in loss: g -5.08).'
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


def evidence_lines(results: pd.DataFrame) -> list[str]:
    """Return the evidence behind a table of comparisons: method, family, seeds, smallest p-value and power.

    One line for all rows, or one for each kind of row: all features together and single features, or comparisons
    and negative controls.

    Parameters
    ----------
    results : DataFrame
        Result of `compare`, `interaction`, `identifiability`, `rank`, `time_to_target` or `performance_profile`.
    """
    if "level_a" in results.columns and "feature" in results.columns:
        whole = results["feature"] == "all"
        groups = {"All features": results[whole], "Single features": results[~whole]}
    elif "role" in results.columns:
        control = results["role"] == "negative control"
        groups = {"Comparisons": results[~control], "Negative controls": results[control]}
    else:
        groups = {"Method": results}
    return [f"{name}: {_rests_on(rows)}." for name, rows in groups.items() if len(rows)]


def _rests_on(rows: pd.DataFrame) -> str:
    parts = [" or ".join(dict.fromkeys(rows["method"]))]
    if "family" in rows.columns:
        parts += [" or ".join(dict.fromkeys(rows["family"]))]
    if "paired" in rows.columns and rows["paired"].all():
        parts += [f"{_range(rows['n_seeds'])} pairs"]
    else:
        parts += [f"{_range(rows['n_seeds'])} seeds"]
    if "smallest_pvalue" in rows.columns and rows["smallest_pvalue"].notna().any():
        parts += [f"smallest attainable p {_range(rows['smallest_pvalue'])}"]
    if "detectable_effect" in rows.columns and rows["detectable_effect"].notna().any():
        unit = "partial R squared" if "df_interaction" in rows.columns else "between-seed sd"
        reach = rows["detectable_effect"].dropna()
        finite = reach[reach < math.inf]
        if len(finite):
            parts += [f"power .8 for an effect of {_range(finite)} {unit}"]
        if len(finite) < len(reach):
            parts += [f"{'in some rows' if len(finite) else 'here'} no effect can be significant"]
    if "unknown" in rows.columns:
        lacking = rows.loc[(rows["unknown"] != "") & (rows["feature"] != "all"), "feature"].unique()
        if len(lacking):
            parts += [f"some runs lack {', '.join(lacking)}"]
    return "; ".join(parts)


def _range(values: pd.Series) -> str:
    low, high = number(float(values.min()), 2), number(float(values.max()), 2)
    return low if low == high else f"{low} to {high}"


def _pairs(rows: pd.DataFrame, strata: Sequence[str], verb: str) -> str:
    """Name the pairs and their cells; pairs with the same cells share one phrase."""
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
        at = f" at {heading} {listed([place for place in where if place])}" if strata else ""
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
        f"no difference can be significant with {seeds} seeds"
        if math.isinf(reach)
        else f"{seeds} seeds detect a difference of {number(reach)} between-seed sd with power .8"
    )
    if seeds < MIN_SEEDS_CLAIM:
        words += f", and a claim needs {MIN_SEEDS_CLAIM}"
    return f" ({words})"
