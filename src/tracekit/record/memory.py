"""What a recorder remembers between updates, all of which it can save: tensors as they were, codes of an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tracekit.engine.information import winner_codes
from tracekit.engine.training import Step

#: Code of the predicted class, beside the layers' codes by layer.
PREDICTIONS = ""


class Tensors(dict[str, np.ndarray]):
    """Arrays by tensor, each flat and in float64: views of one vector of them all.

    Parameters
    ----------
    sizes : mapping of str to int
        Number of elements by tensor.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.ends = np.cumsum(list(sizes.values()))
        self.starts = self.ends - list(sizes.values())
        self.flat = np.zeros(self.ends[-1])  #: (n,), all tensors end to end
        self.spans = [slice(*span) for span in zip(self.starts.tolist(), self.ends.tolist(), strict=True)]
        super().__init__(zip(sizes, (self.flat[span] for span in self.spans), strict=True))
        self._forget()

    def _forget(self) -> None:
        self._norms: dict[str, float] | None = None
        self._signs: tuple[np.ndarray, np.ndarray] | None = None

    def fill(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Copy the tensors' elements."""
        np.concatenate([arrays[name].ravel() for name in self], out=self.flat)
        self._forget()

    def subtract(self, first: Tensors, second: Tensors) -> None:
        """Take the values of a difference."""
        np.subtract(first.flat, second.flat, out=self.flat)
        self._forget()

    def norms(self) -> dict[str, float]:
        """Euclidean norm of each tensor."""
        if self._norms is None:
            self._norms = {name: math.sqrt(each.dot(each)) for name, each in self.items()}
        return self._norms

    def products(self, other: Tensors) -> dict[str, float]:
        """Inner product of each tensor with that of the same name."""
        return {name: float(each.dot(other[name])) for name, each in self.items()}

    def signs(self) -> tuple[np.ndarray, np.ndarray]:
        """Which elements of `flat` are above zero, and which are below."""
        if self._signs is None:
            self._signs = self.flat > 0, self.flat < 0
        return self._signs

    def shares(self, mask: np.ndarray) -> dict[str, float]:
        """Share of each tensor's elements that a mask of `flat` holds for."""
        return {
            name: np.count_nonzero(mask[span]) / each.size
            for (name, each), span in zip(self.items(), self.spans, strict=True)
        }

    def by_tensor(self, figures: np.ndarray) -> dict[str, float]:
        """Name an array of one number a tensor."""
        return dict(zip(self, figures.tolist(), strict=True))


class Memory:
    """Tensors of this update, of the one before and of the very first; codes of this epoch; what signals keep.

    Every tensor is converted once an update, whatever the number of signals that read it.

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
            for name, flat in self._restored.items():
                self._tensors[name].flat[:] = flat
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
        state = {f"tensors/{name}": self._tensors[name].flat.copy() for name in names}
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
