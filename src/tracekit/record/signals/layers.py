"""Sizes of gradient, weight and update, one value a parameter tensor."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.training import Step
from tracekit.record.signal import signal


def norms(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Euclidean norm of each array; sums are taken in float64, where float32 squares cannot overflow."""
    wide = ((name, array.ravel().astype(np.float64)) for name, array in arrays.items())
    return {name: math.sqrt(flat @ flat) for name, flat in wide}


@signal("layer/grad_norm", unit="nat/weight", layered=True)
def gradient_norm(step: Step) -> dict[str, float]:
    """Euclidean norm of the gradient of the reduced loss."""
    return norms(step.gradients)


@signal("layer/weight_norm", unit="weight", layered=True)
def weight_norm(step: Step) -> dict[str, float]:
    """Euclidean norm of the parameter tensor, before the update."""
    return norms(step.parameters)


@signal("layer/update_norm", unit="weight", layered=True)
def update_norm(step: Step) -> dict[str, float]:
    """Euclidean norm of what the optimizer adds to the parameter tensor."""
    return norms(step.updates)
