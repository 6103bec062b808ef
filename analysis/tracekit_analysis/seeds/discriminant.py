"""Linear discriminant analysis of two classes, for many arrangements of the labels at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracekit_analysis.results import FloatArray
from tracekit_analysis.seeds.trimmed import magnitude

SHRINKAGE = 0.1
"""Weight of the diagonal in the covariance; five features and few seeds need shrinkage."""
MAX_ELEMENTS = 4_000_000


def held_out_errors(vectors: FloatArray, labels: FloatArray, folds: Sequence[NDArray[np.intp]]) -> FloatArray:
    """Return the share of held-out rows that are misclassified, for each arrangement of the labels.

    In each fold the features are standardised and the discriminant is fitted without the held-out rows.
    The pooled covariance of the standardised features is shrunk to the identity times its mean variance;
    priors are equal. Agrees with scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1,
    priors=[.5, .5]) on features that are standardised by the pooled within-class spread.

    Parameters
    ----------
    vectors : (n, n_features) array
        Finite.
    labels : (n_arrangements, n) array of 0 and 1
        Classes.
    folds : sequence of index arrays
        Rows held out together.
    """
    vectors = unit_columns(vectors)
    chunk = max(1, MAX_ELEMENTS // max(1, vectors.size * vectors.shape[1]))
    parts = [_errors(vectors, labels[start : start + chunk], folds) for start in range(0, len(labels), chunk)]
    return np.concatenate(parts)


def _errors(vectors: FloatArray, labels: FloatArray, folds: Sequence[NDArray[np.intp]]) -> FloatArray:
    wrong = np.zeros(len(labels))
    for held_out in folds:
        kept = np.setdiff1d(np.arange(len(vectors)), held_out)
        centre, spread = vectors[kept].mean(axis=0), vectors[kept].std(axis=0)
        scaled = (vectors - centre) / np.where(spread > 0.0, spread, 1.0)
        margins = _margins(scaled[kept], labels[:, kept], scaled[held_out])
        truth = 2.0 * labels[:, held_out] - 1.0
        wrong += np.where(margins == 0.0, 0.5, (margins * truth < 0.0) * 1.0).sum(axis=1)
    return wrong / sum(len(held_out) for held_out in folds)


def _margins(train: FloatArray, labels: FloatArray, test: FloatArray) -> FloatArray:
    """Return the discriminant scores of the test rows, positive for class 1; 0 where a class has no training rows."""
    n, p = train.shape
    count_1 = labels.sum(axis=1, keepdims=True)
    count_0 = n - count_1
    mean_1 = labels @ train / np.maximum(count_1, 1.0)
    mean_0 = (1.0 - labels) @ train / np.maximum(count_0, 1.0)
    within = np.broadcast_to(train.T @ train, (len(labels), p, p))
    within = within - count_1[:, :, None] * mean_1[:, :, None] * mean_1[:, None, :]
    within = (within - count_0[:, :, None] * mean_0[:, :, None] * mean_0[:, None, :]) / n
    spread = np.sqrt(np.maximum(np.einsum("bii->bi", within), 1e-12))
    correlation = within / spread[:, :, None] / spread[:, None, :]
    shrunk = (1.0 - SHRINKAGE) * correlation + SHRINKAGE * np.eye(p)
    direction = np.linalg.solve(shrunk, ((mean_1 - mean_0) / spread)[:, :, None])[:, :, 0] / spread
    middle = ((mean_1 + mean_0) / 2.0 * direction).sum(axis=1, keepdims=True)
    margins = direction @ test.T - middle
    return np.where((count_1 > 0) & (count_0 > 0), margins, 0.0)


def unit_columns(vectors: FloatArray) -> FloatArray:
    """Return the vectors, each feature of extreme size divided by a power of two."""
    return vectors / np.array([magnitude(column) for column in vectors.T])
