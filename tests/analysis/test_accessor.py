"""``frame.trace``: the same numbers as the functions."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

import tracekit_analysis.accessor  # noqa: F401  # registers frame.trace
from tests.analysis.processes import iid, level_break, start_up, traces
from tracekit_analysis import AnalysisError, characterize, label, stability_index


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.concat(
        [traces(iid, n=400), traces(level_break(3.0), n=400, optimizer="adam")], ignore_index=True
    )


def test_methods_are_the_functions(frame):
    pd.testing.assert_frame_equal(
        frame.trace.characterize(preset="minimal"), characterize(frame, preset="minimal")
    )
    pd.testing.assert_frame_equal(frame.trace.label(margin=0.3), label(frame, margin=0.3))


def test_bounds_are_one_row_per_series(frame):
    lower = frame.trace.lower_bound()
    table = characterize(frame, preset="minimal")
    assert lower["theta"].tolist() == table["lower_theta"].tolist()
    assert frame.trace.upper_bound(jobs=2)["theta"].tolist() == table["upper_theta"].tolist()


def test_a_table_of_one_series(frame):
    one = frame[frame["run"] == "sgd-32-0"][["step", "value"]]
    row = one.trace.lower_bound(tau=0.2, level=0.9, remove_burn_in=False).iloc[0]
    index = stability_index(one["value"], tau=0.2, level=0.9)
    assert (row["theta"], row["ci_high"], row["tau"]) == (index.theta, index.ci_high, 0.2)


def test_the_transient_is_cut_unless_it_is_wanted():
    frame = traces(start_up(6.0, 0.04), seeds=1)
    cut = frame.trace.lower_bound(by="run")
    whole = frame.trace.lower_bound(by="run", remove_burn_in=False)
    assert cut["n_used"].item() < whole["n_used"].item() == 1000


def test_wrong_uses_are_named(frame):
    with pytest.raises(AnalysisError) as error:
        frame.trace.bound("left")
    assert str(error.value) == "`side` (='left') must be one of 'lower', 'upper'."
    with pytest.raises(AnalysisError) as error:
        frame.drop(columns="step").trace.lower_bound()
    assert "must have a column 'step'" in str(error.value)


def test_only_its_own_import_registers_it():
    code = (
        "import pandas, tracekit_analysis; tracekit_analysis.characterize; "
        "print(hasattr(pandas.DataFrame, 'trace')); import tracekit_analysis.accessor; "
        "print(hasattr(pandas.DataFrame, 'trace'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_bounds_of_a_table_with_other_names(frame):
    renamed = frame.rename(columns={"value": "loss", "step": "update", "epoch": "pass"})
    for name in ("lower_bound", "upper_bound"):
        found = getattr(renamed.trace, name)(value="loss", step="update", epoch="pass")
        pd.testing.assert_frame_equal(found, getattr(frame.trace, name)())
    with pytest.raises(AnalysisError, match="must have a column 'value'"):
        renamed.trace.lower_bound()
