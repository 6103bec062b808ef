"""Mutual information of labels with predictions and layers, over the training batches of an epoch.

Entropies have the Miller-Madow correction (see `engine.training.information`), whose size depends on the number of
samples N and of occurring codes K; both are recorded. Each batch's codes are computed with the parameters of its own
update, so that an epoch's value is a mean over the motion of the parameters in the epoch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.engine.training.information import entropy, mutual_information
from tracekit.record.memory import PREDICTIONS
from tracekit.record.observation import EpochObservation
from tracekit.record.signal import signal

FIELDS = ("mutual", "conditional_entropy", "share", "n_samples", "n_codes", "n_labels")
_SOURCE = "Vasudevan 2020, Entropy 22(5):560; Miller 1955 for the correction"


def _figures(codes: np.ndarray, labels: np.ndarray) -> Sequence[float]:
    found = mutual_information(codes, labels)
    label_counts = np.unique(labels, return_counts=True)[1]
    label_entropy = entropy(label_counts)
    share = found / label_entropy if label_entropy > 0 else np.nan
    n_codes = np.unique(codes).size
    return [found, label_entropy - found, share, labels.size, n_codes, label_counts.size]


@signal(
    "information/predictions",
    unit="nat",
    cost="epoch",
    fields=FIELDS,
    reads=("epoch's codes",),
    source=_SOURCE,
)
def predictions(end: EpochObservation) -> Sequence[float] | None:
    """Mutual information of predicted class and label over the epoch's batches.

    Also the entropy of the label when the prediction is known, and the mutual information as a share of the label's
    entropy.
    """
    if PREDICTIONS not in end.codes:
        return None
    return _figures(end.codes[PREDICTIONS], end.labels)


@signal(
    "information/layers",
    unit="nat",
    cost="epoch",
    preset="request",
    per="layer",
    fields=FIELDS,
    reads=("epoch's codes", "outputs"),
    source=_SOURCE,
)
def layers(end: EpochObservation) -> dict[str, Sequence[float]]:
    """Mutual information of the label and a layer's most active unit or channel (by its mean), over the epoch."""
    return {layer: _figures(codes, end.labels) for layer, codes in end.codes.items() if layer != PREDICTIONS}
