"""Covariance of the per-sample gradients: its spectrum, and the update's share in its top directions.

D = Σ (g_i − ḡ)(g_i − ḡ)ᵀ / n has the nonzero eigenvalues of the Gram matrix ⟨g_i, g_j⟩, centered in rows and columns
and divided by n: at most n − 1, so that every count of directions here saturates there (Fioresi, Chaudhari &
Soatto 2020, Entropy 22(1):101).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np

from tracekit.engine.layers.layer import LayerCall
from tracekit.engine.tape import no_grad
from tracekit.engine.tensor import Tensor
from tracekit.record.observation import Observation
from tracekit.record.signals.noise import READS, sample_signal
from tracekit.record.signals.optimizer import counts, eigenvalues_of

#: Number of directions of the top subspace; fewer if there are fewer samples.
TOP = 10
_SOURCE = "Fioresi, Chaudhari & Soatto 2020, Entropy 22(1):101"


def centered(gram: np.ndarray) -> np.ndarray:
    """Return the inner products of the centered vectors, from those of the vectors."""
    rows = gram - gram.mean(axis=0)
    return rows - rows.mean(axis=1, keepdims=True)


@sample_signal(
    "noise/spectrum",
    unit="(nat/weight)^2",
    index="rank of the eigenvalue, from 0",
    source=_SOURCE,
)
def spectrum(now: Observation) -> np.ndarray:
    """Largest eigenvalues of the covariance of the per-sample gradients, at most 10."""
    gram = now.gram.total
    return eigenvalues_of(centered(gram) / len(gram))[:TOP]


@sample_signal(
    "noise/spectrum_shape",
    unit="directions",
    fields=("trace", "participation_ratio", "effective_rank"),
    source=f"{_SOURCE}; Roy & Vetterli 2007 for the effective rank",
)
def spectrum_shape(now: Observation) -> Sequence[float]:
    """Trace of the covariance of the per-sample gradients, and two counts of its directions.

    Participation ratio (Σλ)² / Σλ²; effective rank, the exponential of the entropy of λ / Σλ. Both are at most
    n − 1 for n samples.
    """
    gram = now.gram.total
    eigenvalues = eigenvalues_of(centered(gram) / len(gram))
    return [float(eigenvalues.sum()), *counts(eigenvalues)]


@sample_signal(
    "noise/alignment",
    unit="share",
    fields=("update", "gradient"),
    reads=(*READS, "gradients", "updates"),
    source=_SOURCE,
)
def alignment(now: Observation) -> Sequence[float]:
    """Share of the squared norm, of the update and of the mean gradient, in the covariance's top 10 directions.

    Exact for every optimizer: ⟨g_i, update⟩ comes from one more pass of each layer with the update in place
    of its parameters; the gradient's part comes from the Gram matrix. Tensors outside the layers with
    per-sample gradients are left out of both.
    """
    gram = now.gram.total
    n = len(gram)
    matrix = centered(gram)
    along = np.sum([_along(call, now) for call in now.step.calls.values()], axis=0)
    names = [name for name in now.updates if name.rpartition(".")[0] in now.step.calls]
    sizes = sum(now.updates.norms()[name] ** 2 for name in names), float(gram.mean())
    products = along - along.mean(), centered_mean(gram)
    if not (np.isfinite(matrix).all() and np.isfinite(products[0]).all()):
        return [np.nan, np.nan]
    values, vectors = np.linalg.eigh(matrix)
    # A centered matrix has rank n − 1 at most; eigenvalues below rounding span no direction.
    top = [k for k in range(n - 1, max(-1, n - 1 - TOP), -1) if values[k] > 1e-12 * values[-1]]
    return [
        float(np.sum(np.square(vectors[:, top].T @ product) / values[top])) / size if size > 0 else np.nan
        for product, size in zip(products, sizes, strict=True)
    ]


def centered_mean(gram: np.ndarray) -> np.ndarray:
    """Return ⟨g_i − ḡ, ḡ⟩ for each sample."""
    projections = gram.mean(axis=1)
    return projections - projections.mean()


def _along(call: LayerCall, now: Observation) -> np.ndarray:
    """Return ⟨g_i, update⟩ in one layer: δ_i times its output, which is linear in the parameters, at the update."""
    moved = copy.copy(call.layer)
    for own_name in call.layer.parameters():
        name = f"{call.name}.{own_name}" if call.name else own_name
        setattr(moved, own_name, Tensor(now.step.updates[name]))
    with no_grad():
        change = moved(call.input).data
    delta = call.gradient.reshape(len(change), -1).astype(np.float64)
    products = np.einsum("ij,ij->i", delta, change.reshape(len(change), -1).astype(np.float64))
    return products * (len(products) if now.step.reduction == "mean" else 1)
