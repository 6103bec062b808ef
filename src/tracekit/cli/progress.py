"""Progress of a sweep on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from tracekit.cli.output import clock, count, shown
from tracekit.cli.sweep_status import CellLabels, cell_columns
from tracekit.experiment import RunConfig, RunProgress

_PLAIN_SECONDS = 10.0  # between two lines where no terminal redraws them
_SETTLED_SECONDS = 2.0  # earlier, the measured speed is that of the start, not of the training


class _Bars(Progress):
    """Progress bars of the runs, and below them the labels so far."""

    labels: Sequence[str] = ()

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        if self.labels:
            yield Text("labels so far: " + "; ".join(self.labels), overflow="fold")


class SweepProgress:
    """Show the progress of a sweep: runs done, updates per second, time left, each worker's loss, labels so far.

    Parameters
    ----------
    runs : mapping of str to RunConfig
        The runs to make, by name.
    folder : Path
        The sweep's folder; the labels are computed from what the runs recorded there.
    signal : str
        Signal to judge.
    quiet : bool
        Show nothing.
    """

    def __init__(
        self, runs: Mapping[str, RunConfig], folder: Path, *, signal: str, quiet: bool = False
    ) -> None:
        self.n_runs = len(runs)
        self.quiet = quiet
        self.ended = 0
        self.failures: dict[str, str] = {}  # run -> why it failed
        self.started = time.monotonic()
        self._attributes = {name: config.attributes for name, config in runs.items()}
        self._by: tuple[str, ...] = ()
        self._labels = CellLabels(folder, signal)
        self._recorded: list[str] = []
        self._steps: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal and not quiet
        self._next_line = self.started + _PLAIN_SECONDS
        self._bar = _Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._whole: TaskID | None = None
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._live:
            self._whole = self._bar.add_task("runs", total=self.n_runs, note="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()
        if error is None and not self.quiet:
            seconds = time.monotonic() - self.started
            print(f"{self.summary()} in {clock(seconds)}", file=sys.stderr)

    def __call__(self, news: RunProgress) -> None:
        """Take the news of one run and update the display."""
        self._steps[news.run] = news.step
        self._lengths[news.run] = news.n_updates
        if news.status != "running":
            self.ended += 1
        if news.status == "failed":
            self.failures[news.run] = news.reason or "no reason"
        elif news.status != "running" and not self.quiet:
            self._recorded.append(news.run)
            self._label()
        if self._live:
            self._draw(news)
        elif not self.quiet and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _PLAIN_SECONDS
            print(f"{self.summary()}, {self.outlook()}, {news.run} loss {news.loss:.4g}", file=sys.stderr)

    def _label(self) -> None:
        """Label the cells that have enough seeds."""
        self._by = self._by or cell_columns(self._attributes.values())
        recorded = [
            (name, tuple(self._attributes[name].get(key) for key in self._by)) for name in self._recorded
        ]
        if self._labels.update(recorded, self._by):
            self._bar.labels = [
                f"{' '.join(shown(row[key]) for key in self._by)} {row['label']}" for row in self._labels.rows
            ]
            if self._labels.problem:
                self._bar.labels = [f"none ({self._labels.problem})"]
            if self._bar.labels and not self._live:
                print(f"labels so far: {'; '.join(self._bar.labels)}", file=sys.stderr)

    def _draw(self, news: RunProgress) -> None:
        if self._whole is not None:
            self._bar.update(self._whole, completed=self.ended, note=self.outlook())
        if news.run not in self._rows:
            self._rows[news.run] = self._bar.add_task(news.run, total=news.n_updates, note="")
        row = self._rows[news.run]
        self._bar.update(row, completed=news.step, note=f"loss {news.loss:.4g}")
        if news.status == "finished":
            self._bar.remove_task(row)
            del self._rows[news.run]
        elif news.status != "running":
            self._bar.update(row, note=news.status)
            self._bar.stop_task(row)

    def summary(self) -> str:
        """Return a sentence on the runs that ended and the updates made so far."""
        return f"{self.ended}/{count(self.n_runs, 'run')}, {count(sum(self._steps.values()), 'update')}"

    def outlook(self) -> str:
        """Return updates per second and time left, assuming that runs not begun are as long as the others."""
        seconds = time.monotonic() - self.started
        done = sum(self._steps.values())
        if not done or seconds < _SETTLED_SECONDS:
            return "starting"
        rate = done / seconds
        mean_length = sum(self._lengths.values()) / len(self._lengths)
        left = max(0.0, self.n_runs * mean_length - done) / rate
        return f"{rate:.0f} updates/s, ETA {clock(left)}"
