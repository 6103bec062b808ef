"""The engine: reverse-mode automatic differentiation of small convolutional networks, in NumPy alone."""

from __future__ import annotations

from tracekit.engine import initializers, ops
from tracekit.engine.checking import WrongGradientError, check_gradient, check_op
from tracekit.engine.layers import (
    AvgPool2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
)
from tracekit.engine.models import MODELS, build_model
from tracekit.engine.tape import GradientError, no_grad
from tracekit.engine.tensor import OPS, Primitive, Tensor, as_tensor, primitive

__all__ = [
    "MODELS",
    "OPS",
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Flatten",
    "GradientError",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Primitive",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "Tensor",
    "WrongGradientError",
    "as_tensor",
    "build_model",
    "check_gradient",
    "check_op",
    "initializers",
    "no_grad",
    "ops",
    "primitive",
]
