"""Every column has a meaning that stands alone, and a paragraph that explains its method."""

from __future__ import annotations

import pkgutil
import re
from pathlib import Path

import pytest

import tracekit_analysis
from tracekit_analysis import describe_columns
from tracekit_analysis.features.page import main, page_text
from tracekit_analysis.features.registry import columns_of

PAGES = Path(__file__).parents[2] / "docs" / "methods"
HAND_WRITTEN = (
    "input.md", "bounds.md", "labels.md", "stationarity.md", "dependence.md", "spectral.md", "tails-and-events.md",
    "comparisons.md",
)  # fmt: skip


def anchors(page: str) -> dict[str, str]:
    """Return the text under each heading of a page, by anchor."""
    found = {}
    for part in (PAGES / page).read_text(encoding="utf-8").split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        found[re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")] = text
    return found


SECTIONS = {f"{page}#{anchor}": text for page in HAND_WRITTEN for anchor, text in anchors(page).items()}


@pytest.mark.parametrize("preset", ["minimal", "standard", "full"])
def test_names_are_unique_and_meanings_short(preset):
    columns = describe_columns(preset)
    assert len(columns) == len(set(columns))
    for name, meaning in columns.items():
        assert 0 < len(meaning) <= 160, name
        assert not meaning.endswith("."), name


def test_meanings_stand_alone():
    for name, meaning in describe_columns("full").items():
        assert not re.match(r"(the same|its |their |this |that )", meaning), (name, meaning)
        assert "the same" not in meaning, (name, meaning)


def test_meanings_differ_from_each_other():
    meanings = list(describe_columns("full").values())
    assert len(meanings) == len(set(meanings))


@pytest.mark.parametrize("name", describe_columns("full"))
def test_every_column_is_explained_in_a_section_that_names_it(name):
    text = SECTIONS[columns_of("full")[name].method]
    named = name.removesuffix("_no_profile") if name.endswith("_no_profile") else name
    shown = [named.replace("upper_", "lower_"), named]
    general = re.sub(r"_(robust_)?(ci_low|ci_high)$|_robust$|_pvalue$", "", named)
    assert name.endswith("_no_profile") or any(f"`{word}" in text for word in (*shown, general)), name


PARTS = ("Definition", "Assumptions", "Failures", "Source", "Calibration")


def parts(section: str) -> list[tuple[str, str]]:
    """Return the headings of level 4 of a section, in order, each with the text under it."""
    pieces = re.split(r"^#### (.*)$", SECTIONS[section], flags=re.MULTILINE)[1:]
    return list(zip(pieces[::2], pieces[1::2], strict=True))


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_says_what_and_when_not(section):
    found = [(heading, text) for heading, text in parts(section) if heading in PARTS]
    assert tuple(heading for heading, _ in found) == PARTS
    for heading, text in found:
        assert text.strip(), f"nothing under {heading}"


def test_no_paragraph_of_a_method_is_longer_than_five_lines():
    for page in (*HAND_WRITTEN, "README.md", "speed.md"):
        text = re.sub(
            r"^```.*?^```", "", (PAGES / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        for paragraph in re.split(r"\n\n|\n(?=- |\d\. )", text):
            assert paragraph.lstrip().startswith("|") or len(paragraph.strip().splitlines()) <= 5, (
                f"{page}: {paragraph}"
            )


PUBLIC = {
    name
    for _, wing, is_package in pkgutil.iter_modules(tracekit_analysis.__path__)
    if is_package
    for name in getattr(tracekit_analysis, wing).__all__
}


def test_functions_that_pages_name_exist():
    for section in SECTIONS:
        for heading, text in parts(section):
            lines = re.findall(r"^- Functions?: (.*?)\.(?:\s|$)", text, re.MULTILINE | re.DOTALL)
            assert bool(lines) == (heading in ("Functions", "Columns and functions")), f"{section}: {heading}"
            for name in re.findall(r"`(\w+)", " ".join(lines)):
                assert name in PUBLIC, f"{section}: {name}"


def test_links_between_pages_lead_somewhere():
    for page in (*HAND_WRITTEN, "README.md"):
        for target in re.findall(r"\]\(([^)#]*)(?:#[^)]*)?\)", (PAGES / page).read_text(encoding="utf-8")):
            assert not target or (PAGES / target).exists(), f"{page}: {target}"
        for target in re.findall(r"\]\(([\w-]+\.md#[\w-]+)\)", (PAGES / page).read_text(encoding="utf-8")):
            assert target in SECTIONS or target.startswith("calibration.md"), f"{page}: {target}"


def test_the_page_of_columns_is_up_to_date(tmp_path):
    assert (PAGES / "columns.md").read_text(encoding="utf-8") == page_text(), (
        "run `python -m tracekit_analysis.features.page`"
    )
    assert main(["--out", str(tmp_path / "columns.md")]) == 0
    assert (tmp_path / "columns.md").read_text(encoding="utf-8") == page_text()
