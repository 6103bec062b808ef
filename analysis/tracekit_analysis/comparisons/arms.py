"""Arms of a comparison: the features of two sets of seeds, and the vectors for a comparison of all features."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracekit_analysis.results import FloatArray
from tracekit_analysis.seeds.discriminant import unit_columns


@dataclass(frozen=True, slots=True, eq=False)
class Arms:
    """Two arms of seeds; paired arms have the same seeds in the same order."""

    names: tuple[str, ...]
    """Features."""
    first: FloatArray
    """(n_a, n_features) values of the first arm; NaN where unknown."""
    second: FloatArray
    """(n_b, n_features) values of the second."""
    diverged_a: NDArray[np.bool_]
    """(n_a,) whether the run diverged."""
    diverged_b: NDArray[np.bool_]
    """(n_b,) whether the run diverged."""
    paired: bool
    """Whether rows at the same position share a seed."""
    n_left_out: int
    """Number of runs not used: unfinished, without features, or without a partner."""

    @property
    def n_diverged_a(self) -> int:
        """Number of diverged runs in the first arm."""
        return int(self.diverged_a.sum())

    @property
    def n_diverged_b(self) -> int:
        """Number of diverged runs in the second arm."""
        return int(self.diverged_b.sum())

    def values(self, name: str) -> tuple[FloatArray, FloatArray]:
        """Return one feature, infinite where the run diverged; for any other name, 1 if diverged and 0 if not."""
        if name not in self.names:
            return self.diverged_a.astype(np.float64), self.diverged_b.astype(np.float64)
        column = self.names.index(name)
        return (
            np.where(self.diverged_a, math.inf, self.first[:, column]),
            np.where(self.diverged_b, math.inf, self.second[:, column]),
        )


def standardised_vectors(arms: Arms) -> tuple[FloatArray, FloatArray, int, int]:
    """Return both arms in units of pooled MADs, the number of features used and the number of runs left out.

    Features that no run has, or that do not vary, are dropped. A diverged run takes the features of its
    partner, or the pooled medians, and one extra coordinate: the largest distance between other runs.
    """
    pooled = np.concatenate([arms.first, arms.second])
    diverged = np.concatenate([arms.diverged_a, arms.diverged_b])
    finite = pooled[~diverged]
    present = np.isfinite(finite).any(axis=0) if len(finite) else np.zeros(pooled.shape[1], dtype=bool)
    whole = diverged | np.isfinite(pooled[:, present]).all(axis=1)
    keep_a, keep_b = whole[: len(arms.first)], whole[len(arms.first) :]
    if arms.paired:
        keep_a = keep_b = keep_a & keep_b
    vectors = np.concatenate([arms.first[keep_a], arms.second[keep_b]])[:, present]
    gone = np.concatenate([arms.diverged_a[keep_a], arms.diverged_b[keep_b]])
    vectors = unit_columns(vectors)
    n_a, alive = int(keep_a.sum()), vectors[~gone]
    if len(alive):
        centre = np.median(alive, axis=0)
        scale = 1.4826 * np.median(np.abs(alive - centre), axis=0)
        scale = np.where(scale > 0.0, scale, alive.std(axis=0))
        varies = scale > 1e-12 * np.abs(alive).max(axis=0)
        vectors = (vectors[:, varies] - centre[varies]) / scale[varies]
    if gone.any():
        alive = vectors[~gone]
        gaps = np.sqrt(((alive[:, None] - alive[None]) ** 2).sum(axis=2)) if len(alive) else np.ones((1, 1))
        partner = np.roll(vectors, -n_a, axis=0) if arms.paired else np.zeros_like(vectors)
        partner_gone = np.roll(gone, -n_a) if arms.paired else gone
        filled = np.where(partner_gone[:, None], 0.0, partner)
        vectors = np.where(gone[:, None], filled, vectors)
        vectors = np.column_stack([vectors, gone * (float(gaps.max()) or 1.0)])
    missing = len(whole) - len(vectors)
    return vectors[:n_a], vectors[n_a:], vectors.shape[1], missing
