"""The table of optimizers: what a definition carries, and how one is built from a name and settings."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tracekit.engine.optim.transform import Optimizer, Transform
from tracekit.errors import ArgumentError, bad_argument, unknown_name
from tracekit.registry import Registry

Links = Callable[..., tuple[Transform, ...]]
LinksFunction = TypeVar("LinksFunction", bound=Links)

#: Hyperparameters by meaning: what each must satisfy, in words and as a test.
_POSITIVE = ("must be a positive finite number", lambda value: value > 0)
_NOT_NEGATIVE = ("must be a finite number of at least 0", lambda value: value >= 0)
_BELOW_ONE = ("must lie in [0, 1)", lambda value: 0 <= value < 1)
_REQUIREMENTS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "learning_rate": _POSITIVE,
    "weight_decay": _NOT_NEGATIVE,
    "momentum": _BELOW_ONE,
    "beta1": _BELOW_ONE,
    "beta2": _BELOW_ONE,
    "epsilon": _POSITIVE,
}


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
        for name, value in resolved.items():
            _check(name, value, defaults[name])
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


def _check(name: str, value: Any, default: Any) -> None:
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise ArgumentError(bad_argument(name, value, "must be true or false"))
        return
    if name == "learning_rate" and callable(value):
        return
    need, holds = _REQUIREMENTS[name]
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not holds(value):
        raise ArgumentError(bad_argument(name, value, need, f"the default is {default!r}"))
