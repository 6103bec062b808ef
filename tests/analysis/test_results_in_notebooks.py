"""Results as a notebook shows them: every field, escaped, arrays short."""

from html.parser import HTMLParser

import numpy as np

from tracekit_analysis.statistics import adf, change_points, welch_psd


class Cells(HTMLParser):
    """The text of all cells of a table, by the text of their row's header."""

    def __init__(self, source):
        super().__init__()
        self.found, self.tag = [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        if tag in ("th", "td"):
            self.found.append("")

    def handle_endtag(self, tag):
        self.tag = ""

    def handle_data(self, data):
        if self.tag in ("th", "td"):
            self.found[-1] += data


def cells(result):
    found = Cells(result._repr_html_()).found
    return dict(zip(found[::2], found[1::2], strict=True))


def test_every_field_of_a_result_is_a_row():
    result = adf(np.random.default_rng(0).normal(size=300))
    shown = cells(result)
    assert list(shown) == list(result.to_record())
    assert float(shown["pvalue"]) == float(f"{result.pvalue:.6g}")
    assert shown["null"] == result.null


def test_long_arrays_are_given_by_their_ends():
    spectrum = welch_psd(np.random.default_rng(0).normal(size=4000))
    shown = cells(spectrum)["frequency"]
    assert "..." in shown
    assert len(shown) < 100


def test_what_a_reason_says_is_text():
    result = change_points(np.zeros(3))
    assert "<" not in cells(result)["reason"]
    assert cells(result)["reason"] == result.reason
