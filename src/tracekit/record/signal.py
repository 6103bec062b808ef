"""What a signal is: a named quantity read from a training step's public state, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from tracekit.engine.training import Step
from tracekit.errors import unknown_name
from tracekit.registry import Registry

#: batch: from the step as it is; probe: from a forward pass over the fixed probe batch; epoch: once an epoch.
When = Literal["batch", "probe", "epoch"]


@dataclass(frozen=True, slots=True)
class Probe:
    """Outputs of the model on the fixed probe batch, with the parameters before the update."""

    logits: np.ndarray  #: (n_probe, n_classes)
    penultimate: np.ndarray  #: (n_probe, n_features)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Loss and accuracy on the test set, with the parameters after an epoch's last update."""

    loss: float  #: nats
    accuracy: float  #: share of samples


@dataclass(frozen=True, slots=True)
class Signal:
    """One definition: everything that the recorder, the CLI and the docs need to know about a signal."""

    name: str  #: stem of the recorded names
    fields: tuple[str, ...]  #: recorded as name/field, in the order of the values; empty: recorded as name
    layered: bool  #: whether the function returns one value a parameter tensor
    when: When
    unit: str
    source: str  #: paper, or "standard"
    precision: Literal["float32", "float64"]  #: values are rounded to this before they are stored
    function: Callable[[Any], Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names under which it is recorded."""
        return tuple(f"{self.name}/{field}" for field in self.fields) or (self.name,)

    @property
    def summary(self) -> str:
        """First line of the definition's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def values(self, state: Step | Probe | Evaluation) -> list[tuple[str, str | None, float]]:
        """Compute (recorded name, layer, value) from what the signal reads."""
        result = self.function(state)
        if self.layered:
            rows = [(self.name, layer, value) for layer, value in result.items()]
        elif self.fields:
            rows = [(name, None, value) for name, value in zip(self.names, result, strict=True)]
        else:
            rows = [(self.name, None, result)]
        if self.precision == "float32":
            with np.errstate(over="ignore"):
                return [(name, layer, float(np.float32(value))) for name, layer, value in rows]
        return [(name, layer, float(value)) for name, layer, value in rows]


SIGNALS: Registry[Signal] = Registry(
    "signal",
    [
        "tracekit.record.signals.performance",
        "tracekit.record.signals.output_layer",
        "tracekit.record.signals.layers",
    ],
)

SignalFunction = TypeVar("SignalFunction", bound=Callable[[Any], Any])


def signal(
    name: str,
    *,
    unit: str,
    when: When = "batch",
    fields: tuple[str, ...] = (),
    layered: bool = False,
    source: str = "standard",
    precision: Literal["float32", "float64"] = "float32",
) -> Callable[[SignalFunction], SignalFunction]:
    """Enter the decorated function into `SIGNALS`; its docstring's first line describes the signal."""

    def enter(function: SignalFunction) -> SignalFunction:
        SIGNALS.add(name, Signal(name, fields, layered, when, unit, source, precision, function))
        return function

    return enter


def choose_signals(names: Mapping[str, Any] | list[str] | tuple[str, ...] | None) -> list[Signal]:
    """Look up definitions by stem or by recorded name; all of them for None."""
    if names is None:
        return list(SIGNALS.values())
    by_any_name = {any_name: entry for entry in SIGNALS.values() for any_name in (entry.name, *entry.names)}
    chosen: dict[str, Signal] = {}
    for name in names:
        if name not in by_any_name:
            raise unknown_name("signal", name, by_any_name)
        chosen[by_any_name[name].name] = by_any_name[name]
    return list(chosen.values())
