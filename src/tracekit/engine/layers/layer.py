"""Layer: the base class of all layers, and `capture` of their calls.

A layer is called as ``layer(x, training=..., rng=...)`` and returns a tensor. All its state is in
:meth:`Layer.parameters`, which optimizers change, and :meth:`Layer.buffers`, which calls in training change:
what it returns depends on these and on its arguments only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.tape import GradientError
from tracekit.engine.tensor import Tensor, TensorLike, as_tensor
from tracekit.errors import ArgumentError


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


_Listener: TypeAlias = "Callable[[Layer, Tensor, Tensor, bool], None]"


_listeners: ContextVar[tuple[_Listener, ...]] = ContextVar("listeners", default=())


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One call of a layer that has parameters of its own."""

    name: str  #: full name in the model, "conv1" or "features.conv1"
    layer: Layer
    input: Array  #: what the layer was called on; the layer's own, not a copy
    output: Tensor  #: what it returned; keeps its gradient
    training: bool  #: whether it was called as in training

    @property
    def gradient(self) -> Array:
        """Gradient at the output, in its shape, of what ``backward()`` was called on.

        Raises
        ------
        GradientError
            If there was no backward pass from the output yet.
        """
        if self.output.grad is None:
            raise GradientError(
                f"the output of layer {self.name!r} has no gradient; call backward() on a loss that depends on "
                f"it, computed outside no_grad()."
            )
        return self.output.grad


@contextmanager
def capture(model: Layer) -> Iterator[dict[str, LayerCall]]:
    """Record the calls of all layers of a model that have parameters of their own, nested ones too.

    Captures may be nested; each keeps its own record. Other threads are not seen.

    Parameters
    ----------
    model : Layer
        Its layers are known by their parameters; calls of other layers are not recorded.

    Yields
    ------
    dict of str to LayerCall
        By full name, in the order of the calls; filled while the block runs, and the reader's to keep. The
        outputs retain their gradients, so that after ``backward()``, inside the block or after it,
        :attr:`LayerCall.gradient` is there.

    Raises
    ------
    ArgumentError
        If a layer is called a second time, whose gradients no record could tell from the first one's.
    """
    names = {id(parameter): name for name, parameter in model.parameters().items()}
    calls: dict[str, LayerCall] = {}

    def record(layer: Layer, x: Tensor, output: Tensor, training: bool) -> None:
        for own_name, parameter in layer.parameters().items():
            # A dot means that the parameter belongs to a layer inside this one, which is reported itself.
            if "." not in own_name and id(parameter) in names:
                name = names[id(parameter)].removesuffix(own_name).removesuffix(".")
                break
        else:
            return
        if name in calls:
            raise ArgumentError(
                f"layer {name!r} was called twice inside one capture(); enter capture() again for each forward "
                f"pass."
            )
        if output.requires_grad:
            output.retain_grad()
        calls[name] = LayerCall(name, layer, x.data, output, training)

    token = _listeners.set((*_listeners.get(), record))
    try:
        yield calls
    finally:
        _listeners.reset(token)


def is_capturing() -> bool:
    """Return whether a capture is around this call."""
    return bool(_listeners.get())


def report_call(layer: Layer, x: Tensor, output: Tensor, training: bool) -> None:
    """Tell the captures around this call, if there are any, what a layer was called on and returned."""
    for listener in _listeners.get():
        listener(layer, x, output, training)
