"""Labelled image sets: `digits` is embedded, `cifar10` is read from its official files."""

from tracekit.data.dataset import DATASETS, Dataset, load_dataset
from tracekit.data.fetching import fetch

__all__ = ["DATASETS", "Dataset", "fetch", "load_dataset"]
