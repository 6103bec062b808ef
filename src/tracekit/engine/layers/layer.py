"""What all layers have in common.

A layer is called as ``layer(x, training=..., rng=...)`` and returns a tensor. It holds no other state:
what it returns depends on its parameters and its arguments only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from tracekit.engine.tensor import Tensor, TensorLike, as_tensor


class Layer(ABC):
    """What all layers have in common: they can be called, and they list their parameters."""

    def parameters(self) -> dict[str, Tensor]:
        """Return the trainable tensors by name, in the order in which they are used."""
        return {}

    @abstractmethod
    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        """Compute the output; what a new layer defines."""

    def __call__(
        self, x: TensorLike, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> Tensor:
        """Compute the output.

        Parameters
        ----------
        x : Tensor or ndarray
            The layer's input.
        training : bool
            Whether layers that behave otherwise in training shall do so.
        rng : Generator, optional
            Where layers that are random in training draw from.
        """
        return self._forward(as_tensor(x), training, rng)
