"""Memory of a recorder: tensors of earlier updates and codes of the epoch, which it can save and restore."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracekit.engine.kernels.compiled import loops_for
from tracekit.engine.kernels.memory import empty
from tracekit.engine.training.information import winner_codes
from tracekit.engine.training.loop import Step
from tracekit.record.summary import LOOPS

#: Code of the predicted class, beside the layers' codes by layer.
PREDICTIONS = ""


class Tensors(Mapping[str, np.ndarray]):
    """Arrays by tensor, each flat and in float64, with norms and other numbers per tensor.

    They are kept in their own precision, and converted when one of them is asked for.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        Not copied: they must not change while these tensors are in use.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self.native = {
            name: array.ravel() for name, array in arrays.items()
        }  #: each flat, in its own precision
        self._loops = loops_for(*self.native.values(), module=LOOPS)
        self._wide: dict[str, np.ndarray] = {}
        self._sums: dict[str, tuple[float, float]] = {}
        self._sizes: dict[str, tuple[float, int]] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._wide:
            self._wide[name] = self.native[name].astype(np.float64, copy=False)
        return self._wide[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.native)

    def __len__(self) -> int:
        return len(self.native)

    def norms(self) -> dict[str, float]:
        """Return the Euclidean norm of each tensor."""
        return {name: math.sqrt(square) for name, (_, square) in self._add_up().items()}

    def means(self) -> dict[str, float]:
        """Return the mean element of each tensor."""
        return {name: total / self.native[name].size for name, (total, _) in self._add_up().items()}

    def largest(self) -> dict[str, float]:
        """Return the largest absolute element of each tensor."""
        return {name: size for name, (size, _) in self._size_up().items()}

    def zeros(self) -> dict[str, float]:
        """Return the share of each tensor's elements that are zero."""
        return {name: n / self.native[name].size for name, (_, n) in self._size_up().items()}

    def products(self, other: Tensors) -> dict[str, float]:
        """Return the inner product of each tensor with the tensor of the same name."""
        if self._loops is None or other._loops is None:
            return {name: float(each.dot(other[name])) for name, each in self.items()}
        return {name: self._loops.product(each, other.native[name]) for name, each in self.native.items()}

    def opposed(self, other: Tensors) -> dict[str, float]:
        """Return the share of each tensor's elements whose sign is opposite in the other tensor."""
        found: dict[str, float] = {}
        for name, here in self.native.items():
            there = other.native[name]
            # Signs, not products: those of small elements could underflow to zero.
            opposed = (here > 0) & (there < 0)
            opposed |= (here < 0) & (there > 0)
            found[name] = np.count_nonzero(opposed) / here.size
        return found

    def _add_up(self) -> dict[str, tuple[float, float]]:
        """Return the sum of each tensor's elements, and of their squares."""
        if not self._sums:
            if self._loops is not None:
                self._sums = {name: self._loops.sums_about(each, 0.0) for name, each in self.native.items()}
            else:
                self._sums = {
                    name: (float(np.add.reduce(each)), each.dot(each)) for name, each in self.items()
                }
        return self._sums

    def _size_up(self) -> dict[str, tuple[float, int]]:
        """Return the largest absolute element of each tensor, and the number of zeros."""
        if not self._sizes:
            for name, each in self.native.items():
                if self._loops is not None:
                    bits, n_zeros = self._loops.magnitudes(each.view(np.int32))
                    self._sizes[name] = float(np.int32(bits).view(np.float32)), n_zeros
                else:
                    self._sizes[name] = float(np.abs(each).max()), int(np.count_nonzero(each == 0))
        return self._sizes


