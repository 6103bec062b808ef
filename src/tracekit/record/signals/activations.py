"""Activations: outputs of the model's layers on the training batch, with dead units and saturation.

The layers are those that the model calls one after the other; layers inside a residual block are not recorded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import loops_for
from tracekit.engine.layers import Flatten, ReLU, Sigmoid, Tanh
from tracekit.record.observation import Observation
from tracekit.record.signal import signal
from tracekit.record.summary import LOOPS, mean_and_std

#: A pass over millions of activations takes longer than all other signals of the batch.
_RARELY = "every 53"
#: Largest number of rows of channels that are joined.
_JOINED = 256
#: Distance from the middle, in shares of the half range, beyond which a sigmoid is called saturated.
SATURATED = 0.9


@signal(
    "layer/activation",
    unit="activation",
    per="layer",
    fields=("mean", "std"),
    schedule=_RARELY,
    reads=("outputs",),
)
def activation(now: Observation) -> dict[str, Sequence[float]]:
    """Mean and standard deviation of the layer's outputs over the batch and the units."""
    layers = now.step.model.layers
    return {
        name: mean_and_std(output)
        for name, output in now.step.outputs.items()
        if not isinstance(layers[name], Flatten)
    }


@signal(
    "layer/relu",
    unit="share",
    per="layer",
    fields=("zeros", "dead"),
    schedule=_RARELY,
    reads=("outputs",),
    source="Lu et al. 2019, arXiv:1903.06733",
)
def relu(now: Observation) -> dict[str, Sequence[float]]:
    """Share of a ReLU layer's outputs that are zero, and share of its units that are zero on the whole batch.

    A unit of a layer of images is a channel: it is dead if it is zero at every pixel of every sample.
    """
    shares: dict[str, Sequence[float]] = {}
    for name, output in now.step.outputs.items():
        if isinstance(now.step.model.layers[name], ReLU):
            n_active, active = _count_active(output)
            n_dead = active.size - np.count_nonzero(active)
            shares[name] = (1.0 - n_active / output.size, n_dead / active.size)
    return shares


def _count_active(output: np.ndarray) -> tuple[int, np.ndarray]:
    """Count the elements that are not zero, and mark the channels that have one, on all threads."""
    n_channels = output.shape[-1]
    rows = output.reshape(-1, n_channels)
    # Rows are joined to longer ones, because short ones are slow, and separated at the end.
    rows = rows.reshape(-1, math.gcd(len(rows), _JOINED) * n_channels)
    loops = loops_for(rows, module=LOOPS)
    counts: list[int] = []
    marks: list[np.ndarray] = []

    def work(part: slice) -> None:
        active = np.zeros(rows.shape[1], np.bool_)
        if loops is not None:
            n_active = loops.count_active(rows[part], active)
        else:
            is_active = rows[part] != 0
            n_active = np.count_nonzero(is_active)
            np.logical_or.reduce(is_active, axis=0, out=active)
        counts.append(n_active)
        marks.append(active)

    parallel.over(len(rows), rows.size, work)
    return sum(counts), np.logical_or.reduce(np.concatenate(marks).reshape(-1, n_channels), axis=0)


@signal(
    "layer/saturation",
    unit="share",
    per="layer",
    schedule=_RARELY,
    reads=("outputs",),
    source="Glorot & Bengio 2010",
)
def saturation(now: Observation) -> dict[str, float]:
    """Share of a tanh or sigmoid layer's outputs in the outer 5 % of the range, at either end.

    That is |y| > 0.9 for tanh and |2y - 1| > 0.9 for the logistic function.
    """
    shares: dict[str, float] = {}
    for name, output in now.step.outputs.items():
        layer = now.step.model.layers[name]
        if isinstance(layer, (Tanh, Sigmoid)):
            centered = output if isinstance(layer, Tanh) else 2.0 * output - 1.0
            shares[name] = np.count_nonzero(np.abs(centered) > SATURATED) / output.size
    return shares
