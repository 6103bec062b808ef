"""Outputs of the model's layers on the training batch: moments, dead units, saturation.

The layers are those that the model calls one after the other; what is inside a residual block is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tracekit.engine.layers import Flatten, ReLU, Sigmoid, Tanh
from tracekit.record.observation import Observation
from tracekit.record.signal import signal
from tracekit.record.summary import mean_and_std

#: Millions of activations: a pass over all of them takes longer than all else that is recorded in passing.
_RARELY = "every 53"
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
    """Share of a ReLU layer's outputs that are zero, and of its units that are zero on the whole batch.

    A unit of a layer of images is a channel: dead if it is zero at every pixel of every sample.
    """
    shares: dict[str, Sequence[float]] = {}
    for name, output in now.step.outputs.items():
        if isinstance(now.step.model.layers[name], ReLU):
            active = (output != 0).reshape(-1, output.shape[-1])
            n_dead = output.shape[-1] - np.count_nonzero(_any_row(active))
            shares[name] = (1.0 - np.count_nonzero(active) / output.size, n_dead / output.shape[-1])
    return shares


def _any_row(rows: np.ndarray) -> np.ndarray:
    """Whether any row has each column; rows are joined to long ones first, for short ones are slow."""
    n_joined = math.gcd(len(rows), 256)
    joined = np.logical_or.reduce(rows.reshape(-1, n_joined * rows.shape[1]), axis=0)
    found: np.ndarray = np.logical_or.reduce(joined.reshape(n_joined, -1), axis=0)
    return found


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
