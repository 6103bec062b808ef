"""Sequential and residual layers: layers made of layers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.layers.layer import Layer, is_capturing
from tracekit.engine.ops.arithmetic import add
from tracekit.engine.tensor import Tensor, TensorLike, as_tensor
from tracekit.errors import ArgumentError, ShapeError, argument_sentence


class Composite(Layer):
    """A layer made of named parts, whose parameters and buffers are called "<part>.<own name>"."""

    @abstractmethod
    def parts(self) -> dict[str, Layer]:
        """Return the layers that this one is made of by name, in the order in which they are used."""

    def parameters(self) -> dict[str, Tensor]:
        """Return the parameters of all parts as "<part>.<parameter>", in order."""
        return {
            f"{name}.{own_name}": parameter
            for name, part in self.parts().items()
            for own_name, parameter in part.parameters().items()
        }

    def kinds(self) -> dict[str, str]:
        """Return what each parameter is; the output weight of a part is one weight among others here."""
        return {
            f"{name}.{own_name}": "weight" if kind == "output" else kind
            for name, part in self.parts().items()
            for own_name, kind in part.kinds().items()
        }

    def buffers(self) -> dict[str, Array]:
        """Return the buffers of all parts as "<part>.<buffer>", in order."""
        return {
            f"{name}.{own_name}": buffer
            for name, part in self.parts().items()
            for own_name, buffer in part.buffers().items()
        }

    def _name_parameters(self, holder: str) -> None:
        """Give each parameter its full name; ArgumentError if there is one tensor under two names."""
        owners: dict[int, str] = {}
        for name, parameter in self.parameters().items():
            if id(parameter) in owners:
                raise ArgumentError(
                    f"{holder} one tensor as {owners[id(parameter)]!r} and as {name!r}, which an "
                    f"optimizer would update twice; give each layer its own parameters."
                )
            owners[id(parameter)] = name
            parameter.name = name


class Residual(Composite):
    """What the body makes of the input, added to the input itself or to what the shortcut makes of it.

    He, Zhang, Ren and Sun (CVPR 2016), equations 1 and 2.

    Parameters
    ----------
    body : Layer
        Its parameters are called "body.<parameter>".
    shortcut : Layer, optional
        Its parameters are called "shortcut.<parameter>"; the identity unless given.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None) -> None:
        self.body = body
        self.shortcut = shortcut
        self._name_parameters("`body` and `shortcut` hold")

    def parts(self) -> dict[str, Layer]:
        """Return "body" and, if there is one, "shortcut"."""
        return {"body": self.body} | ({} if self.shortcut is None else {"shortcut": self.shortcut})

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        changed = self.body(x, training=training, rng=rng)
        kept = x if self.shortcut is None else self.shortcut(x, training=training, rng=rng)
        if changed.shape != kept.shape:
            raise ShapeError(
                f"the body of a residual layer returned shape {changed.shape} and its shortcut {kept.shape}; "
                f"give it a shortcut that returns what the body does."
            )
        return add(changed, kept)


class Sequential(Composite):
    """Layers that are called one after the other; the last one's output is the result.

    Parameters
    ----------
    layers : mapping of str to Layer, not empty
        In the order of the calls. Building the model names each parameter "<layer>.<parameter>".

    Attributes
    ----------
    layers : dict of str to Layer
        The layers by name, in order.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit.engine import Flatten, Linear, Sequential
    >>> model = Sequential({"flatten": Flatten(), "linear1": Linear(4, 3, rng=0)})
    >>> model(np.zeros((5, 2, 2, 1), np.float32)).shape
    (5, 3)
    >>> {name: parameter.shape for name, parameter in model.parameters().items()}
    {'linear1.weight': (3, 4), 'linear1.bias': (3,)}
    """

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        if not layers:
            raise ArgumentError(argument_sentence("layers", layers, "must hold at least one layer"))
        self.layers = dict(layers)
        self._name_parameters("`layers` holds")

    def parts(self) -> dict[str, Layer]:
        """Return :attr:`layers`."""
        return self.layers

    def kinds(self) -> dict[str, str]:
        """Return what each parameter is; the last "weight" is the "output" of the model."""
        kinds = super().kinds()
        weights = [name for name, kind in kinds.items() if kind == "weight"]
        return kinds | dict.fromkeys(weights[-1:], "output")

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return self(x, training=training, rng=rng)

    def __call__(
        self,
        x: TensorLike,
        *,
        training: bool = False,
        rng: np.random.Generator | None = None,
        outputs: dict[str, Tensor] | None = None,
        every_output: bool = True,
    ) -> Tensor:
        """Call the layers in order.

        Parameters
        ----------
        x : Tensor or ndarray
            Input of the first layer; integers if that is an embedding.
        training : bool
            Passed to each layer.
        rng : Generator, optional
            Passed to each layer.
        outputs : dict, optional
            Receives the output of each layer of this model under the layer's name.
        every_output : bool
            Whether `outputs` must be complete. If not, neighbours may be computed in one go, which is faster and
            gives the same results; their common output then stands under the name of the second.
        """
        signal = x
        alone = is_capturing() or (outputs is not None and every_output)
        layers = list(self.layers.items())
        position = 0
        while position < len(layers):
            name, layer = layers[position]
            together = None
            if not alone and position + 1 < len(layers):
                together = layer.together_with(layers[position + 1][1])
            if together is None:
                signal = layer(signal, training=training, rng=rng)
                position += 1
            else:
                signal = together(as_tensor(signal))
                name = layers[position + 1][0]
                position += 2
            if outputs is not None:
                outputs[name] = signal
        return as_tensor(signal)
