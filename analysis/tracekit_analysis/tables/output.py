"""Results as sentences and as LaTeX tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.tables.runs import require_column

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

    Examples
    --------
    >>> from tracekit_analysis import plan, sentences
    >>> for sentence in sentences(plan(effects=[1.0], margins=[], index_margins=[])):
    ...     print(sentence)
    A difference of 1 between-seed sd needs 24 seeds ...
    A difference of 1 between-seed sd needs 15 seeds ...
    """
    require_column(results, "sentence")
    return [str(sentence) for sentence in results["sentence"]]


def to_latex(
    results: pd.DataFrame, *, columns: Sequence[str] | None = None, digits: int = 3, caption: str = ""
) -> str:
    r"""Return a table of results as LaTeX, in the booktabs form.

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

    Examples
    --------
    >>> from tracekit_analysis import plan, to_latex
    >>> table = plan(effects=[1.0], margins=[], index_margins=[])
    >>> print(to_latex(table, columns=["question", "paired", "power"], digits=2).strip())
    \begin{tabular}{lrr}
    \toprule
    question & paired & power \\
    \midrule
    difference & no & $0.8$ \\
    difference & yes & $0.82$ \\
    \bottomrule
    \end{tabular}
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


def _latex_cell(cell: object, digits: int) -> str:
    if isinstance(cell, (bool, np.bool_)):
        return "yes" if cell else "no"
    if isinstance(cell, (float, np.floating)):
        if math.isnan(cell):
            return "--"
        if math.isinf(cell):
            return r"$\infty$" if cell > 0 else r"$-\infty$"
        mantissa, e, exponent = f"{cell:.{digits}g}".partition("e")
        return f"${mantissa} \\times 10^{{{int(exponent)}}}$" if e else f"${mantissa}$"
    if isinstance(cell, (int, np.integer)):
        return f"${cell}$"
    return "--" if cell is None or cell is pd.NA else _escaped(str(cell))


def _escaped(text: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in text)
