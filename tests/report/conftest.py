"""Simulated experiments and the reports on them, made once for all tests that only look."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from simulation import simulate_experiment

from tracekit.report import write_report
from tracekit.report.build import gather
from tracekit.report.document import (
    Alert,
    CodeBlock,
    Column,
    Document,
    Drawing,
    Figure,
    Heading,
    Key,
    Listing,
    Mono,
    Panel,
    Section,
    Strong,
    Table,
    TableCell,
    Trace,
    TraceFigure,
    paragraph,
)
from tracekit.report.material import Settings

SVG = '<svg width="20pt" height="10pt" viewBox="0 0 20 10" xmlns="http://www.w3.org/2000/svg"><path id="a" d="M 0 0 L 9 9"/></svg>'


def every_block(text):
    """A document with one block of each kind, `text` in every place that takes words."""
    table = Table(
        (Column(text), Column("n", numeric=True, help=text)),
        ((TableCell(text, tone="unstable", details=(text,)), TableCell("1", order=1.0)),),
        caption=text,
    )
    panel = Panel(Drawing(SVG, 20, 10), text, title=text, tone="stable", note=text)
    blocks = (
        paragraph(text, Mono(text), Strong(text)),
        Heading(text),
        Listing(((text, (text,)),)),
        Listing((("", (text,)),)),
        Alert("warning", text, (text,)),
        CodeBlock(text, text),
        table,
        Figure((panel,), text, legend=(Key("#1f2328", text),)),
        TraceFigure(
            Figure((panel,), text),
            columns=(text,),
            traces=(Trace(text, (text,), np.arange(3.0), np.ones(3), bound=text, note=text),),
            units={text: text},
        ),
    )
    return Document(title=text, facts=(text,), sections=(Section("one", text, blocks),))


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
def material(labelled):
    """What the sections of that report are given."""
    return gather(labelled, Settings())
