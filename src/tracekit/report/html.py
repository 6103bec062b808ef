"""The HTML face: one file that opens from disk, needs no network, and follows the reader's theme and screen."""

from __future__ import annotations

import functools
import re
from typing import Any

import jinja2
from markupsafe import Markup

from tracekit.report import figures
from tracekit.report.document import Document, printable

#: What each colour of the drawings becomes on a dark page.
_IN_THE_DARK = {
    figures.INK: "#e6e9ed",
    figures.MUTED: "#9aa4b0",
    figures.GRID: "#2c333c",
    figures.PAPER: "#14181d",
    figures.SEED: "#5f8fc4",
    figures.BOUND: "#ff9a5c",
    figures.VERDICTS["stable"]: "#56b8e6",
    figures.VERDICTS["unstable"]: "#ff9a5c",
    figures.VERDICTS["inconclusive"]: "#a3adb9",
    figures.VERDICTS["diverged"]: "#ff8d9d",
    **dict(
        zip(figures.GROUPS, ("#56b4e9", "#ff9a5c", "#3ec99b", "#e79cc4", "#e5c04b", "#a8a8ee"), strict=True)
    ),
}


def render_html(document: Document) -> bytes:
    """Write a document as one self-contained HTML page, UTF-8."""
    template = _environment().get_template("report.html")
    return template.render(document=document, light=_theme(dark=False), dark=_theme(dark=True)).encode()


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("tracekit.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )
    environment.filters["inline_svg"] = inline_svg
    environment.filters["color"] = lambda color: f"var({_variable(color)})"
    return environment


def _clean(value: Any) -> Any:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def inline_svg(svg: str, prefix: str) -> Markup:
    """Make a drawing part of the page: colours follow the theme, names are its own, nothing points outside.

    The drawing is this package's own matplotlib output and holds text as outlines only, so it is markup.
    """
    svg = re.sub(r"<defs><style.*?</style></defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r'\b(id|href)="(#?)', rf'\1="\2{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    for color in _IN_THE_DARK:
        svg = svg.replace(color, f"var({_variable(color)})")
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def _variable(color: str) -> str:
    return f"--c{color[1:]}"


def _theme(*, dark: bool) -> Markup:
    return Markup(
        "".join(f"{_variable(light)}:{night if dark else light};" for light, night in _IN_THE_DARK.items())
    )
