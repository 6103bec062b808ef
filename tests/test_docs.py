"""Generated pages are those that the code generates now."""

import importlib.util
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_optimizer_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("generate_optimizers", DOCS / "generate_optimizers.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (DOCS / "optimizers.md").read_text(encoding="utf-8")
    assert written == module.page(), "run `python docs/generate_optimizers.py`"
