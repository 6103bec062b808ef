"""Sections of installed packages: in their place, beside the built-in ones, and harmless when they fail."""

import importlib.metadata
import sys

import pytest

from tracekit.report.build import compose_document
from tracekit.report.document import Alert, Mono
from tracekit.report.sections import GROUP, SECTIONS

MODULE = """
from tracekit.report.document import paragraph
from tracekit.report.sections import section


@section("energy", title="Energy", order=41)
def energy(material):
    values = material.read("train/loss", material.cells[0])["value"]
    return [paragraph(f"{len(values)} losses of {material.cells[0].name}, last {values.iloc[-1]:.3f}.")]


@section("broken", title="Broken", order=42)
def broken(material):
    raise KeyError("nothing here")


@section("lacking", title="Lacking", order=43)
def lacking(material):
    return [paragraph(str(len(material.read("gpu/power"))))]
"""


@pytest.fixture(scope="module")
def document(tmp_path_factory, material):
    """A report where a package names a module with three sections, and another one that does not import."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "energy_sections.py").write_text(MODULE)
    points = [
        importlib.metadata.EntryPoint("energy", "energy_sections", GROUP),
        importlib.metadata.EntryPoint("absent", "no_such_module", GROUP),
    ]
    before = dict(SECTIONS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr(importlib.metadata, "entry_points", lambda group: points if group == GROUP else [])
        yield compose_document(material)
    sys.modules.pop("energy_sections", None)
    for name in set(SECTIONS) - set(before):
        SECTIONS._entries.pop(name)


def test_sections_of_a_package_stand_in_their_order_and_read_what_they_want(document, material):
    names = [part.name for part in document.sections]
    assert names.index("learning") < names.index("energy") < names.index("stationarity")
    values = material.read("train/loss", material.cells[0])["value"]
    said = document.sections[names.index("energy")].blocks[0].spans[0]
    assert said == f"{5 * 1000} losses of adam, batch 100, last {values.iloc[-1]:.3f}."


def test_a_section_that_fails_is_named_and_the_rest_stands(document):
    parts = {part.name: part for part in document.sections}
    (alert,) = parts["broken"].blocks
    assert isinstance(alert, Alert)
    assert alert.spans == (
        "The section of ",
        Mono("energy_sections"),
        " failed: KeyError: 'nothing here'. The rest of the report is complete.",
    )
    assert "No module named 'no_such_module'" in "".join(map(str, parts["absent"].blocks[0].spans))
    assert "gpu/power" in str(parts["lacking"].blocks[0].spans)
    assert parts["verdict"].blocks
