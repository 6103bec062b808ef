"""Extreme-value laws of block minima and maxima."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.processes import iid, student
from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import block_extremes

PORT_PIRIE = [
    4.03, 3.83, 3.65, 3.88, 4.01, 4.08, 4.18, 3.80, 4.36, 3.96, 3.98, 4.69, 3.85, 3.96, 3.85, 3.93, 3.75, 3.63,
    3.57, 4.25, 3.97, 4.05, 4.24, 4.22, 3.73, 4.37, 4.06, 3.71, 3.96, 4.06, 4.55, 3.79, 3.89, 4.11, 3.85, 3.86,
    3.86, 4.21, 4.01, 4.11, 4.24, 3.96, 4.21, 3.74, 3.85, 3.88, 3.66, 4.11, 3.71, 4.18, 3.90, 3.78, 3.91, 3.72,
    4.00, 3.66, 3.62, 4.33, 4.55, 3.75, 4.08, 3.90, 3.88, 3.94, 4.33,
]  # fmt: skip
"""Annual maximum sea level at Port Pirie 1923-87 in metres, as published with Extremes.jl (MIT)."""


def test_port_pirie_as_in_coles():
    fit = block_extremes(PORT_PIRIE, side="upper", block_length=1)
    assert fit.mu == pytest.approx(3.87, abs=0.005)  # Coles (2001), section 3.4.1
    assert fit.sigma == pytest.approx(0.198, abs=0.0005)
    assert fit.xi == pytest.approx(-0.050, abs=0.0005)
    assert fit.nll == pytest.approx(-4.34, abs=0.005)


def test_minima_are_maxima_of_the_negative():
    x = iid(np.random.default_rng(0), 3000) + 5.0
    lower, upper = block_extremes(x), block_extremes(-x, side="upper")
    assert lower.xi == pytest.approx(upper.xi)
    assert lower.mu == pytest.approx(-upper.mu)
    assert lower.mu < 3.5
    assert (lower.n_blocks, lower.block_length) == (55, 54)


@given(st.floats(1e-3, 1e3), st.floats(-100, 100))
def test_units_scale_the_law(a, b):
    x = iid(np.random.default_rng(1), 1500)
    plain, moved = block_extremes(x), block_extremes(a * x + b)
    assert moved.xi == pytest.approx(plain.xi, abs=1e-4)
    assert moved.sigma == pytest.approx(a * plain.sigma, rel=1e-3)
    assert moved.mu == pytest.approx(a * plain.mu + b, rel=1e-3, abs=1e-2 * a)


def test_heavy_tails_have_a_positive_shape():
    rng = np.random.default_rng(2)
    assert block_extremes(student(2)(rng, 40_000)).xi == pytest.approx(0.5, abs=0.2)
    assert block_extremes(iid(rng, 40_000)).xi < 0.1


def test_few_blocks_are_refused():
    few = block_extremes(iid(np.random.default_rng(0), 1000), block_length=50)
    assert (few.status, few.reason) == ("inconclusive", "20 blocks; at least 30 are needed")
    with pytest.raises(AnalysisError) as error:
        block_extremes(PORT_PIRIE, block_length=0)
    assert str(error.value) == "`block_length` (=0) must be a whole number of at least 1 or 'auto'."
