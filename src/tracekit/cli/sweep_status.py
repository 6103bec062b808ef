"""How a sweep stands, read from its store while another process may be writing it; nothing is written."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracekit.errors import StoreError, TracekitError
from tracekit.traces.files import (
    CONFIG_FILE,
    EXPERIMENT_FILE,
    META_FILE,
    STATUS_FILE,
    TRACES_FOLDER,
    read_json,
)

if TYPE_CHECKING:
    from tracekit.experiment import RunConfig

#: Seeds below which no label but "inconclusive" is possible.
FEWEST_SEEDS = 5


def cell_columns(attributes: Iterable[Mapping[str, Any]], by: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the columns that tell one configuration from another, as `tracekit label` takes them.

    Parameters
    ----------
    attributes : iterable of mapping
        What tells the runs apart, of all that are planned: those begun so far may yet have one learning rate.
    by : sequence of str, optional
        The columns, where the caller chooses them.
    """
    import pandas as pd

    from tracekit_analysis.tables.configurations import configurations

    return configurations(pd.DataFrame(list(attributes)), by=by).by


def planned_runs(folder: Path) -> dict[str, RunConfig]:
    """Return by name the runs that a sweep consists of, in the order in which they are begun.

    Raises
    ------
    StoreError
        The folder holds no record of a sweep, or a damaged one.
    """
    from tracekit.errors import ArgumentError
    from tracekit.experiment import Sweep

    path = folder / EXPERIMENT_FILE
    try:
        return dict(Sweep(**read_json(path).get("configuration", {})).named_runs())
    except ArgumentError as error:
        sentence = str(error).rstrip(".")
        raise StoreError(f"{path} holds settings that cannot be read ({sentence}).") from error


@dataclass(frozen=True, slots=True)
class RunStanding:
    """How one run stands."""

    run: str  #: its name
    attributes: dict[str, Any]  #: what tells it from others
    status: str  #: as in the store, or "waiting" if it has not begun
    step: int  #: updates recorded so far
    n_updates: int | None  #: updates that it is to make, where known
    seconds: float  #: wall time so far
    changed: float  #: when its record last changed, as `time.time` counts
    loss: float | None  #: latest recorded training loss, nats
    reason: str | None  #: why it diverged, was interrupted or failed


@dataclass(slots=True)
class Watcher:
    """Looks at a sweep again and again, reading only what has changed."""

    folder: Path
    _plan: dict[str, RunConfig] | None = None
    _known: dict[str, tuple[int, RunStanding]] = field(default_factory=dict)
    _lengths: dict[str, int | None] = field(default_factory=dict)

    def look(self) -> list[RunStanding]:
        """Return how each run stands, in the order of the plan.

        Raises
        ------
        StoreError
            The folder is missing, or holds neither a sweep nor a run.
        """
        if not self.folder.is_dir():
            raise StoreError(
                f"{self.folder} is not a folder; give the folder that `tracekit run --out` wrote."
            )
        if self._plan is None and (self.folder / EXPERIMENT_FILE).exists():
            self._plan = planned_runs(self.folder)
        names = list(self._plan or sorted(path.parent.name for path in self.folder.glob(f"*/{CONFIG_FILE}")))
        if not names:
            raise StoreError(f"{self.folder} holds no runs; give the folder that `tracekit run --out` wrote.")
        return [self._run(name) for name in names]

    def _run(self, name: str) -> RunStanding:
        config = (self._plan or {}).get(name)
        attributes = dict(config.attributes) if config is not None else {}
        run = self.folder / name
        try:
            stamp = (run / STATUS_FILE).stat().st_mtime_ns
            known = self._known.get(name)
            if known is None or known[0] != stamp:
                attributes = attributes or dict(read_json(run / CONFIG_FILE).get("attributes", {}))
                known = self._known[name] = (stamp, self._read(run, attributes, stamp))
            return known[1]
        except (OSError, StoreError):
            # Not begun, or just being made: the next look will see it.
            length = config.updates if config is not None else None
            return RunStanding(name, attributes, "waiting", 0, length, 0.0, 0.0, None, None)

    def _read(self, run: Path, attributes: dict[str, Any], stamp: int) -> RunStanding:
        status = read_json(run / STATUS_FILE)
        if run.name not in self._lengths:
            self._lengths[run.name] = read_json(run / META_FILE).get("n_updates")
        return RunStanding(
            run=run.name,
            attributes=attributes,
            status=str(status.get("status")),
            step=int(status.get("step", 0)),
            n_updates=self._lengths[run.name],
            seconds=float(status.get("seconds", 0.0)),
            changed=stamp / 1e9,
            loss=_last_loss(run, status.get("parts") or []),
            reason=status.get("reason"),
        )


def _last_loss(run: Path, parts: Sequence[dict[str, Any]]) -> float | None:
    from tracekit.traces.parts import read_part

    if not parts:
        return None
    try:
        table = read_part(
            run / TRACES_FOLDER / parts[-1]["file"],
            columns=["signal", "step", "value"],
            signals=["train/loss"],
        )
    except StoreError:
        return None  # merged away between two looks
    return float(table["value"][-1].as_py()) if table.num_rows else None


@dataclass(slots=True)
class CellLabels:
    """Labels of the configurations from what is recorded so far, updated as often as it costs little.

    Parameters
    ----------
    folder : Path
        The sweep's folder.
    signal : str
        The signal that is judged.
    share : float
        Largest share of the time that labelling may take.
    """

    folder: Path
    signal: str
    share: float = 0.05
    rows: list[dict[str, Any]] = field(default_factory=list)  #: as `tracekit label --json` gives them
    problem: str = ""  #: why there are none, if that is so
    _wait_until: float = 0.0

    def update(
        self, runs: Iterable[tuple[str, tuple[Any, ...]]], by: Sequence[str], *, last: bool = False
    ) -> bool:
        """Update the labels if a configuration has enough seeds and it is time; return whether it was done.

        Labels must not end what they are shown beside: where they cannot be had, `problem` says why.

        Parameters
        ----------
        runs : iterable of (name, cell)
            Runs of which something is recorded.
        by : sequence of str
            Columns that a cell holds the values of.
        last : bool
            Whether this is the last chance: then it is always time.
        """
        begun = list(runs)
        counts: dict[tuple[Any, ...], int] = {}
        for _, cell in begun:
            counts[cell] = counts.get(cell, 0) + 1
        ready = [name for name, cell in begun if counts[cell] >= FEWEST_SEEDS]
        started = time.monotonic()
        if not ready or (started < self._wait_until and not last):
            return False
        try:
            self.rows, self.problem = _label(self.folder, ready, self.signal, list(by)), ""
        except Exception as error:
            self.rows, self.problem = [], f"{type(error).__name__}: {error}"
        ended = time.monotonic()
        self._wait_until = ended + (ended - started) / self.share
        return True


def _label(folder: Path, names: list[str], signal: str, by: list[str]) -> list[dict[str, Any]]:
    import pandas as pd

    import tracekit_analysis
    from tracekit.cli.output import frame_records
    from tracekit.traces import read

    frames = []
    for name in names:
        try:
            frames.append(read(folder / name, signals=signal))
        except TracekitError:
            continue  # nothing of the signal there yet, or its parts are being merged
    if not frames:
        return []
    frame = pd.concat(frames, ignore_index=True)
    if not set(by) <= set(frame.columns):
        return []
    return frame_records(tracekit_analysis.label(frame, by=by, signal=signal))
