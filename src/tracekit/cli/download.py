"""A download's progress bar on stderr, in the form that pooch drives."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class DownloadBar:
    """A bar of bytes; shown on a terminal only, and not when quiet."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._progress = Progress(
            *columns, console=console, transient=True, disable=quiet or not console.is_terminal
        )
        self._task = self._progress.add_task(label, total=None)
        self._total: int | float = 0

    @property
    def total(self) -> int | float:
        """Size of the download in bytes."""
        return self._total

    @total.setter
    def total(self, size: int | float) -> None:
        self._total = size
        self._progress.update(self._task, total=size)

    def update(self, n: int) -> None:
        """`n` more bytes have arrived."""
        self._progress.update(self._task, advance=n)

    def reset(self) -> None:
        """Back to zero."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """The download has ended."""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
