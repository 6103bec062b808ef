"""A sweep's settings are complete, closed and checked before anything is trained."""

import re
import typing
from pathlib import Path
from typing import Literal

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from tracekit.cli.app import app, command_tree
from tracekit.cli.options import with_settings
from tracekit.engine import MODELS
from tracekit.engine.optim import OPTIMIZERS
from tracekit.errors import ArgumentError
from tracekit.experiment import Recording, Sweep
from tracekit.experiment.config import _field
from tracekit.settings import RECORDING, SWEEP, Setting


def test_runs_are_the_whole_grid_with_resolved_optimizers():
    sweep = Sweep(
        optimizers=["sgd", {"name": "adam", "beta1": 0.5}], batch_sizes=[50, 100], seeds=3, updates=10
    )
    runs = list(sweep.runs())
    assert len(runs) == 2 * 2 * 3
    assert {run.seed for run in runs} == {0, 1, 2}
    adam = next(run for run in runs if run.optimizer["name"] == "adam")
    assert adam.optimizer == {
        "name": "adam",
        "learning_rate": 0.001,
        "beta1": 0.5,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.0,
        "epsilon_hat": False,
    }
    assert adam.attributes == {
        "optimizer": "adam:beta1=0.5",
        "batch_size": 50,
        "learning_rate": 0.001,
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("written", "attribute"),
    [
        ("adam", "adam"),
        ("adam:learning_rate=0.01,beta1=0.9", "adam"),
        ("adam:epsilon_hat=true,beta1=0.5,learning_rate=0.01", "adam:beta1=0.5,epsilon_hat=true"),
    ],
)
def test_the_optimizer_attribute_names_what_differs_from_the_defaults(written, attribute):
    (run,) = Sweep(optimizers=[written]).runs()
    assert run.attributes["optimizer"] == attribute


def test_one_epoch_is_the_default_length():
    assert Sweep(optimizers="sgd").epochs == 1
    assert Sweep(optimizers="sgd", updates=5).epochs is None


def test_run_names_tell_runs_apart():
    names = [
        name for name, _ in Sweep(optimizers=["adam", "adam:beta1=0.5", "sgd"], batch_sizes=50).named_runs()
    ]
    assert names == ["adam-lr0.001-beta10.9-b50-s0", "adam-lr0.001-beta10.5-b50-s0", "sgd-lr0.1-b50-s0"]


def test_a_configuration_survives_its_own_json():
    sweep = Sweep(optimizers=["adam:learning_rate=0.01"], batch_sizes=[5], seeds=[3], recording={"every": 3})
    assert Sweep(**sweep.model_dump(mode="json")) == sweep


