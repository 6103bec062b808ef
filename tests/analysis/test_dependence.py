"""Autocorrelation time against processes with a known one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, iid
from tracekit_analysis.statistics import autocorrelation_time, effective_sample_size


@pytest.mark.parametrize(("coefficient", "truth"), [(0.0, 1.0), (0.5, 3.0), (0.9, 19.0), (-0.5, 1 / 3)])
def test_autoregressions_have_their_exact_time(coefficient, truth):
    rng = np.random.default_rng(0)
    tau = np.mean([autocorrelation_time(autoregressive(coefficient)(rng, 5000)).tau_int for _ in range(40)])
    assert tau == pytest.approx(truth, rel=0.1)


def test_effective_sample_size_is_the_length_over_the_time():
    x = autoregressive(0.5)(np.random.default_rng(0), 3000)
    assert effective_sample_size(x) == pytest.approx(3000 / autocorrelation_time(x).tau_int)


def test_short_series_carry_a_warning():
    rng = np.random.default_rng(0)
    assert autocorrelation_time(iid(rng, 1000)).notes == ()
    (note,) = autocorrelation_time(autoregressive(0.95)(rng, 400)).notes
    assert note.startswith("400 values are fewer than 50 autocorrelation times of ")


def test_anti_persistence_claims_no_unbounded_sample_size():
    alternating = np.resize([1.0, -1.0], 1000) + 1e-3 * iid(np.random.default_rng(0), 1000)
    assert effective_sample_size(alternating) <= 1000 * np.log10(1000)
