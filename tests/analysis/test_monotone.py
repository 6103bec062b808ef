"""Kendall's p-value and Sen's slope are those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from tracekit_analysis.statistics.trend import kendall_pvalue, theil_sen


@pytest.mark.parametrize("m", [4, 5, 11, 20, 33, 34])
@pytest.mark.parametrize("rise", [0.0, 0.2, -3.0])
@pytest.mark.parametrize("decimals", [15, 0])
def test_as_in_scipy(m, rise, decimals):
    rng = np.random.default_rng(m)
    for _ in range(10):
        values = np.round(rng.standard_normal(m) + rise * np.arange(m), decimals)
        expected = scipy.stats.kendalltau(np.arange(m), values).pvalue
        assert kendall_pvalue(values) == pytest.approx(expected, rel=1e-9, nan_ok=True)
        for level in (0.95, 0.5):
            slope = scipy.stats.theilslopes(values, alpha=level)
            found = theil_sen(values, level)
            assert found == pytest.approx(
                (slope.slope, slope.low_slope, slope.high_slope), rel=1e-12, abs=1e-15
            )
