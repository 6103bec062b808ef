"""The studies run and print what they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

STUDIES = Path(__file__).parents[2] / "analysis" / "studies"


def load(name: str) -> ModuleType:
    """Import a study, which is a script outside any package."""
    spec = importlib.util.spec_from_file_location(name, STUDIES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ando() -> ModuleType:
    return load("ando_log")


def test_the_reference_programs_log_gives_the_quoted_index_values(ando, shared_data, capsys):
    log = shared_data / "ando-logs" / "cnn-adam-weights.log"
    assert ando.main(log) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("32000 gradients, 8 interleaved channels")
    assert "labels agree in 8 of 8 channels" in printed
    assert "rejected at .05: lfq_lower 4, lfq_upper 5, adf 8, kpss_cosine 0" in printed
    assert "the largest distance from a quoted number is\n0.004" in printed
    assert "rise within the epoch 0.053 +- 0.004 (quoted .053 +- .004)" in printed


def test_a_missing_log_is_said(ando, tmp_path, capsys):
    assert ando.main(tmp_path / "none.log") == 1
    assert capsys.readouterr().err.endswith("none.log is not there; pass the path of cnn-adam-weights.log\n")


def test_reshuffling_makes_a_sawtooth_in_both_arms_and_drawing_with_replacement_none(tmp_path):
    saw = load("sawtooth")
    samplings = saw.SAMPLINGS[:2]
    runs = saw.study(tmp_path, seeds=4, epochs=24, arms=("sgd", "adam"), samplings=samplings)
    assert len(runs) == 16
    cells = saw.summarize(runs).set_index(["arm", "sampling"])
    for arm in ("sgd", "adam"):
        assert cells.loc[(arm, "reshuffle"), "ci_low"] > 0.0
        control = cells.loc[(arm, "with_replacement")]
        assert control["ci_low"] < 0.0 < control["ci_high"]
    line = saw.paired(runs, ("adam", "reshuffle"), ("adam", "with_replacement"))
    assert line.startswith("adam reshuffle minus adam with_replacement: +0.")


def test_too_few_seeds_for_an_interval_are_refused(capsys):
    with pytest.raises(SystemExit):
        load("sawtooth").main(["--seeds", "1"])
    assert "needs at least 2 seeds" in capsys.readouterr().err
