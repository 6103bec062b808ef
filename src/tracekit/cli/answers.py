"""What the statistical commands share: reading a store's series, and printing or writing an answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tracekit.cli.options import RunsPath
from tracekit.cli.output import give_out

if TYPE_CHECKING:
    import pandas as pd


def read_store(path: RunsPath, signals: str | list[str] | None) -> pd.DataFrame:
    """Read signals of a store, all of them by default, as a tidy table."""
    from tracekit.traces import read

    return read(path, signals=signals)


def say_what_is_missing(path: Path) -> None:
    """Name the runs that were not counted, with the cause, and the command that continues them."""
    from tracekit.traces import open_experiment

    stopped = [run for run in open_experiment(path).runs if run.status not in ("finished", "diverged")]
    if not stopped:
        return
    causes = {run.reason for run in stopped if run.reason}
    counts = Counter(run.status for run in stopped)
    words = ", ".join(
        f"{counts[status]} {status}" for status in ("failed", "interrupted", "running") if counts[status]
    )
    one = len(stopped) == 1
    why = f" ({'; '.join(sorted(causes))})" if causes else ""
    typer.echo(
        f"{words} {'run was' if one else 'runs were'} not counted{why}; "
        f"`tracekit resume {path}` continues {'it' if one else 'them'}.",
        err=True,
    )


def one_form(*, as_json: bool, sentences: bool) -> None:
    """Refuse two forms of one answer on stdout."""
    from tracekit.errors import ArgumentError

    if as_json and sentences:
        raise ArgumentError(
            "give --sentences or --json, not both; every object of the JSON has its `sentence`."
        )


def answer(
    results: pd.DataFrame,
    out: Path | None,
    *,
    as_json: bool,
    sentences: bool,
    columns: Sequence[str],
    latex: Sequence[str] | None = None,
) -> None:
    """Give results out as asked: to a file (LaTeX may have fewer columns), and as JSON, sentences or a table."""
    if out is not None:
        whole = latex is None or out.suffix != ".tex"
        give_out(results if whole else results[list(latex or ())], out, as_json=False, columns=columns)
    if sentences:
        from tracekit_analysis import sentences as worded

        for sentence in worded(results):
            typer.echo(sentence)
    elif as_json or out is None:
        give_out(results, None, as_json=as_json, columns=columns)
