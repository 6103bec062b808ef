"""Optimizer as a chain of named links, each of which turns updates into updates.

The gradients enter the first link; the result of the last link is added to the parameters. A link keeps its
state in named arrays that are allocated once and updated in place, so that a recorder can read any of
them between updates. A link never writes into the arrays that it receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tracekit.errors import ArgumentError

#: Arrays by the name of their parameter tensor.
Arrays = dict[str, np.ndarray]
#: State of a link: `Arrays` by the name of the quantity, and under "count" the number of updates made.
State = dict[str, Any]


@dataclass(slots=True)
class ParameterSet:
    """What an optimizer knows about the model that it updates."""

    arrays: Arrays  #: the parameters themselves, live
    kinds: dict[str, str]  #: weight | bias | scale | embedding | output, by tensor
    decayed: frozenset[str]  #: tensors that weight decay applies to
    inputs: Arrays = field(default_factory=dict)  #: input of the layer that owns a weight, at this update
    schedule: float = 1.0  #: factor on every learning rate, at this update
    layer_schedule: dict[str, float] = field(default_factory=dict)  #: further factor for single tensors

    def rate(self, learning_rate: float, name: str) -> float:
        """Return the learning rate of one tensor at this update."""
        return learning_rate * self.schedule * self.layer_schedule.get(name, 1.0)


@dataclass(frozen=True, slots=True)
class Transform:
    """One link of an optimizer."""

    name: str  #: what the link does, as `Optimizer.state` names it
    init: Callable[[ParameterSet], State]  #: parameters -> state before the first update
    update: Callable[[Arrays, State, ParameterSet], Arrays]  #: (updates, state, parameters) -> updates
    needs_inputs: bool = False  #: whether `ParameterSet.inputs` must be filled before an update
    #: (state, parameters) -> values to evaluate the model at, if they differ from the trained ones
    evaluation: Callable[[State, ParameterSet], Arrays] | None = None


class Optimizer:
    """A chain of links bound to the parameters that it updates.

    Parameters
    ----------
    links : tuple of Transform
        Links in the order of application; their names must differ.
    parameters : mapping of str to ndarray
        The arrays to update, in place.
    kinds : mapping of str to str, optional
        Kind of each tensor; by default tensors of two or more axes are weights, the others biases.
    decayed_kinds : frozenset of str, optional
        Kinds that weight decay applies to; all by default.
    schedule : callable, optional
        From the number of the update (from 1) to a factor on every learning rate; 1 by default.

    Attributes
    ----------
    parameters : ParameterSet
        Parameters as the links see them.
    state : dict of str to dict
        The links' states by link name, e.g. ``state["adam"]["first_moment"]["conv1.weight"]``.
    count : int
        Number of updates made.
    """

    def __init__(
        self,
        links: tuple[Transform, ...],
        parameters: Mapping[str, np.ndarray],
        *,
        kinds: Mapping[str, str] | None = None,
        decayed_kinds: frozenset[str] | None = None,
        schedule: Callable[[int], float] | None = None,
    ) -> None:
        arrays = dict(parameters)
        known = dict(kinds) if kinds is not None else _kinds_by_shape(arrays)
        decayed = frozenset(name for name in arrays if decayed_kinds is None or known[name] in decayed_kinds)
        self.links = links
        self.parameters = ParameterSet(arrays, known, decayed)
        self.state: dict[str, State] = {link.name: link.init(self.parameters) for link in links}
        self.count = 0
        self._schedule = schedule or (lambda count: 1.0)
        if len(self.state) != len(links):
            raise ValueError(f"links must have different names, got {[link.name for link in links]}.")

    @property
    def needs_inputs(self) -> bool:
        """Whether `update` must be given the layers' inputs."""
        return any(link.needs_inputs for link in self.links)

    def update(
        self, gradients: Mapping[str, np.ndarray], *, inputs: Mapping[str, np.ndarray] | None = None
    ) -> Arrays:
        """Turn gradients into the updates to add, and advance the state; the parameters do not change.

        Parameters
        ----------
        gradients : mapping of str to ndarray
            One array per tensor, of its shape.
        inputs : mapping of str to ndarray, optional
            Input of the layer that owns a weight, by the weight's name: (batch, features) or
            (batch, height, width, channels). Required if `needs_inputs` is true.

        Raises
        ------
        ArgumentError
            The inputs are needed and were not given.
        """
        if self.needs_inputs and inputs is None:
            raise ArgumentError("this optimizer normalizes by the layers' inputs; pass `inputs`.")
        self.count += 1
        self.parameters.schedule = float(self._schedule(self.count))
        self.parameters.inputs = dict(inputs or {})
        updates = dict(gradients)
        for link in self.links:
            updates = link.update(updates, self.state[link.name], self.parameters)
        return updates

    def apply(self, updates: Mapping[str, np.ndarray]) -> None:
        """Add the updates to the parameters, in place."""
        for name, parameter in self.parameters.arrays.items():
            parameter += updates[name]

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Let the parameters be, for a while, the point that the optimizer's theory evaluates.

        Schedule-free methods train at one point and answer at another; for all others nothing changes.
        """
        points = [
            link.evaluation(self.state[link.name], self.parameters) for link in self.links if link.evaluation
        ]
        if not points:
            yield
            return
        trained = {name: array.copy() for name, array in self.parameters.arrays.items()}
        try:
            _overwrite(self.parameters.arrays, points[-1])
            yield
        finally:
            _overwrite(self.parameters.arrays, trained)


def _overwrite(arrays: Arrays, values: Arrays) -> None:
    for name, array in arrays.items():
        array[...] = values[name]


def _kinds_by_shape(arrays: Arrays) -> dict[str, str]:
    return {name: "weight" if array.ndim >= 2 else "bias" for name, array in arrays.items()}


def zeros_like(parameters: ParameterSet) -> Arrays:
    """Return one zero array per parameter tensor, of its shape and type."""
    return {name: np.zeros_like(array) for name, array in parameters.arrays.items()}


def scalars(parameters: ParameterSet, value: float = 0.0) -> Arrays:
    """Return one 0-d float64 array per parameter tensor, for state that is one number per tensor."""
    return {name: np.array(value) for name in parameters.arrays}


def decay_term(weight_decay: float, name: str, parameters: ParameterSet) -> np.ndarray | float:
    """Return ``weight_decay * parameter`` if decay applies to the tensor, else 0."""
    if weight_decay == 0 or name not in parameters.decayed:
        return 0.0
    return weight_decay * parameters.arrays[name]


def ema(average: np.ndarray, value: np.ndarray | float, beta: float) -> None:
    """Move an exponential moving average in place: a <- beta a + (1 - beta) value."""
    average *= beta
    average += (1.0 - beta) * value


#: Per-tensor rule: (gradient, state of the tensor, parameter, number of the update) -> update.
Rule = Callable[[np.ndarray, dict[str, np.ndarray], np.ndarray, int], np.ndarray]
#: How a state quantity starts: an array of the parameter's shape ("array") or a number a tensor.
Start = str | float


def per_tensor(name: str, rule: Rule, **starts: Start) -> Transform:
    """Build a link that treats each tensor by itself.

    Parameters
    ----------
    name : str
        Name of the link.
    rule : callable
        ``rule(gradient, state, parameter, count)`` returns the update; `state` holds the tensor's own
        arrays by quantity, to be changed in place.
    **starts
        State quantities: ``"array"`` for zeros of the parameter's shape, or the starting value of a
        number a tensor (a 0-d array).
    """

    def init(parameters: ParameterSet) -> State:
        quantities = {
            quantity: zeros_like(parameters) if start == "array" else scalars(parameters, float(start))
            for quantity, start in starts.items()
        }
        return {"count": 0, **quantities}

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        return {
            key: rule(
                gradient,
                {quantity: state[quantity][key] for quantity in starts},
                parameters.arrays[key],
                state["count"],
            )
            for key, gradient in updates.items()
        }

    return Transform(name, init, update)


#: Rule that treats each element by itself: (gradient, state, number of the update) -> update, all of one length.
ElementRule = Callable[[np.ndarray, dict[str, np.ndarray], int], np.ndarray]


class FlatArrays(dict[str, np.ndarray]):
    """One array a parameter tensor, of its shape, all of them views of one flat array of zeros."""

    def __init__(self, parameters: Mapping[str, np.ndarray]) -> None:
        size = sum(array.size for array in parameters.values())
        #: The elements of all tensors, one after the other.
        self.flat = np.zeros(size, np.result_type(*parameters.values()) if parameters else np.float64)
        stop = 0
        for name, array in parameters.items():
            start, stop = stop, stop + array.size
            self[name] = self.flat[start:stop].reshape(array.shape)


#: Elements that a rule is applied to at a time, so that they stay in the cache from one operation to the next.
_ELEMENTS_AT_ONCE = 2**16


def elementwise(name: str, rule: ElementRule, *quantities: str) -> Transform:
    """Build a link that treats each element by itself, whatever tensor it belongs to.

    The tensors are put one after the other, so that a network of many small ones costs no more than one large
    one, and worked on a piece at a time.

    Parameters
    ----------
    name : str
        Name of the link.
    rule : callable
        ``rule(gradient, state, count)`` returns the update; `state` holds the pieces of its quantities, to be
        changed in place.
    *quantities : str
        What the state holds, each starting at zero.
    """

    def init(parameters: ParameterSet) -> State:
        return {"count": 0, **{quantity: FlatArrays(parameters.arrays) for quantity in quantities}}

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        result = FlatArrays(parameters.arrays)
        if not result:
            return result
        gradient = np.concatenate([updates[key].reshape(-1) for key in result])
        for start in range(0, gradient.size, _ELEMENTS_AT_ONCE):
            piece = slice(start, start + _ELEMENTS_AT_ONCE)
            own = {quantity: state[quantity].flat[piece] for quantity in quantities}
            result.flat[piece] = rule(gradient[piece], own, state["count"])
        return result

    return Transform(name, init, update)
