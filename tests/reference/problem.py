"""A small deterministic problem with every kind of tensor, for comparing optimizers step by step.

The gradient is that of a badly scaled quadratic bowl plus a disturbance that depends on the update's number, so
that signs and sizes vary as under minibatches. It is computed in Python floats and knows nothing of the engine.
"""

import math

N_STEPS = 120

SHAPES = {
    "conv.weight": (3, 2, 2, 2),
    "conv.bias": (3,),
    "hidden.weight": (4, 3),
    "hidden.bias": (4,),
    "output.weight": (
        3,
        4,
    ),  # no side may have a null space of two: SOAP's first basis would be arbitrary there
}
KINDS = {
    "conv.weight": "weight",
    "conv.bias": "bias",
    "hidden.weight": "weight",
    "hidden.bias": "bias",
    "output.weight": "output",
}
SIZES = {name: math.prod(shape) for name, shape in SHAPES.items()}


def start():
    """Flat starting values by tensor."""
    return {name: [math.cos(3.0 * k + len(name)) for k in range(size)] for name, size in SIZES.items()}


def gradient(theta, t):
    """Flat gradients by tensor at flat parameters, for update t = 1, 2, ..."""
    result = {}
    for name, values in theta.items():
        mean = sum(values) / len(values)
        result[name] = [
            0.1 * (1 + k % 5) ** 2 * x + 0.2 * mean + 0.3 * math.sin(0.7 * t + 1.3 * k + len(name))
            for k, x in enumerate(values)
        ]
    return result


def layer_input(name, t):
    """Input of the layer that owns a weight: nested lists (batch, features) or (batch, height, width, channels)."""
    shape = SHAPES[name]
    if len(shape) == 2:
        return [[1.5 + math.sin(t + 0.4 * i + j) for j in range(shape[1])] for i in range(5)]
    return [
        [
            [[2.0 + math.cos(0.3 * t + i + h - w + 2 * c) for c in range(shape[1])] for w in range(3)]
            for h in range(3)
        ]
        for i in range(5)
    ]
