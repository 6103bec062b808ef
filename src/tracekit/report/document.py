"""Document model of the report: sections, paragraphs, tables and figures, independent of HTML and PDF.

Sections return blocks; a face (HTML, PDF) has one template function per `kind`. Text is always plain: markup
characters in it mean themselves, and each face escapes them in its own way. The one exception is a name between
backticks in the text of a section: `typeset_names` makes it a `Mono` span before any face sees it.
"""

from __future__ import annotations

import dataclasses
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Tone = Literal["stable", "unstable", "inconclusive", "diverged", "error", "warning", "note"]

#: Shapes of verdicts and alerts; a face shows each by its colour, this shape and its word.
SYMBOLS: dict[Tone, str] = {
    "stable": "●",
    "unstable": "▲",
    "inconclusive": "○",
    "diverged": "✗",
    "error": "✗",
    "warning": "▲",
    "note": "○",
}


@dataclass(frozen=True, slots=True)
class Strong:
    """Emphasized words."""

    text: str
    kind: ClassVar[str] = "strong"


@dataclass(frozen=True, slots=True)
class Mono:
    """A name, command or value in a monospaced font."""

    text: str
    kind: ClassVar[str] = "mono"


Span = str | Strong | Mono


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `lead` marks the one sentence that answers the reader's question."""

    spans: tuple[Span, ...]
    lead: bool = False
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True, slots=True)
class Heading:
    """A title inside a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True, slots=True)
class Listing:
    """Terms with their explanations, or plain items where the term is empty."""

    items: tuple[tuple[str, tuple[Span, ...]], ...]
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True, slots=True)
class Alert:
    """A warning or note that the reader must know before believing a number."""

    tone: Literal["error", "warning", "note"]
    title: str
    spans: tuple[Span, ...] = ()
    kind: ClassVar[str] = "alert"

    @property
    def symbol(self) -> str:
        """The shape that goes with the tone."""
        return SYMBOLS[self.tone]


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """Text to be copied: a command, a configuration."""

    text: str
    caption: str = ""
    kind: ClassVar[str] = "code"


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column; `help` explains its title."""

    title: str
    numeric: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell of a table: its text, the value that it sorts by, its tone, and lines of details."""

    text: str
    order: float | str | None = None
    tone: Tone | None = None
    details: tuple[str, ...] = ()

    @property
    def symbol(self) -> str:
        """The shape that goes with the tone; empty where the cell has none."""
        return SYMBOLS[self.tone] if self.tone else ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; the first `keys` columns name the row and stay with it if a face splits the table."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    caption: str
    keys: int = 1
    sortable: bool = True
    kind: ClassVar[str] = "table"

    @property
    def is_matrix(self) -> bool:
        """Whether the cells are verdicts by row and column, which a narrow screen shows one below the other."""
        return not self.sortable and any(cell.tone for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A vector picture, width and height in points."""

    svg: str = field(repr=False)
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Panel:
    """One drawing of a figure; `description` is the text for readers who cannot see it."""

    drawing: Drawing
    description: str
    title: str = ""
    tone: Tone | None = None
    note: str = ""

    @property
    def symbol(self) -> str:
        """The shape that goes with the tone; empty where the panel has none."""
        return SYMBOLS[self.tone] if self.tone else ""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a figure's legend: the mark and its meaning."""

    color: str
    text: str
    mark: Literal["line", "thick", "dashed", "dotted", "cross", "dot", "ring", "triangle"] = "line"


@dataclass(frozen=True, slots=True)
class Figure:
    """Panels in a grid that is `columns` wide where there is room, with a legend and a caption."""

    panels: tuple[Panel, ...]
    caption: str
    columns: int = 1
    legend: tuple[Key, ...] = ()
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One line of a `TraceFigure`: a run's signal over updates, or a bound over the runs of a configuration.

    NaN is a gap. Lines that share one `step` array (the same object or equal values) share it in the file too.
    """

    signal: str  #: which of the figure's signals this is; one signal is shown at a time
    attributes: tuple[
        str, ...
    ]  #: one word per column of the figure; "" where the column has no meaning (a bound's seed)
    step: NDArray[np.float64] = field(repr=False)  #: (n_points,), updates, ascending
    value: NDArray[np.float64] = field(repr=False)  #: (n_points,), in the unit of the signal
    bound: str = ""  #: name of a thick line ("lower bound"); empty for runs, which are thin
    low: NDArray[np.float64] | None = field(default=None, repr=False)  #: (n_points,), lower end of a band
    high: NDArray[np.float64] | None = field(default=None, repr=False)  #: (n_points,), upper end of the band
    stretch: float = (
        0.0  #: updates in the stretch whose lowest and highest value two points are; 0 if every value is kept
    )
    note: str = ""  #: remark on this line: "diverged: NaN from update 143 on"


@dataclass(frozen=True, slots=True, eq=False)
class TraceFigure:
    """An interactive chart of traces below a still figure; faces without scripts show `still` alone.

    The chart shows one signal at a time, filters by every column, zooms, and tells values. Paper and readers
    without scripts have `still` alone, so it must carry the message; the caption is in it.
    Together the lines hold at most about `thinning.ROOM` values; `thinning.extremes` thins longer ones.

    Examples
    --------
    ::

        TraceFigure(
            still=_panels(material, name),
            columns=("optimizer", "batch size", "seed"),
            traces=(Trace("train/loss", ("adam", "50", "0"), step, loss), *bounds),
            units={"train/loss": "loss, nats"},
        )
    """

    still: Figure
    columns: tuple[str, ...]  #: titles of the filters; the first one also gives the colours
    traces: tuple[Trace, ...] = field(
        repr=False
    )  #: the chart offers signals and words in their order of appearance
    units: Mapping[str, str] = field(default_factory=dict)  #: label of the value axis, by signal
    kind: ClassVar[str] = "traces"

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals, in order of appearance."""
        return tuple(dict.fromkeys(trace.signal for trace in self.traces))

    @property
    def bounds(self) -> tuple[str, ...]:
        """Names of the thick lines, in order of appearance."""
        return tuple(dict.fromkeys(trace.bound for trace in self.traces if trace.bound))

    def choices(self, column: int) -> tuple[str, ...]:
        """Return the words that occur in a column, in order of appearance."""
        words = dict.fromkeys(trace.attributes[column] for trace in self.traces)
        return tuple(word for word in words if word)


