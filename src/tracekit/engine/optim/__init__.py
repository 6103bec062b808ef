"""Optimizers as chains of named links; `OPTIMIZERS` is the table of the named ones."""

from tracekit.engine.optim.definitions import OPTIMIZERS, OptimizerDefinition, build_optimizer, optimizer
from tracekit.engine.optim.transform import Arrays, Optimizer, State, Transform

__all__ = [
    "OPTIMIZERS",
    "Arrays",
    "Optimizer",
    "OptimizerDefinition",
    "State",
    "Transform",
    "build_optimizer",
    "optimizer",
]
