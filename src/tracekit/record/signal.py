"""What a signal is: a named quantity read from a training step's public state, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import numpy as np

from tracekit.errors import unknown_name
from tracekit.registry import Registry

#: What a recording costs. free: numbers that are there; batch: a pass over arrays of the step; probe: over those of
#: the probe batch, whose forward pass all of them share; sample: per-sample gradients; curvature: second
#: derivatives; epoch: once an epoch.
Cost = Literal["free", "batch", "probe", "sample", "curvature", "epoch"]
#: Sets of signals, each within the next; "request": recorded only when named.
Preset = Literal["minimal", "standard", "full"]
Membership = Literal["minimal", "standard", "full", "request"]
#: What there is one value, or one vector, of: the run, a parameter tensor ("conv1.weight"), or a layer ("conv1").
Per = Literal["run", "tensor", "layer"]
#: What a signal reads; see `Observation`. The recorder prepares what is not simply there.
Source = Literal[
    "loss",
    "logits",
    "penultimate",
    "logits gradient",
    "outputs",
    "parameters",
    "gradients",
    "updates",
    "previous gradients",
    "initial parameters",
    "optimizer state",
    "probe batch",
    "per-sample gradients",
    "model",
    "test set",
    "epoch's codes",
    "clock",
]
#: What the numbers of one recording are of: layers (of an open signal pairs of name and layer), lengths of vectors.
Shape: TypeAlias = tuple[tuple[Any, ...], tuple[int, ...]]
#: What definitions give as their unit where it depends on the optimizer: no unit to store.
VARYING_UNIT = "as the optimizer's"
#: Fields that are not, or not always, in the unit of their signal: moments without one, squares, shares and counts.
#: No unit is stored for them.
_OTHER_UNIT = frozenset(
    {
        *("skewness", "kurtosis", "variance", "squared_norm", "trace", "share"),
        *("participation_ratio", "effective_rank", "n_samples", "n_codes", "n_labels"),
    }
)
#: The schedule of what is affordable only now and then: odd, and prime, so that it suits most epochs.
NOW_AND_THEN = "every 17"


@dataclass(frozen=True, slots=True)
class Signal:
    """One definition: everything that the recorder, the CLI and the docs need to know about a signal."""

    name: str  #: stem of the recorded names
    unit: str  #: of the values; stored with them, see `unit_of`
    cost: Cost
    preset: Membership  #: the smallest preset that it is in
    reads: tuple[Source, ...]
    fields: tuple[str, ...]  #: recorded as name/field, in the order of the values; empty: recorded as name
    per: Per
    index: str  #: what the positions of a vector mean; empty: each value is a number
    is_open: bool  #: whether the names under the stem depend on the run; `fields` are then their patterns
    schedule: str | None  #: when, unless told otherwise; None: as often as the run says
    source: str  #: paper, or "standard"
    cockpit: str  #: name of the same quantity in Cockpit; empty where it has none
    precision: Literal["float32", "float64"]  #: values are rounded to this before they are stored
    function: Callable[[Any], Any]
    names: tuple[str, ...] = field(init=False)  #: under which it is recorded; patterns if it is open

    def __post_init__(self) -> None:
        names = tuple(f"{self.name}/{each}" for each in self.fields) or (self.name,)
        object.__setattr__(self, "names", names)

    @property
    def summary(self) -> str:
        """First line of the definition's docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def is_recorded_as(self, name: str) -> bool:
        """Whether a name is the stem or one of the recorded names."""
        return name == self.name or name in self.names or (self.is_open and name.startswith(f"{self.name}/"))

    def unit_of(self, name: str) -> str:
        """Return the unit of a recorded name, as it is stored; '' where there is none to say."""
        is_other = name != self.name and name.rpartition("/")[2] in _OTHER_UNIT
        return "" if is_other or self.unit == VARYING_UNIT else self.unit

    def compute(self, state: Any, values: list[float]) -> Shape | None:
        """Add what is recorded of the state to `values`; returns what it is of, None if there is nothing."""
        result = self.function(state)
        if result is None:
            return None
        if self.is_open:
            values += [value for *_, value in result]
            return tuple((rest, layer) for rest, layer, _ in result), ()
        layers, by_layer = ((None,), (result,)) if self.per == "run" else (tuple(result), result.values())
        if not self.index:
            for each in by_layer if self.fields else (by_layer,):
                values += each
            return layers, ()
        vectors = [np.ravel(v) for each in by_layer for v in (each if self.fields else (each,))]
        for vector in vectors:
            values += vector.tolist()
        return layers, tuple(vector.size for vector in vectors)

    def channels(self, shape: Shape) -> list[tuple[str, str | None, int | None]]:
        """Return (recorded name, layer, index) of each number that `compute` added."""
        layers, sizes = shape
        if self.is_open:
            return [(f"{self.name}/{rest}", layer, None) for rest, layer in layers]
        named = [(name, layer) for layer in layers for name in self.names]
        if not self.index:
            return [(name, layer, None) for name, layer in named]
        return [
            (name, layer, index)
            for (name, layer), size in zip(named, sizes, strict=True)
            for index in range(size)
        ]


