"""The page of signals is the one that the definitions give now."""

import importlib.util
from pathlib import Path

from tracekit.record import SIGNALS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_signals", DOCS / "generate_signals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "recording.md").read_text(encoding="utf-8")
    assert written == module.page(), "run `python docs/generate_signals.py`"
    assert all(f"`{name}`" in written for name in SIGNALS)
