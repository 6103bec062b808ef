"""Identification: the discriminant against scikit-learn, the answers on planted grids."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from tests.analysis.seed_grids import FEATURES, grid, mark
from tracekit_analysis import AnalysisError, identifiability
from tracekit_analysis.seeds.discriminant import held_out_errors


@pytest.mark.parametrize("paired", [True, False])
def test_held_out_errors_are_those_of_scikit_learn(paired):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((24, 4)) @ rng.standard_normal((4, 4)) * [1.0, 10.0, 0.1, 1.0]
    truth = np.repeat([1.0, 0.0], 12)
    vectors[:12, 0] += 1.5
    folds = [np.array([i, 12 + i]) for i in range(12)] if paired else [np.array([i]) for i in range(24)]
    labels = np.array([truth, rng.permutation(truth), rng.permutation(truth)])
    ours = held_out_errors(vectors, labels, folds)
    for row, error in zip(labels, ours, strict=True):
        wrong = 0
        for fold in folds:
            kept = np.setdiff1d(np.arange(24), fold)
            centred = np.concatenate(
                [vectors[kept][row[kept] == k] - vectors[kept][row[kept] == k].mean(axis=0) for k in (0, 1)]
            )
            scale = centred.std(axis=0)
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1, priors=[0.5, 0.5])
            model.fit(vectors[kept] / scale, row[kept])
            wrong += (model.predict(vectors[fold] / scale) != row[fold]).sum()
        assert error == pytest.approx(wrong / 24)


def test_a_planted_difference_identifies_and_the_controls_do_not():
    table = identifiability(grid(0, shift=3.0), features=FEATURES)
    assert table["role"].tolist() == ["comparison", "negative control", "negative control"]
    assert table["answer"].tolist() == ["identified", "unresolved", "unresolved"]
    assert table["estimate"].iloc[0] >= 0.9
    assert table["smallest_pvalue"].iloc[0] == 2 / 2**10
    assert (
        table["reason"].tolist()[1]
        == "as expected, two halves of the seeds of one level are not distinguished"
    )
    assert table["sentence"].iloc[0].startswith("At batch_size 50, adam and sgd (10 pairs): ")
    assert table["family"].tolist() == ["Holm over 1 tests", "Holm over 2 tests", "Holm over 2 tests"]
    assert table["family_size"].tolist() == [1, 2, 2]
    assert table["detectable_effect"].isna().all()


def test_a_control_that_fails_is_named():
    table = grid(1, seeds=20)
    table.loc[(table["optimizer"] == "adam") & (table["seed"] >= 10), FEATURES] += 4.0
    rows = identifiability(table, features=FEATURES)
    failed = rows[(rows["role"] == "negative control") & (rows["level_a"] == "adam")]
    assert (
        failed["reason"].item()
        == "the negative control fails: two halves of the seeds of one level are distinguished"
    )


@pytest.mark.parametrize(("seeds", "classified", "tested"), [(1, False, False), (2, False, False), (3, True, False), (4, True, False), (5, True, True)])  # fmt: skip
def test_few_seeds_claim_nothing(seeds, classified, tested):
    row = identifiability(grid(0, seeds=seeds, shift=9.0), features=FEATURES).iloc[0]
    assert (row["answer"], np.isfinite(row["estimate"]), np.isfinite(row["pvalue"])) == (
        "unresolved",
        classified,
        tested,
    )


def test_diverged_runs_cannot_be_told_from_features():
    row = identifiability(mark(grid(0, seeds=12), "adam", [0, 1], "diverged"), features=FEATURES).iloc[0]
    assert (row["n_seeds"], row["paired"]) == (10, True)
    with pytest.raises(AnalysisError) as error:
        identifiability(grid().assign(status="diverged"), features=FEATURES)
    assert str(error.value) == "`frame` has no finished run among its 20."


def test_features_in_signal_units_are_pointed_out():
    table = grid(0, shift=3.0).rename(columns={"x1": "lower_bound"})
    row = identifiability(table, features=["lower_bound", "x2"]).iloc[0]
    assert row["with_scale"]
    assert row["reason"].endswith("features in signal units were used")


def test_bytes_repeat():
    first, second = (
        identifiability(grid(3, seeds=16), features=FEATURES, n_permutations=99).to_csv() for _ in range(2)
    )
    assert first == second
