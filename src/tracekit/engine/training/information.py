"""Mutual information between discrete codes and labels, and a learning rate that follows it."""

from __future__ import annotations

import json
from typing import Literal

import numpy as np

from tracekit.engine.optim import Optimizer
from tracekit.engine.training.loop import EpochEnd, Observer, Step
from tracekit.errors import ArgumentError, argument_sentence


def contingency(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Count how often each code meets each label: (n_codes, n_labels), empty codes left out."""
    _, code = np.unique(codes, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    table = np.zeros((code.max(initial=-1) + 1, label.max(initial=-1) + 1), dtype=np.int64)
    np.add.at(table, (code, label), 1)
    return table


def entropy(counts: np.ndarray) -> float:
    """Return the entropy of observed counts in nats, with the Miller-Madow correction (Miller 1955).

    The plug-in estimate is too low by about (K − 1) / (2 N) for K cells that occur among N observations.
    """
    observed = counts[counts > 0].astype(np.float64)
    n = observed.sum()
    if n == 0:
        return 0.0
    shares = observed / n
    return float(-(shares * np.log(shares)).sum() + (observed.size - 1) / (2.0 * n))


def mutual_information(codes: np.ndarray, labels: np.ndarray) -> float:
    """Return the mutual information of two discrete variables in nats: H(code) + H(label) − H(code, label).

    Each entropy carries its Miller-Madow correction, so that independent variables give values near 0,
    on either side of it; the plug-in estimate would be too high by about (K − 1)² / (2 N).

    Parameters
    ----------
    codes, labels : ndarray, (n,)
        Values of any type that can be sorted.
    """
    table = contingency(codes, labels)
    return entropy(table.sum(axis=1)) + entropy(table.sum(axis=0)) - entropy(table)


def winner_codes(activations: np.ndarray) -> np.ndarray:
    """Code each sample by the unit, or the channel on average over its pixels, that is most active: (n,)."""
    if activations.ndim == 4:
        activations = activations.mean(axis=(1, 2))
    return activations.argmax(axis=1)


class InformationDecay(Observer):
    """Lower the learning rate when the information about the labels stops growing, once an epoch.

    Our reading of Vasudevan (2020, Entropy 22(5):560), whose exact map from information to learning rate we
    could not verify. With the normalized information ν = I(code; label) / H(label) of an epoch's training
    batches: if ν has grown by less than `threshold` since the epoch before, the factor on the learning rate
    becomes lowest + (1 − lowest)(1 − ν), if that is lower than it is now. ``scope="global"`` takes the
    predicted class as code and one factor for all; ``scope="layer"`` gives each layer with parameters its own
    factor, from the code "most active unit of the layer" (`winner_codes`).

    Parameters
    ----------
    optimizer : Optimizer
        The one whose learning rate is moved.
    threshold : float
        Growth of ν that counts as progress.
    lowest : float
        Smallest factor.
    scope : {"global", "layer"}

    Attributes
    ----------
    history : list of dict
        For each epoch ν by scope: ``{"": ν}`` or ``{layer: ν, ...}``.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        threshold: float = 0.01,
        lowest: float = 0.01,
        scope: Literal["global", "layer"] = "global",
    ) -> None:
        if not 0 < lowest <= 1:
            raise ArgumentError(argument_sentence("lowest", lowest, "must lie in (0, 1]"))
        self.optimizer = optimizer
        self.threshold = threshold
        self.lowest = lowest
        self.scope = scope
        self.history: list[dict[str, float]] = []
        self._codes: dict[str, list[np.ndarray]] = {}
        self._labels: list[np.ndarray] = []

    def needs_outputs(self, step: int) -> bool:
        """Return whether layers are evaluated one by one."""
        return self.scope == "layer"

    def on_step(self, step: Step) -> None:
        """Gather the batch's codes and labels."""
        self._labels.append(step.labels.copy())
        if self.scope == "global":
            self._codes.setdefault("", []).append(step.logits.argmax(axis=1))
            return
        owners = {name.rpartition(".")[0] for name in step.parameters}
        for layer, output in step.outputs.items():
            if layer in owners:
                self._codes.setdefault(layer, []).append(winner_codes(output))

    def on_epoch_end(self, epoch: EpochEnd) -> None:
        """Compare with the epoch before, and lower the factors where nothing was gained."""
        labels = np.concatenate(self._labels)
        available = entropy(np.unique(labels, return_counts=True)[1])
        shares = {
            scope: mutual_information(np.concatenate(codes), labels) / available if available > 0 else 0.0
            for scope, codes in self._codes.items()
        }
        if self.history:
            for scope, share in shares.items():
                if share - self.history[-1].get(scope, 0.0) < self.threshold:
                    self._lower(scope, self.lowest + (1.0 - self.lowest) * (1.0 - min(max(share, 0.0), 1.0)))
        self.history.append(shares)
        self._codes, self._labels = {}, []

    def state(self) -> dict[str, np.ndarray]:
        """Return codes and labels of the epoch so far, and the history as JSON."""
        codes = {f"codes/{scope}": np.concatenate(arrays) for scope, arrays in self._codes.items()}
        labels = {"labels": np.concatenate(self._labels)} if self._labels else {}
        return {"history": np.array(json.dumps(self.history)), **labels, **codes}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up what `state` returned."""
        if not state:
            return
        self.history = json.loads(str(state["history"]))
        self._labels = [state["labels"]] if "labels" in state else []
        self._codes = {
            key.removeprefix("codes/"): [array] for key, array in state.items() if key.startswith("codes/")
        }

    def _lower(self, scope: str, factor: float) -> None:
        factors = self.optimizer.parameters.layer_schedule
        for name in self.optimizer.parameters.arrays:
            if not scope or name.rpartition(".")[0] == scope:
                factors[name] = min(factors.get(name, 1.0), factor)
