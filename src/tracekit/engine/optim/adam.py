"""Adam, AdamW, AMSGrad, AdaMax, NAdam and RAdam: step sizes from the second moment of the gradient."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, decoupled_weight_decay, descent
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Transform, elementwise, ema, per_tensor

TensorState = dict[str, np.ndarray]


def scale_by_adam(beta1: float, beta2: float, epsilon: float, *, epsilon_hat: bool = False) -> Transform:
    """Scale by Adam's rule: first moment over the root of the second, both bias-corrected.

    With ``epsilon_hat=False``: (m/bc1) / (sqrt(v/bc2) + ε), the paper's Algorithm 1, PyTorch and optax.
    With ``epsilon_hat=True``: (sqrt(bc2)/bc1) m / (sqrt(v) + ε), the paper's Section 2, Keras, and the
    program of Ando, Fukuhara & Takefuji (2023). They differ by the factor 1/sqrt(bc2) on ε.
    Here bc1 = 1 − beta1^t and bc2 = 1 − beta2^t.
    """

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        denominator = np.sqrt(s["second_moment"])
        root_correction2 = math.sqrt(1.0 - beta2**t)
        if epsilon_hat:
            denominator += epsilon
            scale = root_correction2 / (1.0 - beta1**t)
        else:
            denominator /= root_correction2
            denominator += epsilon
            scale = 1.0 / (1.0 - beta1**t)
        update = np.divide(s["first_moment"], denominator, out=denominator)
        update *= scale
        return update

    return elementwise("adam", rule, "first_moment", "second_moment")


@optimizer(
    "adam",
    family="adaptive",
    rule="m ← β₁m + (1−β₁)g;  v ← β₂v + (1−β₂)g²;  θ ← θ − η m̂ / (√v̂ + ε)",
    source="Kingma & Ba 2015, arXiv:1412.6980",
    verification="PyTorch",
)
def adam(
    learning_rate: Positive = 1e-3,
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


@optimizer(
    "adamw",
    family="adaptive",
    rule="u = m̂ / (√v̂ + ε) as Adam;  θ ← θ − η (u + λθ)",
    source="Loshchilov & Hutter 2019, arXiv:1711.05101; λ is multiplied by η, as in PyTorch",
    verification="PyTorch",
)
def adamw(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 1e-2,
) -> tuple[Transform, ...]:
    """Adam with decoupled weight decay."""
    return (
        scale_by_adam(beta1, beta2, epsilon),
        *decoupled_weight_decay(weight_decay),
        descent(learning_rate),
    )


@optimizer(
    "amsgrad",
    family="adaptive",
    rule="v_max ← max(v_max, v);  θ ← θ − η m̂ / (√(v_max / bc₂) + ε)",
    source="Reddi, Kale & Kumar 2018; the maximum is over v before bias correction, as in PyTorch",
    verification="PyTorch",
)
def amsgrad(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam whose denominator never shrinks."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        np.maximum(s["largest_second_moment"], s["second_moment"], out=s["largest_second_moment"])
        denominator = np.sqrt(s["largest_second_moment"]) / math.sqrt(1.0 - beta2**t) + epsilon
        return s["first_moment"] / (1.0 - beta1**t) / denominator

    scale = elementwise("amsgrad", rule, "first_moment", "second_moment", "largest_second_moment")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "adamax",
    family="adaptive",
    rule="u ← max(β₂u, |g| + ε);  θ ← θ − (η / bc₁) m / u",
    source="Kingma & Ba 2015, Section 7.1; ε stands inside the maximum, as in PyTorch",
    verification="PyTorch",
)
def adamax(
    learning_rate: Positive = 2e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam with the infinity norm of past gradients in place of their root mean square."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        largest = s["infinity_norm"]
        np.maximum(largest * beta2, np.abs(g) + epsilon, out=largest)
        return s["first_moment"] / ((1.0 - beta1**t) * largest)

    scale = elementwise("adamax", rule, "first_moment", "infinity_norm")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "nadam",
    family="adaptive",
    rule="μ_t = β₁(1 − ½·0.96^(tψ));  θ ← θ − η [(1−μ_t)g/(1−Πμ) + μ_{t+1}m/(1−Πμ·μ_{t+1})] / (√v̂ + ε)",
    source="Dozat 2016; the momentum schedule with ψ = 0.004, as in PyTorch",
    verification="PyTorch",
)
def nadam(
    learning_rate: Positive = 2e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    momentum_decay: NotNegative = 4e-3,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam with Nesterov's momentum, whose coefficient warms up."""

    def coefficient(t: int) -> float:
        return beta1 * (1.0 - 0.5 * 0.96 ** (t * momentum_decay))

    def rule(g: np.ndarray, s: TensorState, theta: np.ndarray, t: int) -> np.ndarray:
        now, following = coefficient(t), coefficient(t + 1)
        s["momentum_product"] *= now
        product = float(s["momentum_product"])
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        denominator = np.sqrt(s["second_moment"] / (1.0 - beta2**t)) + epsilon
        ahead = s["first_moment"] * (following / (1.0 - product * following))
        return (g * ((1.0 - now) / (1.0 - product)) + ahead) / denominator

    scale = per_tensor("nadam", rule, first_moment="array", second_moment="array", momentum_product=1.0)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


