"""Step sizes: the step of each weight relative to its gradient, within layers and over layers.

Two definitions, element by element:

- *step size*: |update| / |gradient|, for any optimizer, over the elements whose gradient is not zero;
- *adaptive step size*: |update| / (η |m|), if the optimizer keeps a first moment m and has a learning rate η,
  over the elements where m is not zero. For Adam, AdaBelief, Aida and related optimizers without decoupled weight
  decay this is 1 / (√v̂ + ε), whose range Zhang et al. suppress layer by layer, divided by 1 − β₁ᵗ.

Zhang, Niwa & Kleijn 2023 (TMLR, arXiv:2203.13273) show its mean and deviation by layer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from tracekit.engine.kernels.compiled import loops_for
from tracekit.engine.kernels.memory import empty
from tracekit.record.memory import Tensors
from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, signal
from tracekit.record.signals.optimizer import first_moments, learning_rate_now
from tracekit.record.summary import LOOPS, quantiles

FIELDS = ("mean", "variance", "q05", "q25", "q50", "q75", "q95")
SPREAD_FIELDS = ("mean", "std", "min", "max")
#: The range in which float32 has all its digits.
_SMALLEST, _LARGEST = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
_SHARES = (0.05, 0.25, 0.50, 0.75, 0.95)
#: The seven fields by tensor.
Figures = dict[str, Sequence[float]]
_SOURCE = "Zhang, Niwa & Kleijn 2023, arXiv:2203.13273"


def _figures_by_tensor(
    numerators: Tensors, denominators: Mapping[str, np.ndarray], factor: float = 1.0
) -> Figures:
    """Return figures of |numerator / (factor x denominator)| where the denominator is not zero, by tensor."""
    found: Figures = {}
    for name, divisor in denominators.items():
        ratios, narrow = _ratios(numerators.native[name], divisor, factor)
        if ratios.size:
            found[name] = _figures(ratios, narrow)
    return found


def _ratios(numerator: np.ndarray, denominator: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return absolute ratios in float64, and again in the narrowest type that can hold all of them."""
    loops = loops_for(numerator, denominator, module=LOOPS)
    if loops is None:
        divisor = denominator.astype(np.float64) * factor
        if not divisor.all():
            defined = divisor != 0
            numerator, divisor = numerator.compress(defined), divisor.compress(defined)
        ratios = np.abs(numerator / divisor)
        return ratios, ratios
    wide, narrow = empty(numerator.shape, np.float64), empty(numerator.shape, np.float32)
    n, low, high = loops.ratios(numerator, denominator, factor, wide, narrow)
    has_room = low >= _SMALLEST and high <= _LARGEST
    return wide[:n], (narrow if has_room else wide)[:n]


def _figures(ratios: np.ndarray, narrow: np.ndarray) -> Sequence[float]:
    mean = float(np.add.reduce(ratios)) / ratios.size
    if not math.isfinite(mean):
        return [mean] * len(FIELDS)
    inner = quantiles(narrow, _SHARES)
    ratios -= mean
    return [mean, float(ratios.dot(ratios)) / ratios.size, *inner]


def _spread(figures: Figures) -> Sequence[float] | None:
    means = [mean for mean, *_ in figures.values()]
    if not means:
        return None
    return [float(np.mean(means)), float(np.std(means)), min(means), max(means)]


def _step_sizes(now: Observation) -> Figures:
    return _figures_by_tensor(now.updates, now.gradients.native)


def _adaptive_steps(now: Observation) -> Figures:
    rate = learning_rate_now(now.step.optimizer)
    if rate is None or rate == 0:
        return {}
    moments = first_moments(now.step.optimizer)
    averages = {name: moments[name].ravel() for name in now.updates if name in moments}
    return _figures_by_tensor(now.updates, averages, rate)


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