def test_toml_gives_way_to_arguments(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(
        'optimizers = ["sgd", "adam"]\nbatch_sizes = [50]\nseeds = 2\nepochs = 3\n[recording]\nevery = 5\n'
    )
    sweep = Sweep.from_toml(path, updates=7, seeds=1)
    assert (sweep.updates, sweep.epochs, sweep.seeds, sweep.recording.every) == (7, None, (0,), 5)
    path.write_text("optimizers = [")
    with pytest.raises(ArgumentError, match=r"sweep\.toml is not valid TOML"):
        Sweep.from_toml(path)
    with pytest.raises(ArgumentError, match=r"cannot read .*none\.toml \(No such file or directory\)\."):
        Sweep.from_toml(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"optimizers": ["adma"]}, f"unknown optimizer 'adma'; did you mean 'adam', 'adamax' or 'aida'? `tracekit list optimizers` shows all {len(OPTIMIZERS)}."),
        (
            {"optimizers": ["sgd:learning_rate=nan"]},
            "`learning_rate` (=nan) must be a positive finite number; the default is 0.1.",
        ),
        ({"optimizers": ["sgd:learning_rate"]}, "`optimizer` (='sgd:learning_rate') must read name:setting=number,...; add the missing `=`."),
        ({"optimizers": ["sgd:learning_rate=fast"]}, "`learning_rate` (='fast') must be a number, or true or false."),
        ({"optimizers": ["sgd"], "batchsize": 5}, "unknown setting 'batchsize'; did you mean 'batch_sizes'? Known: batch_sizes, dataset, drop_last, dtype, epochs, information_decay, label_smoothing, model, optimizers, recording, reduction, sampling, schedule, seeds, updates."),
        ({}, "`optimizers` is needed and was not given."),
        ({"optimzers": ["sgd"]}, "unknown setting 'optimzers'; did you mean 'optimizers'? Known: batch_sizes, dataset, drop_last, dtype, epochs, information_decay, label_smoothing, model, optimizers, recording, reduction, sampling, schedule, seeds, updates."),
        ({"optimizers": ["sgd"], "recording": {"probesize": 3}}, "unknown setting 'probesize'; did you mean 'probe_size'? Known: allow_aliasing, every, preset, probe_size, samples, schedules, signals, units."),
        ({"optimizers": ["sgd"], "seeds": "five"}, "`seeds` (='five') must be a value or a list of values."),
        ({"optimizers": ["sgd"], "updates": 3, "epochs": 1}, "give `updates` or `epochs`, not both."),
        ({"optimizers": ["sgd"], "batch_sizes": [0]}, "`batch_sizes` (=0) must be at least 1."),
        ({"optimizers": ["sgd"], "batch_sizes": [5, 5]}, "`batch_sizes` (=[5, 5]) must not repeat a value."),
        ({"optimizers": ["sgd", "sgd"]}, "two optimizers are the same; remove one of them."),
        ({"optimizers": ["sgd"], "recording": {"every": 4}}, "a stride of 4 updates must be 1 or odd, because an even stride hides oscillations of period 2; use 5."),
        ({"optimizers": ["sgd"], "model": "lenet"}, "unknown model 'lenet'; did you mean 'resnet8'? Known: " + ", ".join(MODELS) + "."),
        ({"optimizers": ["sgd"], "seeds": 0}, "`seeds` (=0) must be at least 1."),
    ],
)  # fmt: skip
def test_wrong_settings_are_one_sentence(settings, sentence):
    with pytest.raises(ArgumentError) as caught:
        Sweep(**settings)
    assert str(caught.value) == sentence


def test_the_command_repeats_the_sweep(tmp_path, monkeypatch):
    import shlex

    sweep = Sweep(
        optimizers=["adam:beta1=0.5,epsilon_hat=true", "sgd"],
        batch_sizes=[30, 60],
        seeds=[2, 4],
        updates=3,
        model="softmax_regression",
        drop_last=False,
        label_smoothing=0.1,
        schedule="cosine:warmup=1",
        information_decay="layer",
        recording={"signals": ["train/loss"], "every": 3, "probe_size": 4},
    )
    seen = []
    monkeypatch.setattr(
        "tracekit.experiment.run_sweep", lambda sweep, *args, **kwargs: seen.append(sweep) or 1 / 0
    )
    CliRunner().invoke(app, shlex.split(sweep.command(str(tmp_path / "x")))[1:])
    assert seen == [sweep]


