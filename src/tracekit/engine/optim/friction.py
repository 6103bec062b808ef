"""diffGrad and HyAdamC: Adam with a friction on each weight from the change of its gradient."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.adam import variance_rectification
from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Transform, ema, per_tensor

TensorState = dict[str, np.ndarray]


def _sigmoid_of_nonnegative(x: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), which cannot overflow for x >= 0."""
    return 1.0 / (1.0 + np.exp(-x))


@optimizer(
    "diffgrad",
    family="friction",
    rule="ξ = σ(|g₋₁ − g|);  θ ← θ − η (√bc₂/bc₁) ξm / (√v + ε)",
    source="Dubey et al. 2020, arXiv:1909.11015; the authors' corrected code (diffGrad_v2)",
    verification="published rule",
)
def diffgrad(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam slowed down where the gradient hardly changes.

    ξ lies in [0.5, 1) and is near 0.5 for the small gradients of networks: compare it with Adam at half
    the learning rate. The state holds each tensor's mean of ξ ("mean_friction").
    """

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        friction = _sigmoid_of_nonnegative(np.abs(s["previous_gradient"] - g))
        s["previous_gradient"][...] = g
        s["mean_friction"][...] = friction.mean(dtype=np.float64)
        factor = math.sqrt(1.0 - beta2**t) / (1.0 - beta1**t)
        return friction * s["first_moment"] * factor / (np.sqrt(s["second_moment"]) + epsilon)

    scale = per_tensor(
        "diffgrad",
        rule,
        first_moment="array",
        second_moment="array",
        previous_gradient="array",
        mean_friction=0.0,
    )
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


def _hyadamc(beta1: float, beta2: float, epsilon: float, freedom: float, *, scaled: bool) -> Transform:
    """Robust momentum, friction, and a rectified denominator; `scaled` chooses the friction of "Scale"."""

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, previous = s["first_moment"], s["variance"], s["previous_gradient"]
        if t == 1:
            s["total_weight"][...] = beta1 / (1.0 - beta1)
        # Student-t weight of this gradient: far from its average in units of its variance, it counts little.
        distance = float(np.sum((g - m).astype(np.float64) ** 2 / (v + epsilon)))
        degrees = freedom * g.size
        weight = (g.size + degrees) / (degrees + distance)
        total = float(s["total_weight"])
        beta = total / (total + weight)
        s["total_weight"][...] = (2.0 - 1.0 / beta1) * total + weight
        s["momentum_coefficient"][...] = beta
        ema(m, g, beta)
        ema(v, (g - m) ** 2, beta2)
        change = np.abs(previous - g)
        if scaled:
            change *= float(np.var(change, ddof=1, dtype=np.float64)) if g.size > 1 else 0.0
        friction = _sigmoid_of_nonnegative(change)
        previous[...] = g
        s["mean_friction"][...] = friction.mean(dtype=np.float64)
        slowed = m * friction / (1.0 - beta1**t)
        length, rectification = variance_rectification(beta2, t)
        if length <= 4.0:
            return slowed
        return slowed * (rectification * math.sqrt(1.0 - beta2**t)) / (np.sqrt(v) + epsilon)

    return per_tensor(
        "hyadamc",
        rule,
        first_moment="array",
        variance="array",
        previous_gradient="array",
        total_weight=0.0,
        momentum_coefficient=0.0,
        mean_friction=0.0,
    )


@optimizer(
    "hyadamc_basic",
    family="friction",
    rule="D = Σ(g−m)²/(v+ε);  w = (d+νd)/(νd+D);  β = W/(W+w);  m ← βm + (1−β)g;  v ← β₂v + (1−β₂)(g−m)²;  "
    "ξ = σ(|g₋₁−g|);  θ ← θ − η r_t √bc₂ mξ/(bc₁(√v + ε)) where ρ_t > 4, else θ ← θ − η mξ/bc₁",
    source="Kim & Choi 2021, Sensors 21(12):4054; code published under the first author's name",
    verification="published rule",
)
def hyadamc_basic(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    freedom: Positive = 1.0,
) -> tuple[Transform, ...]:
    """RAdam's warm-up, diffGrad's friction, AdaBelief's variance and a momentum that resists outliers.

    The state holds each tensor's momentum coefficient and mean friction. `freedom` is ν, degrees of freedom
    a weight.
    """
    return _hyadamc(beta1, beta2, epsilon, freedom, scaled=False), descent(learning_rate)


@optimizer(
    "hyadamc_scale",
    family="friction",
    rule="as hyadamc_basic with ξ = σ(Var(|g₋₁−g|)·|g₋₁−g|), the variance over the tensor",
    source="Kim & Choi 2021, Sensors 21(12):4054; code published under the first author's name",
    verification="published rule",
)
def hyadamc_scale(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    freedom: Positive = 1.0,
) -> tuple[Transform, ...]:
    """HyAdamC whose friction is scaled by the variance of the gradient's change.

    A tensor of one element has no variance: its friction is then 0.5, where the published code gives NaN.
    """
    return _hyadamc(beta1, beta2, epsilon, freedom, scaled=True), descent(learning_rate)
