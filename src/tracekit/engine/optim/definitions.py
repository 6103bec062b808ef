"""The table of optimizers: what a definition carries, and how one is built from a name and settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tracekit.engine.optim.settings import check_settings
from tracekit.engine.optim.transform import Optimizer, Transform
from tracekit.errors import unknown_name
from tracekit.registry import Registry

Links = Callable[..., tuple[Transform, ...]]
LinksFunction = TypeVar("LinksFunction", bound=Links)


@dataclass(frozen=True, slots=True)
class OptimizerDefinition:
    """What tracekit knows about a named optimizer."""

    name: str  #: as configurations and the CLI spell it
    family: str  #: momentum | adaptive | ...
    rule: str  #: the update rule in one line
    source: str  #: paper and year
    links: Links  #: hyperparameters -> chain of links

    @property
    def defaults(self) -> dict[str, Any]:
        """Hyperparameters with their default values."""
        return {name: p.default for name, p in inspect.signature(self.links).parameters.items()}

    @property
    def summary(self) -> str:
        """First line of the definition's docstring."""
        return (inspect.getdoc(self.links) or "").splitlines()[0]

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings by defaults and check them.

        Raises
        ------
        UnknownNameError
            A setting that this optimizer does not have.
        ArgumentError
            A value of the wrong type or range; NaN and infinities are never valid.
        """
        defaults = self.defaults
        for name in settings:
            if name not in defaults:
                raise unknown_name(f"hyperparameter of {self.name}", name, defaults)
        resolved = {**defaults, **settings}
        check_settings(self.links, resolved, defaults)
        return resolved


OPTIMIZERS: Registry[OptimizerDefinition] = Registry(
    "optimizer", ["tracekit.engine.optim.momentum", "tracekit.engine.optim.adam"]
)


def optimizer(name: str, *, family: str, rule: str, source: str) -> Callable[[LinksFunction], LinksFunction]:
    """Enter the decorated function (hyperparameters -> links) into `OPTIMIZERS`."""

    def enter(links: LinksFunction) -> LinksFunction:
        OPTIMIZERS.add(name, OptimizerDefinition(name, family, rule, source, links))
        return links

    return enter


def build_optimizer(name: str, parameters: Mapping[str, np.ndarray], **settings: Any) -> Optimizer:
    """Build a named optimizer over parameter arrays, which it will update in place.

    Parameters
    ----------
    name : str
        A name in `OPTIMIZERS`.
    parameters : mapping of str to ndarray
        Arrays by tensor name.
    **settings
        Hyperparameters; what is absent takes the definition's default. ``learning_rate`` may be a
        function from the number of the update (from 1) to a rate.

    Raises
    ------
    UnknownNameError, ArgumentError
        Unknown name, or unusable hyperparameter.
    """
    definition = OPTIMIZERS[name]
    return Optimizer(definition.links(**definition.resolve(settings)), parameters)
