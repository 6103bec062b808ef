"""SGD, heavy ball, Nesterov, Lion and Rprop: descent with momentum or along signs."""

from __future__ import annotations

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import (
    coupled_weight_decay,
    decoupled_weight_decay,
    descent,
    heavy_ball,
    nesterov,
)
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Transform, elementwise, ema


@optimizer(
    "sgd",
    family="momentum",
    rule="θ ← θ − η g",
    source="Robbins & Monro 1951",
    verification="PyTorch",
)
def sgd(learning_rate: Positive = 0.1, weight_decay: NotNegative = 0.0) -> tuple[Transform, ...]:
    """Stochastic gradient descent without momentum."""
    return *coupled_weight_decay(weight_decay), descent(learning_rate)


@optimizer(
    "heavy_ball",
    family="momentum",
    rule="b ← μ b + g;  θ ← θ − η b",
    source="Polyak 1964",
    verification="PyTorch",
)
def heavy_ball_descent(
    learning_rate: Positive = 0.01, momentum: Fraction = 0.9, weight_decay: NotNegative = 0.0
) -> tuple[Transform, ...]:
    """Gradient descent with Polyak's momentum; the learning rate is applied outside the buffer."""
    return *coupled_weight_decay(weight_decay), heavy_ball(momentum), descent(learning_rate)


@optimizer(
    "nag",
    family="momentum",
    rule="b ← μ b + g;  θ ← θ − η (g + μ b)",
    source="Nesterov 1983; Sutskever et al. 2013",
    verification="PyTorch",
)
def nesterov_descent(
    learning_rate: Positive = 0.01, momentum: Fraction = 0.9, weight_decay: NotNegative = 0.0
) -> tuple[Transform, ...]:
    """Nesterov's accelerated gradient, gradient at the current point."""
    return *coupled_weight_decay(weight_decay), nesterov(momentum), descent(learning_rate)


@optimizer(
    "lion",
    family="sign",
    rule="θ ← θ − η (sign(β₁m + (1−β₁)g) + λθ);  m ← β₂m + (1−β₂)g",
    source="Chen et al. 2023, arXiv:2302.06675; the authors' code",
    verification="published rule",
)
def lion(
    learning_rate: Positive = 1e-4,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.99,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Steps of equal size along the sign of an average of gradients."""

    def rule(g: np.ndarray, s: dict[str, np.ndarray], t: int) -> np.ndarray:
        direction = np.sign(beta1 * s["momentum"] + (1.0 - beta1) * g)
        ema(s["momentum"], g, beta2)
        return direction

    sign = elementwise("lion", rule, "momentum")
    return sign, *decoupled_weight_decay(weight_decay), descent(learning_rate)


@optimizer(
    "rprop",
    family="sign",
    rule="s = g·g₋₁;  Δ ← clip(Δ·{η₊ if s>0, η₋ if s<0, 1}, Δ_min, Δ_max);  θ ← θ − sign(g)Δ, no step where s<0",
    source="Riedmiller & Braun 1993; without weight backtracking (iRprop−), as in PyTorch",
    verification="PyTorch",
)
def rprop(
    learning_rate: Positive = 1e-2,
    shrink: Fraction = 0.5,
    grow: Positive = 1.2,
    smallest: Positive = 1e-6,
    largest: Positive = 50.0,
) -> tuple[Transform, ...]:
    """Resilient propagation: a step size for each weight, grown and shrunk by signs; for full batches only."""

    def rule(g: np.ndarray, s: dict[str, np.ndarray], t: int) -> np.ndarray:
        size, previous = s["step_size"], s["previous_gradient"]
        if t == 1:
            size[...] = learning_rate
        agreement = np.sign(g * previous)
        factor = np.where(agreement > 0, grow, np.where(agreement < 0, shrink, 1.0)).astype(g.dtype)
        np.clip(size * factor, smallest, largest, out=size)
        previous[...] = np.where(agreement < 0, 0.0, g)
        return -np.sign(previous) * size

    return (elementwise("rprop", rule, "step_size", "previous_gradient"),)
