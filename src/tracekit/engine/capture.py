"""What flowed through a model's weighted layers in one forward pass, for whoever needs inputs or gradients there.

A layer's call is reported from :meth:`tracekit.engine.Layer.__call__`; without :func:`capture` around it
nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tracekit.engine.tape import Array, GradientError
from tracekit.engine.tensor import Tensor
from tracekit.errors import ArgumentError

if TYPE_CHECKING:
    from tracekit.engine.layers import Layer

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
                f"layer {name!r} was called twice inside one capture(); enter capture() anew for each forward "
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
