"""Output of commands: tables for people, JSON for programs, files of results."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console


def print_json(content: Any) -> None:
    """Print as JSON; NaN, infinities and missing values become null."""
    typer.echo(json.dumps(plain(content), indent=2, allow_nan=False))


def check_output(path: Path | None, *, overwrite: bool, also: Sequence[str] = ()) -> None:
    """Raise an error, before any work, if a file exists or its ending is unknown (`also`: further endings)."""
    from tracekit.errors import ArgumentError, OutputExistsError, argument_sentence

    if path is None:
        return
    if path.suffix not in (*_WRITERS, *also):
        raise ArgumentError(
            argument_sentence("out", str(path), f"must end in {', '.join([*_WRITERS, *also])}")
        )
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists; choose another file or pass --overwrite.")


def give_out(frame: pd.DataFrame, path: Path | None, *, as_json: bool, columns: Sequence[str]) -> None:
    """Write all results to a file, or print all of them as JSON or some columns as a table."""
    if path is not None:
        from tracekit.traces.files import make_folder, write_whole

        make_folder(path.parent)
        write_whole(path, lambda temporary: _WRITERS[path.suffix](frame, temporary))
        typer.echo(f"{len(frame)} rows in {path}", err=True)
    if as_json:
        print_json(frame_records(frame))
    elif path is None:
        print_table(columns, frame[list(columns)].itertuples(index=False, name=None))


def _write_latex(frame: pd.DataFrame, path: Path) -> None:
    from tracekit_analysis import to_latex

    path.write_text(to_latex(frame), encoding="utf-8")


#: Functions that write a table, by the ending of its file.
_WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".tex": _write_latex,
}


def frame_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as JSON-compatible mappings."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def plain(value: Any) -> Any:
    """Return a result as types that JSON has; NaN, infinities and missing values become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) else None


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table: text wraps between words on a terminal; in a pipe nothing wraps or is left out.

    On a terminal that is too narrow, columns of text are printed below their row; the last columns of numbers are
    left out and named on stderr.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[shown(cell) for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)  # in a pipe no cell may wrap
    elif not _fits(columns, cells, console.width):
        _print_narrow(console, columns, cells, title)
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        prose = _is_prose([row[number] for row in cells])
        # A number that is cut is a wrong number: only text of several words may be broken.
        table.add_column(column, overflow="fold", no_wrap=not prose, min_width=_PROSE if prose else None)
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def _print_narrow(
    console: Console, columns: Sequence[str], cells: Sequence[Sequence[str]], title: str | None
) -> None:
    """Print the columns of single words that fit, and each row's text below it."""
    import textwrap

    widths = [max(len(line[k]) for line in (columns, *cells)) for k in range(len(columns))]
    texts = [k for k in range(len(columns)) if _is_prose([row[k] for row in cells])]
    beside: list[int] = []
    for k in sorted(set(range(len(columns))) - set(texts)):
        if beside and sum(widths[j] + 2 for j in beside) + widths[k] > console.width:
            break
        beside.append(k)

    def line(words: Sequence[str]) -> str:
        return "  ".join(words[k].ljust(widths[k]) for k in beside).rstrip()

    if title:
        console.print(title, style="italic", markup=False, highlight=False)
    console.print(line(columns), style="bold", markup=False, highlight=False, soft_wrap=True)
    for row in cells:
        typer.echo(line(row))
        for k in texts:
            if row[k] not in ("", "–"):
                typer.echo(
                    textwrap.fill(row[k], console.width - 1, initial_indent="    ", subsequent_indent="    ")
                )
    left_out = [name for k, name in enumerate(columns) if k not in (*beside, *texts)]
    if left_out:
        more = f"{console.width} characters are too narrow; use a wider terminal, --json or a pipe."
        typer.echo(f"columns not shown: {', '.join(left_out)} ({more})", err=True)


#: Smallest width of a column of text, in characters.
_PROSE = 24


def _is_prose(cells: Sequence[str]) -> bool:
    return any(len(cell) > _PROSE and " " in cell for cell in cells)


def _fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Return whether all columns fit beside each other, those of text at their narrowest."""
    needed = -2
    for number, column in enumerate(columns):
        cells = [row[number] for row in rows]
        needed += 2 + (_PROSE if _is_prose(cells) else max(map(len, [column, *cells])))
    return needed <= width


def count(number: int, noun: str) -> str:
    """Write a number with its noun: "1 run", "2 runs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def by_reason(runs: Iterable[tuple[str, str, str]]) -> list[str]:
    """Write one line per status and reason, with the first of the runs (name, status, reason) that ended so."""
    names: dict[tuple[str, str], list[str]] = {}
    for name, status, reason in runs:
        names.setdefault((status, reason), []).append(name)
    return [
        f"{first}{' and ' + count(len(others), 'other run') if others else ''}: {status} ({reason})"
        for (status, reason), (first, *others) in names.items()
    ]


def clock(seconds: float) -> str:
    """Write a duration: "0:07", "12:30", "3:05:00"."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def shown(value: Any) -> str:
    """Write a cell for people: four significant digits, a dash for a missing value."""
    if value is None or value != value:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
