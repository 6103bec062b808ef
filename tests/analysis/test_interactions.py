"""Interaction of two factors: the statistic against statsmodels, the answers on planted grids."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from tests.analysis.seed_grids import grid, mark
from tracekit_analysis import AnalysisError, interaction
from tracekit_analysis.seeds import freedman_lane
from tracekit_analysis.seeds.power import detectable_interaction

BATCHES = (50, 100, 150)


def planted(effect: float, **arguments: object) -> pd.DataFrame:
    return grid(1, batch_sizes=BATCHES, shift={("adam", 150): effect}, n_shifted=1, **arguments)


@pytest.mark.parametrize("blocked", [False, True])
def test_the_statistic_is_that_of_the_analysis_of_variance(blocked):
    table = grid(2, batch_sizes=BATCHES, seeds=6, shared=0.3)
    table = table.drop(index=[3, 17])
    seeds = table["seed"].tolist() if blocked else None
    test = freedman_lane(
        table["x1"], table["optimizer"].tolist(), table["batch_size"].tolist(), block=seeds, n_permutations=99
    )
    formula = "x1 ~ C(optimizer) * C(batch_size)" + (" + C(seed)" if blocked else "")
    row = sm.stats.anova_lm(ols(formula, table).fit(), typ=2).loc["C(optimizer):C(batch_size)"]
    assert test.statistic == pytest.approx(row["F"])
    assert test.df_interaction == row["df"]


def test_a_planted_interaction_is_found_and_main_effects_are_not_taken_for_one():
    rows = interaction(planted(3.0), features=["x1", "x2"], n_permutations=999).set_index("feature")
    assert rows["answer"].tolist() == ["interaction", "unresolved"]
    assert rows.loc["x1", "pvalue_adjusted"] <= 0.05
    assert rows.loc["x1", "sentence"].startswith(
        "Interaction of optimizer and batch_size in x1 (60 runs in 6 cells, at least 10 seeds each): F(2, 45) = "
    )
    main = grid(3, batch_sizes=BATCHES, shift=3.0)
    assert interaction(main, features=["x1"], n_permutations=499)["pvalue"].item() > 0.05


@pytest.mark.parametrize(
    ("seeds", "tested", "reason"),
    [
        (1, False, "no degrees of freedom are left for the error; more seeds are needed"),
        (2, False, "2 seeds in the smallest cell are too few for a test; 5 are needed"),
        (4, False, "4 seeds in the smallest cell are too few for a test; 5 are needed"),
        (9, True, "9 seeds allow a test but no claim; 10 are needed"),
    ],
)
def test_few_seeds_claim_nothing(seeds, tested, reason):
    (row,) = interaction(
        planted(9.0, seeds=seeds), features=["x1"], n_permutations=99, blocks="none"
    ).to_dict("records")
    assert (row["answer"], row["reason"], np.isfinite(row["pvalue"])) == ("unresolved", reason, tested)


def test_missing_cells_and_diverged_runs_are_counted():
    table = mark(planted(0.0), "adam", [0], "diverged")
    table = table[~((table["optimizer"] == "adam") & (table["batch_size"] == 150))]
    (row,) = interaction(table, features=["x1"], n_permutations=99).to_dict("records")
    assert (row["n_cells"], row["n_missing_cells"], row["n_diverged"], row["n_runs"]) == (5, 1, 2, 50)
    assert "1 cells missing, 2 runs diverged" in row["sentence"]


def test_seeds_are_blocks_where_cells_share_them():
    assert interaction(planted(0.0), features=["x1"], n_permutations=99)["blocked"].item()
    apart = planted(0.0)
    apart["seed"] = np.arange(len(apart))
    assert not interaction(apart, features=["x1"], n_permutations=99)["blocked"].item()


@pytest.mark.parametrize("seeds", [5, 12])
def test_the_detectable_effect_is_found_with_the_power_that_is_stated(seeds):
    """One cell of 2 x 4 is moved so far that the interaction has the partial R squared which is found four times in five."""
    first, second = np.repeat([0, 1], 4 * seeds), np.tile(np.repeat(np.arange(4), seeds), 2)
    share = detectable_interaction(3, 8 * seeds - 8)
    moved = ((first == 1) & (second == 3)).astype(float)
    additive = np.column_stack([np.ones(8 * seeds), first, *(second == k for k in (1, 2, 3))])
    left = moved - additive @ np.linalg.lstsq(additive, moved, rcond=None)[0]
    shift = np.sqrt(share / (1 - share) * (8 * seeds - 4) / (left @ left))
    rng = np.random.default_rng(seeds)
    found = [
        freedman_lane(
            rng.standard_normal(8 * seeds) + shift * moved,
            first.tolist(),
            second.tolist(),
            n_permutations=199,
            rng=rng,
        ).pvalue
        <= 0.05
        for _ in range(300)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=2.58 * np.sqrt(0.16 / 300))


def test_results_say_their_family_and_what_could_have_been_seen():
    table = interaction(planted(3.0), features=["x1", "x2"], n_permutations=999)
    assert table["family_size"].tolist() == [2, 2]
    assert table["detectable_effect"].between(0.05, 0.5).all()
    assert "smallest attainable p 0.001, power .8 for a partial R squared of 0." in table["sentence"].iloc[0]
    coarse = interaction(planted(3.0), features=["x1", "x2"], n_permutations=19)
    assert np.isinf(coarse["detectable_effect"]).all()
    assert np.isinf(
        interaction(planted(9.0, seeds=4), features=["x1"], n_permutations=99)["detectable_effect"]
    ).all()


def test_bytes_repeat():
    first, second = (interaction(planted(1.0), features=["x1"], n_permutations=99).to_csv() for _ in range(2))
    assert first == second


def test_what_cannot_be_tested_says_why():
    assert freedman_lane([], [], []).reason == "there are no values"
    assert freedman_lane([1.0, np.nan], [0, 1], [0, 1]).reason == "a value is missing or infinite"
    assert freedman_lane([1.0, 2.0], [0, 1], [0, 0]).reason == "there are too few cells for an interaction"
    flat = freedman_lane([1.0] * 8, [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1] * 2)
    assert flat.reason == "the main effects explain the values completely"
    with pytest.raises(AnalysisError) as error:
        freedman_lane([1.0, 2.0], [0], [0, 1])
    assert str(error.value) == "`y` (='array of shape (2,)') must have one value per level given."
    with pytest.raises(AnalysisError) as error:
        interaction(grid(), features=["x1"])
    assert str(error.value) == "`factor` (='batch_size') must have two or more levels, but has [50] alone."
