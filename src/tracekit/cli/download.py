"""Progress bar of a download, on stderr, with the interface that pooch calls."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class DownloadBar:
    """Progress bar in bytes; shown on a terminal only, and not when quiet."""

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
        """Advance by `n` bytes."""
        self._progress.update(self._task, advance=n)

    def reset(self) -> None:
        """Set the bar back to zero."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """Do nothing; pooch calls this when the download has ended."""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
