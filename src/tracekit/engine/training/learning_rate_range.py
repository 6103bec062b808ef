"""Learning-rate range test: find the rates that lower the loss, in one short training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tracekit.engine.layers import Sequential
from tracekit.engine.optim import OPTIMIZERS, build_optimizer
from tracekit.engine.training.loop import Observer, Reduction, Step, train
from tracekit.engine.training.sampling import Sampling
from tracekit.errors import ArgumentError, argument_sentence


@dataclass(frozen=True, slots=True)
class RangeTest:
    """Losses met while the learning rate grew."""

    learning_rates: np.ndarray  #: (n,), each update's rate
    losses: np.ndarray  #: (n,), training loss before the update, nats
    smoothed: np.ndarray  #: (n,), bias-corrected exponential average of the losses
    suggestion: float  #: rate at which the smoothed loss falls fastest against the rate's logarithm
    diverged: bool  #: whether the test stopped before the highest rate


class _Stop(Exception):
    """The loss has left the range in which it means something."""


class _Watch(Observer):
    def __init__(self, smoothing: float, limit: float) -> None:
        self.smoothing, self.limit = smoothing, limit
        self.losses: list[float] = []
        self.smoothed: list[float] = []
        self._average = 0.0

    def on_step(self, step: Step) -> None:
        self.losses.append(step.loss)
        self._average = self.smoothing * self._average + (1.0 - self.smoothing) * step.loss
        self.smoothed.append(self._average / (1.0 - self.smoothing ** len(self.losses)))
        if not self.smoothed[-1] <= self.limit * min(self.smoothed):
            raise _Stop


def learning_rate_range_test(
    model: Sequential,
    optimizer: str,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    rng: np.random.Generator | int,
    lowest: float = 1e-7,
    highest: float = 10.0,
    n_updates: int = 100,
    smoothing: float = 0.9,
    limit: float = 4.0,
    sampling: Sampling = "reshuffle",
    reduction: Reduction = "mean",
    settings: Mapping[str, Any] | None = None,
) -> RangeTest:
    """Train with a learning rate that grows exponentially, and watch the loss (Smith 2017).

    The model's parameters and buffers are put back afterwards.

    Parameters
    ----------
    model : Sequential
    optimizer : str
        A name in `OPTIMIZERS`, one that has a learning rate.
    images, labels : ndarray
        The training set.
    batch_size : int
    rng : Generator or int
        Draws the order of samples and the dropout.
    lowest, highest : float
        First and last rate.
    n_updates : int
        Updates between them, at least 10.
    smoothing : float
        Weight of the past in the smoothed loss.
    limit : float
        The test stops when the smoothed loss exceeds this many times its lowest value, or is NaN.
    sampling, reduction
        As in `train`.
    settings : mapping, optional
        Further hyperparameters of the optimizer.

    Raises
    ------
    ArgumentError
        The optimizer has no learning rate, or the range or length is unusable.
    """
    if "learning_rate" not in OPTIMIZERS[optimizer].defaults:
        raise ArgumentError(
            argument_sentence("optimizer", optimizer, "must have a learning rate", "take another")
        )
    if not 0 < lowest < highest < math.inf:
        raise ArgumentError(
            argument_sentence("highest", highest, f"must be finite and above `lowest` (={lowest})")
        )
    if n_updates < 10:
        raise ArgumentError(argument_sentence("n_updates", n_updates, "must be at least 10"))
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    kept = {name: array.copy() for name, array in (parameters | model.buffers()).items()}
    growth = (highest / lowest) ** (1.0 / (n_updates - 1))
    bound = build_optimizer(
        optimizer,
        parameters,
        kinds=model.kinds(),
        schedule=lambda update: growth ** (update - 1),
        **{**(settings or {}), "learning_rate": lowest},
    )
    watch = _Watch(smoothing, limit)
    order_rng, dropout_rng = np.random.default_rng(rng).spawn(2)
    try:
        result = train(
            model,
            bound,
            images,
            labels,
            batch_size=batch_size,
            n_updates=n_updates,
            sampling=sampling,
            reduction=reduction,
            order_rng=order_rng,
            dropout_rng=dropout_rng,
            observers=[watch],
        )
        diverged = result.status == "diverged"
    except _Stop:
        diverged = True
    finally:
        for name, array in (parameters | model.buffers()).items():
            array[...] = kept[name]
    rates = lowest * growth ** np.arange(len(watch.losses))
    return RangeTest(
        rates, np.array(watch.losses), np.array(watch.smoothed), _steepest(rates, watch), diverged
    )


def _steepest(rates: np.ndarray, watch: _Watch) -> float:
    """Return the rate of the steepest fall before the minimum, from where the average has enough losses."""
    smoothed = np.array(watch.smoothed)
    first = min(round(1.0 / (1.0 - watch.smoothing)), max(0, smoothed.size - 3))
    lowest = first + int(np.nanargmin(smoothed[first:]))
    if lowest - first < 2:
        return float(rates[lowest])
    slope = np.gradient(smoothed[first : lowest + 1], np.log(rates[first : lowest + 1]))
    return float(rates[first + int(np.argmin(slope))])
