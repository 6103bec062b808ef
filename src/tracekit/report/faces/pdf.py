"""PDF face of the report: typst typesets the document as data, so that no text of a user becomes markup."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import importlib.resources
import json
import math
import re
import textwrap
from typing import Any

import numpy as np
import typst

from tracekit.report.document import Block, Document, Drawing, Section, Table, TraceFigure, printable

#: Width of the text and of a cell's padding, in points, and of a character, in sizes of its font.
_TEXT, _PADDING, _CHARACTER = 480, 8, 0.46

#: Sizes of a table's font, in points: a table that would need a smaller one is split by columns.
_LARGEST, _SMALLEST = 9.0, 7.8

#: Characters up to which a cell stays on one line if there is room; characters above which it must wrap before
#: the table is split; and characters that a title may need.
_WIDEST, _WRAPPED, _TITLE = 60, 30, 8

#: Places at which a long name may break.
_SEAM = re.compile(r"(?<=[/_.,:;=@\-])(?=\S)|(?<=[a-z])(?=[A-Z])")
_UNBROKEN = re.compile(r"[^\s\u200b]{19,}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Continued(Table):
    """Further columns of the previous table, which was too wide for the page; it has the same number."""

    continued: bool = True


def render_pdf(document: Document) -> bytes:
    """Typeset a document with the fonts bundled in typst; the same document gives the same bytes."""
    return typst.compile(template(), sys_inputs=inputs(document), ignore_system_fonts=True)


def inputs(document: Document) -> dict[str, str]:
    """Return the input of the template: the document as JSON, with tables fitted to the page."""
    fitted = dataclasses.replace(document, sections=tuple(_fit(section) for section in document.sections))
    content = _plain(fitted)
    content["date"] = _date(document.created)
    content["running_head"] = printable(textwrap.shorten(document.title, 70, placeholder="…")[:71])
    return {"document": json.dumps(content)}


@functools.cache
def template() -> bytes:
    """Return the typst source of the page layout."""
    return importlib.resources.files("tracekit.report").joinpath("templates/report.typ").read_bytes()


def _plain(node: Any) -> Any:
    """Turn the document into JSON values: each node's fields, and values computed from them."""
    if isinstance(node, Drawing):
        return {"svg": node.svg, "width": node.width, "height": node.height}
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        fields = {field.name: _plain(getattr(node, field.name)) for field in dataclasses.fields(node)}
        fields |= {extra: getattr(node, extra) for extra in ("kind", "symbol") if hasattr(node, extra)}
        if isinstance(node, Table):
            widths = _widths(node, _WIDEST)
            fields["size"] = min(_LARGEST, max(_SMALLEST, _size(widths)))
            # Columns are as wide as their cells, and titles wrap; columns that are too wide share the rest.
            for column, width in zip(fields["columns"], widths, strict=True):
                column["title"] = textwrap.wrap(column["title"], width, break_long_words=False) or [""]
            fields["widths"] = [width if width == _WIDEST else None for width in widths]
        return fields
    if isinstance(node, tuple):
        return [_plain(part) for part in node]
    if isinstance(node, float) and not math.isfinite(node):
        return None  # JSON has no infinity; the template reads texts, not the numbers that they sort by
    return breakable(printable(node)) if isinstance(node, str) else node


def breakable(text: str) -> str:
    """Insert zero-width spaces into names that are too long for one line."""
    if not _UNBROKEN.search(text):
        return text
    seamed = _UNBROKEN.sub(lambda word: _SEAM.sub("\u200b", word[0]), text)
    return _UNBROKEN.sub(lambda word: "\u200b".join(word[0]), seamed)


def _fit(section: Section) -> Section:
    """Return a section as paper can show it: tables cut to the page, and the still figure of traces."""
    blocks: list[Block] = []
    for block in section.blocks:
        if isinstance(block, Table):
            blocks += _split(block)
        else:
            blocks.append(block.still if isinstance(block, TraceFigure) else block)
    return dataclasses.replace(section, blocks=tuple(blocks))


def _split(table: Table) -> list[Table]:
    """Cut a table that is too wide for the page into several, each with the columns that name its rows."""
    widths = _widths(table, _WRAPPED)
    keys, others = widths[: table.keys], range(table.keys, len(widths))
    for n_parts in range(1, len(others) + 1):
        groups = [[int(column) for column in group] for group in np.array_split(others, n_parts)]
        if all(_size(keys + [widths[column] for column in group]) >= _SMALLEST for group in groups):
            break
    if len(groups) == 1:
        return [table]
    parts = []
    for position, group in enumerate(groups, start=1):
        chosen = [*range(table.keys), *group]
        parts.append(
            (Table if position == 1 else _Continued)(
                columns=tuple(table.columns[column] for column in chosen),
                rows=tuple(tuple(row[column] for column in chosen) for row in table.rows),
                caption=f"{table.caption} (Part {position} of {len(groups)}.)",
                keys=table.keys,
                sortable=table.sortable,
            )
        )
    return parts


def _widths(table: Table, most: int) -> list[int]:
    """Return the width in characters that each column needs, up to `most`."""
    widths = []
    for position, column in enumerate(table.columns):
        lengths = [min(len(column.title), _TITLE), *(len(word) for word in column.title.split())]
        for row in table.rows:
            cell = row[position]
            lengths += [len(cell.text) + (2 if cell.tone else 0), *(len(line) - 2 for line in cell.details)]
        widths.append(max(1, min(max(lengths, default=0), most)))
    return widths


def _size(widths: list[int]) -> float:
    """Return the font size, in points, at which columns of these widths fill the line."""
    return (_TEXT - _PADDING * len(widths)) / (_CHARACTER * sum(widths))


def _date(created: str) -> list[int] | None:
    """Return year, month and day of an ISO 8601 time; None for any other text, and then no date is printed."""
    try:
        day = datetime.datetime.fromisoformat(created).date()
    except ValueError:
        return None
    return [day.year, day.month, day.day]
