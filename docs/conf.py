"""The documentation site: `make docs` builds it, with warnings as errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tracekit import __version__

project = "tracekit"
author = "The tracekit maintainers"
version = release = __version__
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.doctest"]
html_theme = "furo"
html_title = f"tracekit {release}"
html_show_copyright = False
exclude_patterns = ["README.md"]

myst_heading_anchors = 4  # links such as labels.md#cell-labels work here as they do on GitHub
myst_enable_extensions = ["colon_fence"]
# Types in docstrings are words for people, such as (n,), not names to link; a page may be a part of another one.
suppress_warnings = ["ref.python", "myst.header"]
highlight_language = "text"

default_role = "code"  # docstrings put names between single backticks
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "separated"
napoleon_google_docstring = False
napoleon_use_rtype = False


def _write_commands(app: Any) -> None:
    """Write the page of all commands and options from the help texts themselves."""
    from tracekit.cli.app import command_tree

    lines = ["# Options of every command\n"]

    def describe(command: Any, words: tuple[str, ...]) -> None:
        context = command.make_context(" ".join(words), [], resilient_parsing=True)
        lines.extend([f"## {' '.join(words)}\n", "```text", command.get_help(context), "```\n"])
        for name, child in getattr(command, "commands", {}).items():
            describe(child, (*words, name))

    describe(command_tree(), ("tracekit",))
    page = Path(app.srcdir) / "_generated" / "options.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text("\n".join(lines), encoding="utf-8")


def _escape(app: Any, what: str, name: str, target: Any, options: Any, lines: list[str]) -> None:
    """Keep |x| and coef_ in docstrings what they are there: outside of backticks they mean nothing to Sphinx."""
    for number, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "... ")):
            continue
        pieces = re.split(r"(`[^`]*`|^\s*\.\..*|:\w+:)", line)
        pieces[::2] = [re.sub(r"(\||_(?!\w))", r"\\\1", piece) for piece in pieces[::2]]
        lines[number] = "".join(pieces)


def setup(app: Any) -> None:
    """Sphinx calls this before it reads the pages."""
    app.connect("builder-inited", _write_commands)
    app.connect("autodoc-process-docstring", _escape)
