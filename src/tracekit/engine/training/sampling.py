"""Sampling: the order in which a training set is visited, as index arrays, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from tracekit.errors import ArgumentError, argument_sentence
from tracekit.registry import Registry

Sampling = Literal["reshuffle", "fixed_batches", "with_replacement"]
#: (number of samples, batch size, drop last, generator) -> one epoch's batches after another, without end.
Policy = Callable[[int, int, bool, np.random.Generator], Iterator[list[np.ndarray]]]

SAMPLING: Registry[Policy] = Registry("sampling policy")


def _policy(name: str) -> Callable[[Policy], Policy]:
    return lambda function: SAMPLING.add(name, function)


def updates_per_epoch(n_samples: int, batch_size: int, drop_last: bool = True) -> int:
    """Return the number of batches in an epoch.

    Raises
    ------
    ArgumentError
        The batch size is below 1 or larger than the number of samples.
    """
    if batch_size < 1:
        raise ArgumentError(argument_sentence("batch_size", batch_size, "must be at least 1"))
    if batch_size > n_samples:
        raise ArgumentError(
            argument_sentence(
                "batch_size",
                batch_size,
                f"must be at most the number of training samples (={n_samples})",
                "choose a smaller batch or a larger data set",
            )
        )
    return n_samples // batch_size if drop_last else -(-n_samples // batch_size)


def epochs(
    n_samples: int,
    batch_size: int,
    *,
    sampling: str = "reshuffle",
    drop_last: bool = True,
    rng: np.random.Generator,
) -> Iterator[list[np.ndarray]]:
    """Yield epochs without end, each a list of index arrays, one a batch.

    Parameters
    ----------
    n_samples, batch_size : int
        Size of the training set and of a batch.
    sampling : {"reshuffle", "fixed_batches", "with_replacement"}
        ``reshuffle``: a new permutation each epoch, cut into batches. ``fixed_batches``: batches are
        built once, each epoch shuffles their order only (what the program of Ando, Fukuhara & Takefuji
        does; the traced first sample then cycles over as many images as there are batches).
        ``with_replacement``: every batch is drawn from the whole set.
    drop_last : bool
        Leave out the last, smaller batch of an epoch, so that every update averages over the same
        number of samples.
    rng : numpy.random.Generator
        The source of all randomness.
    """
    updates_per_epoch(n_samples, batch_size, drop_last)
    return SAMPLING[sampling](n_samples, batch_size, drop_last, rng)


def _cut(order: np.ndarray, batch_size: int, drop_last: bool) -> list[np.ndarray]:
    n_batches = updates_per_epoch(order.size, batch_size, drop_last)
    return [order[k * batch_size : (k + 1) * batch_size] for k in range(n_batches)]


@_policy("reshuffle")
def _reshuffle(
    n_samples: int, batch_size: int, drop_last: bool, rng: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    while True:
        yield _cut(rng.permutation(n_samples), batch_size, drop_last)


@_policy("fixed_batches")
def _fixed_batches(
    n_samples: int, batch_size: int, drop_last: bool, rng: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    batches = _cut(rng.permutation(n_samples), batch_size, drop_last)
    while True:
        yield [batches[k] for k in rng.permutation(len(batches))]


@_policy("with_replacement")
def _with_replacement(
    n_samples: int, batch_size: int, drop_last: bool, rng: np.random.Generator
) -> Iterator[list[np.ndarray]]:
    n_batches = updates_per_epoch(n_samples, batch_size, drop_last)
    while True:
        yield [rng.integers(n_samples, size=batch_size) for _ in range(n_batches)]
