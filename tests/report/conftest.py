"""Simulated experiments and the reports on them, made once for all tests that only look."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pypdf import PdfReader

from tests.report.simulation import simulate_experiment
from tracekit.report import write_report
from tracekit.report.material.gathering import gather
from tracekit.report.material.material import Settings
from tracekit.report.sections import STRICT, method
from tracekit.traces import open_experiment

# Readers get a report without the section that fails; tests get the fault. Set here, workers inherit it.
os.environ[STRICT] = "1"


@pytest.fixture(scope="session", autouse=True)
def calibration_figure() -> Iterator[SimpleNamespace]:
    """Draw the figure of measured error rates once for all reports: it takes half a second, and no experiment enters it.

    `cache_clear` of what this gives has it drawn again.
    """
    with pytest.MonkeyPatch.context() as patch:
        drawn_once = functools.cache(method._calibration)
        patch.setattr(method, "_calibration", drawn_once)
        yield drawn_once


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Two optimizers, two batch sizes, two seeds, everything finished."""
    return simulate_experiment(tmp_path_factory.mktemp("runs") / "small")


@pytest.fixture(scope="session")
def labelled(tmp_path_factory) -> Path:
    """Five seeds a cell: adam holds still, sgd's bound moves and one of its runs diverges."""
    return simulate_experiment(
        tmp_path_factory.mktemp("runs") / "labelled",
        batch_sizes=(100,),
        seeds=5,
        steps=1000,
        drift=lambda optimizer, _: 4.0 * (optimizer == "sgd"),
        diverges=[("sgd", 100, 3)],
        name="labelled",
    )


@pytest.fixture(scope="session")
def report(labelled, tmp_path_factory) -> SimpleNamespace:
    """The report on `labelled`: paths, and the page as text."""
    paths = write_report(labelled, tmp_path_factory.mktemp("report") / "out")
    return SimpleNamespace(paths=paths, html=paths.html.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def printed(report) -> list[str]:
    """The text of every page of that report's PDF, which takes long to read."""
    return [page.extract_text() for page in PdfReader(report.paths.pdf).pages]


@pytest.fixture(scope="session")
def material(labelled):
    """What the sections of that report are given."""
    return gather(open_experiment(labelled), Settings())
