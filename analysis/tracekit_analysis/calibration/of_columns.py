"""Rejection rates of every p-value column of `characterize` on one process, found from the columns themselves."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd

from tracekit_analysis.calibration.processes import simulate
from tracekit_analysis.columns import PRESETS, Preset
from tracekit_analysis.errors import require_between, require_choice, require_count
from tracekit_analysis.features.characterization import characterize
from tracekit_analysis.features.registry import columns_of


def column_rates(
    process: str = "iid",
    *,
    n: int = 600,
    runs: int = 200,
    alpha: float = 0.05,
    preset: Preset = "full",
    points_per_epoch: int = 20,
    seed: int = 0,
    jobs: int = 1,
) -> pd.DataFrame:
    """Measure how often each p-value of `characterize` falls below `alpha` on simulated series.

    A statistic that declares its columns appears here without any other edit.

    Parameters
    ----------
    process : str
        Process to simulate, one of `simulate`.
    n : int
        Values per series.
    runs : int
        Number of series.
    alpha : float
        Level of the tests.
    preset : {"minimal", "standard", "full"}
        Columns to measure.
    points_per_epoch : int
        Values per epoch, for tests that need epochs.
    seed : int
        Seed of the simulation; the same seed gives the same series for any number of jobs.
    jobs : int
        Processes to spread the series over.

    Returns
    -------
    DataFrame
        Columns ``column``, ``null`` ("noise", or "walk" where the null is a random walk), ``runs`` (series with a
        p-value), ``rejected`` (share of them below `alpha`) and ``se`` (standard error of a share of `alpha`).

    Raises
    ------
    AnalysisError
        If an argument cannot be used.
    """
    require_choice("preset", preset, PRESETS)
    require_between("alpha", alpha, 0.0, 1.0)
    require_count("runs", runs, 1)
    streams = np.random.default_rng([zlib.crc32(process.encode()), n, seed]).spawn(runs)
    step = np.arange(n)
    frame = pd.concat(
        pd.DataFrame(
            {
                "run": run,
                "step": step,
                "epoch": step // points_per_epoch,
                "value": simulate(process, n, rng=rng),
            }
        )
        for run, rng in enumerate(streams)
    )
    table = characterize(frame, by="run", preset=preset, jobs=jobs)
    rows = []
    for name, column in columns_of(preset).items():
        if name.endswith("_pvalue"):
            known = table[name].dropna()
            walk = "unit root" in column.text or "random walk" in column.text
            rows.append((name, "walk" if walk else "noise", len(known), (known < alpha).mean()))
    rates = pd.DataFrame(rows, columns=["column", "null", "runs", "rejected"])
    return rates.assign(se=np.sqrt(alpha * (1.0 - alpha) / rates["runs"]))
