"""Adam, in the form of its algorithm box and in the form with epsilon-hat."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive, Rate
from tracekit.engine.optim.transform import Arrays, State, Transform, zeros_like


def scale_by_adam(beta1: float, beta2: float, epsilon: float, *, epsilon_hat: bool) -> Transform:
    """First moment over the root of the second, both bias-corrected.

    With ``epsilon_hat=False``: (m/bc1) / (sqrt(v/bc2) + ε), the paper's Algorithm 1, PyTorch and optax.
    With ``epsilon_hat=True``: (sqrt(bc2)/bc1) m / (sqrt(v) + ε), the paper's Section 2, Keras, and the
    program of Ando, Fukuhara & Takefuji (2023). They differ by the factor 1/sqrt(bc2) on ε.
    Here bc1 = 1 − beta1^t and bc2 = 1 − beta2^t.
    """

    def init(parameters: Arrays) -> State:
        return {
            "count": 0,
            "first_moment": zeros_like(parameters),
            "second_moment": zeros_like(parameters),
        }

    def update(updates: Arrays, state: State, parameters: Arrays) -> Arrays:
        state["count"] += 1
        correction1 = 1.0 - beta1 ** state["count"]
        root_correction2 = math.sqrt(1.0 - beta2 ** state["count"])
        passed = {}
        for name, gradient in updates.items():
            m, v = state["first_moment"][name], state["second_moment"][name]
            m *= beta1
            m += (1.0 - beta1) * gradient
            v *= beta2
            v += (1.0 - beta2) * (gradient * gradient)
            denominator = np.sqrt(v)
            if epsilon_hat:
                denominator += epsilon
                scale = root_correction2 / correction1
            else:
                denominator /= root_correction2
                denominator += epsilon
                scale = 1.0 / correction1
            passed[name] = np.divide(m, denominator, out=denominator)
            passed[name] *= scale
        return passed

    return Transform("adam", init, update)


@optimizer(
    "adam",
    family="adaptive",
    rule="m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − η m̂ / (√v̂ + ε)",
    source="Kingma & Ba 2015, arXiv:1412.6980",
)
def adam(
    learning_rate: Rate = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
    epsilon_hat: bool = False,
) -> tuple[Transform, ...]:
    """Adam; weight decay is coupled (an L2 term in the gradient), as in PyTorch's Adam."""
    return (
        *coupled_weight_decay(weight_decay),
        scale_by_adam(beta1, beta2, epsilon, epsilon_hat=epsilon_hat),
        descent(learning_rate),
    )
