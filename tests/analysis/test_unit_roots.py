"""Unit-root tests against published numbers, and what their notes say about minibatch noise."""

from __future__ import annotations

from pathlib import Path

import arch.unitroot
import numpy as np
import pandas as pd
import pytest

from tests.analysis.processes import autoregressive, iid, level_break, noisy_random_walk, random_walk, student
from tests.analysis.rates import slack
from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import adf, dfgls, kpss, phillips_perron, variance_ratio, zivot_andrews


@pytest.fixture(scope="module")
def nelson_plosser() -> pd.DataFrame:
    """Nelson and Plosser's series (and others) as arch ships them with its own tests."""
    unitroot = pytest.importorskip("arch.tests.unitroot")
    return pd.read_csv(Path(unitroot.__file__).parent / "data" / "zivot-andrews.csv")


@pytest.fixture(scope="module")
def inflation() -> np.ndarray:
    from statsmodels.datasets import macrodata

    return np.diff(np.log(macrodata.load_pandas().data["cpi"].to_numpy()))


@pytest.mark.parametrize(
    ("column", "lags", "trend", "statistic", "pvalue"),
    [
        ("REAL_GNP", 8, "c", -5.57615, 0.00312),
        ("GNP_DEFLATOR", 5, "c", -4.12155, 0.28024),
        ("STOCK_PRICES", 1, "ct", -5.60689, 0.00894),
        ("REAL_GNP_QTR", 12, "t", -3.02761, 0.63993),
    ],
)
def test_zivot_andrews_as_in_urca(nelson_plosser, column, lags, trend, statistic, pvalue):
    test = zivot_andrews(nelson_plosser[column].dropna(), lags=lags, trend=trend)
    assert test.statistic == pytest.approx(statistic, abs=5e-6)
    assert test.pvalue == pytest.approx(pvalue, abs=5e-6)


def test_kpss_of_real_gnp_as_in_its_paper(nelson_plosser):
    gnp = nelson_plosser["REAL_GNP"].dropna()
    published = [0.630, 0.337, 0.242, 0.198, 0.173, 0.158, 0.148, 0.141, 0.137]  # KPSS (1992), table 5
    assert [kpss(gnp, lags=lags, trend="ct").statistic for lags in range(9)] == pytest.approx(
        published, abs=5e-4
    )


def test_adf_of_real_gnp_as_in_nelson_and_plosser(nelson_plosser):
    assert adf(nelson_plosser["REAL_GNP"].dropna(), lags=1, trend="ct").statistic == pytest.approx(
        -2.99, abs=5e-3
    )


@pytest.mark.parametrize("trend", ["c", "ct"])
@pytest.mark.parametrize("process", [iid, autoregressive(0.9), random_walk, noisy_random_walk, student(1)])
def test_adf_of_long_series_is_that_of_arch(process, trend):
    x = 1e3 + process(np.random.default_rng(4), 3000)
    ours, theirs = adf(x, trend=trend), arch.unitroot.ADF(x, lags=28, trend=trend)
    assert (ours.statistic, ours.pvalue) == pytest.approx((theirs.stat, theirs.pvalue), rel=1e-7)
    assert ours.lags == theirs.lags == 28


def test_adf_of_a_series_that_is_nearly_predictable_is_left_to_arch():
    x = np.sin(np.arange(3000) / 50) + 1e-6 * iid(np.random.default_rng(0), 3000)
    assert adf(x).statistic == pytest.approx(arch.unitroot.ADF(x, lags=28).stat, rel=1e-9)


def test_inflation_as_in_the_tests_of_arch(inflation):
    assert phillips_perron(inflation, lags=12).statistic == pytest.approx(-7.80765, abs=5e-5)
    assert dfgls(inflation, lags=0).statistic == pytest.approx(-6.01730, abs=5e-5)
    assert dfgls(inflation, lags=0, trend="ct").statistic == pytest.approx(-6.30093, abs=5e-5)


@pytest.mark.parametrize("lags", [2, 5, 20])
def test_variance_ratio_by_its_formula(lags):
    x = random_walk(np.random.default_rng(3), 400)
    steps = np.diff(x)
    n, mean = steps.size, steps.mean()
    single = np.sum((steps - mean) ** 2) / (n - 1)
    long = x[lags:] - x[:-lags] - lags * mean
    ratio = np.sum(long**2) / (lags * (n - lags + 1) * (1 - lags / n)) / single
    assert variance_ratio(x, lags=lags).ratio == pytest.approx(ratio)


def test_variance_ratio_of_known_processes():
    rng = np.random.default_rng(0)
    rejected = np.mean([variance_ratio(random_walk(rng, 600), lags=5).pvalue < 0.05 for _ in range(150)])
    assert rejected <= 0.05 + slack(0.05, 150)
    assert variance_ratio(iid(rng, 5000), lags=5).ratio == pytest.approx(1 / 5, abs=0.03)
    assert variance_ratio(iid(rng, 5000), lags=5).pvalue < 1e-6


def test_a_wandering_level_under_noise_fools_phillips_perron_and_its_note_says_so():
    rng = np.random.default_rng(1)
    series = [noisy_random_walk(rng, 1000) for _ in range(20)]
    assert np.mean([phillips_perron(x).pvalue < 0.05 for x in series]) >= 0.9
    assert np.mean([adf(x).pvalue < 0.05 for x in series]) <= 0.3
    (note,) = phillips_perron(series[0]).notes
    assert note.startswith("unreliable under observation noise")
    assert variance_ratio(series[0]).notes == (note,)


def test_zivot_andrews_allows_for_a_break_that_adf_does_not():
    rng = np.random.default_rng(2)
    series = [level_break(4.0)(rng, 300) for _ in range(20)]
    assert np.mean([zivot_andrews(x).pvalue < 0.05 for x in series]) >= 0.9
    assert np.mean([zivot_andrews(random_walk(rng, 300)).pvalue < 0.05 for _ in range(40)]) <= 0.2


def test_zivot_andrews_of_a_long_series_is_tested_on_block_means():
    test = zivot_andrews(autoregressive(0.5)(np.random.default_rng(0), 20_000))
    assert (test.n, test.n_used) == (20_000, 500)
    assert test.notes == ("tested on means of 40 values",)


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (dfgls, {"trend": "n"}, "`trend` (='n') must be one of 'c', 'ct'."),
        (zivot_andrews, {"trend": "n"}, "`trend` (='n') must be one of 'c', 't', 'ct'."),
        (variance_ratio, {"lags": 1}, "`lags` (=1) must be a whole number of at least 2."),
    ],
)
def test_wrong_arguments_are_named(function, arguments, message):
    with pytest.raises(AnalysisError) as error:
        function(np.arange(100.0), **arguments)
    assert str(error.value) == message
