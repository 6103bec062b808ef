"""The study of planted instability: its truth, its rules and its scores on runs made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.analysis.test_studies import load


@pytest.fixture(scope="module")
def study():
    return load("planted_instability")


def losses(ends: dict[float, float], *, seeds: int = 3, diverged: tuple[float, ...] = ()) -> pd.DataFrame:
    """Return flat losses that end where they are told, one optimizer at one batch size."""
    parts = [
        pd.DataFrame(
            {
                "optimizer": "sgd", "batch_size": 50, "learning_rate": rate, "seed": seed,
                "status": "diverged" if rate in diverged else "finished",
                "step": np.arange(200), "value": np.where(np.arange(200) < 160, 2.3, end),
            }
        )
        for rate, end in ends.items()
        for seed in range(seeds)
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_planted_is_what_ends_worse_above_the_best_rate(study):
    loss = losses({0.1: 0.5, 0.3: 0.02, 1.0: 0.05, 3.0: 0.13, 10.0: 0.02}, diverged=(10.0,))
    truth = study.planted(loss)
    # 0.1 is worse too, but for being slow: it lies below the best rate.
    assert truth.to_dict() == {
        ("sgd", 50, 0.1): False, ("sgd", 50, 0.3): False, ("sgd", 50, 1.0): False,
        ("sgd", 50, 3.0): True, ("sgd", 50, 10.0): True,
    }  # fmt: skip


def test_rules_count_seeds_and_take_divergence_for_an_alarm(study):
    loss = losses({0.1: 0.5, 1.0: 9.0, 3.0: 0.5}, diverged=(3.0,))
    one_seed = (loss["learning_rate"] == 1.0) & (loss["seed"] > 0)
    loss.loc[one_seed, "value"] = 2.3
    said = study.rules(loss)
    assert said["rise by 2 running means (Lightning), any seed"].tolist() == ["no alarm", "alarm", "alarm"]
    assert said["rise by 2 running means (Lightning), half of the seeds"].tolist() == [
        "no alarm", "no alarm", "alarm",
    ]  # fmt: skip
    assert said["run above 2 running means (llm-foundry), any seed"].tolist() == [
        "no alarm",
        "alarm",
        "alarm",
    ]


def test_an_abstention_costs_recall_but_not_precision(study):
    truth = pd.Series([True, True, True, False, False])
    said = pd.Series(["unstable", "inconclusive", "stable", "stable", "jittery"])
    found = study.score(said, truth)
    assert found["precision"] == 0.5
    assert found["recall"] == pytest.approx(1 / 3)
    assert found["F1"] == pytest.approx(2 * 0.5 * (1 / 3) / (0.5 + 1 / 3))
    assert found["false alarms"] == 0.5
    assert (found["abstention"], found["right"]) == (0.2, 0.4)