Block = Paragraph | Heading | Listing | Alert | CodeBlock | Table | Figure | TraceFigure


@dataclass(frozen=True, slots=True)
class Section:
    """Blocks under a title; `name` is the section's address inside the document."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report: title, a line of facts, sections, and the date of the experiment (ISO 8601, or empty)."""

    title: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    created: str = ""
    generator: str = "tracekit"


def paragraph(*spans: Span, lead: bool = False) -> Paragraph:
    """Write a paragraph from plain strings, `Strong` and `Mono`."""
    return Paragraph(spans, lead=lead)


_NAME = re.compile(r"`([^`\n]+)`")


def spans_of(text: str) -> tuple[Span, ...]:
    """Split a text at names between backticks, which become `Mono`."""
    parts = _NAME.split(text)
    spans = (Mono(part) if place % 2 else part for place, part in enumerate(parts))
    return tuple(span for span in spans if span)


def without_backticks(text: str) -> str:
    """Drop the backticks around names, for text that has no spans: captions, titles, cells of tables."""
    return _NAME.sub(r"\1", text)


def typeset_names(block: Block) -> Block:
    """Return a block whose sentences hold no backticks around names: spans become `Mono`, captions lose them.

    Texts of table cells and of code are kept: they may be somebody's data.
    """
    if isinstance(block, (Paragraph, Alert)):
        block = dataclasses.replace(block, spans=_typeset(block.spans))
    if isinstance(block, Heading):
        return Heading(without_backticks(block.text))
    if isinstance(block, Listing):
        return Listing(tuple((without_backticks(term), _typeset(spans)) for term, spans in block.items))
    if isinstance(block, Alert):
        return dataclasses.replace(block, title=without_backticks(block.title))
    if isinstance(block, Table):
        columns = tuple(
            dataclasses.replace(column, help=without_backticks(column.help)) for column in block.columns
        )
        return dataclasses.replace(block, columns=columns, caption=without_backticks(block.caption))
    if isinstance(block, TraceFigure):
        return dataclasses.replace(block, still=_without_backticks(block.still))
    return _without_backticks(block) if isinstance(block, Figure) else block


def _typeset(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(part for span in spans for part in (spans_of(span) if isinstance(span, str) else (span,)))


def _without_backticks(figure: Figure) -> Figure:
    panels = tuple(
        dataclasses.replace(panel, description=without_backticks(panel.description))
        for panel in figure.panels
    )
    return dataclasses.replace(figure, panels=panels, caption=without_backticks(figure.caption))


def words(text: object, *, tone: Tone | None = None, details: Iterable[str] = ()) -> TableCell:
    """Build a table cell that holds text."""
    return TableCell(str(text), order=str(text), tone=tone, details=tuple(details))


def number(value: object, digits: int = 3) -> TableCell:
    """Build a table cell that holds a number, shown with `digits` significant digits and sorted by all of them."""
    return TableCell(show(value, digits), order=_order(value))


def show(value: object, digits: int = 3) -> str:
    """Write a number for reading: a true minus sign, no exponent for common sizes, a dash if it is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    if not -3 <= int(exponent) < 6:
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return f"{value:,.{max(0, digits - 1 - int(exponent))}f}".replace("-", "−")


def setting(value: float) -> str:
    """Write a number that a person chose, with the digits that were given: 0.2, not 0.200."""
    return f"{value:g}"


def printable(text: str) -> str:
    """Replace characters that no page can show (controls, lone surrogates) by U+FFFD; keep newlines and tabs."""
    return "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" else char
        for char in text
    )


def count(n: int, thing: str) -> str:
    """Write "1 run" or "5 runs"."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def enumerate_words(items: Iterable[str]) -> str:
    """Write "a", "a and b" or "a, b and c"."""
    listed = list(items)
    if len(listed) < 2:
        return "".join(listed)
    return ", ".join(listed[:-1]) + " and " + listed[-1]


def _order(value: object) -> float | None:
    if isinstance(value, (int, float)) and not math.isnan(value):
        return float(value)
    return None
