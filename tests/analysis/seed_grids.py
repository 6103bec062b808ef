"""Tables with one row per run whose truth is known, for tests of comparisons over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

FEATURES = ["x1", "x2", "x3", "x4", "x5"]


def grid(
    rng: np.random.Generator | int = 0,
    *,
    optimizers: Sequence[str] = ("sgd", "adam"),
    batch_sizes: Sequence[int] = (50,),
    seeds: int | Mapping[str, int] = 10,
    shift: float | Mapping[tuple[str, int], float] = 0.0,
    ratio: float = 1.0,
    shared: float = 0.0,
    n_shifted: int = 2,
    n_features: int = 5,
) -> pd.DataFrame:
    """Return normal features: adam's first `n_shifted` are moved by `shift` and all are `ratio` times as wide.

    `shared` is the correlation between optimizers of runs with one seed; `shift` may be given per cell.
    """
    rng = np.random.default_rng(rng)
    rows = []
    for batch_size in batch_sizes:
        most = seeds if isinstance(seeds, int) else max(seeds.values())
        common = rng.standard_normal((most, n_features)) * np.sqrt(shared)
        for optimizer in optimizers:
            n = seeds if isinstance(seeds, int) else seeds[optimizer]
            values = common[:n] + rng.standard_normal((n, n_features)) * np.sqrt(1.0 - shared)
            moved = shift if not isinstance(shift, Mapping) else shift.get((optimizer, batch_size), 0.0)
            if optimizer == "adam" or isinstance(shift, Mapping):
                values[:, :n_shifted] += moved
            if optimizer == "adam":
                values *= ratio
            rows += [
                {
                    "optimizer": optimizer,
                    "batch_size": batch_size,
                    "seed": seed,
                    "status": "finished",
                    **{f"x{i + 1}": value for i, value in enumerate(values[seed])},
                }
                for seed in range(n)
            ]
    return pd.DataFrame(rows)


def mark(table: pd.DataFrame, optimizer: str, seeds: Sequence[int], status: str) -> pd.DataFrame:
    """Return the table with the status of some runs changed."""
    chosen = (table["optimizer"] == optimizer) & table["seed"].isin(seeds)
    return table.assign(status=np.where(chosen, status, table["status"]))