@optimizer(
    "nadamw",
    family="adaptive",
    rule="u = (β₁m + (1−β₁)g) / bc₁;  θ ← θ − η (u / (√v̂ + ε) + λθ)",
    source="Dozat 2016 without a momentum schedule: the baseline of AlgoPerf (Dahl et al. 2023)",
    verification="published rule",
)
def nadamw(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 1e-2,
) -> tuple[Transform, ...]:
    """Adam with Nesterov's momentum and decoupled weight decay."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        denominator = np.sqrt(s["second_moment"] / (1.0 - beta2**t)) + epsilon
        ahead = beta1 * s["first_moment"] + (1.0 - beta1) * g
        return ahead / (1.0 - beta1**t) / denominator

    scale = elementwise("nadamw", rule, "first_moment", "second_moment")
    return scale, *decoupled_weight_decay(weight_decay), descent(learning_rate)


def variance_rectification(beta2: float, t: int) -> tuple[float, float]:
    """Return the length ρ_t of RAdam's approximated moving average, and its rectification r_t (NaN where ρ_t <= 4)."""
    longest = 2.0 / (1.0 - beta2) - 1.0
    length = longest - 2.0 * t * beta2**t / (1.0 - beta2**t)
    if length <= 4.0:
        return length, math.nan
    numerator = (length - 4.0) * (length - 2.0) * longest
    return length, math.sqrt(numerator / ((longest - 4.0) * (longest - 2.0) * length))


@optimizer(
    "radam",
    family="adaptive",
    rule="θ ← θ − η m̂ r_t √bc₂ / (√v + ε) where ρ_t > 5, else θ ← θ − η m̂",
    source="Liu et al. 2020, arXiv:1908.03265; threshold 5 and plain steps below it, as in PyTorch",
    verification="PyTorch",
)
def radam(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Adam that waits with its denominator until the second moment's variance is bounded."""

    def rule(g: np.ndarray, s: TensorState, t: int) -> np.ndarray:
        ema(s["first_moment"], g, beta1)
        ema(s["second_moment"], g * g, beta2)
        corrected = s["first_moment"] / (1.0 - beta1**t)
        length, rectification = variance_rectification(beta2, t)
        if length <= 5.0:
            return corrected
        return (
            corrected * (rectification * math.sqrt(1.0 - beta2**t)) / (np.sqrt(s["second_moment"]) + epsilon)
        )

    scale = elementwise("radam", rule, "first_moment", "second_moment")
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)
