"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    import pandas as pd


def print_json(content: Any) -> None:
    """Print as JSON; NaN, infinities and missing values become null."""
    typer.echo(json.dumps(_plain(content), indent=2, allow_nan=False))


def check_output(path: Path | None, *, overwrite: bool, also: Sequence[str] = ()) -> None:
    """Refuse a file of unknown form (`also`: endings beside those of tables), or one that exists, at once."""
    from tracekit.errors import ArgumentError, OutputExistsError, bad_argument

    if path is None:
        return
    if path.suffix not in (*_WRITERS, *also):
        raise ArgumentError(bad_argument("out", str(path), f"must end in {', '.join([*_WRITERS, *also])}"))
    if path.exists() and not overwrite:
        raise OutputExistsError(f"{path} exists; choose another file or pass --overwrite.")


def give_out(frame: pd.DataFrame, path: Path | None, *, as_json: bool, columns: Sequence[str]) -> None:
    """Write results to a file, or print all of them as JSON, or some columns as a table."""
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


#: How a table is written, by the ending of its file.
_WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".tex": _write_latex,
}


def frame_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as JSON-compatible mappings."""
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) else None


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> None:
    """Print a table that fits the terminal; when piped, columns keep their full width."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=10_000)  # a pipe has no width: no cell may be wrapped
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # a number that is cut is a wrong number
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    console.print(table)


def shown(value: Any) -> str:
    """Write a cell for people: four significant digits, a dash for nothing."""
    if value is None or value != value:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
