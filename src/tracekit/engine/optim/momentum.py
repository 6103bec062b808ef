"""Gradient descent and its momentum forms."""

from __future__ import annotations

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent, heavy_ball, nesterov
from tracekit.engine.optim.settings import Fraction, NotNegative, Rate
from tracekit.engine.optim.transform import Transform


@optimizer(
    "sgd",
    family="momentum",
    rule="θ ← θ − η g",
    source="Robbins & Monro 1951",
)
def sgd(learning_rate: Rate = 0.1, weight_decay: NotNegative = 0.0) -> tuple[Transform, ...]:
    """Stochastic gradient descent without momentum."""
    return *coupled_weight_decay(weight_decay), descent(learning_rate)


@optimizer(
    "heavy_ball",
    family="momentum",
    rule="b ← μ b + g;  θ ← θ − η b",
    source="Polyak 1964",
)
def heavy_ball_descent(
    learning_rate: Rate = 0.01, momentum: Fraction = 0.9, weight_decay: NotNegative = 0.0
) -> tuple[Transform, ...]:
    """Gradient descent with Polyak's momentum; the learning rate is applied outside the buffer."""
    return *coupled_weight_decay(weight_decay), heavy_ball(momentum), descent(learning_rate)


@optimizer(
    "nag",
    family="momentum",
    rule="b ← μ b + g;  θ ← θ − η (g + μ b)",
    source="Nesterov 1983; Sutskever et al. 2013",
)
def nesterov_descent(
    learning_rate: Rate = 0.01, momentum: Fraction = 0.9, weight_decay: NotNegative = 0.0
) -> tuple[Transform, ...]:
    """Nesterov's accelerated gradient, gradient at the current point."""
    return *coupled_weight_decay(weight_decay), nesterov(momentum), descent(learning_rate)
