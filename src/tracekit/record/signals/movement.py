"""Movement of each parameter tensor: relative size of updates, distance from the start, and cosines.

Undefined values, such as the direction of a tensor of zeros or a ratio to it, are not recorded.
"""

from __future__ import annotations

from tracekit.record.memory import Tensors
from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal


@signal("layer/update_ratio", unit="ratio", per="tensor", reads=("parameters", "updates"))
def update_ratio(now: Observation) -> dict[str, float]:
    """Norm of the update divided by the norm of the parameter tensor."""
    sizes = now.parameters.norms()
    return {name: norm / sizes[name] for name, norm in now.updates.norms().items() if sizes[name] != 0}


@signal(
    "layer/distance",
    unit="weight",
    per="tensor",
    schedule=NOW_AND_THEN,
    reads=("parameters", "initial parameters"),
    cockpit="Distance",
)
def distance(now: Observation) -> dict[str, float]:
    """Euclidean distance of the parameter tensor, before the update, from its initial value."""
    return now.moved.norms()


@signal("layer/grad_cosine", unit="cosine", per="tensor", reads=("gradients", "previous gradients"))
def successive_cosine(now: Observation) -> dict[str, float]:
    """Cosine of the gradient with the gradient at the previous update; not at the first update."""
    before = now.previous_gradients
    return {} if before is None else _cosines(now.gradients, before)


@signal("layer/update_cosine", unit="cosine", per="tensor", reads=("gradients", "updates"))
def update_cosine(now: Observation) -> dict[str, float]:
    """Cosine of the gradient with the update: -1 where the update is straight downhill."""
    return _cosines(now.gradients, now.updates)


def _cosines(first: Tensors, second: Tensors) -> dict[str, float]:
    others = second.norms()
    sizes = {name: norm * others[name] for name, norm in first.norms().items()}
    products = first.products(second)
    return {name: product / sizes[name] for name, product in products.items() if sizes[name] != 0}
