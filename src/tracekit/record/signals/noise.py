"""Gradient noise: statistics of the batch's per-sample gradients.

With the gradient g_i of sample i's own loss, n samples, ḡ = Σ g_i / n, and tr S = Σ ‖g_i − ḡ‖² / (n − 1), all
signals follow from the Gram matrix ⟨g_i, g_j⟩ or from the mean of the g_i² element by element. The gradients are
those of the training pass, with dropout, and of the mean loss even where the optimizer receives the sum.

Where Cockpit (Schneider, Dangel & Hennig 2021, arXiv:2102.06604) has the same quantity, the form is Cockpit's, with
its stabilizing constants, so that values can be compared.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tracekit.record.observation import Observation
from tracekit.record.signal import NOW_AND_THEN, Source, signal
from tracekit.record.signals.optimizer import learning_rate_now
from tracekit.record.summary import quantiles

NORM_FIELDS = ("mean", "std", "min", "q05", "q25", "q50", "q75", "q95", "max")
#: Constant that keeps the ratios of elements without noise finite; Cockpit's value.
STABILIZER = 1e-5
READS: tuple[Source, ...] = ("per-sample gradients",)

#: A signal of per-sample gradients.
sample_signal = functools.partial(signal, cost="sample", preset="full", schedule=NOW_AND_THEN, reads=READS)


class Geometry(NamedTuple):
    """Sums over a Gram matrix that the definitions share."""

    n: int  #: samples
    squares: np.ndarray  #: (n,) ‖g_i‖²
    projections: np.ndarray  #: (n,) ⟨g_i, ḡ⟩
    mean_square: float  #: ‖ḡ‖²

    @property
    def variance(self) -> float:
        """tr S, the unbiased trace of the per-sample covariance; NaN for one sample."""
        return _over(float(self.squares.sum()) - self.n * self.mean_square, self.n - 1)


def geometry(gram: np.ndarray) -> Geometry:
    """Compute the sums over a Gram matrix."""
    projections = gram.mean(axis=1)
    return Geometry(len(gram), gram.diagonal().copy(), projections, float(projections.mean()))


def batch_geometry(now: Observation) -> Geometry:
    """Return the geometry of the batch's gradients, all tensors together."""
    return geometry(now.gram.total)


def _over(numerator: float, denominator: float) -> float:
    """Divide as IEEE 754 does, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.float64(numerator) / np.float64(denominator))


def _root(square: float) -> float:
    """Return the square root; 0 for a number that rounding took below zero."""
    return math.sqrt(square) if square > 0 else (0.0 if square <= 0 else math.nan)


@sample_signal(
    "noise/sample_norms",
    unit="nat/weight",
    fields=NORM_FIELDS,
)
def sample_norms(now: Observation) -> Sequence[float]:
    """Norms of the batch's per-sample gradients, all tensors together."""
    norms = np.sqrt(np.maximum(now.gram.total.diagonal(), 0.0))
    inner = quantiles(norms, (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0))
    return [float(norms.mean()), float(norms.std()), *inner]


@sample_signal(
    "noise/scale",
    unit="samples",
    fields=("simple", "trace", "squared_norm"),
    source="McCandlish et al. 2018, arXiv:1812.06162, eq. 2.9 and appendix A.1",
)
def noise_scale(now: Observation) -> Sequence[float]:
    """Simple noise scale tr S / ‖G‖², and its two parts tr S and ‖ḡ‖² − tr S / n, which are unbiased estimates.

    The squared norm, and the scale with it, can be negative where noise hides the gradient.
    """
    sums = now.once(batch_geometry)
    squared_norm = sums.mean_square - sums.variance / sums.n
    return [_over(sums.variance, squared_norm), sums.variance, squared_norm]


@sample_signal(
    "noise/gsnr",
    unit="ratio",
    source="Liu et al. 2020, arXiv:2001.07384; Cockpit's form: ḡ² / (mean g² − ḡ² + 1e-5)",
    cockpit="MeanGSNR",
)
def mean_gsnr(now: Observation) -> float:
    """Mean over all weights of the gradient's signal-to-noise ratio: squared mean divided by variance."""
    total, count = 0.0, 0
    for name, second in now.second_moments.items():
        square = np.square(now.mean_gradients[name])
        total += float(np.sum(square / (second.ravel() - square + STABILIZER)))
        count += square.size
    return total / count


@sample_signal(
    "noise/norm_test",
    unit="ratio",
    source="Byrd, Chin, Nocedal & Wu 2012, eq. 3.9",
    cockpit="NormTest",
)
def norm_test(now: Observation) -> float:
    """Smallest θ with which the norm test passes: √(tr S / (n ‖ḡ‖²))."""
    sums = now.once(batch_geometry)
    return _root(_over(sums.variance, sums.n * sums.mean_square))


