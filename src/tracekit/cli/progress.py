"""Progress of a sweep on stderr: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tracekit.experiment import RunProgress

_PLAIN_SECONDS = 10.0  # between two lines where no terminal redraws them


class SweepProgress:
    """Listens to a sweep: runs done, updates a second, time left, and the current loss of each worker.

    Parameters
    ----------
    n_runs : int
        Runs of the sweep.
    quiet : bool
        Show nothing.
    """

    def __init__(self, n_runs: int, *, quiet: bool = False) -> None:
        self.n_runs = n_runs
        self.quiet = quiet
        self.ended = 0
        self.failures: dict[str, str] = {}  # run -> why it failed
        self.started = time.monotonic()
        self._steps: dict[str, int] = {}
        self._lengths: dict[str, int] = {}
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal and not quiet
        self._next_line = self.started + _PLAIN_SECONDS
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
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
            print(f"{self.summary()} in {_clock(seconds)}", file=sys.stderr)

    def __call__(self, news: RunProgress) -> None:
        """Take one piece of news."""
        self._steps[news.run] = news.step
        self._lengths[news.run] = news.n_updates
        if news.status != "running":
            self.ended += 1
        if news.status == "failed":
            self.failures[news.run] = news.reason or "no reason"
        if self._live:
            self._draw(news)
        elif not self.quiet and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _PLAIN_SECONDS
            print(f"{self.summary()}, {self.outlook()}, {news.run} loss {news.loss:.4g}", file=sys.stderr)

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
        """Runs ended and updates made so far."""
        return f"{self.ended}/{self.n_runs} runs, {sum(self._steps.values())} updates"

    def outlook(self) -> str:
        """Updates a second and time left, supposing that runs not yet seen are as long as those seen."""
        seconds = time.monotonic() - self.started
        done = sum(self._steps.values())
        rate = done / seconds if seconds > 0 else 0.0
        if not rate:
            return "starting"
        mean_length = sum(self._lengths.values()) / len(self._lengths)
        left = max(0.0, self.n_runs * mean_length - done) / rate
        return f"{rate:.0f} updates/s, ETA {_clock(left)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}:{rest:02d}"
