"""AdaGrad, RMSProp, AdaDelta and YamAdam: step sizes from accumulated squares of gradients."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent, heavy_ball
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import (
    Arrays,
    ParameterSet,
    State,
    Transform,
    elementwise,
    ema,
    zeros_like,
)

TensorState = dict[str, np.ndarray]


@optimizer(
    "adagrad",
    family="adaptive",
    rule="G ← G + g²;  θ ← θ − η g / (√G + ε)",
    source="Duchi, Hazan & Singer 2011; ε outside the root and G₀ = 0, as in PyTorch",
    verification="PyTorch",
)
def adagrad(
    learning_rate: Positive = 1e-2, epsilon: Positive = 1e-10, weight_decay: NotNegative = 0.0
) -> tuple[Transform, ...]:
    """Step sizes that fall with the sum of squared gradients."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        s["sum_of_squares"] += g * g
        return g / (np.sqrt(s["sum_of_squares"]) + epsilon)

    scale = elementwise("adagrad", rule, "sum_of_squares")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "rmsprop",
    family="adaptive",
    rule="v ← αv + (1−α)g²;  a ← αa + (1−α)g if centered;  θ ← θ − η heavy_ball(g / (√(v − a²) + ε))",
    source="Tieleman & Hinton 2012; momentum after the scaling, no bias correction, as in PyTorch",
    verification="PyTorch",
)
def rmsprop(
    learning_rate: Positive = 1e-2,
    alpha: Fraction = 0.99,
    epsilon: Positive = 1e-8,
    momentum: Fraction = 0.0,
    centered: bool = False,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Gradients divided by their root mean square; the first steps are 1/√(1−α) times the learning rate."""

    def plain(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["second_moment"], g * g, alpha)
        return g / (np.sqrt(s["second_moment"]) + epsilon)

    def about_the_mean(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["second_moment"], g * g, alpha)
        ema(s["first_moment"], g, alpha)
        # Rounding can take the difference below zero, where PyTorch would return NaN.
        variance = np.maximum(s["second_moment"] - s["first_moment"] ** 2, 0.0)
        return g / (np.sqrt(variance) + epsilon)

    scale = (
        elementwise("rmsprop", about_the_mean, "second_moment", "first_moment")
        if centered
        else elementwise("rmsprop", plain, "second_moment")
    )
    after = (heavy_ball(momentum),) if momentum else ()
    return *coupled_weight_decay(weight_decay), scale, *after, descent(learning_rate)


@optimizer(
    "adadelta",
    family="adaptive",
    rule="E ← ρE + (1−ρ)g²;  δ = √(D + ε)/√(E + ε) g;  D ← ρD + (1−ρ)δ²;  θ ← θ − η δ",
    source="Zeiler 2012, arXiv:1212.5701; η = 1 and ρ = 0.9, as in PyTorch",
    verification="PyTorch",
)
def adadelta(
    learning_rate: Positive = 1.0,
    rho: Fraction = 0.9,
    epsilon: Positive = 1e-6,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Past updates' root mean square in place of a learning rate; ε sets the speed of the start."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["squared_gradient"], g * g, rho)
        delta = np.sqrt(s["squared_update"] + epsilon) / np.sqrt(s["squared_gradient"] + epsilon) * g
        ema(s["squared_update"], delta * delta, rho)
        return delta

    scale = elementwise("adadelta", rule, "squared_gradient", "squared_update")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "yamadam",
    family="adaptive",
    rule="v ← βv + (1−β)(g−m)²;  m ← βm + (1−β)g;  s ← βs + (1−β)h₋₁²;  h = √(s+ε)/√(v+ε) m;  "
    "β ← σ((‖h₋₁‖₁+ε)/(‖h‖₁+ε)) − ε;  θ ← θ − h",
    source="Yamada 2018, bioRxiv 348557; known to us through a third party's port only, norms over all tensors",
    verification="published rule",
)
def yamadam(epsilon: Positive = 1.4901161193847656e-08) -> tuple[Transform, ...]:
    """AdaDelta's unit correction on a centered Adam that sets its own β; no learning rate.

    All progress starts from steps of √ε: ε acts as a hidden learning rate.
    """

    def init(parameters: ParameterSet) -> State:
        quantities = ("first_moment", "variance", "squared_update", "update")
        return {
            "count": 0,
            "beta": np.array(0.0),
            "update_norm": np.array(0.0),
            **{name: zeros_like(parameters) for name in quantities},
        }

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        beta = float(state["beta"])
        norm = 0.0
        passed = {}
        for name, g in gradients.items():
            m, h = state["first_moment"][name], state["update"][name]
            v, s = state["variance"][name], state["squared_update"][name]
            ema(v, (g - m) ** 2, beta)
            ema(m, g, beta)
            ema(s, h * h, beta)
            h[...] = np.sqrt(s + epsilon) / np.sqrt(v + epsilon) * m
            norm += float(np.abs(h).sum(dtype=np.float64))
            # The learning rate's schedule, if there is one, scales what is applied, not what is remembered.
            passed[name] = h * -parameters.rate(1.0, name)
        ratio = (float(state["update_norm"]) + epsilon) / (norm + epsilon)
        state["beta"][...] = 1.0 / (1.0 + math.exp(-min(ratio, 700.0))) - epsilon
        state["update_norm"][...] = norm
        return passed

    return (Transform("yamadam", init, update),)
