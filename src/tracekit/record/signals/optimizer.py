"""Optimizer state: numbers, arrays and matrices that any optimizer keeps, read from `Optimizer.state`.

A state is a tree: links by name, quantities by name, and one array per tensor under a quantity. The quantity gives a
signal its name, so that the first moments of two optimizers can be compared; the tensor is its layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tracekit.engine.optim import Optimizer
from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal
from tracekit.record.summary import mean_and_std

#: Links that have signals of their own here.
_OWN_DEFINITIONS = frozenset({"descent", "clip_by_norm"})
#: Numbers of updates, and copies of values that other signals show.
_LEFT_OUT = frozenset({"count", "start", "previous_gradient"})
#: Square statistics of a tensor's axes, positive semidefinite, under "tensor/axis".
_STATISTICS = frozenset({"statistics"})
FIELDS = ("mean", "std", "min", "max")
SPECTRUM_FIELDS = ("largest", "smallest", "participation_ratio", "effective_rank")
#: Largest side of a matrix; longer ones are left out, because eigenvalues take cubic time.
LARGEST_SIDE = 1024


def quantities(optimizer: Optimizer) -> Iterator[tuple[str, str | None, np.ndarray]]:
    """Walk an optimizer's state: (quantity, tensor, array); the tensor is None for a number of the whole optimizer."""
    for link, state in optimizer.state.items():
        if link not in _OWN_DEFINITIONS:
            yield from _walk(state)


def _walk(state: dict[str, Any]) -> Iterator[tuple[str, str | None, np.ndarray]]:
    for quantity, value in state.items():
        if quantity in _LEFT_OUT:
            continue
        if not isinstance(value, dict):
            yield quantity, None, np.asarray(value)
        elif all(isinstance(each, np.ndarray) for each in value.values()):
            for tensor, array in value.items():
                yield quantity, tensor, array
        else:  # the state of a second optimizer, such as Muon's for vectors
            yield from _walk(value)


def learning_rate_now(optimizer: Optimizer) -> float | None:
    """Return the learning rate of this update; None for an optimizer that has none of its own."""
    rate = optimizer.state.get("descent", {}).get("learning_rate")
    return None if rate is None else float(rate)


def first_moments(optimizer: Optimizer) -> dict[str, np.ndarray]:
    """Return the arrays that an optimizer keeps as "first_moment", by tensor."""
    return {
        tensor: array
        for quantity, tensor, array in quantities(optimizer)
        if quantity == "first_moment" and tensor is not None
    }


@signal("optimizer/learning_rate", unit="rate", cost="free", preset="minimal", reads=("optimizer state",))
def learning_rate(now: Observation) -> float | None:
    """Learning rate of this update, with its schedule; not recorded for methods that set their own step size."""
    return learning_rate_now(now.step.optimizer)


@signal("optimizer/clip_norm", unit="nat/weight", cost="free", reads=("optimizer state",))
def clip_norm(now: Observation) -> float | None:
    """Joint norm of all gradients before clipping by norm; not recorded without such clipping."""
    state = now.step.optimizer.state.get("clip_by_norm")
    return None if state is None else float(state["norm"])


@signal(
    "optimizer/number",
    unit="as the optimizer's",
    cost="free",
    is_open=True,
    fields=("<quantity>",),
    reads=("optimizer state",),
)
def numbers(now: Observation) -> list[tuple[str, str | None, float]]:
    """Every number that the optimizer keeps, per tensor or in all: trust ratio, mean friction, clip rate, d, ...

    docs/optimizers.md lists them as the optimizer's state. The values are those after this update's gradients.
    """
    return [
        (quantity, tensor, float(array))
        for quantity, tensor, array in quantities(now.step.optimizer)
        if array.ndim == 0
    ]


@signal(
    "optimizer/state",
    unit="as the optimizer's",
    is_open=True,
    fields=tuple(f"<quantity>/{field}" for field in FIELDS),
    schedule=NOW_AND_THEN,
    reads=("optimizer state",),
)
def arrays(now: Observation) -> list[tuple[str, str | None, float]]:
    """Mean, standard deviation and extremes of every array that the optimizer keeps: moments, beliefs, momentum, ...

    The values are those after this update's gradients.
    """
    rows: list[tuple[str, str | None, float]] = []
    for quantity, tensor, array in quantities(now.step.optimizer):
        if array.ndim > 0:
            values = (*mean_and_std(array), float(array.min()), float(array.max()))
            rows += [
                (f"{quantity}/{field}", tensor, value) for field, value in zip(FIELDS, values, strict=True)
            ]
    return rows


@signal(
    "optimizer/spectrum",
    unit="as the optimizer's",
    preset="full",
    per="tensor",
    fields=SPECTRUM_FIELDS,
    schedule="log 20",
    reads=("optimizer state",),
    source="participation ratio: Gao et al. 2017; effective rank: Roy & Vetterli 2007",
)
def spectrum(now: Observation) -> dict[str, Sequence[float]]:
    """Spectrum of matrices that the optimizer keeps: SOAP's and Shampoo's statistics of each axis, Muon's momentum.

    For statistics these are the eigenvalues, with the layer "tensor/axis"; for momentum the squared singular values of
    the (out, rest) matrix. Participation ratio and effective rank count directions, see `noise/spectrum_shape`.
    """
    figures: dict[str, Sequence[float]] = {}
    for quantity, tensor, array in quantities(now.step.optimizer):
        if tensor is None or array.ndim < 2:
            continue
        if quantity in _STATISTICS:
            matrix = array.astype(np.float64)
        elif quantity == "momentum" and "muon" in now.step.optimizer.state:
            rows = array.reshape(len(array), -1).astype(np.float64)
            matrix = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
        else:
            continue
        if len(matrix) <= LARGEST_SIDE:
            eigenvalues = eigenvalues_of(matrix)
            figures[tensor] = [float(eigenvalues[0]), float(eigenvalues[-1]), *counts(eigenvalues)]
    return figures


def eigenvalues_of(matrix: np.ndarray) -> np.ndarray:
    """Return the eigenvalues of a positive semidefinite matrix, falling, at least 0; NaN if it is not finite."""
    if not np.isfinite(matrix).all():
        return np.full(len(matrix), np.nan)
    return np.maximum(np.linalg.eigvalsh(matrix)[::-1], 0.0)


def counts(eigenvalues: np.ndarray) -> tuple[float, float]:
    """Return participation ratio (Σλ)² / Σλ² and effective rank exp(−Σ p log p), p = λ / Σλ; NaN if undefined."""
    total = float(eigenvalues.sum())
    if not 0 < total < np.inf:
        return np.nan, np.nan
    shares = eigenvalues[eigenvalues > 0] / total
    return 1.0 / float(shares @ shares), float(np.exp(-(shares @ np.log(shares))))
