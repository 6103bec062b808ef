"""How each parameter tensor moves: how far, how fast, and in which direction from one update to the next.

What is not defined, the direction of a tensor of zeros or a ratio to it, is not recorded.
"""

from __future__ import annotations

import math

from tracekit.record.observation import Observation
from tracekit.record.signal import signal


@signal("layer/update_ratio", unit="ratio", per="tensor", reads=("parameters", "updates"))
def update_ratio(now: Observation) -> dict[str, float]:
    """Norm of the update over the norm of the parameter tensor."""
    sizes = now.parameter_norms
    return {name: norm / sizes[name] for name, norm in now.update_norms.items() if sizes[name] != 0}


@signal(
    "layer/distance",
    unit="weight",
    per="tensor",
    reads=("parameters", "initial parameters"),
    cockpit="Distance",
)
def distance(now: Observation) -> dict[str, float]:
    """Euclidean distance of the parameter tensor, before the update, from its initial value."""
    start = now.initial_parameters
    moved = {name: value - start[name] for name, value in now.parameters.items()}
    return {name: math.sqrt(difference @ difference) for name, difference in moved.items()}


@signal("layer/grad_cosine", unit="cosine", per="tensor", reads=("gradients", "previous gradients"))
def successive_cosine(now: Observation) -> dict[str, float]:
    """Cosine of the gradient with that of the update before; not at the first update."""
    before = now.previous_gradients
    if before is None:
        return {}
    sizes = {name: now.gradient_norms[name] * math.sqrt(g @ g) for name, g in before.items()}
    return {
        name: float(g @ before[name]) / sizes[name] for name, g in now.gradients.items() if sizes[name] != 0
    }


@signal("layer/update_cosine", unit="cosine", per="tensor", reads=("gradients", "updates"))
def update_cosine(now: Observation) -> dict[str, float]:
    """Cosine of the gradient with the update: -1 where the optimizer goes straight down."""
    sizes = {name: norm * now.update_norms[name] for name, norm in now.gradient_norms.items()}
    return {
        name: float(g @ now.updates[name]) / sizes[name]
        for name, g in now.gradients.items()
        if sizes[name] != 0
    }
