"""What all layers have in common.

A layer is called as ``layer(x, training=..., rng=...)`` and returns a tensor. All its state is in
:meth:`Layer.parameters`, which optimizers change, and :meth:`Layer.buffers`, which calls in training change:
what it returns depends on these and on its arguments only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from tracekit.engine.capture import report_call
from tracekit.engine.tape import Array
from tracekit.engine.tensor import Tensor, TensorLike, as_tensor


class Layer(ABC):
    """What all layers have in common: they can be called, and they list their parameters and buffers."""

    mixes_samples: ClassVar[bool] = False
    """Whether in training a sample's output depends on the other samples of the batch."""

    def parameters(self) -> dict[str, Tensor]:
        """Return the trainable tensors by name, in the order in which they are used."""
        return {}

    def kinds(self) -> dict[str, str]:
        """Return what each parameter is, by the name that it has in :meth:`parameters`.

        "weight" is a matrix or kernel, "bias" is added, "scale" is the gain of a normalization, "embedding" a
        table of rows, and "output" the last "weight" of a model.
        """
        return dict.fromkeys(self.parameters(), "weight")

    def buffers(self) -> dict[str, Array]:
        """Return the state that no optimizer trains, by name; calls in training update it in place."""
        return {}

    def together_with(self, following: Layer) -> Callable[[Tensor], Tensor] | None:
        """Return how to compute what this layer and the one that follows it do in one go, if there is a way.

        Its results must be the very same, bit for bit: it is taken whenever nobody looks at what flows between.
        """
        return None

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
        signal = as_tensor(x)
        output = self._forward(signal, training, rng)
        report_call(self, signal, output, training)
        return output
