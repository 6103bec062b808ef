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
from collections.abc import Mapping, Sequence

import numpy as np

from tracekit.record.memory import Tensors
from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal
from tracekit.record.signals.optimizer import first_moments, learning_rate_now
from tracekit.record.summary import quantiles

FIELDS = ("mean", "variance", "q05", "q25", "q50", "q75", "q95")
SPREAD_FIELDS = ("mean", "std", "min", "max")
_SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)
#: The seven fields by tensor.
Figures = dict[str, Sequence[float]]
_SOURCE = "Zhang, Niwa & Kleijn 2023, arXiv:2203.13273"


def _figures_by_tensor(numerators: Tensors, denominators: Mapping[str, np.ndarray]) -> Figures:
    """Figures of the absolute ratios of the elements with a denominator, for each tensor that has any."""
    found: Figures = {}
    for name, divisor in denominators.items():
        ratios = numerators[name]
        if not divisor.all():
            defined = divisor != 0
            ratios, divisor = ratios.compress(defined), divisor.compress(defined)
        if ratios.size:
            ratios = ratios / divisor
            found[name] = _figures(np.abs(ratios, out=ratios))
    return found


def _figures(ratios: np.ndarray) -> Sequence[float]:
    mean = float(np.add.reduce(ratios)) / ratios.size
    if not math.isfinite(mean):
        return [mean] * len(FIELDS)
    inner = quantiles(ratios, _SHARES)
    ratios -= mean
    return [mean, float(ratios.dot(ratios)) / ratios.size, *inner]


def _spread(figures: Figures) -> Sequence[float] | None:
    means = [mean for mean, *_ in figures.values()]
    if not means:
        return None
    return [float(np.mean(means)), float(np.std(means)), min(means), max(means)]


def _step_sizes(now: Observation) -> Figures:
    return _figures_by_tensor(now.updates, now.gradients)


def _adaptive_steps(now: Observation) -> Figures:
    rate = learning_rate_now(now.step.optimizer)
    if rate is None or rate == 0:
        return {}
    moments = first_moments(now.step.optimizer)
    scaled = {
        name: moments[name].ravel().astype(np.float64) * rate for name in now.updates if name in moments
    }
    return _figures_by_tensor(now.updates, scaled)


@signal(
    "layer/step_size",
    unit="weight^2/nat",
    per="tensor",
    fields=FIELDS,
    schedule=NOW_AND_THEN,
    reads=("gradients", "updates"),
    source=_SOURCE,
)
def step_size(now: Observation) -> Figures:
    """Moments and quantiles of |update| / |gradient| over the tensor's elements."""
    return now.once(_step_sizes)


@signal(
    "layer/adaptive_step",
    unit="weight/nat",
    per="tensor",
    fields=FIELDS,
    schedule=NOW_AND_THEN,
    reads=("updates", "optimizer state"),
    source=_SOURCE,
)
def adaptive_step(now: Observation) -> Figures:
    """Moments and quantiles of |update| / (learning rate x |first moment|) over the tensor's elements."""
    return now.once(_adaptive_steps)


@signal(
    "model/step_size",
    unit="weight^2/nat",
    fields=SPREAD_FIELDS,
    schedule=NOW_AND_THEN,
    reads=("gradients", "updates"),
    source=_SOURCE,
)
def step_size_spread(now: Observation) -> Sequence[float] | None:
    """Spread over the parameter tensors of their mean |update| / |gradient|."""
    return _spread(now.once(_step_sizes))


@signal(
    "model/adaptive_step",
    unit="weight/nat",
    fields=SPREAD_FIELDS,
    schedule=NOW_AND_THEN,
    reads=("updates", "optimizer state"),
    source=_SOURCE,
)
def adaptive_step_spread(now: Observation) -> Sequence[float] | None:
    """Spread over the parameter tensors of their mean |update| / (learning rate x |first moment|)."""
    return _spread(now.once(_adaptive_steps))
