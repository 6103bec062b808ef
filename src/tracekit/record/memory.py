"""What a recorder remembers between updates, all of which it can save: tensors as they were, codes of an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracekit.engine.compiled import loops_for
from tracekit.engine.information import winner_codes
from tracekit.engine.training import Step
from tracekit.record.summary import LOOPS

#: Code of the predicted class, beside the layers' codes by layer.
PREDICTIONS = ""


class Tensors(Mapping[str, np.ndarray]):
    """Arrays by tensor, each flat and in float64, and what one number a tensor says of them.

    They are kept end to end in the precision that they came in, and converted when one of them is asked for.

    Parameters
    ----------
    sizes : mapping of str to int
        Number of elements by tensor.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self._ends = np.cumsum(list(sizes.values()))
        self._starts = self._ends - list(sizes.values())
        spans = zip(self._starts.tolist(), self._ends.tolist(), strict=True)
        self._spans = {name: slice(*span) for name, span in zip(sizes, spans, strict=True)}
        self.keep(np.zeros(self._ends[-1]))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.flat[self._spans[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def as_kept(self, name: str) -> np.ndarray:
        """Return a tensor's elements in the precision that they came in."""
        return self.kept[self._spans[name]]

    @property
    def flat(self) -> np.ndarray:
        """(n,), all tensors end to end in float64."""
        if self._flat is None:
            self._flat = self.kept.astype(np.float64, copy=False)
        return self._flat

    def keep(self, elements: np.ndarray) -> None:
        """Take (n,) elements, all tensors end to end, without copying them."""
        self.kept = elements
        self._loops = loops_for(elements, module=LOOPS)
        self._flat: np.ndarray | None = None
        self._sums: tuple[np.ndarray, np.ndarray] | None = None
        self._magnitudes: tuple[np.ndarray, np.ndarray] | None = None

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Copy the tensors' elements."""
        parts = [arrays[name].ravel() for name in self]
        room = self.kept if self.kept.dtype == np.result_type(*parts) else None
        self.keep(np.concatenate(parts, out=room))

    def subtract(self, first: Tensors, second: Tensors) -> None:
        """Take the values of a difference."""
        self.keep(np.subtract(first.kept, second.kept, dtype=np.float64))

    def norms(self) -> dict[str, float]:
        """Euclidean norm of each tensor."""
        return self._by_tensor(np.sqrt(self._add_up()[1]))

    def means(self) -> dict[str, float]:
        """Mean element of each tensor."""
        return self._by_tensor(self._add_up()[0] / (self._ends - self._starts))

    def largest(self) -> dict[str, float]:
        """Largest absolute element of each tensor."""
        return self._by_tensor(self._size_up()[0])

    def zeros(self) -> dict[str, float]:
        """Share of each tensor's elements that are zero."""
        return self._by_tensor(self._size_up()[1] / (self._ends - self._starts))

    def products(self, other: Tensors) -> dict[str, float]:
        """Inner product of each tensor with that of the same name."""
        if self._loops is None or other._loops is None:
            return {name: float(each.dot(other[name])) for name, each in self.items()}
        found = np.empty(len(self))
        self._loops.products(self.kept, other.kept, self._starts, self._ends, found)
        return self._by_tensor(found)

    def opposed(self, other: Tensors) -> dict[str, float]:
        """Share of each tensor's elements whose sign is opposite to that in another one."""
        # Signs, not products: those of small elements could underflow to zero.
        opposed = (self.kept > 0) & (other.kept < 0)
        opposed |= (self.kept < 0) & (other.kept > 0)
        sizes = self._ends - self._starts
        return self._by_tensor(
            np.array([np.count_nonzero(opposed[span]) for span in self._spans.values()]) / sizes
        )

    def _add_up(self) -> tuple[np.ndarray, np.ndarray]:
        """Sum of each tensor's elements, and of their squares."""
        if self._sums is None:
            totals, squares = np.empty(len(self)), np.empty(len(self))
            if self._loops is not None:
                self._loops.sums(self.kept, self._starts, self._ends, totals, squares)
            else:
                totals[:] = np.add.reduceat(self.flat, self._starts)
                squares[:] = [each.dot(each) for each in self.values()]
            self._sums = totals, squares
        return self._sums

    def _size_up(self) -> tuple[np.ndarray, np.ndarray]:
        """Largest absolute element of each tensor, and how many are zero."""
        if self._magnitudes is None:
            largest, zeros = np.empty(len(self), self.kept.dtype), np.empty(len(self), np.int64)
            if self._loops is not None:
                bits = self.kept.view(np.int32)
                self._loops.magnitudes(bits, self._starts, self._ends, largest.view(np.int32), zeros)
            else:
                sizes = np.abs(self.kept)
                largest[:] = np.maximum.reduceat(sizes, self._starts)
                zeros[:] = [np.count_nonzero(sizes[span] == 0) for span in self._spans.values()]
            self._magnitudes = largest, zeros
        return self._magnitudes

    def _by_tensor(self, figures: np.ndarray) -> dict[str, float]:
        return dict(zip(self, figures.tolist(), strict=True))


class Memory:
    """Tensors of this update, of the one before and of the very first; codes of this epoch; what signals keep.

    Every tensor is copied once an update, whatever the number of signals that read it.

    Parameters
    ----------
    keeps_codes : bool
        Whether to gather each batch's predicted classes and labels.
    coded_layers : bool
        Whether to gather each layer's most active units too.

    Attributes
    ----------
    kept : dict of str to ndarray
        What a signal wants to have again when it is recorded next, under the signal's name.
    """

    def __init__(self, *, keeps_codes: bool = False, coded_layers: bool = False) -> None:
        self.kept: dict[str, np.ndarray] = {}
        self._keeps_codes = keeps_codes
        self._coded_layers = coded_layers
        self._tensors: dict[str, Tensors] = {}
        self._restored: dict[str, np.ndarray] = {}
        self._steps: dict[str, int] = {}
        self._labels: list[np.ndarray] = []
        self._codes: dict[str, list[np.ndarray]] = {}

    def meet(self, step: Step) -> None:
        """Take the parameters of the first update seen as the initial ones."""
        if not self._tensors:
            sizes = {name: array.size for name, array in step.parameters.items()}
            for name in ("initial", "parameters", "gradients", "previous gradients", "updates", "moved"):
                self._tensors[name] = Tensors(sizes)
            for name, elements in self._restored.items():
                self._tensors[name].keep(elements.copy())
        if "initial" not in self._steps:
            self._keep("initial", step.step, step.parameters)

    def tensors(self, quantity: str, step: Step) -> Tensors:
        """Return this update's "parameters", "gradients" or "updates"."""
        self.meet(step)
        if self._steps.get(quantity) != step.step:
            if quantity == "gradients" and quantity in self._steps:
                for table in (self._tensors, self._steps):
                    _swap(table, "gradients", "previous gradients")
            self._keep(quantity, step.step, getattr(step, quantity))
        return self._tensors[quantity]

    def previous_gradients(self, step: Step) -> Tensors | None:
        """Return the gradients of the update before, if they were seen."""
        self.tensors("gradients", step)
        if self._steps.get("previous gradients") != step.step - 1:
            return None
        return self._tensors["previous gradients"]

    def moved(self, step: Step) -> Tensors:
        """Return how far the parameters are from those before the first update."""
        moved, parameters = self._tensors["moved"], self.tensors("parameters", step)
        moved.subtract(parameters, self._tensors["initial"])
        return moved

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
        """Return copies of all that is needed to go on."""
        names = [name for name in ("initial", "gradients") if name in self._steps]
        state = {f"tensors/{name}": self._tensors[name].kept.copy() for name in names}
        state |= {f"steps/{name}": np.array(self._steps[name]) for name in names}
        state |= {f"kept/{name}": array.copy() for name, array in self.kept.items()}
        if self._labels:
            state["labels"] = np.concatenate(self._labels)
            state |= {f"codes/{layer}": np.concatenate(parts) for layer, parts in self._codes.items()}
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up what `state` returned."""
        kinds = ("tensors", "steps", "kept", "codes", "labels")
        by_kind: dict[str, dict[str, np.ndarray]] = {kind: {} for kind in kinds}
        for name, array in state.items():
            kind, _, rest = name.partition("/")
            by_kind[kind][rest] = array
        self._restored = by_kind["tensors"]
        self._steps = {name: int(array) for name, array in by_kind["steps"].items()}
        self.kept = by_kind["kept"]
        self._labels = list(by_kind["labels"].values())
        self._codes = {layer: [array] for layer, array in by_kind["codes"].items()}

    def _keep(self, quantity: str, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        self._tensors[quantity].fill(arrays)
        self._steps[quantity] = step


def _swap(table: dict[str, Any], first: str, second: str) -> None:
    """Exchange two entries, either of which may be missing."""
    one, other = table.pop(first, None), table.pop(second, None)
    table.update({key: value for key, value in ((first, other), (second, one)) if value is not None})
