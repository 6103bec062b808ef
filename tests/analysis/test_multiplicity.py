"""Corrections for multiple tests against worked examples and statsmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tracekit_analysis import AnalysisError
from tracekit_analysis.statistics import adjust_pvalues, holm

BENJAMINI_HOCHBERG = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
    0.7590, 1.0000,
]  # fmt: skip
"""The 15 p-values of the example in Benjamini and Hochberg (1995), section 3.2."""


def test_the_example_of_benjamini_and_hochberg_rejects_four():
    frame = pd.DataFrame({"p": BENJAMINI_HOCHBERG}, index=range(100, 115))
    adjusted = adjust_pvalues(frame, "p")
    assert (adjusted["p"] <= 0.05).sum() == 4
    assert adjusted.index.equals(frame.index)
    assert adjusted["p"].iloc[3] == pytest.approx(0.0095 * 15 / 4)
    harmonic = sum(1 / k for k in range(1, 16))
    assert adjust_pvalues(frame, "p", method="by")["p"].iloc[3] == pytest.approx(0.0095 * 15 / 4 * harmonic)


@pytest.mark.parametrize(
    "pvalues", [BENJAMINI_HOCHBERG, [0.5, 0.5, 0.5], [0.02], [0.03, 0.01, 0.01, 1.0], []]
)
def test_holm_agrees_with_statsmodels(pvalues):
    from statsmodels.stats.multitest import multipletests

    expected = multipletests(pvalues, method="holm")[1] if pvalues else []
    random = np.random.default_rng(0).permutation(len(pvalues))
    family = {str(place): pvalues[place] for place in random} | {"unknown": np.nan}
    adjusted = holm(family)
    assert list(adjusted) == list(family)
    assert [adjusted[str(place)] for place in range(len(pvalues))] == pytest.approx(list(expected), rel=1e-14)
    assert np.isnan(adjusted["unknown"])


def test_missing_values_do_not_count_and_columns_are_families_of_their_own():
    frame = pd.DataFrame({"p": [0.01, np.nan, 0.02], "q": [0.5, 0.5, 0.5], "none": [np.nan] * 3})
    adjusted = adjust_pvalues(frame, ["p", "q", "none"])
    assert adjusted["p"].tolist() == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert adjusted["q"].tolist() == [0.5, 0.5, 0.5]
    assert adjusted["none"].isna().all()


@pytest.mark.parametrize(
    ("columns", "arguments", "message"),
    [
        ("r", {}, "`columns` (='r') must be a column of `features`."),
        ("x", {}, "`columns` (='x') must hold p-values, numbers from 0 to 1."),
        ("p", {"method": "holm"}, "`method` (='holm') must be one of 'bh', 'by'."),
    ],
)
def test_wrong_arguments_are_named(columns, arguments, message):
    with pytest.raises(AnalysisError) as error:
        adjust_pvalues(pd.DataFrame({"p": [0.1], "x": [2.0]}), columns, **arguments)
    assert str(error.value) == message
