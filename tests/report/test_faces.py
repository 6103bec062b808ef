"""Both faces: every kind of block, every hostile string, nothing loaded, nothing off the page."""

import base64
import dataclasses
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest
import typst
from PIL import Image
from pypdf import PdfReader

from tests.report.specimen import SVG, every_block
from tracekit.report.document import (
    Block,
    Column,
    Document,
    Drawing,
    Figure,
    Heading,
    Panel,
    Section,
    Table,
    Trace,
    TraceFigure,
    number,
    paragraph,
    words,
)
from tracekit.report.faces.html import render_html, trace_data
from tracekit.report.faces.pdf import breakable, inputs, render_pdf, template

HOSTILE = [
    "<script>alert('x')</script>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    '#import "x.typ": * $ x^2 $ *bold* _it_ `raw` @ref <label> \\ // c',
    "{{ 7 * 7 }} {% raw %} ${x}",
    "& &amp; &lt; ' \" ]]> -->",
    "naïve Ω 梯度 🎯 ‮abc",
    "tab\there\nline",
    "null \x00 escape \x1b[31m surrogate \udc80",
    "W" * 400,
]

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Collects tags, attributes and text; fails on tags that do not nest."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def pages(pdf):
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def squeezed(text):
    return re.sub(r"[\s\u200b]+", "", text)


def outside_the_margins(document):
    """Darkest distance from white in any page's side margins, but their inner 2 mm, and in its last 8 mm."""
    rendered = typst.compile(
        template(), sys_inputs=inputs(document), ignore_system_fonts=True, format="png", ppi=72
    )
    strips = []
    for page in rendered if isinstance(rendered, list) else [rendered]:
        pixels = np.asarray(Image.open(io.BytesIO(page)).convert("L"), dtype=int)
        margin = round(18 / 210 * pixels.shape[1])
        foot = round(8 / 297 * pixels.shape[0])
        strips += [255 - part.min() for part in (pixels[:, :margin], pixels[:, -margin:], pixels[-foot:])]
    return max(strips)


def test_the_specimen_has_every_kind_of_block():
    kinds = {block.kind for block in every_block("x").sections[0].blocks}
    assert kinds == {block.kind for block in get_args(Block)}


@pytest.mark.parametrize("text", HOSTILE)
def test_words_stay_words_on_the_page(text):
    page = Page(render_html(every_block(text)).decode())
    plain = Page(render_html(every_block("word")).decode())
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    for (_, attributes), (_, expected) in zip(page.tags, plain.tags, strict=True):
        assert attributes.keys() == expected.keys()
    shown = re.sub(r"[\x00-\x08\x0e-\x1f\udc80]", "\ufffd", text)
    assert "".join(page.words).count(shown) >= 15


@pytest.mark.parametrize("text", HOSTILE)
def test_words_stay_words_in_print(text):
    read = squeezed("".join(pages(render_pdf(every_block(text)))))
    for word in ("alert('x')", "$x^2$", "{{7*7}}", "&amp;", "WWWWWWWWWW"):
        if word in squeezed(text):
            assert word in read


@pytest.mark.parametrize("text", ["x", "W" * 400, "a_very/long.name-" * 12])
def test_nothing_is_typeset_off_the_page(text):
    assert outside_the_margins(every_block(text)) == 0


@pytest.mark.parametrize("columns", [3, 12, 40])
@pytest.mark.parametrize("name", ["adam", "an-optimizer-with-a-name-that-never-ends/" * 3])
def test_no_table_runs_off_the_page(columns, name):
    titles = [
        Column("configuration"),
        *(Column(f"metric {i} of {name}", numeric=True) for i in range(columns)),
    ]
    row = (words(name), *(number(-123.456789e-9 * 10**i) for i in range(columns)))
    table = Table(tuple(titles), (row,) * 3, "A wide table.")
    document = Document("wide", (), (Section("t", "Tables", (table,)),))
    assert outside_the_margins(document) == 0
    read = squeezed("".join(pages(render_pdf(document))))
    for i in range(columns):
        assert f"metric{i}of" in read
    if columns == 40:
        assert "Table1:Awidetable.(Part2of" in read
    assert "Table2" not in read


@pytest.mark.parametrize("n_lines", range(31, 38))
def test_no_heading_and_no_caption_stands_last_on_a_page(n_lines):
    # Lines of text push both through the foot of the page; the table after them may be broken, its head not.
    rows = tuple((words(f"row {i}"), number(i)) for i in range(20))
    table = Table((Column("row"), Column("n", numeric=True)), rows, "A table.")
    above = [paragraph(f"line {i}") for i in range(n_lines)]
    document = Document("t", (), (Section("s", "First", (*above, Heading("The heading"), table)),))
    (page,) = [page for page in pages(render_pdf(document)) if "The heading" in page]
    assert "A table." in page
    assert "row 0" in page


