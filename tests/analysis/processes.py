"""Random processes whose truth is known, and tables of runs drawn from them, for tests of error rates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.processes import (
    NORMAL_05,
    autoregressive,
    garch,
    iid,
    level_break,
    linear_trend,
    lower_tail,
    negative_moving_average,
    noisy_random_walk,
    random_walk,
    reshuffled,
    sawtooth,
    scale_break,
    start_up,
    student,
    time,
)
from tracekit_analysis.calibration.processes import Draw as Process

__all__ = [
    "NORMAL_05",
    "Process",
    "autoregressive",
    "garch",
    "iid",
    "level_break",
    "linear_trend",
    "lower_tail",
    "negative_moving_average",
    "noisy_random_walk",
    "random_walk",
    "reshuffled",
    "sawtooth",
    "scale_break",
    "start_up",
    "student",
    "time",
    "traces",
]


def traces(
    process: Process,
    *,
    seeds: int = 5,
    n: int | list[int] = 1000,
    optimizer: str = "sgd",
    batch_size: int = 32,
    signal: str = "train/first_logit",
    layer: object = pd.NA,
    epoch_length: int = 50,
    first_seed: int = 0,
) -> pd.DataFrame:
    """Return a table as the store returns it, one run per seed."""
    lengths = [n] * seeds if isinstance(n, int) else n
    runs = []
    for seed, length in zip(range(first_seed, first_seed + seeds), lengths, strict=True):
        steps = np.arange(length)
        runs.append(
            pd.DataFrame(
                {
                    "run": f"{optimizer}-{batch_size}-{seed}",
                    "optimizer": optimizer,
                    "batch_size": batch_size,
                    "learning_rate": 0.1,
                    "seed": seed,
                    "status": "finished",
                    "step": steps,
                    "epoch": steps // epoch_length,
                    "signal": signal,
                    "layer": layer,
                    "index": pd.NA,
                    "value": process(np.random.default_rng([seed, batch_size, len(optimizer)]), length),
                }
            )
        )
    return pd.concat(runs, ignore_index=True)
