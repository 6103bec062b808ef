"""Digits: the handwritten 8x8 images that scikit-learn bundles; no download."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from tracekit.data.dataset import Dataset, dataset


@dataset("digits")
def load_digits(data_dir: Path | None = None) -> Dataset:
    """1,797 grey images of 8x8 pixels in 10 classes (Alpaydin & Kaynak 1998, UCI).

    Every fifth image of each class is in the test set, the others are in the training set. (The classes
    repeat in the order of the file, so that every fifth image of all would not be a fair sample.) Pixels are
    divided by their maximum, 16. `data_dir` is not used: the images come with scikit-learn.
    """
    images, labels = _bundled()
    images = (images[..., np.newaxis] / 16.0).astype(np.float32)
    test = np.zeros(labels.size, dtype=bool)
    for label in range(10):
        test[np.flatnonzero(labels == label)[4::5]] = True
    return Dataset(
        name="digits",
        train_images=images[~test],
        train_labels=labels[~test],
        test_images=images[test],
        test_labels=labels[test],
        classes=tuple(str(name) for name in range(10)),
    )


def _bundled() -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels from scikit-learn's file; importing scikit-learn would cost every process a second."""
    package = find_spec("sklearn")
    if package and package.origin:
        file = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
        if file.is_file():
            table = np.loadtxt(file, delimiter=",")
            return table[:, :-1].reshape(-1, 8, 8), table[:, -1].astype(np.int64)
    from sklearn.datasets import load_digits as sklearn_digits

    bunch = sklearn_digits()
    return bunch.images, bunch.target.astype(np.int64)
