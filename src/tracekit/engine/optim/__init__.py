"""Optimizers as chains of named links; `OPTIMIZERS` is the table of optimizers by name."""

from tracekit.engine.optim.definitions import OPTIMIZERS, OptimizerDefinition, build_optimizer, optimizer
from tracekit.engine.optim.transform import Arrays, Optimizer, ParameterSet, State, Transform

__all__ = [
    "OPTIMIZERS",
    "Arrays",
    "Optimizer",
    "OptimizerDefinition",
    "ParameterSet",
    "State",
    "Transform",
    "build_optimizer",
    "optimizer",
]
