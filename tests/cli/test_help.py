"""What `--help`, the shell's completion, the environment and --debug say."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from tracekit.cli import app, command
from tracekit.cli.app import command_tree

TREE = command_tree()


def leaves(command, path=()):
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path), command
    for name, child in (children or {}).items():
        yield from leaves(child, (*path, name))


COMMANDS = dict(leaves(TREE))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_examples_and_every_option_a_help(tracekit_command, name):
    done = tracekit_command(*name.split(), "--help")
    assert done.code == 0
    assert "Examples:\n" in done.out
    assert all(f"    {line}\n" in done.out for line in command.COMMANDS[name].examples)
    for parameter in COMMANDS[name].params:
        assert parameter.help, f"{name}: {parameter.name} has no help"


def test_every_example_is_a_command_line_that_exists():
    for lines in [app.EXAMPLES, *(entry.examples for entry in command.COMMANDS.values())]:
        for line in lines:
            words = [word for word in shlex.split(line) if not word.startswith("TRACEKIT_")]
            assert words[0] == "tracekit"
            name = next(name for name in COMMANDS if words[1 : 1 + len(name.split())] == name.split())
            rest = words[1 + len(name.split()) :]
            COMMANDS[name].make_context(name, rest)  # raises on an option or argument that there is not


def test_every_command_has_examples_and_a_place_in_the_list():
    assert {name for name, entry in command.COMMANDS.items() if entry.examples} == set(COMMANDS)
    listed = {name for name, entry in command.COMMANDS.items() if entry.summary} | set(command.GROUPS)
    assert listed == set(TREE.commands)


def test_a_command_is_entered_once():
    with pytest.raises(ValueError, match="command 'label' is defined twice; names must be unique"):
        command.command("label")(print)


def test_every_command_that_reads_has_json():
    without = {
        name for name, command in COMMANDS.items() if not any("--json" in p.opts for p in command.params)
    }
    assert without == set()


def test_help_is_fast():
    """Processor time, for others may be at work: 0.1 s on an idle machine, where it must answer in 0.2 s."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "tracekit.cli", "--help"], check=True, capture_output=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 0.5


def complete(line):
    """What bash offers after a line, as typer's completion script asks for it."""
    words = shlex.split(line)
    environment = os.environ | {
        "_TRACEKIT_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - (0 if line.endswith(" ") else 1)),
    }
    code = "import sys; sys.argv = ['tracekit']; from tracekit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    return done.stdout.split()


