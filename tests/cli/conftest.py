"""Runs the command line in this process, as a user would type it."""

import sys
from dataclasses import dataclass

import pytest

from tracekit.cli import main


@dataclass
class Finished:
    code: int
    out: str
    err: str


@pytest.fixture
def tracekit_command(monkeypatch, capsys):
    def command(*words):
        monkeypatch.setattr(sys, "argv", ["tracekit", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        captured = capsys.readouterr()
        return Finished(code, captured.out, captured.err)

    return command


TINY = ("--model", "softmax_regression", "--updates", "260", "--batch-size", "40", "--jobs", "1", "-q")


@pytest.fixture(scope="session")
def small_experiment(tmp_path_factory):
    """Two optimizers, five seeds, long enough for a label."""
    from tracekit.experiment import Sweep, run_sweep

    folder = tmp_path_factory.mktemp("cli") / "small"
    sweep = Sweep(
        optimizers=["sgd", "adam"], batch_sizes=[40], seeds=5, updates=260, model="softmax_regression"
    )
    run_sweep(sweep, folder, jobs=1)
    return folder
