"""Schedules: functions of the update, words for them, and what suits the epoch."""

import pytest

from tracekit.errors import ArgumentError, UnknownNameError
from tracekit.record import (
    SIGNALS,
    Phrase,
    at,
    check_schedules,
    choose_signals,
    every,
    logarithmic,
    next_stride,
    per_epoch,
    plan,
)


def steps(due, n=30):
    return [step for step in range(1, n + 1) if due(step)]


def test_strides_are_one_or_odd():
    assert steps(every(3), 11) == [1, 4, 7, 10]
    assert steps(every(5, first=4), 16) == [4, 9, 14]
    with pytest.raises(ArgumentError) as caught:
        every(10)
    assert str(caught.value) == (
        "a stride of 10 updates must be 1 or odd, because an even stride hides oscillations of period 2; use 11."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("every 1", list(range(1, 31))),
        ("every 7", [1, 8, 15, 22, 29]),
        ("every 7 from 3", [3, 10, 17, 24]),
        ("every 3, 5 times", [1, 6, 11, 16, 21, 26]),
        ("every 3, 6 times", [1, 6, 11, 16, 21, 26]),
        ("every 3, 7 times", [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]),
        ("every 7 2 times", [1, 16]),
        ("epoch", [1, 11, 21]),
        ("at 2,3, 29", [2, 3, 29]),
        ("log 5", [1, 2, 5, 13, 30]),
        ("log 3 27 3", [3, 9, 27]),
        ("log 1 3 20", [1, 2, 3]),
    ],
)
def test_words_mean_schedules(text, expected):
    assert steps(Phrase(text).schedule(n_updates=30, updates_per_epoch=10)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "every", "every k", "every 3 to 9", "every 3, 0 times", "log", "at", "at x", "at 1.5", "epochs"],
)
def test_other_words_are_refused(text):
    with pytest.raises(ArgumentError) as caught:
        Phrase(text)
    assert str(caught.value) == (
        f"`schedule` (={text!r}) must read 'every 17', 'every 17 from 5', 'every 3, 200 times', 'log 20', 'log 1 1000 20', 'epoch' or "
        "'at 1,10,100'."
    )


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: every(0), "a stride of 0 updates must be 1 or odd, because an even stride hides oscillations of period 2; use 1."),
        (lambda: every(3, first=0), "`first` (=0) must be at least 1."),
        (lambda: at([]), "`steps` (=[]) must hold numbers of at least 1."),
        (lambda: at([3, 0]), "`steps` (=[0, 3]) must hold numbers of at least 1."),
        (lambda: logarithmic(5, 3, 4), "`start` (=5) must be at least 1 and at most `end` (=3)."),
        (lambda: logarithmic(1, 3, 1), "`count` (=1) must be at least 2."),
        (lambda: per_epoch(0), "`updates_per_epoch` (=0) must be at least 1."),
        (lambda: Phrase("every 4"), "a stride of 4 updates must be 1 or odd, because an even stride hides oscillations of period 2; use 5."),
    ],
)  # fmt: skip
def test_impossible_schedules_are_one_sentence(build, sentence):
    with pytest.raises(ArgumentError) as caught:
        build()
    assert str(caught.value) == sentence


def test_the_next_good_stride_is_odd_and_coprime_to_the_epoch():
    assert next_stride(1, 14) == 1
    assert next_stride(2, 14) == 3
    assert next_stride(7, 14) == 9
    assert next_stride(17, 17 * 19 * 21) == 23
    assert next_stride(17, 500) == 17


def planned(names, **settings):
    settings = {"n_updates": 100, "updates_per_epoch": 15} | settings
    return {entry.signal.name: entry.when for entry in plan(choose_signals(names), **settings)}


def test_a_signal_is_recorded_as_it_says_unless_its_cost_or_its_name_is_given_a_schedule():
    names = ["train/loss", "layer/activation", "noise/scale", "noise/gsnr", "curvature/alpha", "eval/loss"]
    assert planned(names, stride=7) == {
        "train/loss": "every 7",
        "layer/activation": "every 53",
        "noise/scale": "every 17",
        "noise/gsnr": "every 17",
        "curvature/alpha": "log 10",
        "eval/loss": "epoch end",
    }
    schedules = {"sample": "log 9", "noise/gsnr": "epoch", "layer/activation/std": "every 1"}
    assert planned(names, schedules=schedules) == {
        "train/loss": "every 1",
        "layer/activation": "every 1",
        "noise/scale": "log 9",
        "noise/gsnr": "epoch",
        "curvature/alpha": "log 10",
        "eval/loss": "epoch end",
    }


def test_a_definitions_own_stride_gives_way_to_the_epoch_and_a_given_one_is_refused():
    assert planned(["noise/scale"], updates_per_epoch=34) == {"noise/scale": "every 19"}
    with pytest.raises(ArgumentError) as caught:
        planned(["train/loss"], stride=5)
    assert str(caught.value) == (
        "a stride of 5 updates visits only some positions of an epoch of 15 updates, because both are multiples of 5; "
        "use 7, or allow it with `--allow-aliasing` (`allow_aliasing = true`)."
    )
    with pytest.raises(ArgumentError, match="visits only some positions"):
        planned(["noise/scale"], schedules={"sample": "every 9"})


def test_a_given_schedule_that_would_record_nothing_is_refused():
    with pytest.raises(ArgumentError) as caught:
        planned(["train/loss"], schedules={"train/loss": "at 100"}, n_updates=60)
    assert str(caught.value) == (
        "the schedule 'at 100' records no value of train/loss in a run of 60 updates; "
        "choose updates from 1 to 60, or train longer."
    )
    assert planned(["train/loss"], schedules={"train/loss": "at 60,100"}, n_updates=60)


@pytest.mark.parametrize("settings", [{"allow_aliasing": True}, {"has_epochs": False}, {"n_updates": 15}])
def test_a_common_factor_does_no_harm_where_nothing_repeats_or_it_is_wanted(settings):
    assert planned(["train/loss"], stride=5, **settings) == {"train/loss": "every 5"}


@pytest.mark.parametrize(
    ("schedules", "error", "sentence"),
    [
        ({"eval/loss": "every 3"}, ArgumentError, "`schedules` (='eval/loss') cannot have a schedule, it is recorded whenever an epoch ends; remove it."),
        ({"epoch": "every 3"}, ArgumentError, "`schedules` (='epoch') cannot have a schedule, it is recorded whenever an epoch ends; remove it."),
        ({"train/lose": "every 3"}, UnknownNameError, "unknown recorded signal 'train/lose'; did you mean 'train/loss'? Known: batch, curvature, epoch, eval/loss, free, probe, sample, train/loss."),
    ],
)  # fmt: skip
def test_schedules_are_of_what_is_recorded(schedules, error, sentence):
    with pytest.raises(error) as caught:
        check_schedules([SIGNALS["train/loss"], SIGNALS["eval/loss"]], schedules)
    assert str(caught.value) == sentence
