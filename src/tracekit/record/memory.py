"""What a recorder remembers between updates, all of which it can save: tensors as they were, codes of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tracekit.engine.information import winner_codes
from tracekit.engine.training import Step

#: Code of the predicted class, beside the layers' codes by layer.
PREDICTIONS = ""


class Layout:
    """Where each parameter tensor lies in one flat vector."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        ends = np.cumsum([array.size for array in arrays.values()]).tolist()
        self.size = ends[-1]
        self.slices = {
            name: slice(end - arrays[name].size, end) for name, end in zip(arrays, ends, strict=True)
        }

    def fill(self, flat: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Copy the tensors into a flat vector of float64."""
        return np.concatenate([arrays[name].ravel() for name in self.slices], out=flat)

    def views(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Part a flat vector into one view a tensor, each with one axis."""
        return {name: flat[part] for name, part in self.slices.items()}


class Memory:
    """Tensors of this update, of the one before and of the very first, flat in float64; codes of this epoch.

    Every tensor is converted once an update, whatever the number of signals that read it.

    Parameters
    ----------
    keeps_codes : bool
        Whether to gather each batch's predicted classes and labels.
    coded_layers : bool
        Whether to gather each layer's most active units too.
    """

    def __init__(self, *, keeps_codes: bool = False, coded_layers: bool = False) -> None:
        self._keeps_codes = keeps_codes
        self._coded_layers = coded_layers
        self._layout: Layout | None = None
        self._flats: dict[str, np.ndarray] = {}
        self._steps: dict[str, int] = {}
        self._labels: list[np.ndarray] = []
        self._codes: dict[str, list[np.ndarray]] = {}

    def meet(self, step: Step) -> Layout:
        """Take the parameters of the first update seen as the initial ones; return the layout."""
        if self._layout is None:
            self._layout = Layout(step.parameters)
        if "initial" not in self._flats:
            self._keep("initial", step.step, step.parameters)
        return self._layout

    def tensors(self, quantity: str, step: Step) -> dict[str, np.ndarray]:
        """Return this update's "parameters", "gradients" or "updates", each a flat view."""
        layout = self.meet(step)
        if self._steps.get(quantity) != step.step:
            if quantity == "gradients" and quantity in self._flats:
                for table in (self._flats, self._steps):
                    _swap(table, "gradients", "previous gradients")
            self._keep(quantity, step.step, getattr(step, quantity))
        return layout.views(self._flats[quantity])

    def previous_gradients(self, step: Step) -> dict[str, np.ndarray] | None:
        """Return the gradients of the update before, if they were seen."""
        self.tensors("gradients", step)
        if self._steps.get("previous gradients") != step.step - 1:
            return None
        return self.meet(step).views(self._flats["previous gradients"])

    def initial(self, step: Step) -> dict[str, np.ndarray]:
        """Return the parameters before the first update."""
        return self.meet(step).views(self._flats["initial"])

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
        kept = ("initial", "gradients")
        state = {f"tensors/{name}": self._flats[name].copy() for name in kept if name in self._flats}
        state |= {f"steps/{name}": np.array(self._steps[name]) for name in kept if name in self._steps}
        if self._labels:
            state["labels"] = np.concatenate(self._labels)
            state |= {f"codes/{layer}": np.concatenate(parts) for layer, parts in self._codes.items()}
        return state

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up what `state` returned."""
        by_kind: dict[str, dict[str, np.ndarray]] = {"tensors": {}, "steps": {}, "codes": {}, "labels": {}}
        for name, array in state.items():
            kind, _, rest = name.partition("/")
            by_kind[kind][rest] = array
        self._flats = {name: array.astype(np.float64) for name, array in by_kind["tensors"].items()}
        self._steps = {name: int(array) for name, array in by_kind["steps"].items()}
        self._labels = list(by_kind["labels"].values())
        self._codes = {layer: [array] for layer, array in by_kind["codes"].items()}

    def _keep(self, quantity: str, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        assert self._layout is not None
        flat = self._flats.get(quantity)
        self._flats[quantity] = self._layout.fill(
            np.empty(self._layout.size) if flat is None else flat, arrays
        )
        self._steps[quantity] = step


def _swap(table: dict[str, Any], first: str, second: str) -> None:
    """Exchange two entries, either of which may be missing."""
    one, other = table.pop(first, None), table.pop(second, None)
    table.update({key: value for key, value in ((first, other), (second, one)) if value is not None})
