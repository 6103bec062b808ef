"""Numbers that nobody here wrote: published values, other libraries, the reference program's own log."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tracekit_analysis import stability_index
from tracekit_analysis.statistics import adf, kpss, lfq_test, stability_label

CHANNELS = ("g1.w", "conv4.w", "conv1.w", "conv6.w", "conv3.w", "g3.w", "conv5.w", "conv2.w")
"""Order in which the reference program's log interleaves its parameter tensors."""


@pytest.fixture(scope="module")
def macrodata():
    from statsmodels.datasets import macrodata

    return macrodata.load_pandas().data


@pytest.mark.parametrize(("trend", "statistic"), [("c", 5.0169), ("ct", 1.1828)])
def test_kpss_of_real_gdp_as_in_r_tseries(macrodata, trend, statistic):
    assert kpss(macrodata["realgdp"], lags=3, trend=trend).statistic == pytest.approx(statistic, abs=5e-5)


def test_kpss_of_inflation_as_in_the_tests_of_arch(macrodata):
    inflation = np.diff(np.log(macrodata["cpi"]))
    assert kpss(inflation, lags=12, trend="ct").statistic == pytest.approx(0.235582, abs=1e-6)
    assert kpss(inflation, lags=12, trend="c").statistic == pytest.approx(0.327629, abs=1e-6)


def test_automatic_lag_of_kpss_as_in_sas(macrodata):
    assert kpss(macrodata["realgdp"]).lags == 9


def test_adf_of_inflation_as_in_the_tests_of_arch(macrodata):
    test = adf(np.diff(np.log(macrodata["cpi"])))
    assert test.statistic == pytest.approx(-3.09310, abs=2e-5)
    assert test.pvalue == pytest.approx(0.027067, abs=1e-5)


@pytest.fixture(scope="module")
def gradients(shared_data):
    log = shared_data / "ando-logs" / "cnn-adam-weights.log"
    values = [float(v) for v in re.findall(r"Weight_Grad:([^:\s]+):", log.read_text())]
    return {name: np.array(values[start::8]) for start, name in enumerate(CHANNELS)}


def test_labels_of_the_reference_programs_gradients(gradients):
    decisions = {name: stability_label(stability_index(x)) for name, x in gradients.items()}
    assert "".join(decisions[name].label[0] for name in CHANNELS) == "iiusiiii"
    conv1, conv6 = decisions["conv1.w"], decisions["conv6.w"]
    assert (conv1.index, conv1.ci_low, conv1.ci_high) == pytest.approx((0.41, 0.26, 0.57), abs=0.006)
    assert (conv6.index, conv6.ci_low, conv6.ci_high) == pytest.approx((0.00, 0.00, 0.09), abs=0.006)


def test_lfq_rejects_a_constant_lower_bound_in_half_of_these_gradients(gradients):
    rejected = [name for name in CHANNELS if lfq_test(gradients[name]).pvalue < 0.05]
    assert rejected == ["conv4.w", "conv1.w", "conv3.w", "conv5.w"]


def test_the_reference_programs_logit_log_is_too_short_for_a_label(shared_data):
    log = (shared_data / "ando-logs" / "cnn-logits.log").read_text()
    x = np.array([float(v) for v in re.findall(r"SoftmaxCrossEntropy:Grad:(\S+)", log)])
    index = stability_index(x)
    assert (index.status, index.reason) == (
        "inconclusive",
        "fewer than 8 stretches of 8 correlation times (1.2 values each)",
    )
    assert stability_label(index).label == "inconclusive"
    assert lfq_test(x).status == "ok"
