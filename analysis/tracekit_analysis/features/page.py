"""The page of all columns of `characterize`, written by ``python -m tracekit_analysis.features.page``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tracekit_analysis.columns import PRESETS
from tracekit_analysis.features.registry import columns_of


def page_text() -> str:
    """Return the page in Markdown."""
    lines = [
        "# Columns of `characterize`",
        "",
        "Written by `python -m tracekit_analysis.features.page`; do not edit. A preset holds the columns of those",
        "before it.",
        "All statistics describe the part after the initial transient, except those that end in `_whole`.",
        "",
    ]
    shown: set[str] = set()
    for preset in PRESETS:
        lines += [f'## Preset "{preset}"', "", "| column | meaning | method |", "|---|---|---|"]
        for name, column in columns_of(preset).items():
            if name not in shown:
                heading = column.method.partition("#")[2].replace("-", " ")
                text = column.text.replace("|", "\\|")
                lines.append(f"| `{name}` | {text} | [{heading}]({column.method}) |")
                shown.add(name)
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m tracekit_analysis.features.page", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/methods/columns.md"), help="page to write")
    chosen = parser.parse_args(arguments)
    chosen.out.write_text(page_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
