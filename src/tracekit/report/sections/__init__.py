"""The table of report sections: one file each, picked up from the module list below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tracekit.registry import Registry
from tracekit.report.document import Alert, Block, Mono, Section, Span
from tracekit.report.material import Material, MissingSignalError

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


def compose(entry: SectionEntry, material: Material) -> Section:
    """Let a section write its blocks; signals that it lacks are named in its place."""
    try:
        blocks = tuple(entry.write(material))
    except MissingSignalError as error:
        blocks = (not_recorded(*error.names),)
    return Section(entry.name, entry.title, blocks)


def not_recorded(*names: str) -> Alert:
    """Say by name which signals a figure or table would need."""
    spans: list[Span] = ["No run has recorded "]
    for position, name in enumerate(names):
        spans += [", "] * (position > 0) + [Mono(name)]
    spans.append("; record it and write the report again." if len(names) == 1 else "; record one of them.")
    return Alert("note", "Not shown: signal not recorded", tuple(spans))
