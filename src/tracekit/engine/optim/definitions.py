"""Table of optimizers: definitions by name, and `build_optimizer`, which builds one from a name and settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from tracekit.engine.optim.links import clip_by_norm, clip_by_value
from tracekit.engine.optim.settings import Positive, check_settings
from tracekit.engine.optim.transform import Optimizer, ParameterSet, Transform
from tracekit.errors import unknown_name
from tracekit.registry import Registry

Links = Callable[..., tuple[Transform, ...]]
#: PyTorch's own optimizer, or the published rule, transcribed separately from the engine.
Verification = Literal["PyTorch", "published rule"]
LinksFunction = TypeVar("LinksFunction", bound=Links)

#: Kinds of parameters that weight decay does not apply to if `decay_matrices_only` is set.
_VECTOR_KINDS = frozenset({"bias", "scale"})


def _common(clip_norm: Positive = 1.0, clip_value: Positive = 1.0, decay_matrices_only: bool = False) -> None:
    """Declare the settings that every optimizer takes; a setting that was not given is absent, not a default."""


@dataclass(frozen=True, slots=True)
class OptimizerDefinition:
    """Definition of a named optimizer."""

    name: str  #: name in configurations and on the command line
    family: str  #: momentum | sign | adaptive | belief | friction | layerwise | matrix | averaging
    rule: str  #: the update rule in one line
    source: str  #: paper and year, and whose form where forms differ
    verification: Verification  #: reference for its trajectory, step by step, in tests/reference
    links: Links  #: hyperparameters -> chain of links

    @property
    def defaults(self) -> dict[str, Any]:
        """Hyperparameters with their default values."""
        return _defaults(self.links)

    @property
    def summary(self) -> str:
        """First line of the definition's docstring."""
        return (inspect.getdoc(self.links) or "").splitlines()[0]

    @property
    def state(self) -> tuple[str, ...]:
        """Names of the quantities kept per parameter tensor, e.g. ``("first_moment", "second_moment")``."""
        matrix = {"hidden.weight": np.zeros((2, 2)), "output.weight": np.zeros((2, 2))}
        kinds = {"hidden.weight": "weight", "output.weight": "output"}
        names: dict[str, None] = {}
        for link in self.links(**self.defaults):
            state = link.init(ParameterSet(matrix, kinds, frozenset(matrix)))
            for quantity, value in state.items():
                names.update(dict.fromkeys(_quantities(quantity, value)))
        return tuple(names)

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings with the defaults and check them.

        Raises
        ------
        UnknownNameError
            The optimizer does not have a setting.
        ArgumentError
            A value of the wrong type or range; NaN and infinities are never valid.
        """
        defaults, common = self.defaults, _defaults(_common)
        for name in settings:
            if name not in defaults and name not in common:
                raise unknown_name(f"hyperparameter of {self.name}", name, [*defaults, *common])
        own = {**defaults, **{name: value for name, value in settings.items() if name in defaults}}
        shared = {name: value for name, value in settings.items() if name in common}
        check_settings(self.links, own, defaults)
        check_settings(_common, shared, common)
        return own | shared


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: p.default for name, p in inspect.signature(function).parameters.items()}


def _quantities(name: str, value: Any) -> list[str]:
    """Return the names under which a link's state keeps arrays; a nested state counts with its own names."""
    if not isinstance(value, dict):
        return [name] if isinstance(value, np.ndarray) else []
    if all(isinstance(item, np.ndarray) for item in value.values()):
        return [name] if value else []
    return [inner for key, item in value.items() for inner in _quantities(key, item)]


OPTIMIZERS: Registry[OptimizerDefinition] = Registry(
    "optimizer",
    [
        "tracekit.engine.optim.momentum",
        "tracekit.engine.optim.accumulation",
        "tracekit.engine.optim.adam",
        "tracekit.engine.optim.belief",
        "tracekit.engine.optim.friction",
        "tracekit.engine.optim.layerwise",
        "tracekit.engine.optim.muon",
        "tracekit.engine.optim.kronecker",
        "tracekit.engine.optim.averaging",
        "tracekit.engine.optim.recent",
    ],
)


def optimizer(
    name: str, *, family: str, rule: str, source: str, verification: Verification
) -> Callable[[LinksFunction], LinksFunction]:
    """Enter the decorated function (hyperparameters -> links) into `OPTIMIZERS`."""

    def enter(links: LinksFunction) -> LinksFunction:
        OPTIMIZERS.add(name, OptimizerDefinition(name, family, rule, source, verification, links))
        return links

    return enter


def build_optimizer(
    name: str,
    parameters: Mapping[str, np.ndarray],
    *,
    kinds: Mapping[str, str] | None = None,
    schedule: Callable[[int], float] | None = None,
    **settings: Any,
) -> Optimizer:
    """Build a named optimizer of parameter arrays, which it updates in place.

    Parameters
    ----------
    name : str
        A name in `OPTIMIZERS`.
    parameters : mapping of str to ndarray
        Arrays by tensor name.
    kinds : mapping of str to str, optional
        Kind of each tensor (weight, bias, scale, embedding, output), as a model's ``kinds()`` gives them;
        without it tensors of two or more axes are weights, the others biases.
    schedule : callable, optional
        From the number of the update (from 1) to a factor on every learning rate.
    **settings
        Hyperparameters; the others take the definition's defaults. Every optimizer also takes
        ``clip_norm`` (largest joint norm of the gradients), ``clip_value`` (largest size of an element)
        and ``decay_matrices_only`` (no weight decay of biases and gains).

    Raises
    ------
    UnknownNameError, ArgumentError
        Unknown name, or unusable hyperparameter.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit.engine.optim import build_optimizer
    >>> parameters = {"weight": np.array([1.0, -2.0])}
    >>> optimizer = build_optimizer("sgd", parameters, learning_rate=0.1)
    >>> optimizer.apply(optimizer.update({"weight": np.array([2.0, -4.0])}))
    >>> parameters["weight"]
    array([ 0.8, -1.6])
    """
    definition = OPTIMIZERS[name]
    resolved = definition.resolve(settings)
    own = {key: value for key, value in resolved.items() if key in definition.defaults}
    shared = {key: value for key, value in resolved.items() if key not in own}
    clip: tuple[Transform, ...] = ()
    if "clip_value" in shared:
        clip += (clip_by_value(shared["clip_value"]),)
    if "clip_norm" in shared:
        clip += (clip_by_norm(shared["clip_norm"]),)
    all_kinds = frozenset({"weight", "bias", "scale", "embedding", "output"})
    return Optimizer(
        clip + definition.links(**own),
        parameters,
        kinds=kinds,
        decayed_kinds=all_kinds - _VECTOR_KINDS if shared.get("decay_matrices_only") else None,
        schedule=schedule,
    )
