"""The table of report sections: one file each, from the module list below or from an installed package.

A package adds sections through the entry point group ``tracekit.report_sections``: each entry point names a
module, or a function in one, that `section` decorates. A section that fails is named in its place; the rest of
the report stands. Tests set the environment variable `STRICT`, under which the fault of a built-in section is raised.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracekit.registry import Registry
from tracekit.report.document import Alert, Block, Mono, Section, Span
from tracekit.report.material.material import Material, MissingSignalError

#: Entry points by which installed packages add sections.
GROUP = "tracekit.report_sections"

#: Environment variable that lets faults of built-in sections through; it holds in worker processes, too.
STRICT = "TRACEKIT_STRICT_SECTIONS"

#: Order of sections that could not be loaded: behind all others but the reproduction block.
LAST = 89

Writer = Callable[[Material], Iterable[Block]]


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """A section's definition: `write` looks at the material and returns blocks."""

    name: str
    title: str
    order: int  #: place in the document; sections of equal order stand by name
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
    """Enter a function into the table of sections."""

    def enter(write: Writer) -> Writer:
        SECTIONS.add(name, SectionEntry(name, title, order, write))
        return write

    return enter


def in_order() -> list[SectionEntry]:
    """Give all sections as the document has them, those of installed packages included."""
    broken = []
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:
            broken.append(_failed(point.name, f"Section {point.name}", f"`{point.value}`", error))
    return sorted([*SECTIONS.values(), *broken], key=lambda entry: (entry.order, entry.name))


def compose(entry: SectionEntry, material: Material) -> Section:
    """Let a section write its blocks; signals that it lacks are named in its place."""
    try:
        blocks = tuple(entry.write(material))
    except MissingSignalError as error:
        blocks = (not_recorded(*error.names),)
    except Exception as error:
        if os.environ.get(STRICT) and entry.write.__module__.startswith(f"{__name__}."):
            raise
        # One section's fault must not take the report away.
        blocks = tuple(_failed(entry.name, entry.title, f"`{entry.write.__module__}`", error).write(material))
    return Section(entry.name, entry.title, blocks)


def _failed(name: str, title: str, source: str, error: Exception) -> SectionEntry:
    said = f"The section of {source} failed: {type(error).__name__}: {error}. The rest of the report does without."
    return SectionEntry(name, title, LAST, lambda material: [Alert("error", "Section not written", (said,))])


def not_recorded(*names: str) -> Alert:
    """Say by name which signals a figure or table would need."""
    spans: list[Span] = ["No run has recorded "]
    for position, name in enumerate(names):
        spans += [", "] * (position > 0) + [Mono(name)]
    spans.append("; record it and write the report again." if len(names) == 1 else "; record one of them.")
    return Alert("note", "Not shown: signal not recorded", tuple(spans))
