"""Schedules are the published curves, checked against PyTorch's where it has them."""

import math

import pytest

from tracekit.engine.optim.schedules import SCHEDULES, build_schedule
from tracekit.errors import ArgumentError, UnknownNameError

N = 40


def factors(name, n=N, **settings):
    schedule = build_schedule(name, n, **settings)
    return [schedule(update) for update in range(1, n + 1)]


def torch_factors(kind, n=N, **settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; the end points are tested anyway")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, kind)(optimizer, **settings)
    seen = []
    for _ in range(n):
        seen.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return seen


def test_cosine_as_pytorch():
    assert factors("cosine") == pytest.approx(torch_factors("CosineAnnealingLR", T_max=N - 1), abs=1e-12)


def test_linear_as_pytorch():
    theirs = torch_factors("LinearLR", start_factor=1.0, end_factor=0.1, total_iters=N - 1)
    assert factors("linear", final=0.1) == pytest.approx(theirs)


def test_one_cycle_as_pytorch():
    theirs = torch_factors(
        "OneCycleLR", max_lr=1.0, total_steps=N, pct_start=0.3, div_factor=25, final_div_factor=1e4
    )
    ours = factors("one_cycle", start=1 / 25, peak=(0.3 * N - 1) / (N - 1), final=1 / 25 / 1e4)
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_step_as_pytorch():
    assert factors("step", n=41) == pytest.approx(
        torch_factors("MultiStepLR", n=41, milestones=[20, 30], gamma=0.1)
    )


@pytest.mark.parametrize("name", list(SCHEDULES))
def test_factors_are_finite_and_not_negative_for_any_length(name):
    for n in (1, 2, 3, 50):
        assert all(math.isfinite(factor) and 0 <= factor <= 1 for factor in factors(name, n=n))


def test_end_points():
    assert factors("constant") == [1.0] * N
    assert factors("cosine")[0] == 1.0
    assert factors("cosine")[-1] == pytest.approx(0.0)
    assert max(factors("one_cycle")) > 0.98


def test_warmup_rises_in_equal_steps_to_the_first_value_of_the_curve():
    warmed = factors("cosine", warmup=9)
    assert warmed[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert warmed[9:] == pytest.approx(factors("cosine", n=N - 9))


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("cosine", {"final": 1.5}, "`final` (=1.5) must lie in [0, 1); the default is 0.0."),
        (
            "cosine",
            {"warmup": 40},
            "`warmup` (=40) must be shorter than the training (=40 updates); shorten it.",
        ),
        (
            "constant",
            {"warmup": -1},
            "`warmup` (=-1) must be a whole number of at least 0; the default is 0.",
        ),
    ],
)
def test_bad_settings_are_one_sentence(name, settings, sentence):
    with pytest.raises(ArgumentError) as caught:
        build_schedule(name, N, **settings)
    assert str(caught.value) == sentence


def test_unknown_names():
    with pytest.raises(UnknownNameError, match=r"unknown schedule 'cosin'; did you mean 'cosine'\?"):
        build_schedule("cosin", N)
    with pytest.raises(
        UnknownNameError, match="unknown setting of the schedule cosine 'last'; Known: final, warmup"
    ):
        build_schedule("cosine", N, last=0.1)
