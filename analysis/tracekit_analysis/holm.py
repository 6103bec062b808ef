"""Holm's correction of p-values for multiple tests.

It is our own because `characterize` uses it and must not import statsmodels, which takes a third of a second; scipy has
no Holm correction. A test compares it with `statsmodels.stats.multitest.multipletests`.
"""

from __future__ import annotations

import numpy as np

from tracekit_analysis.results import FloatArray


def holm_adjusted(pvalues: FloatArray) -> FloatArray:
    """Return Holm-adjusted p-values; NaN stay NaN and do not count in the family.

    References
    ----------
    Holm (1979), Scand. J. Statist. 6:65.
    """
    adjusted = np.full(pvalues.size, np.nan)
    known = np.flatnonzero(~np.isnan(pvalues))
    order = known[np.argsort(pvalues[known], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * pvalues[order]), 1.0)
    return adjusted
