"""The engine: reverse-mode automatic differentiation of small convolutional networks, in NumPy alone."""

from __future__ import annotations

from tracekit.engine import initializers, ops
from tracekit.engine.checking import WrongGradientError, check_gradient, check_op
from tracekit.engine.layers import (
    ELU,
    GELU,
    AvgPool2d,
    BatchNorm,
    Composite,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    PaddedShortcut,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
)
from tracekit.engine.models import MODELS, build_model
from tracekit.engine.tape import GradientError, no_grad
from tracekit.engine.tensor import OPS, Primitive, Tensor, as_tensor, primitive

__all__ = [
    "ELU",
    "GELU",
    "MODELS",
    "OPS",
    "AvgPool2d",
    "BatchNorm",
    "Composite",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GradientError",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "PaddedShortcut",
    "Primitive",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
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
