"""The document model: words and numbers as a reader sees them."""

import math

import pytest

from tracekit.report.document import (
    Alert,
    CodeBlock,
    Column,
    Drawing,
    Figure,
    Heading,
    Listing,
    Mono,
    Panel,
    Paragraph,
    Strong,
    Table,
    TableCell,
    TraceFigure,
    count,
    enumerate_words,
    number,
    paragraph,
    printable,
    setting,
    show,
    spans_of,
    typeset_names,
    without_backticks,
    words,
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0, "0"),
        (600, "600"),
        (20_000, "20,000"),
        (0.05, "0.0500"),
        (-1.2345, "−1.23"),
        (1234.5, "1,234"),
        (0.99996, "1.00"),
        (2.4e6, "2.40e6"),
        (-3.21e-9, "−3.21e−9"),
        ("unknown", "unknown"),
        (True, "True"),
    ],
)
def test_numbers_are_shown_short_and_with_a_true_minus(value, shown):
    assert show(value) == shown


def test_settings_keep_the_digits_they_were_given():
    assert [setting(value) for value in (0.2, 95.0, 0.05)] == ["0.2", "95", "0.05"]


def test_cells_sort_by_all_digits_and_missing_numbers_by_nothing():
    assert number(0.123456789).order == 0.123456789
    assert number(math.nan).order is None
    assert words("sgd").order == "sgd"


def test_what_no_page_can_show_is_replaced_and_line_ends_stay():
    assert printable("a\x00b\x1bc\udc80d\ne\tf") == "a\ufffdb\ufffdc\ufffdd\ne\tf"


def test_counts_and_enumerations_read_as_english():
    assert (count(1, "run"), count(1200, "run")) == ("1 run", "1,200 runs")
    assert [enumerate_words("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_names_between_backticks_become_monospaced():
    assert spans_of("`a.b` reads `c d`; it's ` alone") == (
        Mono("a.b"),
        " reads ",
        Mono("c d"),
        "; it's ` alone",
    )
    assert spans_of("plain") == ("plain",)
    assert without_backticks("read `a` and `b`, 5` wide") == "read a and b, 5` wide"


def test_no_sentence_of_a_block_keeps_its_backticks():
    panel = Panel(Drawing("<svg/>", 1, 1), "of `a`", title="t")
    table = Table((Column("c", help="see `a`"),), ((TableCell("`theirs`"),),), "with `a`")
    blocks = [
        paragraph("run `a`", Strong("b"), Mono("`c`"), lead=True),
        Heading("the `a`"),
        Listing((("the `a`", ("is `b`",)),)),
        Alert("note", "no `a`", ("run `b`",)),
        table,
        Figure((panel,), "of `a`"),
        TraceFigure(Figure((panel,), "of `a`"), (), ()),
        CodeBlock("echo `date`"),
    ]
    dressed = [typeset_names(block) for block in blocks]
    assert dressed[0] == Paragraph(("run ", Mono("a"), Strong("b"), Mono("`c`")), lead=True)
    assert dressed[1] == Heading("the a")
    assert dressed[2] == Listing((("the a", ("is ", Mono("b"))),))
    assert dressed[3] == Alert("note", "no a", ("run ", Mono("b")))
    assert (dressed[4].columns[0].help, dressed[4].caption) == ("see a", "with a")
    assert dressed[4].rows == table.rows  # what stands in a cell may be somebody's data
    for figure in (dressed[5], dressed[6].still):
        assert (figure.caption, figure.panels[0].description) == ("of a", "of a")
    assert dressed[7] is blocks[7]
