"""`tracekit watch`: progress of a sweep, from any terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import DEFAULT_SIGNAL, By, DecidingSignal, Json
from tracekit.cli.output import by_reason, clock, count, plain, print_json, shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tracekit.cli.sweep_status import RunStanding

#: Seconds without a running run after which a sweep counts as stopped: between two runs there is none either.
_STOPPED_AFTER = 10.0
#: Seconds without a change after which the process may have ended without a word.
_SILENT_AFTER = 60.0


@command(
    "watch",
    summary="Show the progress of a sweep, from any terminal.",
    examples=(
        "tracekit watch runs/first",
        "tracekit watch runs/first --once --json",
    ),
)
def watch(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS", help="Folder that `tracekit run` writes.", autocompletion=completion.folders
        ),
    ],
    once: Annotated[bool, typer.Option("--once", help="Look once, and exit.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks.")] = 2.0,
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Show the labels so far.")] = True,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Show the progress of a sweep until it ends: runs, updates, speed, losses, labels so far.

    Only reads what is in the store, so it works while another process trains, and does not disturb it. What it
    shows is as old as the last flush of each run (5 seconds, unless --flush-seconds says otherwise). With --json it
    prints one line for each look that saw something new.
    """
    from tracekit.cli.sweep_status import CellLabels, Watcher, cell_columns

    watcher, cells = Watcher(path), CellLabels(path, signal)

    def look(*, last: bool = False) -> Board:
        runs = watcher.look()
        chosen = cell_columns((run.attributes for run in runs), by or None)
        if labels:
            begun = [(run.run, _cell(run, chosen)) for run in runs if run.step > 0]
            cells.update(begun, chosen, last=last or all(run.status in _ENDED for run in runs))
        return Board(path.resolve().name, runs, chosen, cells.rows, cells.problem)

    if once:
        board = look(last=True)
        if as_json:
            print_json(board.content())
        else:
            _console().print(board.picture())
        return
    try:
        board = _follow(look, interval, as_json=as_json)
    except KeyboardInterrupt:
        typer.echo("stopped watching; the sweep continues.", err=True)
        return
    if board.n_with("failed"):
        from tracekit.cli import EXIT_FAILED_RUNS

        raise typer.Exit(EXIT_FAILED_RUNS)
    if not board.done and not as_json:
        typer.echo(f"the sweep has stopped; `tracekit resume {path}` continues it.")


_ENDED = ("finished", "diverged", "failed")


