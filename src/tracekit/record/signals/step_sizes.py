"""How long a step each single weight takes for its gradient, within layers and from layer to layer.

Two definitions, element by element:

- *step size*: |update| / |gradient|, of any optimizer, over the elements whose gradient is not zero;
- *adaptive step size*: |update| / (η |m|), where the optimizer keeps a first moment m and has a learning rate η,
  over the elements where m is not zero. For Adam, AdaBelief, Aida and their kin without decoupled weight decay
  this is 1 / (√v̂ + ε), the quantity whose range Zhang et al. suppress layer by layer, over 1 − β₁ᵗ.

Zhang, Niwa & Kleijn 2023 (TMLR, arXiv:2203.13273) show its mean and deviation by layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tracekit.record.observation import Observation, Tensors
from tracekit.record.signal import signal
from tracekit.record.signals.optimizer import first_moments, learning_rate_now
from tracekit.record.summary import sorted_quantiles

FIELDS = ("mean", "variance", "q05", "q25", "q50", "q75", "q95")
SPREAD_FIELDS = ("mean", "std", "min", "max")
_SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)
#: A sort of every element is affordable now and then.
_NOW_AND_THEN = "every 17"
_SOURCE = "Zhang, Niwa & Kleijn 2023, arXiv:2203.13273"


def _ratios(numerators: Tensors, denominators: Tensors) -> Iterator[tuple[str, np.ndarray]]:
    """Absolute ratios of the elements with a denominator other than zero, for each tensor that has any."""
    for name, divisor in denominators.items():
        defined = divisor != 0
        if defined.any():
            yield name, np.abs(numerators[name][defined] / divisor[defined])


def _figures(ratios: np.ndarray) -> Sequence[float]:
    mean = float(ratios.mean())
    if not math.isfinite(mean):
        return [mean] * len(FIELDS)
    ratios.sort()
    deviations = ratios - mean
    return [mean, float(deviations @ deviations) / ratios.size, *sorted_quantiles(ratios, _SHARES)]


def _spread(means: Sequence[float]) -> Sequence[float] | None:
    if not means:
        return None
    return [float(np.mean(means)), float(np.std(means)), min(means), max(means)]


def _adaptive(now: Observation) -> Iterator[tuple[str, np.ndarray]]:
    rate = learning_rate_now(now.step.optimizer)
    moments = first_moments(now.step.optimizer)
    if rate is None or rate == 0:
        return
    scaled = {
        name: moments[name].ravel().astype(np.float64) * rate for name in now.updates if name in moments
    }
    yield from _ratios(now.updates, scaled)


@signal(
    "layer/step_size",
    unit="weight^2/nat",
    per="tensor",
    fields=FIELDS,
    schedule=_NOW_AND_THEN,
    reads=("gradients", "updates"),
    source=_SOURCE,
)
def step_size(now: Observation) -> dict[str, Sequence[float]]:
    """Moments and quantiles of |update| / |gradient| over the tensor's elements."""
    return {name: _figures(ratios) for name, ratios in _ratios(now.updates, now.gradients)}


@signal(
    "layer/adaptive_step",
    unit="weight/nat",
    per="tensor",
    fields=FIELDS,
    schedule=_NOW_AND_THEN,
    reads=("updates", "optimizer state"),
    source=_SOURCE,
)
def adaptive_step(now: Observation) -> dict[str, Sequence[float]]:
    """Moments and quantiles of |update| / (learning rate x |first moment|) over the tensor's elements."""
    return {name: _figures(ratios) for name, ratios in _adaptive(now)}


@signal(
    "model/step_size",
    unit="weight^2/nat",
    fields=SPREAD_FIELDS,
    schedule=_NOW_AND_THEN,
    reads=("gradients", "updates"),
    source=_SOURCE,
)
def step_size_spread(now: Observation) -> Sequence[float] | None:
    """Spread over the parameter tensors of their mean |update| / |gradient|."""
    return _spread([float(ratios.mean()) for _, ratios in _ratios(now.updates, now.gradients)])


@signal(
    "model/adaptive_step",
    unit="weight/nat",
    fields=SPREAD_FIELDS,
    schedule=_NOW_AND_THEN,
    reads=("updates", "optimizer state"),
    source=_SOURCE,
)
def adaptive_step_spread(now: Observation) -> Sequence[float] | None:
    """Spread over the parameter tensors of their mean |update| / (learning rate x |first moment|)."""
    return _spread([float(ratios.mean()) for _, ratios in _adaptive(now)])