def test_a_figure_of_many_panels_goes_on_over_the_page_and_none_is_lost():
    svg = SVG.replace('"20pt" height="10pt"', '"155pt" height="119pt"')
    panels = tuple(Panel(Drawing(svg, 155, 119), "a", title=f"panel number {i}.") for i in range(60))
    document = Document("t", (), (Section("s", "S", (Figure(panels, "Many.", columns=4),)),))
    read = pages(render_pdf(document))
    assert len(read) >= 3
    assert all(f"panel number {i}." in "".join(read) for i in range(60))
    assert outside_the_margins(document) == 0


@pytest.fixture(scope="module", params=["report", "specimen"])
def page(request):
    if request.param == "report":
        return request.getfixturevalue("report").html
    return render_html(every_block("word")).decode()


def test_the_page_loads_nothing(page):
    code = re.sub(r"/\*!.*?\*/", "", page)  # the chart library's banner names its home
    assert "http:" not in code
    assert "https:" not in code
    assert "@import" not in code
    assert not re.search(r"url\((?!#)", code)
    for tag, attributes in Page(page).tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name in ("src", "srcset", "data", "action"):
            assert name not in attributes, (tag, attributes)
        assert (attributes.get("href") or "#").startswith("#")


def test_the_browser_is_told_to_load_nothing_and_to_run_this_script_alone(page):
    (policy,) = (a["content"] for _, a in Page(page).tags if a.get("http-equiv") == "Content-Security-Policy")
    script = page[page.rindex("<script>") + len("<script>") : page.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}';" in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_words_stay_words_inside_the_data_of_a_chart(text):
    source = render_html(every_block(text)).decode()
    start = source.index('<script type="application/json">') + len('<script type="application/json">')
    content = source[start : source.index("</script>", start)]
    assert not set("<>&") & set(content)
    shown = re.sub(r"[\x00-\x08\x0e-\x1f\udc80]", "\ufffd", text)
    data = json.loads(content)
    assert data["columns"] == data["signals"] == data["units"] == [shown]
    assert data["choices"] == [[shown]]
    assert data["lines"][0]["note"] == shown


def test_the_data_of_a_chart_are_the_values_to_32_bits_and_equal_steps_are_there_once():
    value = np.array([0.1, np.nan, -3e8, 1e300])
    first = Trace("a", ("adam", ""), np.arange(1.0, 5.0), value)
    second = Trace("b", ("sgd", "50"), np.arange(1.0, 5.0), value, bound="lower bound", low=value, high=value)
    data = json.loads(trace_data(TraceFigure(Figure((), ""), ("optimizer", "batch"), (first, second))))
    assert len(data["grids"]) == 1
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(data["grids"][0]), "<f8"), first.step)
    for line in data["lines"]:
        read = np.frombuffer(base64.b64decode(line["value"]), "<f4")
        np.testing.assert_array_equal(read, np.array([0.1, np.nan, -3e8, np.inf], np.float32))
    assert [line["kind"] for line in data["lines"]] == [0, 1]
    assert [line["at"] for line in data["lines"]] == [[0, -1], [1, 0]]
    assert [line["high"] is None for line in data["lines"]] == [True, False]


def test_the_chart_library_comes_along_with_its_licence_where_there_is_a_chart():
    chartless = dataclasses.replace(every_block("word"), sections=())
    assert "Leon Sorokin" in render_html(every_block("word")).decode()
    assert "uPlot" not in render_html(chartless).decode()


def test_the_page_is_well_formed_and_its_names_are_unique(report):
    page = Page(report.html)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    inside = {attributes["href"][1:] for _, attributes in page.tags if "href" in attributes}
    assert inside <= set(names)
    described = {a.get("aria-labelledby") for _, a in page.tags} - {None}
    assert described <= set(names)


def test_every_drawing_is_described_and_follows_the_theme(report):
    drawings = [a for tag, a in Page(report.html).tags if a.get("role") == "img"]
    assert len(drawings) >= 5
    assert all(len(drawing["aria-label"]) > 20 for drawing in drawings)
    body = report.html[report.html.index("<body>") :]
    assert not re.search(r"(stroke|fill): ?#(?!none)[0-9a-f]{6}", body)


def test_the_pdf_has_contents_numbers_and_a_title(report, printed):
    reader = PdfReader(report.paths.pdf)
    assert reader.metadata.title == "labelled"
    assert "Reproduction" in printed[0]
    for number_, page in enumerate(printed, start=1):
        assert f"{number_} / {len(printed)}" in page
    assert [entry.title for entry in reader.outline if not isinstance(entry, list)]


def test_captions_are_numbered_alike_in_both_faces(report, printed):
    page = "".join(Page(report.html).words)
    figures = [a for tag, a in Page(report.html).tags if tag == "figure"]
    tables = sum(a["class"].startswith("table") for a in figures)
    drawings = sum(a["class"].startswith("drawing") for a in figures)
    text = "".join(printed).replace("\xa0", " ")
    assert f"Table {tables}:" in text
    assert f"Table {tables + 1}:" not in text
    assert f"Figure {drawings}:" in text
    assert page.count("over updates") > 2


def test_only_long_words_get_seams():
    assert breakable("probe/logits/q05 of adam") == "probe/logits/q05 of adam"
    assert breakable("x" * 30).replace("\u200b", "") == "x" * 30
    assert "\u200b" in breakable("layers/conv1.weight/grad_norm")
