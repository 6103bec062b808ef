"""The scikit-learn transformer: scikit-learn's own checks, and the numbers of `characterize`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from tests.analysis.processes import iid, level_break, traces
from tracekit_analysis import AnalysisError, TraceFeatures, characterize, describe_columns
from tracekit_analysis.features.transformer import LABEL_NUMBERS

CHECKS = list(estimator_checks_generator(TraceFeatures()))


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=[check.func.__name__ for _, check in CHECKS])
def test_scikit_learns_own_checks(estimator, check):
    """All of them apply; the array-API one skips itself unless SciPy's array API is switched on."""
    check(estimator)


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([process(rng, 300) for process in (iid, level_break(4.0)) for _ in range(10)])


def test_columns_are_those_of_characterize(series):
    table = characterize(
        traces(lambda rng, n: series[12], seeds=1, n=300, epoch_length=20), preset="standard"
    )
    features = TraceFeatures(preset="standard", points_per_epoch=20)
    row = dict(zip(features.get_feature_names_out(), features.fit_transform(series[12:13])[0], strict=True))
    for name in ("tau_int", "lower_theta", "upper_drift", "adf_pvalue", "epoch_comb_pvalue", "settled"):
        assert row[name] == table[name].item()
    assert row["lower_label"] == LABEL_NUMBERS[table["lower_label"].item()]
    assert not {"status", "reason", "notes", "stationarity"} & set(row)
    assert set(row) < set(describe_columns("standard"))


@pytest.mark.parametrize("preset", ["minimal", "standard", "full"])
def test_names_are_as_many_as_columns(series, preset):
    features = TraceFeatures(preset=preset)
    assert features.fit_transform(series[:2]).shape == (2, len(features.get_feature_names_out()))
    assert features.set_output(transform="pandas").fit_transform(series[:1]).columns.tolist() == (
        features.get_feature_names_out().tolist()
    )


def test_series_that_cannot_be_analysed_are_rows_too():
    unusable = np.stack([np.full(200, 3.0), np.full(200, np.nan), np.exp(0.2 * np.arange(200))])
    table = TraceFeatures(columns=["n", "lower_index", "lower_label"]).fit_transform(unusable)
    assert table[:, 0].tolist() == [200.0] * 3
    assert np.isnan(table[:, 1]).all()
    assert table[2, 2] == LABEL_NUMBERS["diverged"]


def test_it_works_in_a_pipeline_and_in_several_processes(series):
    kinds = np.repeat([0, 1], 10)
    model = make_pipeline(
        TraceFeatures(columns=["lower_index", "lower_drift"]), SimpleImputer(), LogisticRegression()
    )
    assert model.fit(series, kinds).score(series, kinds) >= 0.9
    one, two = (TraceFeatures(jobs=jobs).fit_transform(series) for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_parameters_are_kept_and_checked_in_fit(series):
    features = TraceFeatures(columns=["index"], preset="minimal")
    assert clone(features).get_params() == {
        "columns": ["index"], "jobs": 1, "points_per_epoch": None, "preset": "minimal",
    }  # fmt: skip
    with pytest.raises(AnalysisError) as error:
        features.fit(series)
    assert str(error.value) == (
        "`columns` (='index') must be a column of numbers in preset 'minimal'; see `describe_columns`."
    )
    with pytest.raises(AnalysisError) as error:
        TraceFeatures(preset="best").fit(series)
    assert str(error.value) == "`preset` (='best') must be one of 'minimal', 'standard', 'full'."
    with pytest.raises(AnalysisError) as error:
        TraceFeatures(points_per_epoch=0).fit(series)
    assert str(error.value) == "`points_per_epoch` (=0) must be at least 1."
