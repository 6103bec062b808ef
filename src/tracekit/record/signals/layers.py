"""Gradient, weight and update of each parameter tensor: norms, and the distribution of the gradient's elements."""

from __future__ import annotations

from tracekit.record.memory import Tensors
from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal


@signal("layer/grad_norm", unit="nat/weight", per="tensor", reads=("gradients",), cockpit="GradNorm")
def gradient_norm(now: Observation) -> dict[str, float]:
    """Euclidean norm of the gradient of the reduced loss."""
    return now.gradients.norms()


@signal("layer/weight_norm", unit="weight", per="tensor", reads=("parameters",))
def weight_norm(now: Observation) -> dict[str, float]:
    """Euclidean norm of the parameter tensor, before the update."""
    return now.parameters.norms()


@signal("layer/update_norm", unit="weight", per="tensor", reads=("updates",), cockpit="UpdateSize")
def update_norm(now: Observation) -> dict[str, float]:
    """Euclidean norm of the update that the optimizer adds to the parameter tensor."""
    return now.updates.norms()


@signal("layer/grad_max", unit="nat/weight", per="tensor", reads=("gradients",))
def gradient_max(now: Observation) -> dict[str, float]:
    """Largest absolute element of the gradient of the reduced loss."""
    return now.gradients.largest()


@signal("layer/grad_mean", unit="nat/weight", per="tensor", reads=("gradients",))
def gradient_mean(now: Observation) -> dict[str, float]:
    """Mean element of the gradient of the reduced loss."""
    return now.gradients.means()


@signal("layer/grad_zeros", unit="share", per="tensor", reads=("gradients",))
def gradient_zeros(now: Observation) -> dict[str, float]:
    """Share of the gradient's elements that are exactly zero."""
    return now.gradients.zeros()


@signal(
    "layer/grad_flips",
    unit="share",
    per="tensor",
    schedule=NOW_AND_THEN,
    reads=("gradients", "previous gradients"),
)
def gradient_flips(now: Observation) -> dict[str, float]:
    """Share of the gradient's elements whose sign differs from that at the previous update; not at the first update.

    An element that is zero at either update counts as not flipped.
    """
    before = now.previous_gradients
    return {} if before is None else now.gradients.opposed(before)


@signal(
    "layer/parameter",
    unit="weight",
    per="tensor",
    preset="request",
    index="position in the tensor, row by row",
    reads=("parameters",),
    cockpit="Parameters",
)
def parameter(now: Observation) -> Tensors:
    """Every element of the parameter tensor, before the update; needs much storage."""
    return now.parameters
