"""Checkpoints: everything that a training needs to continue as if it had not stopped.

A checkpoint is one npz file of plain arrays, never a pickle. The order of the samples is not in it: it
follows from its generator's seed, and `train` moves past the updates already made.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracekit.engine.layers import Sequential
from tracekit.engine.optim import Optimizer
from tracekit.errors import ArgumentError, DataError

#: Raised when the meaning of an entry changes.
CHECKPOINT_VERSION = 1

_EXTRA = "extra/"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a loaded checkpoint says besides the state that it has put back."""

    step: int  #: updates made, for ``train(..., start=...)``
    extra: dict[str, np.ndarray]  #: arrays that were saved along


def checkpoint_bytes(
    model: Sequential,
    optimizer: Optimizer,
    *,
    step: int,
    dropout_rng: np.random.Generator,
    extra: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """Return the contents of a checkpoint file: a copy of the state as it is now.

    Parameters
    ----------
    model : Sequential
        Its parameters and buffers are saved.
    optimizer : Optimizer
        Its state, update count and layer factors are saved.
    step : int
        Updates made, what `train` takes as ``start``.
    dropout_rng : Generator
        Its state is saved.
    extra : mapping of str to ndarray, optional
        Further arrays to find again, such as the observers' states.
    """
    entries: dict[str, np.ndarray] = {
        "version": np.array(CHECKPOINT_VERSION),
        "step": np.array(step),
        "dropout_rng": np.array(json.dumps(dropout_rng.bit_generator.state)),
        "optimizer_count": np.array(optimizer.count),
        "layer_schedule": np.array(json.dumps(optimizer.parameters.layer_schedule)),
    }
    entries |= {f"model/{name}": array for name, array in _model_arrays(model).items()}
    entries |= _flatten("optimizer", optimizer.state)
    entries |= {f"{_EXTRA}{name}": np.asarray(array) for name, array in (extra or {}).items()}
    file = io.BytesIO()
    np.savez(file, **entries)  # type: ignore[arg-type]
    return file.getvalue()


def save_checkpoint(
    path: str | Path,
    model: Sequential,
    optimizer: Optimizer,
    *,
    step: int,
    dropout_rng: np.random.Generator,
    extra: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Write a checkpoint file; one that is there is replaced in one piece or not at all.

    Parameters are those of `checkpoint_bytes`, after the file's path.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(
            checkpoint_bytes(model, optimizer, step=step, dropout_rng=dropout_rng, extra=extra)
        )
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(
    path: str | Path, model: Sequential, optimizer: Optimizer, *, dropout_rng: np.random.Generator
) -> Checkpoint:
    """Put a checkpoint's state into a model, optimizer and generator of the same make, in place.

    Raises
    ------
    DataError
        The file is missing, damaged, of a newer version, or of another model or optimizer; nothing has
        been changed then.
    """
    try:
        with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            entries = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} cannot be read as a checkpoint ({error}); use another one.") from error
    if int(entries.get("version", np.array(CHECKPOINT_VERSION + 1))) > CHECKPOINT_VERSION:
        raise DataError(f"{path} was written by a newer tracekit, or is no checkpoint; upgrade tracekit.")
    arrays = {f"model/{name}": array for name, array in _model_arrays(model).items()}
    arrays |= _flatten("optimizer", optimizer.state)
    extra = {name.removeprefix(_EXTRA): entry for name, entry in entries.items() if name.startswith(_EXTRA)}
    own = {name: entry for name, entry in entries.items() if name.startswith(("model/", "optimizer/"))}
    _check_same(path, arrays, own)
    for name, array in _model_arrays(model).items():
        array[...] = entries[f"model/{name}"]
    _restore("optimizer", optimizer.state, entries)
    optimizer.count = int(entries["optimizer_count"])
    optimizer.parameters.layer_schedule = json.loads(str(entries["layer_schedule"]))
    dropout_rng.bit_generator.state = json.loads(str(entries["dropout_rng"]))
    return Checkpoint(int(entries["step"]), extra)


def _model_arrays(model: Sequential) -> dict[str, np.ndarray]:
    return {name: tensor.data for name, tensor in model.parameters().items()} | model.buffers()


def _flatten(prefix: str, state: dict[str, Any]) -> dict[str, np.ndarray]:
    """Give every array and number of a nested state a path."""
    entries: dict[str, np.ndarray] = {}
    for key, value in state.items():
        path = f"{prefix}/{key}"
        if isinstance(value, dict):
            entries |= _flatten(path, value)
        elif isinstance(value, (np.ndarray, int, float)):
            entries[path] = np.asarray(value)
        else:
            raise ArgumentError(
                f"the optimizer state {path} is a {type(value).__name__}; only arrays can be saved."
            )
    return entries


def _restore(prefix: str, state: dict[str, Any], entries: dict[str, np.ndarray]) -> None:
    for key, value in state.items():
        path = f"{prefix}/{key}"
        if isinstance(value, dict):
            _restore(path, value, entries)
        elif isinstance(value, np.ndarray):
            value[...] = entries[path]
        else:
            state[key] = entries[path].item()


def _check_same(path: str | Path, expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    for name in expected.keys() | found.keys():
        if name not in found or name not in expected:
            where = "lacks" if name not in found else "holds, and this training does not have,"
            raise DataError(f"{path} is of another model or optimizer: it {where} {name}.")
        if expected[name].shape != found[name].shape or expected[name].dtype.kind != found[name].dtype.kind:
            raise DataError(
                f"{path} is of another model: {name} has shape {found[name].shape}, not {expected[name].shape}."
            )
