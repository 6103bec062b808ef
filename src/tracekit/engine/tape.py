"""Tape of the automatic differentiation: the record of how results were computed, and backpropagation over it.

A node holds the tensors that a result was made from and one closure, which maps the gradient of the result
to a gradient for each of them. Ops know nothing of it; see :func:`tracekit.engine.tensor.primitive`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.perturbation import perturbed
from tracekit.errors import TracekitError

_recording: ContextVar[bool] = ContextVar("recording", default=True)


class GradientError(TracekitError):
    """A gradient was asked for where there is none, or the tape was used up."""


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without a tape: results made inside do not require a gradient and hold nothing else alive.

    Examples
    --------
    >>> from tracekit.engine import Tensor, no_grad
    >>> weights = Tensor([1.0, -2.0], requires_grad=True)
    >>> with no_grad():
    ...     loss = (weights * weights).sum()
    >>> loss.requires_grad, weights.requires_grad
    (False, True)
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def is_recording() -> bool:
    """Return whether results are put on the tape: True outside :func:`no_grad`."""
    return _recording.get()


class Taped(Protocol):
    """What the tape needs of a tensor; :class:`tracekit.engine.tensor.Tensor` is one."""

    data: Array
    grad: Array | None
    requires_grad: bool
    _node: Node | None
    _retains_grad: bool


@dataclass(slots=True)
class Node:
    """How a result was made; emptied by the backward pass."""

    parents: Sequence[Taped]
    backward: Backward | None
    op: str
    number: int = field(default_factory=itertools.count(1).__next__)  #: rises from result to result


def propagate(root: Taped, seed: Array) -> None:
    """Send the gradient `seed` of `root` back to the leaves, freeing the tape on the way."""
    order = _results_first(root)
    pending: dict[int, Array] = {id(root): seed}
    for tensor in order:
        received = pending.pop(id(tensor), None)
        node = tensor._node
        if received is not None and (node is None or tensor._retains_grad):
            # Copied, because `received` may be a view or the gradient of another tensor as well.
            grad = received.copy() if tensor.grad is None else tensor.grad + received
            tensor.grad = np.asarray(grad)
        if node is None:
            continue
        parents, backward = node.parents, node.backward
        node.parents, node.backward = (), None
        if received is None or backward is None:
            continue
        for parent, contribution in zip(parents, backward(perturbed(received)), strict=True):
            if contribution is None or not parent.requires_grad:
                continue
            added = contribution() if callable(contribution) else contribution
            if added.shape != parent.data.shape or added.dtype is not parent.data.dtype:
                added = _undo_broadcasting(added, parent, node.op)
            held = pending.get(id(parent))
            # Never `held += added`: an op may have returned the array that it received, or one it keeps.
            pending[id(parent)] = added if held is None else np.asarray(held + added)


def _results_first(root: Taped) -> list[Taped]:
    """List what `root` depends on, every result before the tensors it was made from.

    Results are numbered as they are made, always after what they are made from.
    """
    found = {id(root): root}
    unseen = [root]
    while unseen:
        tensor = unseen.pop()
        node = tensor._node
        if node is None:
            continue
        if node.backward is None:
            raise GradientError(
                f"the tape of {tensor!r} was freed by an earlier backward(); run the forward pass again."
            )
        for parent in node.parents:
            if parent.requires_grad and id(parent) not in found:
                found[id(parent)] = parent
                unseen.append(parent)
    return sorted(found.values(), key=_number, reverse=True)


def _number(tensor: Taped) -> int:
    return 0 if tensor._node is None else tensor._node.number


def _undo_broadcasting(gradient: Array, parent: Taped, op: str) -> Array:
    """Sum `gradient` over the axes along which `parent` was repeated, and give it the dtype of `parent`.

    The only place that knows about broadcasting: ops return gradients in the shape of their output.
    """
    if gradient.shape != parent.data.shape:
        returned_shape = gradient.shape
        n_leading = gradient.ndim - parent.data.ndim
        if n_leading > 0:
            leading, kept = returned_shape[:n_leading], returned_shape[n_leading:]
            rows = gradient.reshape(math.prod(leading), math.prod(kept))
            # A product with ones: BLAS adds rows up many times faster than sum(axis=0) does.
            gradient = (np.ones(len(rows), rows.dtype) @ rows).reshape(kept)
        if gradient.ndim == parent.data.ndim:
            repeated = tuple(axis for axis, length in enumerate(parent.data.shape) if length == 1)
            gradient = gradient.sum(axis=repeated, keepdims=True)
        if gradient.shape != parent.data.shape:
            raise GradientError(
                f"op {op!r} returned a gradient of shape {returned_shape} for an input of shape "
                f"{parent.data.shape}."
            )
    return np.asarray(gradient, dtype=parent.data.dtype)
