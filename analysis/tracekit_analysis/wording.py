"""Sentences that state method and uncertainty, and LaTeX tables, for results of comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.tables.groups import require_column

if TYPE_CHECKING:
    from tracekit_analysis.comparisons.two_arms import ComparisonRow

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def sentences(results: pd.DataFrame) -> list[str]:
    """Return the sentences of a table of results, one per row.

    Parameters
    ----------
    results : DataFrame
        Result of `compare`, `interaction`, `identifiability`, `rank`, `plan` or `evaluate_claims`.

    Raises
    ------
    AnalysisError
        If the table has no sentences.
    """
    require_column(results, "sentence")
    return [str(sentence) for sentence in results["sentence"]]


def to_latex(
    results: pd.DataFrame, *, columns: Sequence[str] | None = None, digits: int = 3, caption: str = ""
) -> str:
    """Return a table of results as LaTeX, in the booktabs form.

    Parameters
    ----------
    results : DataFrame
        Any table.
    columns : sequence of str, optional
        Columns to print, in this order; by default all but texts of more than 40 characters.
    digits : int
        Significant digits of numbers; the table itself keeps them all.
    caption : str
        Caption; a ``table`` environment is written around the rows if there is one.

    Raises
    ------
    AnalysisError
        If a column is missing or `digits` is below 1.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 1:
        raise bad_argument("digits", digits, "must be a whole number of at least 1")
    if columns is None:
        columns = [
            str(name)
            for name in results.columns
            if not results[name].map(lambda cell: isinstance(cell, str) and len(cell) > 40).any()
        ]
    for name in columns:
        require_column(results, name)
    numeric = [pd.api.types.is_numeric_dtype(results[name]) for name in columns]
    lines = [
        r"\begin{tabular}{" + "".join("r" if number else "l" for number in numeric) + "}",
        r"\toprule",
        " & ".join(_escaped(name) for name in columns) + r" \\",
        r"\midrule",
        *(
            " & ".join(_latex_cell(cell, digits) for cell in row) + r" \\"
            for row in results[list(columns)].itertuples(index=False, name=None)
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    if caption:
        lines = [r"\begin{table}", r"\centering", rf"\caption{{{_escaped(caption)}}}", *lines, r"\end{table}"]
    return "\n".join(lines) + "\n"


def comparison_sentence(row: ComparisonRow, where: str) -> str:
    """Return one row of a comparison in words."""
    start = f"{where[0].upper()}{where[1:]}, " if where else ""
    design = f"{row.n_a} pairs" if row.paired else f"{row.n_a} and {row.n_b} seeds"
    verdict = f"{row.answer}: {row.reason}"
    diverged = _diverged_words(row)
    if row.feature == "all":
        subject = f"{start}{row.level_a} and {row.level_b} over all features ({design}{diverged})"
        test = (
            f"distance {number(row.estimate)}, R squared {number(row.effect_size)}, {pvalue_words(row)}; "
            f"{row.method}; {row.family}; location or dispersion: {row.kind}"
            if math.isfinite(row.pvalue)
            else f"distance {number(row.estimate)}, not tested; {row.method}"
        )
    else:
        subject = f"{start}{row.level_a} less {row.level_b} in {row.feature} ({design}{diverged})"
        interval = interval_words(row.ci_low, row.ci_high, row.level)
        size = "" if row.feature == "diverged" else f", g {number(row.effect_size)}"
        tested = f", {pvalue_words(row)}" if math.isfinite(row.pvalue) else ", not tested"
        test = f"{number(row.estimate)} {row.unit}{interval}{size}{tested}; {row.method}"
    unknown = f"; not known: {row.unknown}" if row.unknown else ""
    return f"{subject}: {test}. {verdict[0].upper()}{verdict[1:]}; {_reach_words(row)}{unknown}."


def interval_words(low: float, high: float, level: float) -> str:
    """Return " [low, high]" with its level, or nothing if there is no interval."""
    if not math.isfinite(low) or not math.isfinite(high):
        return ", no interval"
    return f" [{number(low)}, {number(high)}] ({level:.0%} interval)"


def pvalue_words(row: ComparisonRow) -> str:
    """Return p-value and adjusted p-value in words."""
    return f"p = {row.pvalue:.2g}, adjusted {row.pvalue_adjusted:.2g}"


def cell_words(key: Mapping[str, object]) -> str:
    """Return "at batch_size 50, learning_rate 0.1"; empty without a key."""
    return "at " + ", ".join(f"{name} {value}" for name, value in key.items()) if key else ""


def number(value: float, digits: int = 3) -> str:
    """Return a number with significant digits, without exponent where it is short."""
    return f"{value:.{digits}g}"


def _reach_words(row: ComparisonRow) -> str:
    smallest = f"smallest attainable p {row.smallest_pvalue:.2g}"
    if row.feature == "diverged":
        return smallest
    if math.isinf(row.detectable_effect):
        return f"{smallest}, so no effect could be significant here"
    return f"{smallest}, power .8 for {number(row.detectable_effect)} between-seed sd"


def _diverged_words(row: ComparisonRow) -> str:
    if not row.n_diverged_a and not row.n_diverged_b:
        return ""
    return f"; diverged {row.n_diverged_a} and {row.n_diverged_b}"


def _latex_cell(cell: object, digits: int) -> str:
    if isinstance(cell, (bool, np.bool_)):
        return "yes" if cell else "no"
    if isinstance(cell, (float, np.floating)):
        if math.isnan(cell):
            return "--"
        return r"$\infty$" if cell == math.inf else f"${cell:.{digits}g}$".replace("e-0", "e-")
    if isinstance(cell, (int, np.integer)):
        return f"${cell}$"
    return "--" if cell is None or cell is pd.NA else _escaped(str(cell))


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
