"""Layers: ops together with the parameters that they are called with."""

from __future__ import annotations

from tracekit.engine.layers.activations import Dropout, LeakyReLU, ReLU, Sigmoid, Tanh
from tracekit.engine.layers.composition import Sequential
from tracekit.engine.layers.layer import Layer
from tracekit.engine.layers.pooling import AvgPool2d, Flatten, MaxPool2d
from tracekit.engine.layers.weighted import Conv2d, Linear

__all__ = [
    "AvgPool2d",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
]
