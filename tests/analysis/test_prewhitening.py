"""Autoregressive residuals and the Ljung-Box test on them, against statsmodels and known truth."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.processes import autoregressive, iid, linear_trend, student
from tests.analysis.rates import rejection_rate, slack
from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import ljung_box, prewhiten

PROCESSES = {"iid": iid, "AR.5": autoregressive(0.5), "AR.9": autoregressive(0.9), "t2": student(2)}


def pvalue(x):
    return ljung_box(x).pvalue


@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize("process", PROCESSES)
def test_size(process, n):
    assert rejection_rate(pvalue, PROCESSES[process], n, 200) <= 0.06 + slack(0.06, 200)


@pytest.mark.calibration
@pytest.mark.parametrize("n", [200, 1000, 10_000])
@pytest.mark.parametrize("process", PROCESSES)
def test_size_in_full(process, n):
    assert rejection_rate(pvalue, PROCESSES[process], n, 2000) <= 0.06 + slack(0.06, 2000)


def test_what_no_short_autoregression_takes_up_is_found():
    def periodic(rng, n):
        return np.resize([2.0, 0.0, -2.0, 1.0, 0.5, -1.5, 0.0], n) + iid(rng, n)

    assert rejection_rate(pvalue, linear_trend(3.0), 1000, 60) >= 0.8
    assert ljung_box(periodic(np.random.default_rng(0), 2000)).predictability > 0.5


def test_order_and_predictability_are_those_of_the_process():
    rng = np.random.default_rng(0)
    tests = [ljung_box(autoregressive(0.9)(rng, 5000)) for _ in range(20)]
    assert np.median([test.order for test in tests]) == 1
    assert np.mean([test.predictability for test in tests]) == pytest.approx(0.81, abs=0.01)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_residuals_are_those_of_statsmodels(order):
    from statsmodels.tsa.ar_model import AutoReg

    x = autoregressive(0.7)(np.random.default_rng(0), 400) + 3.0
    oracle = AutoReg(x, lags=order).fit().resid
    np.testing.assert_allclose(prewhiten(x, order=order).values, oracle, atol=1e-10)


def test_statistic_and_pvalue_are_those_of_statsmodels():
    from statsmodels.stats.diagnostic import acorr_ljungbox
    from statsmodels.tsa.ar_model import AutoReg

    x = autoregressive(0.7)(np.random.default_rng(0), 400)
    test = ljung_box(x)
    residuals = AutoReg(x, lags=test.order).fit().resid
    oracle = acorr_ljungbox(residuals, lags=[test.lags], model_df=test.order)
    assert test.statistic == pytest.approx(oracle["lb_stat"].item())
    assert test.pvalue == pytest.approx(oracle["lb_pvalue"].item())


def test_a_predicted_series_has_no_residuals():
    exact = prewhiten(np.sin(0.3 * np.arange(400)))
    assert (exact.status, exact.reason) == (
        "degenerate",
        "the autoregression predicts the series without error",
    )
    assert ljung_box(np.sin(0.3 * np.arange(400))).status == "degenerate"
    with pytest.raises(AnalysisError) as error:
        prewhiten(np.arange(100.0), order=31)
    assert str(error.value) == "`order` (=31) must be a whole number from 0 to 30."
