"""A document with one block of every kind, for tests of the faces."""

from __future__ import annotations

import numpy as np

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
