"""Report sections: the table of them, one file each, listed below or added by an installed package.

A package adds sections through the entry point group ``tracekit.report_sections``: each entry point names a
module, or a function in one, that `section` decorates. If a section fails, an alert takes its place, and the rest
of the report is written. Under the environment variable `STRICT`, which tests set, an error of a built-in section
is raised. Names between backticks in a section's sentences are set in a monospaced font.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracekit.registry import Registry
from tracekit.report.document import Alert, Block, Mono, Section, Span, typeset_names
from tracekit.report.material.material import Material, MissingSignalError

#: Entry points by which installed packages add sections.
GROUP = "tracekit.report_sections"

#: Environment variable under which errors of built-in sections are raised, also in worker processes.
STRICT = "TRACEKIT_STRICT_SECTIONS"

#: Order of sections that could not be loaded: after all others except the reproduction section.
LAST = 89

Writer = Callable[[Material], Iterable[Block]]


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """Definition of a section: `write` takes the material and returns blocks."""

    name: str
    title: str
    order: int  #: place in the document; sections of equal order are sorted by name
    write: Writer


SECTIONS: Registry[SectionEntry] = Registry(
    "report section",
    [
        f"{__name__}.{module}"
        for module in (
            "verdict",
            "alerts",
            "traces",
            "bounds",
            "learning",
            "stationarity",
            "spectra",
            "dependence",
            "events",
            "comparisons",
            "layers",
            "claims",
            "method",
            "metrics",
            "data",
            "reproduction",
        )
    ],
)


def section(name: str, *, title: str, order: int) -> Callable[[Writer], Writer]:
    """Enter the decorated function into the table of sections."""

    def enter(write: Writer) -> Writer:
        SECTIONS.add(name, SectionEntry(name, title, order, write))
        return write

    return enter


def in_order() -> list[SectionEntry]:
    """Return all sections in the order of the document, including those of installed packages."""
    broken = []
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:
            broken.append(_failed(point.name, f"Section {point.name}", f"`{point.value}`", error))
    return sorted([*SECTIONS.values(), *broken], key=lambda entry: (entry.order, entry.name))


def compose(entry: SectionEntry, material: Material) -> Section:
    """Compose one section; if it lacks signals or fails, an alert that says so takes its place."""
    try:
        blocks = tuple(map(typeset_names, entry.write(material)))
    except MissingSignalError as error:
        blocks = (not_recorded(*error.names),)
    except Exception as error:
        if os.environ.get(STRICT) and entry.write.__module__.startswith(f"{__name__}."):
            raise
        # An error in one section must not stop the report.
        failed = _failed(entry.name, entry.title, f"`{entry.write.__module__}`", error)
        blocks = tuple(map(typeset_names, failed.write(material)))
    return Section(entry.name, entry.title, blocks)


def _failed(name: str, title: str, source: str, error: Exception) -> SectionEntry:
    said = f"The section of {source} failed: {type(error).__name__}: {error}. The rest of the report is complete."
    return SectionEntry(name, title, LAST, lambda material: [Alert("error", "Section not written", (said,))])


def not_recorded(*names: str) -> Alert:
    """Build the note that names the signals which a figure or table would need."""
    spans: list[Span] = ["No run has recorded "]
    for position, name in enumerate(names):
        spans += [", "] * (position > 0) + [Mono(name)]
    it = "it" if len(names) == 1 else "one of them"
    spans.append(f"; record {it} and write the report again.")
    return Alert("note", "Not shown: signal not recorded", tuple(spans))
