"""Layers made of layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tracekit.engine.layers.layer import Layer
from tracekit.engine.tensor import Tensor, TensorLike, as_tensor
from tracekit.errors import ArgumentError, bad_argument


class Sequential(Layer):
    """Layers that are called one after the other; the last one's output is the result.

    Parameters
    ----------
    layers : mapping of str to Layer, not empty
        In the order of the calls. Building the model names each parameter "<layer>.<parameter>".

    Attributes
    ----------
    layers : dict of str to Layer
        The layers by name, in order.
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        if not layers:
            raise ArgumentError(bad_argument("layers", layers, "must hold at least one layer"))
        self.layers = dict(layers)
        owners: dict[int, str] = {}
        for name, parameter in self.parameters().items():
            if id(parameter) in owners:
                raise ArgumentError(
                    f"`layers` holds one tensor as {owners[id(parameter)]!r} and as {name!r}, which an "
                    f"optimizer would update twice; give each layer its own parameters."
                )
            owners[id(parameter)] = name
            parameter.name = name

    def parameters(self) -> dict[str, Tensor]:
        """Return the parameters of all layers as "<layer>.<parameter>", in order."""
        return {
            f"{name}.{own_name}": parameter
            for name, layer in self.layers.items()
            for own_name, parameter in layer.parameters().items()
        }

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return self(x, training=training, rng=rng)

    def __call__(
        self,
        x: TensorLike,
        *,
        training: bool = False,
        rng: np.random.Generator | None = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> Tensor:
        """Call the layers in order.

        Parameters
        ----------
        x : Tensor or ndarray
            Input of the first layer.
        training : bool
            Passed to each layer.
        rng : Generator, optional
            Passed to each layer.
        outputs : dict, optional
            Receives the output of each layer of this model under the layer's name.
        """
        signal = as_tensor(x)
        for name, layer in self.layers.items():
            signal = layer(signal, training=training, rng=rng)
            if outputs is not None:
                outputs[name] = signal
        return signal
