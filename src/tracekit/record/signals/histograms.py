"""Histograms of the elements of the batch's per-sample gradients, alone and together with their weight.

Bins are powers of 4 with a sign, from the bits of the number. They suit gradients of any size (of Cockpit's 100
even bins on [−2, 2] the middle two hold nearly all elements), and they cost two operations per element.

A bin has the number ``SIDE + 1 + k`` for values of [4^(k + LOWEST), 4^(k + 1 + LOWEST)) and ``SIDE − 1 − k`` for the
same values with a minus, k = 0 ... SIDE − 1; ``SIDE`` is the bin of values nearer to zero. Values further out, and
NaN, are in the outermost bins. `edges` lists the edges. The two-dimensional index is gradient bin x number of weight
bins + weight bin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracekit.engine.kernels.counting import N_SIZES
from tracekit.record.observation import Observation
from tracekit.record.signals.noise import READS, sample_signal


@dataclass(frozen=True, slots=True)
class Bins:
    """Bins at powers of 4, for both signs, around one bin of small values."""

    lowest: int  #: the smallest edge is 4 to this power
    side: int  #: bins of one sign

    @property
    def n(self) -> int:
        """Number of bins."""
        return 2 * self.side + 1

    def numbers(self, values: np.ndarray) -> np.ndarray:
        """Return the bin of each value."""
        bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
        # Exponents of 2 stand in bits 23 to 30 with an offset of 127; pairs of them make powers of 4.
        octave = ((bits >> 23) & 0xFF).astype(np.int16)
        rank = np.clip(((octave - (127 + 2 * self.lowest)) >> 1) + 1, 0, self.side)
        return np.where(bits >> 31, self.side - rank, self.side + rank)

    def edges(self) -> np.ndarray:
        """Return the (n + 1,) edges, the outermost infinite."""
        positive = 4.0 ** np.arange(self.lowest, self.lowest + self.side)
        return np.concatenate(
            [[-np.inf], -positive[:0:-1], [-positive[0], positive[0]], positive[1:], [np.inf]]
        )


GRADIENT_BINS = Bins(lowest=-16, side=20)
WEIGHT_BINS = Bins(lowest=-8, side=10)


@sample_signal(
    "noise/histogram",
    unit="elements",
    index="bin of 41 at ±4^k, k = -16 ... 3",
    schedule="log 20",
    cockpit="GradHist1d",
    precision="float64",
)
def histogram(now: Observation) -> np.ndarray:
    """Number of elements of the per-sample gradients in each bin, all tensors together."""
    return now.once(_counts).sum(axis=1)


@sample_signal(
    "noise/histogram_2d",
    unit="elements",
    index="gradient bin of 41 x 21 + weight bin of 21 at ±4^k, k = -8 ... 1",
    schedule="log 20",
    reads=(*READS, "parameters"),
    cockpit="GradHist2d",
    precision="float64",
)
def histogram_2d(now: Observation) -> np.ndarray:
    """Number of elements of the per-sample gradients in each pair of bins, by the element and by its weight."""
    return now.once(_counts)


def _counts(now: Observation) -> np.ndarray:
    """Return the counts, (gradient bins, weight bins)."""
    sizes = (np.arange(N_SIZES, dtype=np.uint32) << 23).view(np.float32)
    cells = (GRADIENT_BINS.numbers(sizes) * WEIGHT_BINS.n).astype(np.int32)
    places = {name: WEIGHT_BINS.numbers(weight).astype(np.int32) for name, weight in now.parameters.items()}
    counts = now.samples.count(cells, places, GRADIENT_BINS.n * WEIGHT_BINS.n)
    return counts.reshape(GRADIENT_BINS.n, WEIGHT_BINS.n)
