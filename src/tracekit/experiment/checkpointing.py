"""Checkpoints of a run: written after the part of the trace that they continue, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from tracekit.engine import Sequential
from tracekit.engine.optim import Optimizer
from tracekit.engine.training.checkpoint import checkpoint_bytes
from tracekit.engine.training.loop import Observer
from tracekit.errors import StoreError, TracekitError
from tracekit.traces import RunWriter
from tracekit.traces.files import CHECKPOINT_FILE, write_whole


class Interrupted(TracekitError):
    """The user stopped a run; its recorded values are kept, and it can be resumed."""

    interrupts_runs = True  # how the run's writer tells an interruption from a failure


class Checkpointer(Observer):
    """Write due parts and checkpoints at the end of an update, and stop the run there when asked to.

    A checkpoint is written only after the part that holds the values up to its step. A run that is killed
    between the two continues from the previous checkpoint, and drops the values that it will record again.

    Parameters
    ----------
    writer : RunWriter
    model, optimizer, dropout_rng
        What a checkpoint holds.
    observers : mapping of str to Observer
        Observers whose states it holds too.
    stopped : callable
        Whether the user wants to stop.
    """

    def __init__(
        self,
        writer: RunWriter,
        model: Sequential,
        optimizer: Optimizer,
        dropout_rng: np.random.Generator,
        *,
        observers: Mapping[str, Observer],
        stopped: Callable[[], bool],
    ) -> None:
        self._writer = writer
        self._model, self._optimizer, self._dropout_rng = model, optimizer, dropout_rng
        self._observers = observers
        self._stopped = stopped

    def on_update_end(self, step: int) -> None:
        """Write a part and a checkpoint if they are due; raise Interrupted if the user wants to stop."""
        stop = self._stopped()
        if stop or self._writer.due:
            self._save(step)
        if stop:
            raise Interrupted(f"interrupted after step {step}")

    def _save(self, step: int) -> None:
        extra = {
            f"{name}/{key}": array
            for name, observer in self._observers.items()
            for key, array in observer.state().items()
        }
        # The state is copied here, on the training's thread; the file is written on the writer's.
        content = checkpoint_bytes(
            self._model, self._optimizer, step=step, dropout_rng=self._dropout_rng, extra=extra
        )
        path = self._writer.folder / CHECKPOINT_FILE
        self._writer.flush(then=lambda: write_whole(path, lambda temporary: temporary.write_bytes(content)))


def restore_observers(observers: Mapping[str, Observer], extra: Mapping[str, np.ndarray], path: Path) -> None:
    """Restore the observers' states from a checkpoint; raise StoreError if it holds the state of an unknown one."""
    for name, observer in observers.items():
        prefix = f"{name}/"
        observer.restore({key.removeprefix(prefix): a for key, a in extra.items() if key.startswith(prefix)})
    strangers = sorted({key.partition("/")[0] for key in extra} - set(observers))
    if strangers:
        raise StoreError(f"{path} holds the state of {', '.join(strangers)}, which this run does not have.")
