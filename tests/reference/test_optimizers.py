"""Every optimizer is the algorithm that it says, step by step, against references that share no code with it."""

import math

import numpy as np
import pytest

from tests.reference import verify_optimizers
from tests.reference.problem import gradient, start
from tests.reference.rules import RULES, SETTINGS
from tests.reference.verify_optimizers import (
    TOLERANCE,
    Comparison,
    by_rule,
    compare_all,
    difference,
    main,
    ours,
    stored,
)
from tests.reference.write_torch_trajectories import CASES, trajectory
from tracekit.engine.optim import OPTIMIZERS

TORCH_VERSION, STORED = stored()


@pytest.mark.parametrize("case", STORED)
def test_trajectory_follows_pytorch(case):
    path = ours(case, STORED[case]["settings"])
    assert difference(path, STORED[case]["path"]) <= TOLERANCE


@pytest.mark.parametrize("case", RULES)
def test_trajectory_follows_the_published_rule(case):
    assert difference(ours(case, SETTINGS[case]), by_rule(case)) <= TOLERANCE


def test_every_optimizer_has_a_reference():
    by_pytorch = {case.partition(" ")[0] for case in STORED}
    by_rule = {case.partition(" ")[0] for case in RULES}
    assert by_pytorch | by_rule == set(OPTIMIZERS)
    for name, entry in OPTIMIZERS.items():
        assert name in (by_pytorch if entry.verification == "PyTorch" else by_rule)


@pytest.mark.parametrize("case", [*STORED, *RULES])
def test_float32_follows_float64_for_a_while(case):
    settings = STORED[case]["settings"] if case in STORED else SETTINGS[case]
    double, single = ours(case, settings), ours(case, settings, np.float32)
    # Signs, eigenvectors and prodigy's growing step amplify rounding: ten steps show a lost precision.
    amplified = {"soap": 5e-3, "shampoo": 5e-3, "prodigy": 2e-4}
    assert difference(single, {t: double[t] for t in range(1, 11)}) < amplified.get(case, 2e-5)


@pytest.mark.parametrize("case", CASES)
def test_stored_trajectories_are_what_pytorch_gives_today(case):
    torch = pytest.importorskip(
        "torch", reason="PyTorch is not installed; its stored trajectories are compared"
    )
    assert torch.__version__.partition("+")[0] == TORCH_VERSION
    kind, theirs, _ = CASES[case]
    again = trajectory(kind, theirs)
    for step, values in STORED[case]["path"].items():
        for name, expected in values.items():
            assert again[step][name] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_the_comparison_would_notice_a_wrong_rule():
    wrong = {**SETTINGS["adam"], "beta2": 0.9985}
    assert difference(ours("adam", wrong), by_rule("adam")) > 100 * TOLERANCE


def test_the_table_names_every_optimizer(capsys, monkeypatch):
    entries = list(compare_all())
    monkeypatch.setattr(verify_optimizers, "compare_all", lambda: entries)
    assert main() is False
    printed = capsys.readouterr().out
    assert all(f"\n{name} " in printed for name in OPTIMIZERS)
    assert all(isinstance(entry, Comparison) and entry.n_steps >= 100 for entry in entries)


def test_the_problem_is_not_trivial():
    theta = start()
    signs = [{name: tuple(np.sign(values)) for name, values in gradient(theta, t).items()} for t in (1, 5, 9)]
    assert signs[0] != signs[1] != signs[2]
    assert all(math.isfinite(x) for values in theta.values() for x in values)
