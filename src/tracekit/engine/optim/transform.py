"""The form of an optimizer: a chain of named links, each turning updates into updates.

The gradients enter the first link; what leaves the last is added to the parameters. A link keeps its
state in named arrays that are allocated once and updated in place, so that a recorder can read any of
them between updates. A link never writes into the arrays that it is handed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Arrays by the name of their parameter tensor.
Arrays = dict[str, np.ndarray]
#: What a link remembers: named `Arrays`, and plain numbers such as an update count.
State = dict[str, Any]
#: A learning rate, or a function from the number of the update (from 1) to one.
LearningRate = float | Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Transform:
    """One link of an optimizer."""

    name: str  #: what the link does, as `Optimizer.state` names it
    init: Callable[[Arrays], State]  #: parameters -> state before the first update
    update: Callable[[Arrays, State, Arrays], Arrays]  #: (updates, state, parameters) -> updates


class Optimizer:
    """A chain of links bound to the parameters that it updates.

    Parameters
    ----------
    links : tuple of Transform
        Applied in order; their names must differ.
    parameters : mapping of str to ndarray
        The arrays to update, in place.

    Attributes
    ----------
    parameters : dict of str to ndarray
        The arrays it was given.
    state : dict of str to dict
        The links' states by link name, e.g. ``state["adam"]["first_moment"]["conv1.weight"]``.
    """

    def __init__(self, links: tuple[Transform, ...], parameters: Mapping[str, np.ndarray]) -> None:
        self.links = links
        self.parameters = dict(parameters)
        self.state: dict[str, State] = {link.name: link.init(self.parameters) for link in links}
        if len(self.state) != len(links):
            raise ValueError(f"links must have different names, got {[link.name for link in links]}.")

    def update(self, gradients: Mapping[str, np.ndarray]) -> Arrays:
        """Turn gradients into the updates to add, advancing the state; the parameters stay as they are."""
        updates = dict(gradients)
        for link in self.links:
            updates = link.update(updates, self.state[link.name], self.parameters)
        return updates

    def apply(self, updates: Mapping[str, np.ndarray]) -> None:
        """Add the updates to the parameters, in place."""
        for name, parameter in self.parameters.items():
            parameter += updates[name]


def zeros_like(parameters: Arrays) -> Arrays:
    """One zero array a parameter tensor, of its shape and type."""
    return {name: np.zeros_like(parameter) for name, parameter in parameters.items()}


def stateless(name: str, function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Transform:
    """Build a link that remembers nothing from ``function(update, parameter)``."""

    def update(updates: Arrays, state: State, parameters: Arrays) -> Arrays:
        return {key: function(value, parameters[key]) for key, value in updates.items()}

    return Transform(name, lambda parameters: {}, update)