def test_the_shell_completes_commands_options_names_and_folders(tmp_path):
    assert {"report", "resume"} <= set(complete("tracekit re"))
    assert complete("tracekit run --optim") == ["--optimizer"]
    assert "adabelief" in complete("tracekit run --optimizer ada")
    assert complete("tracekit run --model ando") == ["ando_cnn"]
    assert complete("tracekit label runs --signal train/first") == ["train/first_logit"]
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    assert complete(f"tracekit label {tmp_path}/runs/m") == [f"{tmp_path}/runs/mine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_completion_script_for_the_shell(shell):
    environment = os.environ | {"_TRACEKIT_COMPLETE": f"source_{shell}"}
    code = "import sys; sys.argv = ['tracekit']; from tracekit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "_TRACEKIT_COMPLETE=complete_" in done.stdout


@pytest.fixture
def settings(monkeypatch):
    """The sweep that `tracekit run` would train, and where to."""
    seen = {}

    def stop(sweep, out, **given):
        seen.update(given, sweep=sweep, out=out)
        raise KeyboardInterrupt

    monkeypatch.setattr("tracekit.experiment.run_sweep", stop)
    return seen


FILE = """
seeds = 2
batch_sizes = [10, 20]
updates = 30
[recording]
preset = "full"
probe_size = 16
[[optimizers]]
name = "adam"
"""


def test_options_win_over_the_environment_which_wins_over_the_file(
    tracekit_command, settings, tmp_path, monkeypatch
):
    (tmp_path / "mine.toml").write_text(FILE)
    run = ("run", tmp_path / "mine.toml")
    assert tracekit_command(*run).code == 130
    assert settings["sweep"].seeds == (0, 1)
    assert str(settings["out"]) == "runs/mine"
    monkeypatch.setenv("TRACEKIT_RUN_SEEDS", "3")
    monkeypatch.setenv("TRACEKIT_RUN_BATCH_SIZE", "40 50")
    monkeypatch.setenv("TRACEKIT_RUN_JOBS", "7")
    monkeypatch.setenv("TRACEKIT_RUN_PROBE_SIZE", "8")
    tracekit_command(*run)
    assert settings["sweep"].seeds == (0, 1, 2)
    assert settings["sweep"].batch_sizes == (40, 50)
    assert settings["sweep"].recording.preset == "full"
    assert settings["sweep"].recording.probe_size == 8
    assert settings["jobs"] == 7
    tracekit_command(*run, "--seeds", 4, "--batch-size", 60, "--epochs", 2, "--out", tmp_path / "x")
    assert settings["sweep"].seeds == (0, 1, 2, 3)
    assert settings["sweep"].batch_sizes == (60,)
    assert (settings["sweep"].updates, settings["sweep"].epochs) == (None, 2)
    assert settings["out"] == tmp_path / "x"
    # --seed is another way to say --seeds, and an option is stronger than the environment.
    tracekit_command(*run, "--seed", 9)
    assert settings["sweep"].seeds == (9,)


def test_the_environment_sets_options_of_every_command(tracekit_command, small_experiment, monkeypatch):
    monkeypatch.setenv("TRACEKIT_SHOW_JSON", "1")
    assert json.loads(tracekit_command("show", small_experiment).out)["n_runs"] == 10


def test_init_writes_settings_that_run_takes(tracekit_command, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = tracekit_command(
        "init", "deep/cosine.toml", "--optimizer", "lion", "--optimizer", "adam:beta1=0.8"
    )
    assert done.out == "settings in deep/cosine.toml; next: tracekit run deep/cosine.toml\n"
    tracekit_command("run", "deep/cosine.toml")
    assert [entry["name"] for entry in settings["sweep"].optimizers] == ["lion", "adam"]
    assert settings["sweep"].optimizers[1]["beta1"] == 0.8
    assert str(settings["out"]) == "runs/cosine"
    again = tracekit_command("init", "deep/cosine.toml")
    assert (again.code, again.err) == (
        1,
        "Error: deep/cosine.toml exists; choose another file or pass --overwrite.\n",
    )


def test_the_settings_file_names_every_setting_and_its_comments_are_valid(tmp_path, tracekit_command):
    import re
    import tomllib

    from tracekit.experiment import Recording, Sweep

    tracekit_command("init", tmp_path / "x.toml")
    text = (tmp_path / "x.toml").read_text()
    named = set(re.findall(r"^(?:# )?(?:\[+)?([a-z_.]+)(?:\]+)?(?: =|\s+#|$)", text, flags=re.MULTILINE))
    named = {part for name in named for part in name.split(".")}
    assert set(Sweep.model_fields) <= named
    assert set(Recording.model_fields) <= named
    # What is commented out is what it says: the defaults, and examples that can be used.
    default = Sweep(optimizers=["sgd"])
    for line in re.findall(r"^# ([a-z_]+ = .*)$", text, flags=re.MULTILINE):
        ((name, value),) = tomllib.loads(line).items()
        if name in Sweep.model_fields:
            assert getattr(default, name) == value or name == "epochs"
    examples = re.sub(r"^# (?=\[|(?:name|warmup|signals|sample|curvature) =)", "", text, flags=re.MULTILINE)
    Sweep(**tomllib.loads(examples))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "--optimiser", "sgd"), "no such option --optimiser; did you mean --optimizer? `tracekit run --help` shows the usage."),
        (("lable",), "no such command 'lable'. Did you mean 'label'? `tracekit --help` lists the commands."),
        (("label",), "missing argument 'RUNS'; `tracekit label --help` shows the usage."),
        (("list", "signal"), "no such command 'signal'. Did you mean 'signals'? `tracekit list --help` lists the commands."),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence(tracekit_command, words, sentence):
    done = tracekit_command(*words)
    assert (done.code, done.out, done.err) == (2, "", f"Error: {sentence}\n")


def test_a_fault_is_one_sentence_and_debug_shows_where(tracekit_command, small_experiment, monkeypatch):
    monkeypatch.setattr("tracekit.traces.open_experiment", lambda path: 1 / 0)
    done = tracekit_command("show", small_experiment)
    assert done.code == 1
    assert done.err == (
        "Error: tracekit has a bug (ZeroDivisionError: division by zero); "
        f"`tracekit --debug show {small_experiment}` shows where. Please report it.\n"
    )
    with pytest.raises(ZeroDivisionError):
        tracekit_command("--debug", "show", small_experiment)
    monkeypatch.setenv("TRACEKIT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        tracekit_command("show", small_experiment)


@pytest.mark.parametrize("command", ["report", "compare", "label"])
def test_ctrl_c_is_one_sentence(tracekit_command, small_experiment, tmp_path, monkeypatch, command):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tracekit.traces.read", interrupt)
    monkeypatch.setattr("tracekit.report.write_report", interrupt)
    done = tracekit_command(command, small_experiment, "-o", tmp_path / "x.csv")
    assert (done.code, done.out) == (130, "")
    assert done.err == "Interrupted before the end; run the command again to get its result.\n"
