"""Spectra, and what repeats with the epoch."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import (
    autoregressive,
    iid,
    linear_trend,
    negative_moving_average,
    reshuffled,
    sawtooth,
    student,
)
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import epoch_comb, periodogram, welch_psd


@pytest.mark.parametrize("n", [200, 1000, 5001])
def test_white_noise_has_entropy_and_flatness_one(n):
    rng = np.random.default_rng(0)
    spectra = [periodogram(iid(rng, n)) for _ in range(200)]
    assert np.mean([s.entropy for s in spectra]) == pytest.approx(1.0, abs=0.005)
    assert np.mean([s.flatness for s in spectra]) == pytest.approx(1.0, abs=0.01)


def test_dependence_lowers_entropy_and_flatness():
    spectrum = periodogram(autoregressive(0.9)(np.random.default_rng(0), 2000))
    assert spectrum.entropy < 0.8
    assert spectrum.flatness < 0.5


def test_densities_integrate_to_the_variance():
    x = 3.0 * iid(np.random.default_rng(0), 4096)
    raw = periodogram(x)
    assert raw.density.sum() / 4096 == pytest.approx(x.var(), rel=1e-12)
    smooth = welch_psd(x)
    assert np.trapezoid(smooth.density, smooth.frequency) == pytest.approx(x.var(), rel=0.1)


def test_frequencies_are_in_cycles_per_value():
    x = np.sin(2 * np.pi * 0.125 * np.arange(1024)) + 0.01 * iid(np.random.default_rng(0), 1024)
    for spectrum in (periodogram(x), welch_psd(x)):
        assert spectrum.frequency[np.argmax(spectrum.density)] == pytest.approx(0.125)


def test_the_comb_keeps_its_size_and_finds_a_sawtooth():
    rng = np.random.default_rng(2)
    rejects = {
        name: np.mean([epoch_comb(process(rng, 1000), 50).pvalue < 0.05 for _ in range(200)])
        for name, process in {"noise": iid, "saw": sawtooth(50), "shuffled": reshuffled(50)}.items()
    }
    assert rejects["noise"] <= 0.05 + 2.58 * np.sqrt(0.0475 / 200)
    assert rejects["shuffled"] <= 0.05 + 2.58 * np.sqrt(0.0475 / 200)
    assert rejects["saw"] >= 0.75


def test_the_variance_ratio_tells_reshuffled_batches_from_independent_ones():
    rng = np.random.default_rng(0)
    ratios = [epoch_comb(reshuffled(50, share=0.92)(rng, 4000), 50).variance_ratio for _ in range(20)]
    assert np.mean(ratios) == pytest.approx(0.08, abs=0.02)
    assert epoch_comb(iid(rng, 10_000), 50).variance_ratio == pytest.approx(1.0, abs=0.25)
    assert epoch_comb(linear_trend(3.0)(rng, 10_000), 50).variance_ratio > 5


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("process", [negative_moving_average, autoregressive(0.9), student(2)])
def test_the_comb_keeps_its_size_where_the_spectrum_is_steep(process, n):
    length = 50 if n == 1000 else 20
    assert rejection_rate(lambda x: epoch_comb(x, length).pvalue, process, n, 600) <= 0.05 + slack(0.05, 600)


def test_an_exact_period_is_a_line_at_the_epoch_and_nowhere_else():
    ramp = np.resize(np.arange(50.0), 2000)
    assert epoch_comb(ramp, 50).pvalue == 0.0
    assert epoch_comb(np.resize([0.0, 1.0], 2000), 50).pvalue == 1.0


def test_few_epochs_give_a_ratio_but_no_comb():
    comb = epoch_comb(iid(np.random.default_rng(0), 300), 60)
    assert comb.status == "ok"
    assert np.isnan(comb.pvalue)
    assert comb.variance_ratio > 0
    assert epoch_comb(iid(np.random.default_rng(0), 200), 20).n_neighbours == 4


def test_short_or_broken_series_have_no_spectrum():
    short = periodogram(np.arange(100.0))
    assert (short.status, short.reason) == ("inconclusive", "100 usable values; at least 128 are needed")
    assert welch_psd(np.r_[np.zeros(500), np.nan]).density.size == 0


def test_epoch_length_must_be_a_whole_number():
    with pytest.raises(AnalysisError) as error:
        epoch_comb(np.arange(500.0), 1)
    assert str(error.value) == "`updates_per_epoch` (=1) must be a whole number of at least 2."
