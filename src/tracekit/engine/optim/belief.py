"""AdaBelief, Aida and their layerwise forms: step sizes from the deviation of gradients from their average."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, decoupled_weight_decay, descent
from tracekit.engine.optim.settings import Count, Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Transform, elementwise, ema, per_tensor

TensorState = dict[str, np.ndarray]


@optimizer(
    "adabelief",
    family="belief",
    rule="s ← β₂s + (1−β₂)(g−m)² + ε;  θ ← θ − η m̂ / (√ŝ + ε)",
    source="Zhuang et al. 2020, arXiv:2010.07468; the authors' code without its rectification",
    verification="published rule",
)
def adabelief(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-16,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam that divides by the deviation of the gradient from its prediction m, not by its size.

    ε accumulates in s, which therefore never falls below ε/(1−β₂): at ε = 1e-8, the authors' advice where
    SGD beats Adam, small gradients take nearly plain momentum steps. Weight decay is decoupled.
    """

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        m, belief = s["first_moment"], s["belief"]
        ema(m, g, beta1)
        ema(belief, (g - m) ** 2, beta2)
        belief += epsilon
        return m / (1.0 - beta1**t) / (np.sqrt(belief) / math.sqrt(1.0 - beta2**t) + epsilon)

    scale = elementwise("adabelief", rule, "first_moment", "belief")
    return scale, *decoupled_weight_decay(weight_decay), descent(learning_rate)


@optimizer(
    "aida",
    family="belief",
    rule="K times: g′ ← ⟨g′,m′⟩g′/(‖g′‖²+ξ), m′ ← ⟨g′,m′⟩m′/(‖m′‖²+ξ);  v ← β₂v + (1−β₂)(m′−g′)² + ε;  θ ← θ − η m̂/√v̂",
    source="Zhang, Niwa & Kleijn 2023 (TMLR), arXiv:2203.13273; the authors' code",
    verification="published rule",
)
def aida(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    projections: Count = 2,
    epsilon: Positive = 1e-8,
    xi: Positive = 1e-20,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """AdaBelief on gradient and momentum projected onto each other, layer by layer.

    The state holds the cosine between gradient and momentum of each tensor ("cosine").
    """

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        m, v = s["first_moment"], s["belief"]
        ema(m, g, beta1)
        # Only the two scale factors change: projection keeps the direction of each vector.
        wide_g, wide_m = g.ravel().astype(np.float64), m.ravel().astype(np.float64)
        inner, square_g, square_m = (
            float(a @ b) for a, b in ((wide_g, wide_m), (wide_g, wide_g), (wide_m, wide_m))
        )
        s["cosine"][...] = inner / math.sqrt(square_g * square_m) if square_g * square_m > 0 else 0.0
        scale_g = scale_m = 1.0
        for _ in range(projections):
            product = scale_g * scale_m * inner
            scale_g, scale_m = (
                scale_g * product / (scale_g**2 * square_g + xi),
                scale_m * product / (scale_m**2 * square_m + xi),
            )
        ema(v, (scale_m * m - scale_g * g) ** 2, beta2)
        v += epsilon
        return m / (1.0 - beta1**t) / (np.sqrt(v) / math.sqrt(1.0 - beta2**t))

    scale = per_tensor("aida", rule, first_moment="array", belief="array", cosine=0.0)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "adam_plus",
    family="belief",
    rule="v ← β₂v + (1−β₂)g² + ε;  θ ← θ − η m̂ / √v̂",
    source="Zhang, Niwa & Kleijn 2023, arXiv:2203.13273: their control for Aida, Adam with Aida's place of ε",
    verification="published rule",
)
def adam_plus(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam whose ε accumulates in the second moment; the control that separates Aida's ε from its projections."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        m, v = s["first_moment"], s["second_moment"]
        ema(m, g, beta1)
        ema(v, g * g, beta2)
        v += epsilon
        return m / (1.0 - beta1**t) / (np.sqrt(v) / math.sqrt(1.0 - beta2**t))

    scale = elementwise("adam_plus", rule, "first_moment", "second_moment")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


def _layerwise(name: str, beta1: float, beta2: float, epsilon: float, *, centered: bool) -> Transform:
    """Scale by one second moment per tensor: the mean over its elements of g², or of (g − m)²."""

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        m, v = s["first_moment"], s["second_moment"]
        ema(m, g, beta1)
        deviation = g - m if centered else g
        ema(v, float(np.mean(deviation.astype(np.float64) ** 2)), beta2)
        v += epsilon
        return m / ((1.0 - beta1**t) * math.sqrt(float(v) / (1.0 - beta2**t)))

    return per_tensor(name, rule, first_moment="array", second_moment=0.0)


@optimizer(
    "ladam",
    family="layerwise",
    rule="V ← β₂V + (1−β₂) mean(g²) + ε, one number per tensor;  θ ← θ − η m̂ / √V̂",
    source="Zhang, Niwa & Kleijn 2023, arXiv:2203.13273 (pre-processing form); the authors' code",
    verification="published rule",
)
def ladam(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam with one step size per layer."""
    scale = _layerwise("ladam", beta1, beta2, epsilon, centered=False)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "ladabelief",
    family="layerwise",
    rule="V ← β₂V + (1−β₂) mean((g−m)²) + ε, one number per tensor;  θ ← θ − η m̂ / √V̂",
    source="Zhang, Niwa & Kleijn 2023, arXiv:2203.13273 (pre-processing form); the authors' code",
    verification="published rule",
)
def ladabelief(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """AdaBelief with one step size per layer."""
    scale = _layerwise("ladabelief", beta1, beta2, epsilon, centered=True)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)
