"""The links that optimizers are composed of: decay, momentum, descent."""

from __future__ import annotations

from tracekit.engine.optim.transform import Arrays, LearningRate, State, Transform, stateless, zeros_like


def coupled_weight_decay(weight_decay: float) -> tuple[Transform, ...]:
    """Add ``weight_decay * parameter`` to the gradient (an L2 penalty), seen by the rest of the chain.

    No link at all where the decay is 0, so that it costs nothing.
    """
    if weight_decay == 0:
        return ()
    return (stateless("weight_decay", lambda gradient, parameter: gradient + weight_decay * parameter),)


def heavy_ball(momentum: float) -> Transform:
    """Polyak's momentum: b <- momentum * b + u, and b is passed on (Polyak 1964).

    The learning rate is applied after the buffer. With a constant learning rate this is the same
    trajectory as Polyak's form with the rate inside; under a schedule it is not.
    """

    def update(updates: Arrays, state: State, parameters: Arrays) -> Arrays:
        for name, buffer in state["momentum"].items():
            buffer *= momentum
            buffer += updates[name]
        return dict(state["momentum"])

    return Transform("heavy_ball", lambda parameters: {"momentum": zeros_like(parameters)}, update)


def nesterov(momentum: float) -> Transform:
    """Nesterov's momentum in the shifted variable: b <- momentum * b + u, passing on u + momentum * b.

    The gradient is taken at the current (already shifted) point, as deep-learning libraries do
    (Sutskever et al. 2013); the look-ahead form visits the same points under another name.
    """

    def update(updates: Arrays, state: State, parameters: Arrays) -> Arrays:
        passed = {}
        for name, buffer in state["momentum"].items():
            buffer *= momentum
            buffer += updates[name]
            passed[name] = updates[name] + momentum * buffer
        return passed

    return Transform("nesterov", lambda parameters: {"momentum": zeros_like(parameters)}, update)


def descent(learning_rate: LearningRate) -> Transform:
    """Multiply by minus the learning rate: what leaves is added to the parameters."""

    def update(updates: Arrays, state: State, parameters: Arrays) -> Arrays:
        state["count"] += 1
        rate = float(learning_rate(state["count"]) if callable(learning_rate) else learning_rate)
        state["learning_rate"] = rate
        return {name: value * -rate for name, value in updates.items()}

    return Transform("descent", lambda parameters: {"count": 0, "learning_rate": float("nan")}, update)