class Memory:
    """Tensors of this update, of the previous and of the first one; codes of this epoch; what signals keep.

    Each number of a tensor is computed once per update, however many signals read it.

    Parameters
    ----------
    keeps_codes : bool
        Whether to gather each batch's predicted classes and labels.
    coded_layers : bool
        Whether to gather each layer's most active units too.

    Attributes
    ----------
    kept : dict of str to ndarray
        What a signal needs when it is recorded next, under the signal's name.
    """

    def __init__(self, *, keeps_codes: bool = False, coded_layers: bool = False) -> None:
        self.kept: dict[str, np.ndarray] = {}
        self._keeps_codes = keeps_codes
        self._coded_layers = coded_layers
        self._tensors: dict[str, Tensors] = {}
        self._steps: dict[str, int] = {}
        self._labels: list[np.ndarray] = []
        self._codes: dict[str, list[np.ndarray]] = {}

    def meet(self, step: Step) -> None:
        """Take the parameters of the first update seen as the initial ones."""
        if "initial" not in self._tensors:
            self._tensors["initial"] = Tensors(
                {name: array.copy() for name, array in step.parameters.items()}
            )

    def tensors(self, quantity: str, step: Step) -> Tensors:
        """Return this update's "parameters", "gradients" or "updates"."""
        self.meet(step)
        if self._steps.get(quantity) != step.step:
            if quantity == "gradients" and quantity in self._steps:
                for table in (self._tensors, self._steps):
                    _move(table, "gradients", "previous gradients")
            self._tensors[quantity] = Tensors(getattr(step, quantity))
            self._steps[quantity] = step.step
        return self._tensors[quantity]

    def previous_gradients(self, step: Step) -> Tensors | None:
        """Return the gradients of the update before, if they were seen."""
        self.tensors("gradients", step)
        if self._steps.get("previous gradients") != step.step - 1:
            return None
        return self._tensors["previous gradients"]

    def moved(self, step: Step) -> Tensors:
        """Return how far the parameters are from those before the first update."""
        initial = self._tensors["initial"].native
        return Tensors(
            {
                name: np.subtract(each, initial[name], out=empty(each.shape, np.float64), dtype=np.float64)
                for name, each in self.tensors("parameters", step).native.items()
            }
        )

    def gather(self, step: Step) -> None:
        """Add the batch's codes and labels to those of the epoch."""
        if not self._keeps_codes:
            return
        self._labels.append(step.labels.copy())
        self._codes.setdefault(PREDICTIONS, []).append(step.logits.argmax(axis=1))
        if self._coded_layers:
            owners = {name.rpartition(".")[0] for name in step.parameters}
            for layer, output in step.outputs.items():
                if layer in owners:
                    self._codes.setdefault(layer, []).append(winner_codes(output))

    def take_codes(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Return the epoch's codes by layer, predictions first, and its labels; the next epoch starts empty."""
        labels = np.concatenate([np.zeros(0, np.int64), *self._labels])
        codes = {layer: np.concatenate(parts) for layer, parts in self._codes.items()}
        self._labels, self._codes = [], {}
        return codes, labels

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of everything that is needed to continue."""
        names = [name for name in ("initial", "gradients") if name in self._tensors]
        state = {
            f"tensors/{name}/{tensor}": array.copy()
            for name in names
            for tensor, array in self._tensors[name].native.items()
        }
        state |= {f"steps/{name}": np.array(step) for name, step in self._steps.items() if name in names}
        state |= {f"kept/{name}": array.copy() for name, array in self.kept.items()}
        if self._labels:
            state["labels"] = np.concatenate(self._labels)
            state |= {f"codes/{layer}": np.concatenate(parts) for layer, parts in self._codes.items()}
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Restore what `state` returned."""
        kinds = ("tensors", "steps", "kept", "codes", "labels")
        by_kind: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in kinds}
        for name, array in state.items():
            kind, _, rest = name.partition("/")
            by_kind[kind][rest] = array
        tensors: dict[str, dict[str, np.ndarray]] = {}
        for name, array in by_kind["tensors"].items():
            quantity, _, tensor = name.partition("/")
            tensors.setdefault(quantity, {})[tensor] = array
        self._tensors = {quantity: Tensors(arrays) for quantity, arrays in tensors.items()}
        self._steps = {name: int(array) for name, array in by_kind["steps"].items()}
        self.kept = by_kind["kept"]
        self._labels = list(by_kind["labels"].values())
        self._codes = {layer: [array] for layer, array in by_kind["codes"].items()}


def _move(table: dict[str, Any], source: str, target: str) -> None:
    """Move an entry to another name, if it exists."""
    if source in table:
        table[target] = table.pop(source)
