"""Coherence of two signals, against chance and against another run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.processes import autoregressive, iid
from tests.analysis.rates import slack
from tracekit_analysis import AnalysisError, as_series
from tracekit_analysis.features import coherence_table
from tracekit_analysis.statistics import multitaper_coherence


def check_size(n: int, runs: int) -> None:
    rng = np.random.default_rng(n)
    draw = autoregressive(0.5)
    found = [multitaper_coherence(draw(rng, n), draw(rng, n), reference=draw(rng, n)) for _ in range(runs)]
    assert np.mean([c.mean for c in found]) == pytest.approx(1 / 7, abs=0.005)
    assert np.mean([(c.coherence > c.threshold).mean() for c in found]) == pytest.approx(0.05, abs=0.006)
    for pvalue in ("pvalue", "excess_pvalue"):
        rate = np.mean([getattr(c, pvalue) < 0.05 for c in found])
        assert rate <= 0.06 + slack(0.06, runs)


@pytest.mark.parametrize("n", [200, 1000])
def test_size(n):
    check_size(n, 150)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [200, 1000, 10_000])
def test_size_in_full(n):
    check_size(n, 2000)


def test_a_shared_component_is_found_at_its_frequency():
    rng = np.random.default_rng(0)
    shared = np.sin(2 * np.pi * 0.1 * np.arange(2000))
    found = multitaper_coherence(iid(rng, 2000) + shared, iid(rng, 2000) - shared, reference=iid(rng, 2000))
    assert found.pvalue < 1e-4
    assert found.largest_at == pytest.approx(0.1, abs=0.004)
    assert found.coherence[found.frequency > 0.2].mean() == pytest.approx(1 / 7, abs=0.02)


def test_layers_that_share_their_batches_are_more_coherent_than_layers_of_two_runs():
    rng = np.random.default_rng(0)
    batches, other = iid(rng, 2000), iid(rng, 2000)
    found = multitaper_coherence(
        batches + iid(rng, 2000), batches + iid(rng, 2000), reference=other + iid(rng, 2000)
    )
    assert found.mean > 0.25
    assert found.excess > 0.1
    assert found.excess_pvalue < 1e-6


def test_a_series_is_coherent_with_itself_whatever_its_units():
    x = iid(np.random.default_rng(0), 500)
    found = multitaper_coherence(x, 1e200 * x + 5)
    np.testing.assert_allclose(found.coherence, 1.0)
    assert found.pvalue == 0.0


def test_series_are_cut_alike():
    rng = np.random.default_rng(0)
    x = iid(rng, 600)
    late = np.where(np.arange(600) < 3, np.nan, x)
    found = multitaper_coherence(x, late)
    assert found.mean == pytest.approx(1.0)
    assert (found.n, found.n_used) == (600, 597)
    assert multitaper_coherence(x, x[:400]).notes == (
        "cut to the first 400 values, the length of the shortest series",
    )
    refused = multitaper_coherence(x, as_series(np.ones(600)))
    assert (refused.status, refused.reason) == ("degenerate", "second series: constant: all values are 1.0")


def test_one_row_per_run_and_pair_of_layers():
    rng = np.random.default_rng(0)
    parts = []
    for run in ("a", "b", "c"):
        batches = iid(rng, 600)
        for layer in ("conv1", "conv2", "dense"):
            value = iid(rng, 600) + (0 if layer == "dense" else 2) * batches
            parts.append(pd.DataFrame({"run": run, "layer": layer, "step": np.arange(600), "value": value}))
    frame = pd.concat(parts, ignore_index=True)
    table = coherence_table(frame).set_index(["run", "first", "second"])
    assert len(table) == 9
    assert (table.loc[(slice(None), "conv1", "conv2"), "excess_pvalue"] < 1e-6).all()
    assert (table.loc[(slice(None), slice(None), "dense"), "mean"] < 0.2).all()
    alone = coherence_table(frame[frame["run"] == "a"])
    assert alone["excess"].isna().all()
    with pytest.raises(AnalysisError) as error:
        coherence_table(pd.concat([frame, frame]))
    assert str(error.value) == (
        "`frame` (='10800 rows') must have one value per run, channel and step; select one signal."
    )
