"""Layers: ops together with the parameters and buffers that they are called with."""

from __future__ import annotations

from tracekit.engine.layers.activations import ELU, GELU, Dropout, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from tracekit.engine.layers.composition import Composite, Residual, Sequential
from tracekit.engine.layers.layer import Layer
from tracekit.engine.layers.normalization import BatchNorm, GroupNorm, LayerNorm
from tracekit.engine.layers.pooling import AvgPool2d, Flatten, GlobalAvgPool2d, MaxPool2d, PaddedShortcut
from tracekit.engine.layers.weighted import Conv2d, Embedding, Linear

__all__ = [
    "ELU",
    "GELU",
    "AvgPool2d",
    "BatchNorm",
    "Composite",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "PaddedShortcut",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Tanh",
]
