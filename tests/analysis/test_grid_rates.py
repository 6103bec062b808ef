"""Planted grids in a fast tier: a few cells of each kind, with fixed seeds; the page has the full size."""

from __future__ import annotations

import pandas as pd
import pytest

from tracekit_analysis.calibration.grid_page import page_text
from tracekit_analysis.calibration.grids import SCENARIOS, Scenario, _row, grid_rates

CHOSEN = [
    scenario
    for scenario in SCENARIOS
    if scenario.kind == "labels"
    and scenario.n_seeds == 5
    and scenario.name.endswith(("bound constant", "diverges in 20 %", "alike, index twice the margin"))
]


@pytest.fixture(scope="module")
def labels() -> pd.DataFrame:
    return grid_rates(n_cells=20, scenarios=CHOSEN)


def test_planted_labels_are_found_and_no_limit_is_missed_by_far(labels):
    rates = labels.set_index(["scenario", "n_seeds", "quantity"])["rate"]
    assert rates["series, bound constant", 5, "stable"] >= 0.9
    assert rates["series, bound constant", 5, "unstable"] == 0.0
    assert rates["series, bound constant, a seed diverges in 20 %", 5, "stable though one diverged"] == 0.0
    for unit in ("series", "cross-section"):
        assert rates[f"{unit}, seeds alike, index twice the margin", 5, "unstable"] >= 0.9
        assert rates[f"{unit}, seeds alike, index twice the margin", 5, "stable"] == 0.0


def test_rows_are_the_same_for_any_number_of_jobs(labels):
    pd.testing.assert_frame_equal(grid_rates(n_cells=20, scenarios=CHOSEN, jobs=2), labels)


def test_a_limit_is_missed_only_beyond_the_error_of_the_simulation():
    scenario = Scenario("labels", "x", 5, "stable", 0.0, 0.05, ("stable",))
    assert _row(scenario, ["stable"] * 10 + ["unstable"] * 90)[-1] == "reached"
    assert _row(scenario, ["stable"] * 30 + ["unstable|wrong"] * 70)[-1] == "missed"
    asked = Scenario("labels", "x", 5, "stable", 0.9, 1.0, ("stable", "wrong"))
    assert _row(asked, ["stable"] * 86 + ["unstable"] * 14)[-1] == "reached"
    assert _row(asked, ["unstable|wrong"] * 100)[6] == 1.0
    free = Scenario("labels", "x", 5, "stable", 0.0, 1.0, ("stable",))
    assert _row(free, ["stable"])[-1] == ""


def test_every_kind_of_truth_that_users_meet_is_planted():
    names = " ".join(f"{scenario.name} {scenario.quantity}" for scenario in SCENARIOS)
    for word in ("constant", "twice the margin", "shift 2.5 sd", "equivalent", "factors between seeds",
                 "diverge", "unequal counts", "one cell missing"):  # fmt: skip
        assert word in names


def test_the_page_names_what_is_missed(labels):
    bad = labels.copy()
    bad.loc[0, "outcome"] = "missed"
    text = page_text(bad, "the command")
    assert "Written by `the command`" in text
    assert f"- **labels, {bad.loc[0, 'scenario']}, S = 5: {bad.loc[0, 'quantity']} in" in text
    assert "None." in page_text(labels.assign(outcome="reached"), "x")
