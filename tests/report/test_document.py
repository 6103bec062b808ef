"""The document model: words and numbers as a reader sees them."""

import math

import pytest

from tracekit.report.document import (
    Mono,
    count,
    enumerate_words,
    number,
    printable,
    setting,
    show,
    spell,
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


def test_names_between_backticks_are_spelled_as_the_computer_does():
    spans = ("`tracekit resume` completes it, as `read` does", Mono("x`y"), "one ` alone")
    assert spell(*spans) == (
        Mono("tracekit resume"), " completes it, as ", Mono("read"), " does", Mono("x`y"), "one ` alone"
    )  # fmt: skip