@sample_signal(
    "noise/inner_product_test",
    unit="ratio",
    source="Bollapragada, Byrd & Nocedal 2018, arXiv:1710.11258, eq. 2.6",
    cockpit="InnerTest",
)
def inner_product_test(now: Observation) -> float:
    """Smallest θ with which the inner product test passes: deviation of ⟨g_i, ḡ⟩, divided by √n ‖ḡ‖²."""
    sums = now.once(batch_geometry)
    fourth_power = sums.mean_square * sums.mean_square
    spread = float(sums.projections @ sums.projections) - sums.n * fourth_power
    return _root(_over(spread, (sums.n - 1) * sums.n * fourth_power))


@sample_signal(
    "noise/orthogonality_test",
    unit="ratio",
    source="Bollapragada, Byrd & Nocedal 2018, arXiv:1710.11258, eq. 3.3",
    cockpit="OrthoTest",
)
def orthogonality_test(now: Observation) -> float:
    """Smallest ν with which the orthogonality test passes: deviation of the g_i across ḡ, divided by √n ‖ḡ‖."""
    sums = now.once(batch_geometry)
    along = _over(float(sums.projections @ sums.projections), sums.mean_square)
    return _root(_over(float(sums.squares.sum()) - along, (sums.n - 1) * sums.n * sums.mean_square))


@sample_signal(
    "noise/cabs",
    unit="samples",
    reads=(*READS, "optimizer state", "loss"),
    source="Balles, Romero & Hennig 2017, arXiv:1612.05086, eq. 22; meant for SGD without momentum",
    cockpit="CABS",
)
def cabs(now: Observation) -> float | None:
    """Batch size suggested by CABS: learning rate x Σ‖g_i − ḡ‖² / n / loss; not recorded without a learning rate.

    Where gradients are summed, the learning rate of the mean is n times as large.
    """
    rate = learning_rate_now(now.step.optimizer)
    if rate is None:
        return None
    sums = now.once(batch_geometry)
    if now.step.reduction == "sum":
        rate *= sums.n
    return rate * _over(float(sums.squares.mean()) - sums.mean_square, now.step.loss)


@sample_signal(
    "noise/early_stopping",
    unit="criterion",
    source="Mahsereci et al. 2017, arXiv:1703.09580, eq. 7, with Cockpit's 1e-5 beside the variance",
    cockpit="EarlyStopping",
)
def early_stopping(now: Observation) -> float:
    """Evidence-based stopping criterion 1 − n mean(ḡ² / S) over all weights: stop where it exceeds 0."""
    n = len(now.step.labels)
    total, count = 0.0, 0
    for name, second in now.second_moments.items():
        square = np.square(now.mean_gradients[name])
        variance = n * (second.ravel() - square) / max(n - 1, 1)
        total += float(np.sum(square / (variance + STABILIZER)))
        count += square.size
    return 1.0 - n * total / count


@sample_signal(
    "noise/cosine",
    unit="cosine",
    source="Yang et al. 2022 (NIO), arXiv:2210.05956, sample by sample",
)
def gradient_cosine(now: Observation) -> float:
    """GradCosine: mean cosine of the gradients of two different samples of the batch, all tensors together."""
    return pairwise_cosine(now.gram.total)


@sample_signal(
    "layer/sample_cosine",
    unit="cosine",
    per="layer",
    source="Yang et al. 2022 (NIO), arXiv:2210.05956, sample by sample",
)
def layer_cosine(now: Observation) -> dict[str, float]:
    """GradCosine within a layer: mean cosine of two samples' gradients in its weight and bias."""
    return {layer: pairwise_cosine(gram) for layer, gram in now.gram.layers.items()}


@sample_signal(
    "layer/noise_scale",
    unit="samples",
    per="layer",
    source="McCandlish et al. 2018, arXiv:1812.06162, layer by layer",
)
def layer_noise_scale(now: Observation) -> dict[str, float]:
    """Simple noise scale of the layer's weight and bias; see `noise/scale`."""
    figures = {}
    for layer, gram in now.gram.layers.items():
        sums = geometry(gram)
        figures[layer] = _over(sums.variance, sums.mean_square - sums.variance / sums.n)
    return figures


def pairwise_cosine(gram: np.ndarray) -> float:
    """Return the mean off-diagonal cosine of a Gram matrix; a zero vector has cosine 0; NaN for one sample."""
    sizes = np.sqrt(np.maximum(gram.diagonal(), 0.0))
    inverse = np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes != 0)
    n = len(gram)
    total = float(inverse @ gram @ inverse) - float(np.sum(inverse**2 * gram.diagonal()))
    return _over(total, n * (n - 1))
