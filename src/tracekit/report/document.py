"""The document model: what a report says, with no word on how a page or a browser shows it.

Sections return blocks; a face (HTML, PDF) has one template function per `kind`. Text is always plain:
markup characters in it mean themselves, and each face escapes them in its own way.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Tone = Literal["stable", "unstable", "inconclusive", "diverged", "error", "warning", "note"]

#: A verdict or an alert is told three times: by colour (the face's), by shape (here) and by its word.
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
    """Words that carry the sentence."""

    text: str
    kind: ClassVar[str] = "strong"


@dataclass(frozen=True, slots=True)
class Mono:
    """A name or a value as the computer spells it."""

    text: str
    kind: ClassVar[str] = "mono"


Span = str | Strong | Mono


def spell(*spans: Span) -> tuple[Span, ...]:
    """Make `Mono` of what stands between backticks in sentences of our own; words of a store stay as they are."""
    spelled: list[Span] = []
    for span in spans:
        if not isinstance(span, str):
            spelled.append(span)
            continue
        parts = span.split("`")
        if len(parts) % 2 == 0:  # one backtick without its partner: a character like any other
            parts = [span]
        spelled += [Mono(part) if at % 2 else part for at, part in enumerate(parts) if part]
    return tuple(spelled)


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
    """Something that the reader must know before believing a number."""

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
    """A table's column; `help` explains its title to a reader who meets it first."""

    title: str
    numeric: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class TableCell:
    """What one place of a table shows, and by what value it sorts."""

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
    """One drawing of a figure; `description` is what a reader who cannot see it is told."""

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
    """One line of a figure's legend: how the mark looks and what it stands for."""

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
    ]  #: a word a column of the figure; "" where the column says nothing (a bound's seed)
    step: NDArray[np.float64] = field(repr=False)  #: (n_points,), updates, ascending
    value: NDArray[np.float64] = field(repr=False)  #: (n_points,), in the unit of the signal
    bound: str = ""  #: what a thick line is: "lower bound"; empty for runs, which are thin
    low: NDArray[np.float64] | None = field(default=None, repr=False)  #: (n_points,), lower end of a band
    high: NDArray[np.float64] | None = field(default=None, repr=False)  #: (n_points,), upper end of the band
    stretch: float = (
        0.0  #: updates whose lowest and highest value each two points are; 0 if every value is here
    )
    note: str = ""  #: what the reader must know of this line: "diverged: NaN from update 143 on"


@dataclass(frozen=True, slots=True, eq=False)
class TraceFigure:
    """Traces to look into: `still` on every face, and where the face is interactive a chart of them below it.

    The chart shows one signal at a time, filters by every column, zooms, and tells values; a page of paper and
    a reader without scripts have `still` alone, so `still` carries the message and `caption` stands in it.
    Together the lines hold at most about `interactive.ROOM` values; `interactive.extremes` thins longer ones.

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
    )  #: signals and words are offered in their order of appearance
    units: Mapping[str, str] = field(default_factory=dict)  #: label of the value axis, by signal
    kind: ClassVar[str] = "traces"

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals, in order of appearance."""
        return tuple(dict.fromkeys(trace.signal for trace in self.traces))

    @property
    def bounds(self) -> tuple[str, ...]:
        """What the thick lines are, in order of appearance."""
        return tuple(dict.fromkeys(trace.bound for trace in self.traces if trace.bound))

    def choices(self, column: int) -> tuple[str, ...]:
        """Give the words that occur in a column, in order of appearance."""
        words = dict.fromkeys(trace.attributes[column] for trace in self.traces)
        return tuple(word for word in words if word)


Block = Paragraph | Heading | Listing | Alert | CodeBlock | Table | Figure | TraceFigure


@dataclass(frozen=True, slots=True)
class Section:
    """A titled run of blocks; `name` is its address inside the document."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report: title, a line of facts, sections, and the date it is about (ISO 8601, or empty)."""

    title: str
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    created: str = ""
    generator: str = "tracekit"


def paragraph(*spans: Span, lead: bool = False) -> Paragraph:
    """Write a paragraph from plain strings, `Strong` and `Mono`."""
    return Paragraph(spans, lead=lead)


def words(text: object, *, tone: Tone | None = None, details: Iterable[str] = ()) -> TableCell:
    """Build a table cell that holds text."""
    return TableCell(str(text), order=str(text), tone=tone, details=tuple(details))


def number(value: object, digits: int = 3) -> TableCell:
    """Build a table cell that holds a number, shown to `digits` significant ones and sorted by all of them."""
    return TableCell(show(value, digits), order=_order(value))


def show(value: object, digits: int = 3) -> str:
    """Write a number for reading: a true minus, no exponent for everyday sizes, a dash for what is not there."""
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
    """Write a number that somebody chose, with the digits it was given: 0.2, not 0.200."""
    return f"{value:g}"


def printable(text: str) -> str:
    """Replace what no page can show (control characters, lone surrogates) by U+FFFD; newlines and tabs stay."""
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
