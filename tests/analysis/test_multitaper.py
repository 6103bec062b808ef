"""Tapered spectra, and where their power lies."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, iid
from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import (
    band_power,
    multitaper_psd,
    periodogram,
    spectral_centroid,
    spectral_edge,
    welch_psd,
)


@pytest.mark.parametrize("tapers", ["sine", "slepian"])
@pytest.mark.parametrize("n", [200, 1000, 5001])
def test_white_noise_has_entropy_and_flatness_one(n, tapers):
    rng = np.random.default_rng(0)
    spectra = [multitaper_psd(iid(rng, n), tapers=tapers) for _ in range(60)]
    assert np.mean([s.entropy for s in spectra]) == pytest.approx(1.0, abs=0.005)
    assert np.mean([s.flatness for s in spectra]) == pytest.approx(1.0, abs=0.01)


def test_the_density_is_that_of_the_process_and_steadier_than_the_periodogram():
    rng = np.random.default_rng(0)
    inner = slice(20, -20)
    spectra = [multitaper_psd(autoregressive(0.5)(rng, 1000)) for _ in range(50)]
    frequency = spectra[0].frequency[inner]
    truth = 2.0 * 0.75 / np.abs(1.0 - 0.5 * np.exp(-2j * np.pi * frequency)) ** 2
    ratios = np.array([s.density[inner] / truth for s in spectra])
    assert ratios.mean() == pytest.approx(1.0, abs=0.02)
    assert ratios.var() == pytest.approx(1.0 / 7.0, rel=0.1)  # chi-squared with 14 degrees of freedom


def test_densities_integrate_to_about_the_variance():
    x = 3.0 * iid(np.random.default_rng(0), 4096)
    for tapers in ("sine", "slepian"):
        spectrum = multitaper_psd(x, tapers=tapers)
        assert spectrum.density.sum() / 4096 == pytest.approx(x.var(), rel=0.03)


@pytest.mark.parametrize("estimate", [periodogram, multitaper_psd, welch_psd])
def test_power_lies_where_it_was_put(estimate):
    x = np.sin(2 * np.pi * 0.2 * np.arange(1000)) + 1e-3 * iid(np.random.default_rng(0), 1000)
    spectrum = estimate(x)
    assert spectral_centroid(spectrum) == pytest.approx(0.2, abs=0.002)
    assert spectral_edge(spectrum) == pytest.approx(0.2, abs=0.01)
    assert band_power(spectrum, 0.15, 0.25) > 0.99


def test_white_noise_has_power_in_proportion_to_the_width_of_the_band():
    spectrum = multitaper_psd(iid(np.random.default_rng(0), 20_000))
    assert spectral_centroid(spectrum) == pytest.approx(0.25, abs=0.005)
    assert band_power(spectrum, 0.1, 0.4) == pytest.approx(0.6, abs=0.02)
    parts = [band_power(spectrum, low, high) for low, high in ((0, 0.01), (0.01, 0.1), (0.1, 0.5))]
    assert sum(parts) == pytest.approx(1.0)


def test_an_empty_spectrum_has_no_place():
    empty = multitaper_psd(np.ones(500))
    assert np.isnan([spectral_centroid(empty), spectral_edge(empty), band_power(empty, 0.0, 0.1)]).all()


def test_arguments_are_checked():
    x = np.arange(500.0)
    with pytest.raises(AnalysisError) as error:
        multitaper_psd(x, n_tapers=8, tapers="slepian")
    assert str(error.value) == "`n_tapers` (=8) must be a whole number from 1 to 7."
    with pytest.raises(AnalysisError) as error:
        band_power(periodogram(x), 0.3, 0.2)
    assert str(error.value) == "`low, high` (=(0.3, 0.2)) must be an interval within [0, 0.5]."