def test_the_page_of_commands_names_the_options_that_a_file_cannot_set(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
    told = page.partition("`tracekit run` can also be set")[2].partition("The later one wins")[0]
    named = {name.replace("-", "_") for name in re.findall(r"`--([a-z-]+)`", told)}
    settings = {*Sweep.model_fields, *Recording.model_fields}
    # An option that may be repeated is a list in a file; these three are called otherwise there.
    settings |= {name.removesuffix("s") for name in settings} | {"batch_size", "keep_last", "record"}
    (command,) = (command for name, command in get_command(app).commands.items() if name == "run")
    others = {option.name.removeprefix("as_") for option in command.params} - settings
    assert named == others - {"file", "config"}
    path = tmp_path / "sweep.toml"
    for name in named:
        path.write_text(f'optimizers = ["sgd"]\n{name} = 1\n')
        with pytest.raises(ArgumentError, match=f"^unknown setting '{name}'"):
            Sweep.from_toml(path)


FIELDS = [
    *((Sweep, name, SWEEP.get(name)) for name in Sweep.model_fields if name != "recording"),
    *((Recording, name, RECORDING.get(name)) for name in Recording.model_fields),
]


def options_of(command):
    """Options of a command, by name, as typer makes them of a function."""
    app = typer.Typer()
    app.command()(command)
    return [option for option in get_command(app).params if option.param_type_name == "option"]


def test_the_tables_of_settings_and_the_models_name_the_same_settings():
    assert set(SWEEP) == set(Sweep.model_fields) - {"recording"}
    assert set(RECORDING) == set(Recording.model_fields)
    flags = [setting.flag for setting in (*SWEEP.values(), *RECORDING.values())]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize(("model", "name", "setting"), FIELDS)
def test_a_setting_has_one_text_and_one_default_wherever_it_stands(model, name, setting, tmp_path):
    field = model.model_fields[name]
    assert (field.description, field.is_required()) == (setting.help, setting.default is ...)
    assert setting.default is ... or field.default == setting.default
    (command,) = (command for name, command in command_tree().commands.items() if name == "run")
    (option,) = (option for option in command.params if setting.flag in option.opts)
    assert option.help == setting.option_help
    assert option.envvar == "TRACEKIT_RUN_" + setting.flag[2:].replace("-", "_").upper()
    file = tmp_path / "x.toml"
    CliRunner().invoke(app, ["init", str(file), "--optimizer", "sgd"])
    (line,) = re.findall(rf"^(?:# )?\[*(?:recording\.)?{name}(?:\]| =).*$", file.read_text(), re.MULTILINE)
    assert line.endswith(f"  # {setting.file_comment}")


@pytest.mark.parametrize(("model", "name", "setting"), FIELDS)
def test_help_names_every_value_that_a_setting_can_have(model, name, setting):
    kinds = [model.model_fields[name].annotation]
    kinds += typing.get_args(kinds[0])
    values = [
        value for kind in kinds if typing.get_origin(kind) is Literal for value in typing.get_args(kind)
    ]
    assert [value for value in values if not re.search(rf"\b{value}\b", setting.help)] == []


def test_a_setting_that_is_added_is_an_option_and_a_line_of_the_file(monkeypatch, tmp_path):
    new = Setting("clipping", float, 0.5, "Largest norm of a gradient.")
    monkeypatch.setitem(SWEEP, "clipping", new)

    def command(**options):
        """Run."""

    option = next(option for option in options_of(with_settings(command)) if option.name == "clipping")
    assert (option.opts, option.help) == (["--clipping"], "Largest norm of a gradient (default: 0.5).")
    CliRunner().invoke(app, ["init", str(tmp_path / "x.toml")])
    line = "# clipping = 0.5              # largest norm of a gradient\n"
    assert line in (tmp_path / "x.toml").read_text()

    class Clipped(Sweep):
        clipping: float = _field(new)

    assert Clipped(optimizers="sgd").clipping == 0.5
    assert "--clipping 0.5 " in Clipped(optimizers="sgd").command("x")


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("probe_size", 0, 0),
        ("signals", [], None),
        ("samples", [3], [3]),
        ("allow_aliasing", False, None),
        ("allow_aliasing", True, True),
        ("schedules", ["sample = every 5"], {"sample": "every 5"}),
    ],
)
def test_an_option_is_read_as_the_setting_that_it_stands_for(name, option, value):
    assert RECORDING[name].from_option(option) == value


def test_a_flag_turns_its_default_around():
    assert SWEEP["drop_last"].from_option(True) is False
    assert (SWEEP["drop_last"].words(False), SWEEP["drop_last"].words(True)) == (["--keep-last"], [])
