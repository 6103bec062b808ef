"""Data sets: the class `Dataset`, the table of known ones, and `load_dataset`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from tracekit.registry import Registry


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of labelled images, split into a training and a test part."""

    name: str
    train_images: np.ndarray  #: float32 in [0, 1], (n, height, width, channels)
    train_labels: np.ndarray  #: int64, (n,)
    test_images: np.ndarray  #: as train_images
    test_labels: np.ndarray  #: as train_labels
    classes: tuple[str, ...]  #: names of the classes, in the order of the labels

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        _, height, width, channels = self.train_images.shape
        return height, width, channels

    def fingerprint(self) -> str:
        """Return the SHA-256 of images and labels: runs with the same fingerprint saw the same data."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(str((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


Loader = Callable[[Path | None], Dataset]
LoaderFunction = TypeVar("LoaderFunction", bound=Loader)

DATASETS: Registry[Loader] = Registry("data set", ["tracekit.data.digits", "tracekit.data.cifar10"])


def dataset(name: str) -> Callable[[LoaderFunction], LoaderFunction]:
    """Enter the decorated loader (data folder or None -> Dataset) into `DATASETS`."""

    def enter(loader: LoaderFunction) -> LoaderFunction:
        DATASETS.add(name, loader)
        return loader

    return enter


def load_dataset(name: str, *, data_dir: str | Path | None = None) -> Dataset:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        ``digits`` (embedded) or ``cifar10``.
    data_dir : str or Path, optional
        Folder of its files; by default the folder that the environment variable ``TRACEKIT_DATA_DIR`` names,
        then the cache folder that `tracekit data fetch` fills.

    Raises
    ------
    UnknownNameError
        No such data set.
    DataError
        Its files are missing or damaged; the message names the file and what to do.
    """
    return DATASETS[name](None if data_dir is None else Path(data_dir))
