"""Engine: reverse-mode automatic differentiation of small convolutional networks, in NumPy alone."""

from __future__ import annotations

from tracekit.engine import initializers, ops
from tracekit.engine.checking import WrongGradientError, check_gradient, check_op
from tracekit.engine.derivatives.curvature import (
    LocalQuadratic,
    gauss_newton_vector_product,
    hessian_vector_product,
    local_quadratic,
)
from tracekit.engine.derivatives.persample import (
    GradientGram,
    PerSampleError,
    gradient_gram,
    gradient_second_moments,
    per_sample_gradients,
    per_sample_squared_norms,
)
from tracekit.engine.derivatives.spectrum import (
    TopEigenvalues,
    TraceEstimate,
    hutchinson_trace,
    top_eigenvalues,
)
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
from tracekit.engine.layers.layer import LayerCall, capture
from tracekit.engine.models import MODELS, build_model
from tracekit.engine.state_dict import load_state_dict, to_state_dict
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
    "GradientGram",
    "GroupNorm",
    "Layer",
    "LayerCall",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LocalQuadratic",
    "MaxPool2d",
    "PaddedShortcut",
    "PerSampleError",
    "Primitive",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
    "Tensor",
    "TopEigenvalues",
    "TraceEstimate",
    "WrongGradientError",
    "as_tensor",
    "build_model",
    "capture",
    "check_gradient",
    "check_op",
    "gauss_newton_vector_product",
    "gradient_gram",
    "gradient_second_moments",
    "hessian_vector_product",
    "hutchinson_trace",
    "initializers",
    "load_state_dict",
    "local_quadratic",
    "no_grad",
    "ops",
    "per_sample_gradients",
    "per_sample_squared_norms",
    "primitive",
    "to_state_dict",
    "top_eigenvalues",
]
