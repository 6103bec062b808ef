"""The gallery shows every public figure, with the lines that drew its picture."""

import importlib.util
from pathlib import Path

import pytest

from tracekit import plot

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("generate_gallery", DOCS / "generate_gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(gallery):
    written = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert written == gallery.page(), "run `python docs/generate_gallery.py runs/demo`"


def test_every_figure_is_shown(gallery):
    shown = gallery.page()
    assert [name for name in plot.__all__ if f"plot.{name}(" not in shown] == []


def test_every_picture_is_there_and_small(gallery):
    sizes = {
        paint.__name__: (DOCS / "gallery" / f"{paint.__name__}.svg").stat().st_size
        for _, _, paint in gallery.EXAMPLES
    }
    assert sum(sizes.values()) < 1e6
    assert {path.stem for path in (DOCS / "gallery").glob("*.svg")} == set(sizes)
