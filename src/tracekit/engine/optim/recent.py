"""ADOPT, Adan and Prodigy: recent variants of Adam in order of operations, momentum and step size."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import (
    Arrays,
    ParameterSet,
    State,
    Transform,
    decay_term,
    ema,
    per_tensor,
    zeros_like,
)

TensorState = dict[str, np.ndarray]


@optimizer(
    "adopt",
    family="adaptive",
    rule="z = clip(g / max(√v, ε), ±k^¼);  m ← β₁m + (1−β₁)z;  θ ← θ − ηm;  then v ← β₂v + (1−β₂)g²",
    source="Taniguchi et al. 2024, arXiv:2411.02853; the authors' code: the first gradient only sets v = g²",
    verification="published rule",
)
def adopt(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.9999,
    epsilon: Positive = 1e-6,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam that divides by the previous second moment, before averaging.

    The state holds the share of clipped elements of each tensor ("clip_rate").
    """

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        v, m = s["second_moment"], s["first_moment"]
        if t == 1:
            v[...] = g * g
            return np.zeros_like(g)
        limit = (t - 1) ** 0.25
        ratio = g / np.maximum(np.sqrt(v), epsilon)
        s["clip_rate"][...] = np.mean(np.abs(ratio) > limit)
        ema(m, np.clip(ratio, -limit, limit), beta1)
        ema(v, g * g, beta2)
        return m

    scale = per_tensor("adopt", rule, first_moment="array", second_moment="array", clip_rate=0.0)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "adan",
    family="adaptive",
    rule="Δ = g − g₋₁;  m, q, n averages of g, Δ, (g+β₂Δ)²;  u = (m̂ + β₂q̂)/(√n̂ + ε);  θ ← (θ − ηu)/(1 + ηλ)",
    source="Xie et al. 2022, arXiv:2208.06677; the authors' code, whose β are 1 − β of the paper",
    verification="published rule",
)
def adan(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.98,
    beta2: Fraction = 0.92,
    beta3: Fraction = 0.99,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam with Nesterov's momentum in terms of gradient differences; proximal weight decay."""

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        change = g - s["previous_gradient"] if t > 1 else np.zeros_like(g)
        s["previous_gradient"][...] = g
        ema(s["first_moment"], g, beta1)
        ema(s["mean_change"], change, beta2)
        ema(s["second_moment"], (g + beta2 * change) ** 2, beta3)
        direction = s["first_moment"] / (1.0 - beta1**t) + s["mean_change"] * (beta2 / (1.0 - beta2**t))
        return direction / (np.sqrt(s["second_moment"]) / math.sqrt(1.0 - beta3**t) + epsilon)

    quantities = ("first_moment", "mean_change", "second_moment", "previous_gradient")
    scale = per_tensor("adan", rule, **dict.fromkeys(quantities, "array"))
    return scale, descent(learning_rate), *_proximal_weight_decay(learning_rate, weight_decay)


def _proximal_weight_decay(learning_rate: float, weight_decay: float) -> tuple[Transform, ...]:
    """Decay after the descent: θ + u becomes (θ + u) / (1 + ηλ)."""
    if weight_decay == 0:
        return ()

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        passed = dict(updates)
        for name in parameters.decayed:
            shrink = parameters.rate(learning_rate, name) * weight_decay
            passed[name] = (updates[name] - shrink * parameters.arrays[name]) / (1.0 + shrink)
        return passed

    return (Transform("proximal_weight_decay", lambda parameters: {}, update),)


@optimizer(
    "prodigy",
    family="adaptive",
    rule="m, v averages of dg, d²g²;  d̂ = Σ(d/d₀)dη⟨g, θ₀−θ⟩ / ‖Σ(d/d₀)dηg‖₁;  d ← max(d, d̂);  "
    "θ ← θ − dη (m/(√v + dε) + λθ)",
    source="Mishchenko & Defazio 2024, arXiv:2306.06101; the authors' reference code",
    verification="published rule",
)
def prodigy(
    learning_rate: Positive = 1.0,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    d0: Positive = 1e-6,
    d_factor: Positive = 1.0,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam that estimates its own learning rate d from the distance travelled; leave learning_rate at 1.

    The state holds d ("d") and its latest estimate ("d_estimate").
    """
    beta3 = math.sqrt(beta2)

    def init(parameters: ParameterSet) -> State:
        start = {name: array.copy() for name, array in parameters.arrays.items()}
        arrays = {name: zeros_like(parameters) for name in ("first_moment", "second_moment", "weighted_sum")}
        numbers = {"d": d0, "d_estimate": d0, "numerator": 0.0}
        return {
            "count": 0,
            "start": start,
            **arrays,
            **{name: np.array(value) for name, value in numbers.items()},
        }

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        d = float(state["d"])
        step = d * learning_rate * parameters.schedule
        numerator, denominator = float(state["numerator"]) * beta3, 0.0
        for name, g in gradients.items():
            travelled = (state["start"][name] - parameters.arrays[name]).astype(np.float64)
            numerator += (d / d0) * step * float(np.sum(g * travelled))
            ema(state["first_moment"][name], d * g, beta1)
            ema(state["second_moment"][name], (d * g) ** 2, beta2)
            total = state["weighted_sum"][name]
            total *= beta3
            total += (d / d0) * step * g
            denominator += float(np.abs(total).sum(dtype=np.float64))
        estimate = d_factor * numerator / denominator if denominator > 0 else d
        largest = max(d, estimate)
        for key, value in (("numerator", numerator), ("d_estimate", estimate), ("d", largest)):
            state[key][...] = value
        passed = {}
        for name in gradients:
            # The step still uses the old d, the denominator the new one: the order of the reference code.
            root = np.sqrt(state["second_moment"][name]) + largest * epsilon
            direction = state["first_moment"][name] / root + decay_term(weight_decay, name, parameters)
            passed[name] = direction * (-step * parameters.layer_schedule.get(name, 1.0))
        return passed

    return (Transform("prodigy", init, update),)
