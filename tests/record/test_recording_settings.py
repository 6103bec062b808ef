"""What a run records, as configurations and the command line say it."""

import shlex

import pytest
from typer.testing import CliRunner

from tracekit.cli.app import app
from tracekit.data import load_dataset
from tracekit.errors import ArgumentError
from tracekit.experiment import Sweep
from tracekit.experiment.config import Recording, RunConfig
from tracekit.experiment.run import check_run


def test_signals_come_instead_of_the_default_preset_and_beside_a_named_one():
    standard = {entry.name for entry in Recording().chosen}
    assert "layer/grad_norm" in standard
    assert [entry.name for entry in Recording(signals=["noise/scale"]).chosen] == ["noise/scale"]
    both = Recording(preset="standard", signals=["noise/scale", "train/loss"])
    assert {entry.name for entry in both.chosen} == standard | {"noise/scale"}


def test_recording_settings_survive_their_own_json_and_command_line(tmp_path, monkeypatch):
    sweep = Sweep(
        optimizers=["sgd"],
        recording={
            "preset": "minimal",
            "signals": ["noise/scale", "train/sample_penultimate"],
            "every": 3,
            "schedules": {"sample": "log 5 50 4", "train/loss": "at 1,2,3"},
            "allow_aliasing": True,
            "samples": [3, 1],
            "units": [0, 5],
        },
    )
    assert Sweep(**sweep.model_dump(mode="json")) == sweep
    seen = []
    monkeypatch.setattr(
        "tracekit.experiment.run_sweep", lambda sweep, *args, **kwargs: seen.append(sweep) or 1 / 0
    )
    CliRunner().invoke(app, shlex.split(sweep.command(str(tmp_path / "x")))[1:])
    assert seen == [sweep]


@pytest.mark.parametrize(
    ("recording", "sentence"),
    [
        ({"preset": "ful"}, "`preset` (='ful') must be 'minimal', 'standard' or 'full'."),
        ({"schedules": {"train/loss": "every 4"}}, "a stride of 4 updates must be 1 or odd, because an even stride hides oscillations of period 2; use 5."),
        ({"schedules": {"eval/loss": "at 4"}}, "`schedules` (='eval/loss') cannot have a schedule, it is recorded whenever an epoch ends; remove it."),
        ({"samples": [-1]}, "`samples` (=-1) must be at least 0."),
    ],
)  # fmt: skip
def test_wrong_settings_are_one_sentence(recording, sentence):
    with pytest.raises(ArgumentError) as caught:
        Sweep(optimizers=["sgd"], recording=recording)
    assert str(caught.value) == sentence


def test_a_stride_that_shares_a_factor_with_the_epoch_is_refused_before_the_first_update():
    digits = load_dataset("digits")
    settings = {"optimizer": "sgd", "batch_size": 100, "seed": 0}
    with pytest.raises(ArgumentError) as caught:
        check_run(RunConfig(**settings, epochs=2, recording={"every": 7}), digits)
    assert str(caught.value) == (
        "a stride of 7 updates visits only some positions of an epoch of 14 updates, because both are multiples of 7; "
        "use 9, or allow it with `--allow-aliasing` (`allow_aliasing = true`)."
    )
    check_run(RunConfig(**settings, epochs=1, recording={"every": 7}), digits)
    check_run(RunConfig(**settings, epochs=2, recording={"every": 7, "allow_aliasing": True}), digits)
    check_run(RunConfig(**settings, epochs=2, sampling="with_replacement", recording={"every": 7}), digits)


def test_a_schedule_without_a_signal_is_one_sentence():
    done = CliRunner().invoke(app, ["run", "--optimizer", "sgd", "--record", "every 3", "--out", "x"])
    assert str(done.exception) == "`record` (='every 3') must read SIGNAL=WHEN, such as 'sample=every 5'."
