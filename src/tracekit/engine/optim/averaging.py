"""Schedule-free optimizers: gradients at one point, evaluation at the average of another."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.settings import Count, Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import (
    Arrays,
    ParameterSet,
    State,
    Transform,
    decay_term,
    ema,
    zeros_like,
)


def _schedule_free(
    name: str,
    learning_rate: float,
    beta: float,
    warmup: int,
    weight_decay: float,
    *,
    beta2: float | None = None,
    epsilon: float = 0.0,
) -> Transform:
    """Move z by the (scaled) gradient, average it into x, train at y = beta x + (1 − beta) z.

    The parameters hold y; `Optimizer.evaluating` puts x in their place. With `beta2` the gradient is scaled
    as in Adam, without momentum.
    """

    def init(parameters: ParameterSet) -> State:
        copies = {
            quantity: {key: a.copy() for key, a in parameters.arrays.items()} for quantity in ("x", "z")
        }
        moments = {} if beta2 is None else {"second_moment": zeros_like(parameters)}
        numbers = {"largest_rate": np.array(0.0), "weight_sum": np.array(0.0)}
        return {"count": 0, **copies, **moments, **numbers}

    def scaled(g: np.ndarray, key: str, state: State) -> np.ndarray:
        if beta2 is None:
            return g
        v = state["second_moment"][key]
        ema(v, g * g, beta2)
        return g / (np.sqrt(v) / math.sqrt(1.0 - beta2 ** state["count"]) + epsilon)

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        warm = min(1.0, state["count"] / warmup) if warmup else 1.0
        rate = learning_rate * warm * parameters.schedule
        largest = max(rate, float(state["largest_rate"]))
        state["largest_rate"][...] = largest
        state["weight_sum"] += largest**2
        share = largest**2 / float(state["weight_sum"])
        passed = {}
        for key, g in gradients.items():
            y, x, z = parameters.arrays[key], state["x"][key], state["z"][key]
            direction = scaled(g, key, state) + decay_term(weight_decay, key, parameters)
            z -= rate * parameters.layer_schedule.get(key, 1.0) * direction
            ema(x, z, 1.0 - share)
            passed[key] = beta * x + (1.0 - beta) * z - y
        return passed

    return Transform(name, init, update, evaluation=lambda state, parameters: state["x"])


@optimizer(
    "schedule_free_sgd",
    family="averaging",
    rule="z ← z − ηg(y);  x ← (1−c)x + cz, c = η²/Ση²;  y = βx + (1−β)z",
    source="Defazio et al. 2024, arXiv:2405.15682; the authors' reference code",
    verification="published rule",
)
def schedule_free_sgd(
    learning_rate: Positive = 1.0,
    beta: Fraction = 0.9,
    warmup: Count = 0,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Gradient descent with averaging in place of a schedule; evaluated at the average x."""
    return (_schedule_free("schedule_free", learning_rate, beta, warmup, weight_decay),)


@optimizer(
    "schedule_free_adamw",
    family="averaging",
    rule="z ← z − η(g/(√v̂ + ε) + λy);  x ← (1−c)x + cz, c = η²/Ση²;  y = β₁x + (1−β₁)z",
    source="Defazio et al. 2024, arXiv:2405.15682; the authors' reference code",
    verification="published rule",
)
def schedule_free_adamw(
    learning_rate: Positive = 2.5e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    warmup: Count = 0,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """AdamW with averaging in place of momentum and schedule; evaluated at the average x."""
    return (
        _schedule_free(
            "schedule_free", learning_rate, beta1, warmup, weight_decay, beta2=beta2, epsilon=epsilon
        ),
    )
