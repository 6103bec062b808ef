"""LARS, LAMB and INSGD: one step size per layer, from trust ratios or from the layer's input."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.adam import scale_by_adam
from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import (
    clip_by_norm,
    coupled_weight_decay,
    decoupled_weight_decay,
    descent,
    heavy_ball,
    squared_norm,
)
from tracekit.engine.optim.settings import Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Arrays, ParameterSet, State, Transform, scalars


def _norm(array: np.ndarray) -> float:
    return math.sqrt(squared_norm(array))


@optimizer(
    "lars",
    family="layerwise",
    rule="Λ = η_c‖θ‖/(‖g‖ + λ‖θ‖), 1 for vectors;  v ← μv + ηΛ(g + λθ);  θ ← θ − v",
    source="You, Gitman & Ginsburg 2017, arXiv:1708.03888; the paper's form",
    verification="published rule",
)
def lars(
    learning_rate: Positive = 0.1,
    momentum: Fraction = 0.9,
    trust: Positive = 1e-3,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Momentum with one learning rate per layer, proportional to its weight norm over its gradient norm.

    Vectors (biases, gains) are neither scaled nor decayed. The state holds each tensor's Λ ("trust_ratio").
    """

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        passed = {}
        for name, g in gradients.items():
            theta = parameters.arrays[name]
            decay = weight_decay if g.ndim > 1 and name in parameters.decayed else 0.0
            weight_norm, gradient_norm = _norm(theta), _norm(g)
            scaled = g.ndim > 1 and weight_norm > 0 and gradient_norm > 0
            ratio = trust * weight_norm / (gradient_norm + decay * weight_norm) if scaled else 1.0
            state["trust_ratio"][name][...] = ratio
            passed[name] = ratio * (g + decay * theta)
        return passed

    scale = Transform("lars", lambda parameters: {"trust_ratio": scalars(parameters, 1.0)}, update)
    # The momentum buffer contains the learning rate: descent comes first.
    return scale, descent(learning_rate), heavy_ball(momentum)


@optimizer(
    "lamb",
    family="layerwise",
    rule="g ← g / max(1, ‖g‖_all);  u = m̂/(√v̂ + ε) + λθ;  θ ← θ − η (‖θ‖/‖u‖) u",
    source="You et al. 2020, arXiv:1904.00962; NVIDIA apex's form",
    verification="published rule",
)
def lamb(
    learning_rate: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    epsilon: Positive = 1e-6,
    weight_decay: NotNegative = 0.01,
    clip_norm: Positive = 1.0,
) -> tuple[Transform, ...]:
    """AdamW with one trust ratio per layer, after clipping the joint norm of all gradients.

    As in apex, tensors without decay have no ratio. The state holds each tensor's ratio ("trust_ratio").
    """

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        passed = {}
        for name, u in updates.items():
            weight_norm, update_norm = _norm(parameters.arrays[name]), _norm(u)
            scaled = weight_decay > 0 and name in parameters.decayed and weight_norm > 0 and update_norm > 0
            ratio = weight_norm / update_norm if scaled else 1.0
            state["trust_ratio"][name][...] = ratio
            passed[name] = ratio * u
        return passed

    return (
        clip_by_norm(clip_norm),
        scale_by_adam(beta1, beta2, epsilon),
        *decoupled_weight_decay(weight_decay),
        Transform("trust_ratio", lambda parameters: {"trust_ratio": scalars(parameters, 1.0)}, update),
        descent(learning_rate),
    )


@optimizer(
    "insgd",
    family="layerwise",
    rule="P ← βP + (1−β)‖x‖², x the layer's input;  b ← μb + g;  θ ← θ − η b / max(ln P, 0.01)",
    source="Atici, Pan & Cetin 2022, arXiv:2212.09921; the rule of the authors' README, inputs not standardized",
    verification="published rule",
)
def insgd(
    learning_rate: Positive = 0.1,
    momentum: Fraction = 0.9,
    beta: Fraction = 0.9,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """Momentum with steps divided by the logarithm of the layer's input power.

    The power ‖x‖² is a mean over the batch: of the squared norm for a linear layer, of each input channel's
    squared norm for a convolution. Biases and gains take plain momentum steps. P starts at its first value,
    our choice: started at 0, its logarithm would be negative and the first steps a hundred times larger. The
    state holds each weight's P ("input_power").
    """
    floor = 0.01

    def init(parameters: ParameterSet) -> State:
        powers = {
            name: np.zeros(array.shape[1] if array.ndim == 4 else ())
            for name, array in parameters.arrays.items()
            if parameters.kinds[name] in ("weight", "output") and array.ndim in (2, 4)
        }
        return {"count": 0, "input_power": powers}

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        passed = dict(updates)
        for name, power in state["input_power"].items():
            if name not in parameters.inputs:
                continue
            squares = parameters.inputs[name].astype(np.float64) ** 2
            # (batch, features) -> one number; (batch, height, width, channels) -> one number per channel.
            now = squares.sum(axis=1).mean() if squares.ndim == 2 else squares.sum(axis=(1, 2)).mean(axis=0)
            keep = beta if state["count"] > 1 else 0.0
            power[...] = keep * power + (1.0 - keep) * now
            with np.errstate(divide="ignore"):
                divisor = np.maximum(np.log(power), floor).astype(updates[name].dtype)
            passed[name] = updates[name] / (divisor[:, np.newaxis, np.newaxis] if power.ndim else divisor)
        return passed

    normalize = Transform("insgd", init, update, needs_inputs=True)
    return *coupled_weight_decay(weight_decay), heavy_ball(momentum), normalize, descent(learning_rate)
