"""HTML face of the report: one file that opens from disk, needs no network, and adapts to theme and screen."""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.resources
import math
import re
from typing import Any

import jinja2
import numpy as np
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup
from numpy.typing import NDArray

from tracekit.report.document import Document, Figure, TraceFigure, printable
from tracekit.report.figures import style

#: Colours of the drawings on a dark page, by their colour on a light one.
_IN_THE_DARK = {
    style.INK: "#e6e9ed",
    style.MUTED: "#9aa4b0",
    style.GRID: "#2c333c",
    style.PAPER: "#14181d",
    style.SEED: "#5f8fc4",
    style.BOUND: "#ff9a5c",
    style.VERDICTS["stable"]: "#56b8e6",
    style.VERDICTS["unstable"]: "#ff9a5c",
    style.VERDICTS["inconclusive"]: "#a3adb9",
    style.VERDICTS["diverged"]: "#ff8d9d",
    **dict(
        zip(style.GROUPS, ("#56b4e9", "#ff9a5c", "#3ec99b", "#e79cc4", "#e5c04b", "#a8a8ee"), strict=True)
    ),
}


def render_html(document: Document) -> bytes:
    """Write a document as one self-contained HTML page, UTF-8."""
    interactive = any(
        isinstance(block, TraceFigure) for section in document.sections for block in section.blocks
    )
    script = _script(interactive=interactive)
    template = _environment().get_template("report.html")
    return template.render(
        document=document,
        colors=_colors(),
        glyphs=_glyphs(document),
        chart_style=Markup(_asset("uplot/uPlot.min.css")) if interactive else "",
        chart_license=Markup(_asset("uplot/LICENSE").strip()) if interactive else "",
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    ).encode()


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
    environment.filters["trace_data"] = trace_data
    return environment


def _script(*, interactive: bool) -> str:
    """Join the page's scripts; include the chart's library only if the page has a chart."""
    names = ["uplot/uPlot.iife.min.js", "report.js", "traces.js"] if interactive else ["report.js"]
    return "\n".join(_asset(name).rstrip() for name in names)


@functools.cache
def _asset(name: str) -> str:
    return importlib.resources.files("tracekit.report").joinpath(f"templates/{name}").read_text("utf-8")


def _clean(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"  # as scripts read it
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def trace_data(figure: TraceFigure) -> Markup:
    """Write the lines of a figure as JSON that cannot end the HTML element around it.

    Values are 32-bit and steps 64-bit little-endian floats in base64: a third of the size of digits.
    """
    places = [{word: at for at, word in enumerate(figure.choices(i))} for i in range(len(figure.columns))]
    signals = {signal: at for at, signal in enumerate(figure.signals)}
    kinds = {kind: at for at, kind in enumerate(("runs", *figure.bounds))}
    grids: dict[bytes, int] = {}
    lines = []
    for trace in figure.traces:
        step = np.ascontiguousarray(trace.step, dtype="<f8").tobytes()
        lines.append(
            {
                "signal": signals[trace.signal],
                "at": [place.get(word, -1) for place, word in zip(places, trace.attributes, strict=True)],
                "grid": grids.setdefault(step, len(grids)),
                "value": _packed(trace.value),
                "low": None if trace.low is None else _packed(trace.low),
                "high": None if trace.high is None else _packed(trace.high),
                "kind": kinds[trace.bound or "runs"],
                "stretch": trace.stretch,
                "note": printable(trace.note),
            }
        )
    content = {
        "columns": [printable(column) for column in figure.columns],
        "choices": [[printable(word) for word in place] for place in places],
        "signals": [printable(signal) for signal in signals],
        "kinds": [printable(kind) for kind in kinds],
        "units": [printable(figure.units.get(signal, signal)) for signal in signals],
        "grids": [base64.b64encode(grid).decode() for grid in grids],
        "colors": [_variable(color) for color in style.GROUPS],
        "lines": lines,
    }
    return htmlsafe_json_dumps(content, separators=(",", ":"))


def _packed(values: NDArray[np.float64]) -> str:
    with np.errstate(over="ignore"):  # a value too large for 32 bits becomes infinite, which is a gap
        return base64.b64encode(np.asarray(values).astype("<f4").tobytes()).decode()


#: Outline of a letter; drawings share the same outlines under the same names, so the page holds each once.
_GLYPH = re.compile(r'<path id="DejaVu[^"]*"[^>]*/>')


def _glyphs(document: Document) -> Markup:
    """Collect the outlines of all letters that occur in the drawings of a document."""
    found: dict[str, None] = {}
    for section in document.sections:
        for block in section.blocks:
            figure = block.still if isinstance(block, TraceFigure) else block
            for panel in figure.panels if isinstance(figure, Figure) else ():
                found.update(dict.fromkeys(_GLYPH.findall(panel.drawing.svg)))
    return Markup("".join(sorted(found)))


def inline_svg(svg: str, prefix: str) -> Markup:
    """Return a drawing as markup of the page: colours follow the theme, names are prefixed, nothing links outside.

    The drawing is this package's own matplotlib output and holds text as outlines only, so it is safe as markup.
    """
    svg = re.sub(r"<defs><style.*?</style></defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = svg.replace("xlink:href=", "href=")
    svg = _GLYPH.sub("", svg).replace("<defs></defs>", "")
    svg = re.sub(r'\b(id="|href="#)(?!DejaVu)', rf"\1{prefix}-", svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    for color in _IN_THE_DARK:
        svg = svg.replace(color, f"var({_variable(color)})")
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def _variable(color: str) -> str:
    return f"--c{color[1:]}"


def _colors() -> Markup:
    return Markup(
        "".join(f"{_variable(light)}:light-dark({light},{night});" for light, night in _IN_THE_DARK.items())
    )
