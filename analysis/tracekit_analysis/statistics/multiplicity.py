"""Corrections for multiple tests: Holm within one series, false discovery rate across series.

Seeds are replicates, not multiple tests: pool them (`label_from_features`) instead of correcting over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import scipy.stats

from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.holm import holm_adjusted


def holm(pvalues: Mapping[str, float]) -> dict[str, float]:
    """Return Holm-adjusted p-values by name; NaN stay NaN and do not count in the family.

    References
    ----------
    Holm (1979), Scand. J. Statist. 6:65.
    """
    adjusted = holm_adjusted(np.array(list(pvalues.values()), dtype=np.float64))
    return dict(zip(pvalues, adjusted.tolist(), strict=True))


def adjust_pvalues(
    features: pd.DataFrame, columns: str | Sequence[str], *, method: Literal["bh", "by"] = "bh"
) -> pd.DataFrame:
    """Return p-values adjusted for the false discovery rate over the rows of a table; each column is one family.

    Among the rows with an adjusted value of at most q, the expected share of false rejections is at most q:
    for "bh" if the rows are independent or positively dependent, for "by" under any dependence.
    Layers of one run share their minibatches; use "by" across layers.

    Parameters
    ----------
    features : DataFrame
        Result of `characterize`, or any table with p-values. NaN stay NaN and do not count in a family.
    columns : str or sequence of str
        Columns of p-values.
    method : {"bh", "by"}
        Benjamini-Hochberg or Benjamini-Yekutieli.

    Returns
    -------
    DataFrame
        The named columns, adjusted, with the index of `features`.

    Raises
    ------
    AnalysisError
        If a column is missing or holds numbers outside [0, 1], or the method is unknown.

    References
    ----------
    Benjamini and Hochberg (1995), J. R. Statist. Soc. B 57:289; Benjamini and Yekutieli (2001), Ann. Statist.
    29:1165.
    """
    require_choice("method", method, ("bh", "by"))
    names = [columns] if isinstance(columns, str) else list(columns)
    adjusted = {}
    for name in names:
        if name not in features.columns:
            raise bad_argument("columns", name, "must be a column of `features`")
        pvalues = features[name].to_numpy(dtype=np.float64, na_value=np.nan)
        known = ~np.isnan(pvalues)
        if not ((pvalues[known] >= 0.0) & (pvalues[known] <= 1.0)).all():
            raise bad_argument("columns", name, "must hold p-values, numbers from 0 to 1")
        result = np.full(pvalues.size, np.nan)
        if known.any():
            result[known] = scipy.stats.false_discovery_control(pvalues[known], method=method)
        adjusted[name] = result
    return pd.DataFrame(adjusted, index=features.index)