#: Modules of definitions, in the order of the docs.
TOPICS = (
    "tracekit.record.signals.performance",
    "tracekit.record.signals.output_layer",
    "tracekit.record.signals.classes",
    "tracekit.record.signals.probe",
    "tracekit.record.signals.layers",
    "tracekit.record.signals.movement",
    "tracekit.record.signals.step_sizes",
    "tracekit.record.signals.activations",
    "tracekit.record.signals.optimizer",
    "tracekit.record.signals.noise",
    "tracekit.record.signals.covariance",
    "tracekit.record.signals.histograms",
    "tracekit.record.signals.curvature",
    "tracekit.record.signals.information",
)

SIGNALS: Registry[Signal] = Registry("signal", TOPICS)

SignalFunction = TypeVar("SignalFunction", bound=Callable[[Any], Any])


def signal(
    name: str,
    *,
    unit: str,
    reads: tuple[Source, ...],
    cost: Cost = "batch",
    preset: Membership = "standard",
    fields: tuple[str, ...] = (),
    per: Per = "run",
    index: str = "",
    is_open: bool = False,
    schedule: str | None = None,
    source: str = "standard",
    cockpit: str = "",
    precision: Literal["float32", "float64"] = "float32",
) -> Callable[[SignalFunction], SignalFunction]:
    """Enter the decorated function into `SIGNALS`; its docstring's first line describes the signal.

    The function takes an `Observation`, for signals of cost "epoch" an `EpochObservation`, and returns a number,
    for several `fields` a sequence of numbers, with an `index` vectors in their place, and all that by name
    where `per` is not "run"; or None, or no entry for a name, where there is nothing to record. One that is open
    returns (name under the stem, layer or None, value) for each value.
    """
    if unknown := set(reads) - set(get_args(Source)):
        raise ValueError(f"signal {name!r} reads {sorted(unknown)}, which no observation has.")

    def enter(function: SignalFunction) -> SignalFunction:
        entry = Signal(
            name=name,
            unit=unit,
            cost=cost,
            preset=preset,
            reads=reads,
            fields=fields,
            per=per,
            index=index,
            is_open=is_open,
            schedule=schedule,
            source=source,
            cockpit=cockpit,
            precision=precision,
            function=function,
        )
        SIGNALS.add(name, entry)
        return function

    return enter


def choose_signals(names: Iterable[str] | None, *, preset: Preset | None = None) -> list[Signal]:
    """Look up the definitions of a preset and of further names, stems or recorded names, in that order.

    Without either, those of the preset "standard".
    """
    order = get_args(Preset)
    if preset is None and names is None:
        preset = "standard"
    if preset is not None and preset not in order:
        raise unknown_name("preset", preset, order)
    within = order[: order.index(preset) + 1] if preset is not None else ()
    chosen = {entry.name: entry for entry in SIGNALS.values() if entry.preset in within}
    for name in names or ():
        found = [entry for entry in SIGNALS.values() if entry.is_recorded_as(name)]
        if not found:
            raise unknown_name("signal", name, _all_names(), listing="tracekit list signals")
        chosen[found[0].name] = found[0]
    return list(chosen.values())


def _all_names() -> set[str]:
    return {name for entry in SIGNALS.values() for name in (entry.name, *entry.names)}
