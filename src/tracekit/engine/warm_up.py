"""Warm-up: compile the engine's loops before they are needed, once for all the processes of a sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracekit.engine.kernels.compiled import are_used, compiled
from tracekit.engine.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from tracekit.engine.ops import softmax_cross_entropy

#: What to expect, for those who wait.
SECONDS = 20


def is_ahead() -> bool:
    """Return whether there is nothing to wait for: loops are not used, or were compiled on this machine before."""
    if not are_used():
        return True
    loops = compiled("tracekit.engine.kernels.winograd_loops")
    return any(Path(loops.gradients.stats.cache_path).glob("winograd_loops.gradients-*.nbi"))


def compile_ahead() -> None:
    """Compile the loops, or load them: by one pass of a small network."""
    if not are_used():
        return
    rng = np.random.default_rng(0)
    model = Sequential(
        {
            "conv1": Conv2d(1, 8, 3, rng=rng),
            "pool1": MaxPool2d(3, stride=1),
            "relu1": ReLU(),
            "conv2": Conv2d(8, 8, 3, padding=1, rng=rng),
            "relu2": ReLU(),
            "pool2": MaxPool2d(2),
            "flatten": Flatten(),
            "linear1": Linear(32, 2, rng=rng),
        }
    )
    logits = model(np.zeros((2, 8, 8, 1), np.float32))
    softmax_cross_entropy(logits, np.zeros(2, int)).backward()
