"""Links that many optimizers share: gradient clipping, weight decay, momentum and descent."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.transform import Arrays, ParameterSet, State, Transform, decay_term, elementwise


def _stateless(parameters: ParameterSet) -> State:
    return {}


def clip_by_value(limit: float) -> Transform:
    """Clip every element of the gradient to [-limit, limit]."""
    return Transform(
        "clip_by_value",
        _stateless,
        lambda updates, state, parameters: {
            name: np.clip(value, -limit, limit) for name, value in updates.items()
        },
    )


def clip_by_norm(limit: float) -> Transform:
    """Scale all tensors by one factor, so that their joint Euclidean norm is at most `limit`.

    The state holds the norm before clipping, for recorders.
    """

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        norm = joint_norm(updates)
        state["norm"] = norm
        if norm <= limit:
            return updates
        # A norm that is not finite stays as it is, so that the training loop notices the divergence.
        factor = limit / norm if math.isfinite(norm) else 1.0
        return {name: value * factor for name, value in updates.items()}

    return Transform("clip_by_norm", lambda parameters: {"norm": math.nan}, update)


def joint_norm(arrays: Arrays) -> float:
    """Return the Euclidean norm over all tensors, summed in float64."""
    return math.sqrt(sum(squared_norm(array) for array in arrays.values()))


def squared_norm(array: np.ndarray) -> float:
    """Return the sum of squares, in float64."""
    flat = array.ravel().astype(np.float64, copy=False)
    return float(flat @ flat)


def coupled_weight_decay(weight_decay: float) -> tuple[Transform, ...]:
    """Add ``weight_decay * parameter`` to the gradient (an L2 penalty), before the rest of the chain.

    Return no link if the decay is 0, so that it costs nothing.
    """
    return _decay("coupled_weight_decay", weight_decay)


def decoupled_weight_decay(weight_decay: float) -> tuple[Transform, ...]:
    """Add ``weight_decay * parameter`` to the preconditioned update (Loshchilov & Hutter 2019).

    Placed before the descent, it shrinks the parameter by learning_rate * weight_decay.
    """
    return _decay("decoupled_weight_decay", weight_decay)


def _decay(name: str, weight_decay: float) -> tuple[Transform, ...]:
    if weight_decay == 0:
        return ()

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        return {key: value + decay_term(weight_decay, key, parameters) for key, value in updates.items()}

    return (Transform(name, _stateless, update),)


def heavy_ball(momentum: float) -> Transform:
    """Apply Polyak's momentum: b <- momentum * b + u, and b is the update (Polyak 1964).

    Placed before the descent, the buffer does not contain the learning rate; placed after it, it does. With a
    constant learning rate both give the same trajectory; under a schedule they do not.
    """

    def rule(u: np.ndarray, s: dict[str, np.ndarray], t: int) -> np.ndarray:
        b = s["momentum"]
        b *= momentum
        b += u
        return b

    return elementwise("heavy_ball", rule, "momentum")


def nesterov(momentum: float) -> Transform:
    """Apply Nesterov's momentum in the shifted variable: b <- momentum * b + u; the update is u + momentum * b.

    The gradient is taken at the current (already shifted) point, as in deep-learning libraries
    (Sutskever et al. 2013); the look-ahead form gives the same trajectory in another variable.
    """

    def rule(u: np.ndarray, s: dict[str, np.ndarray], t: int) -> np.ndarray:
        b = s["momentum"]
        b *= momentum
        b += u
        return u + momentum * b

    return elementwise("nesterov", rule, "momentum")


def descent(learning_rate: float) -> Transform:
    """Multiply by minus the learning rate; the result is added to the parameters."""

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["learning_rate"] = learning_rate * parameters.schedule
        return {name: value * -parameters.rate(learning_rate, name) for name, value in updates.items()}

    return Transform("descent", lambda parameters: {"learning_rate": math.nan}, update)
