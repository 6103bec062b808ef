"""`tracekit report` at the command line: what it prints, and on how many processes it works."""

import sys

import pytest

from tests.report.simulation import simulate_run
from tracekit.cli import main


@pytest.fixture
def command(monkeypatch, capsys):
    """Run `tracekit report` on words as a user types them; the exit code and what was printed."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tracekit", "report", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, capsys.readouterr()

    return run


def test_quiet_prints_nothing_and_the_files_are_there(command, tmp_path):
    simulate_run(tmp_path / "run", steps=3)
    code, printed = command(tmp_path / "run", "-o", tmp_path / "out", "-q")
    assert (code, printed.out, printed.err) == (0, "", "")
    assert (tmp_path / "out" / "report.pdf").exists()
    code, printed = command(tmp_path / "run", "-o", tmp_path / "out", "--quiet")
    assert code == 1
    assert "exists" in printed.err


@pytest.mark.parametrize(("words", "jobs"), [((), 1), (("--jobs", 2), 2)])
def test_the_number_of_processes_is_passed_on(command, tmp_path, monkeypatch, words, jobs):
    from tracekit.report.build import ReportPaths

    simulate_run(tmp_path, steps=3)
    asked = {}

    def write(path, output, **settings):
        asked.update(settings)
        return ReportPaths(*[tmp_path] * 4)

    monkeypatch.setattr("tracekit.report.write_report", write, raising=False)
    assert command(tmp_path, *words)[0] == 0
    assert asked["jobs"] == jobs


def test_no_process_is_a_wrong_use(command, tmp_path):
    code, printed = command(tmp_path, "--jobs", 0)
    assert code == 2
    assert "--jobs" in printed.err