def _cell(run: RunStanding, by: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the configuration of a run."""
    return tuple(run.attributes.get(name) for name in by)


@dataclass(frozen=True, slots=True)
class Board:
    """One look at a sweep."""

    name: str
    runs: list[RunStanding]
    by: tuple[str, ...]  #: columns that tell one cell from another
    labels: list[dict[str, Any]]
    problem: str = ""  #: why there are no labels, if that is so

    def n_with(self, status: str) -> int:
        """Return the number of runs with this status."""
        return sum(run.status == status for run in self.runs)

    @property
    def done(self) -> bool:
        """Whether every run has ended."""
        return all(run.status in _ENDED for run in self.runs)

    @property
    def lengths(self) -> list[int | None]:
        """Updates of each run; of one that has not begun, those of a run of the same batch size."""
        known = {run.attributes.get("batch_size"): run.n_updates for run in self.runs if run.n_updates}
        return [run.n_updates or known.get(run.attributes.get("batch_size")) for run in self.runs]

    @property
    def updates(self) -> int:
        """Updates recorded so far."""
        return sum(run.step for run in self.runs)

    @property
    def rate(self) -> float | None:
        """Updates per second of all running runs together."""
        rates = [
            run.step / run.seconds
            for run in self.runs
            if run.status == "running" and run.seconds and run.step
        ]
        return sum(rates) if rates else None

    @property
    def eta(self) -> float | None:
        """Seconds left, where the length of every run is known or can be guessed."""
        if self.rate is None or None in self.lengths:
            return None
        pairs = zip(self.runs, self.lengths, strict=True)
        return sum((length or 0) - run.step for run, length in pairs if run.status not in _ENDED) / self.rate

    @property
    def silence(self) -> float | None:
        """Seconds since a run that should be running last wrote something."""
        changed = [run.changed for run in self.runs if run.status == "running"]
        return max(0.0, time.time() - max(changed)) if changed else None

    def summary(self) -> str:
        """One line: runs, updates, speed, time left, and what needs attention."""
        ended = sum(run.status in _ENDED for run in self.runs)
        total = sum(length or 0 for length in self.lengths)
        of = f"/{total}" if None not in self.lengths else ""
        words = [f"{ended}/{count(len(self.runs), 'run')}", f"{self.updates}{of} updates"]
        words += [f"{self.rate:.0f} updates/s"] if self.rate else []
        words += [f"ETA {clock(self.eta)}"] if self.eta is not None else []
        words += [
            f"{n} {status}"
            for status in ("running", "interrupted", "diverged", "failed")
            if (n := self.n_with(status))
        ]
        if self.silence is not None and self.silence > _SILENT_AFTER:
            words.append(f"no news for {clock(self.silence)}: has its process ended?")
        return f"{self.name}: {', '.join(words)}"

    def cells(self) -> list[dict[str, Any]]:
        """Return one row per configuration: progress, losses, label so far."""
        import statistics

        named = {tuple(row[name] for name in self.by): row for row in self.labels}
        cells: dict[tuple[Any, ...], list[RunStanding]] = {}
        for run in self.runs:
            cells.setdefault(_cell(run, self.by), []).append(run)
        rows = []
        for cell, runs in cells.items():
            losses = [run.loss for run in runs if run.loss is not None]
            rates = {run.attributes.get("learning_rate") for run in runs}
            row = {
                "optimizer": runs[0].attributes.get("optimizer"),
                "batch_size": runs[0].attributes.get("batch_size"),
                "learning_rate": rates.pop() if len(rates) == 1 else None,
                **dict(zip(self.by, cell, strict=True)),
                "n_runs": len(runs),
                "n_ended": sum(run.status in _ENDED for run in runs),
                "updates": sum(run.step for run in runs),
                "loss": statistics.median(losses) if losses else None,
            }
            label = named.get(cell, {})
            keys = ("label", "index", "ci_low", "ci_high", "n_seeds", "reason")
            rows.append(row | {key: label.get(key) for key in keys})
        return rows

    def content(self) -> dict[str, Any]:
        """Everything, for programs."""
        statuses = sorted({run.status for run in self.runs})
        return {
            "name": self.name,
            "done": self.done,
            "n_runs": len(self.runs),
            "statuses": {status: self.n_with(status) for status in statuses},
            "updates": self.updates,
            "n_updates": None if None in self.lengths else sum(length or 0 for length in self.lengths),
            "updates_per_second": self.rate,
            "eta_seconds": self.eta,
            "silent_seconds": self.silence,
            "cells": self.cells(),
            "labels_problem": self.problem or None,
            "runs": [
                {
                    "run": run.run,
                    **run.attributes,
                    "status": run.status,
                    "step": run.step,
                    "n_updates": length,
                    "seconds": run.seconds,
                    "loss": run.loss,
                    "reason": run.reason,
                }
                for run, length in zip(self.runs, self.lengths, strict=True)
            ],
        }

    def picture(self) -> RenderableType:
        """The summary, a table of cells, and the runs that failed, for a terminal."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        short = {"batch_size": "batch", "learning_rate": "rate"}
        told = [(short.get(name, name), name) for name in self.by]
        for title in (*(title for title, _ in told), "runs", "updates", "loss", "label so far"):
            table.add_column(title)
        for row in self.cells():
            words = [*(row[key] for _, key in told), f"{row['n_ended']}/{row['n_runs']}", row["updates"]]
            table.add_row(*(Text(shown(word)) for word in (*words, row["loss"], _label_words(row))))
        failed = [(run.run, run.status, run.reason or "") for run in self.runs if run.status == "failed"]
        problem = [f"no labels so far ({self.problem})"] if self.problem else []
        return Group(Text(self.summary()), table, *map(Text, [*problem, *by_reason(failed)]))


def _label_words(row: dict[str, Any]) -> str:
    if row["label"] is None:
        return ""
    low, high = row["ci_low"], row["ci_high"]
    interval = "" if low is None or low != low else f" {shown(row['index'])} [{shown(low)}, {shown(high)}]"
    return f"{row['label']}{interval}"


def _follow(look: Callable[..., Board], interval: float, *, as_json: bool) -> Board:
    """Look until the sweep has ended or stopped, and show each look; return the last."""
    console = _console()
    if as_json:
        return _until_end(look, interval, _json_line)
    if not console.is_terminal:
        board = _until_end(look, interval, lambda board: print(board.summary(), flush=True))
        console.print(board.picture())
        return board
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:
        return _until_end(
            look, interval, lambda board: live.update(board.picture(), refresh=True), always=True
        )


def _json_line(board: Board) -> None:
    print(json.dumps(plain(board.content()), allow_nan=False), flush=True)


def _until_end(
    look: Callable[..., Board], interval: float, show: Callable[[Board], object], *, always: bool = False
) -> Board:
    idle_since: float | None = None
    shown_last: tuple[Any, ...] | None = None
    while True:
        board = look()
        state = (
            board.updates,
            tuple(run.status for run in board.runs),
            [row["label"] for row in board.labels],
        )
        if always or state != shown_last:
            show(board)
            shown_last = state
        if board.done:
            return board
        idle = not board.n_with("running")
        idle_since = (idle_since or time.monotonic()) if idle else None
        if idle_since is not None and time.monotonic() - idle_since > max(_STOPPED_AFTER, 3 * interval):
            return board
        time.sleep(interval)


def _console() -> Any:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=10_000)
