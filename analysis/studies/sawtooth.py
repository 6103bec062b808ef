"""Epochal sawtooth of the training loss, measured on arms trained under three ways to draw batches.

``python analysis/studies/sawtooth.py [--seeds 10] [--epochs 45] [--out FOLDER]``: SGD, Adam and Adam with a short
memory of the gradient's square, on digits with batches of 20. Under reshuffling, a sample early in an epoch was last
seen half an epoch ago on average, a sample late in the epoch one and a half epochs ago. What the model forgets in
between makes the loss rise within the epoch and drop at its end. Sampling with replacement has no such order; it is
the negative control, in which no sawtooth is expected.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from tracekit.experiment import Recording, Sweep, run_sweep
from tracekit.traces import read
from tracekit_analysis.series import sawtooth
from tracekit_analysis.statistics import epoch_comb

ARMS = ("sgd", "adam", "adam:beta2=0.9")
SAMPLINGS = ("reshuffle", "with_replacement", "fixed_batches")
SIGNAL = "train/loss"
BATCH_SIZE = 20
DESCENT = 1 / 3
"""Share of the epochs left out at the start, where the loss falls too fast for epochs to be comparable."""


def train(
    folder: Path, sampling: str, *, seeds: int, epochs: int, arms: Sequence[str], jobs: int
) -> pd.DataFrame:
    """Return the training loss of each arm and seed under one way to draw batches."""
    sweep = Sweep(
        optimizers=list(arms), batch_sizes=[BATCH_SIZE], seeds=seeds, epochs=epochs, model="mlp", sampling=sampling,
        recording=Recording(signals=(SIGNAL,)),
    )  # fmt: skip
    run_sweep(sweep, folder, jobs=jobs)
    given = dict(zip(map(str, sweep.optimizers), arms, strict=True))
    names = {name: given[str(run.optimizer)] for name, run in sweep.named_runs()}
    losses = read(folder, signals=SIGNAL)
    return losses.assign(sampling=sampling, arm=losses["run"].map(names).astype(str))


def measure(losses: pd.DataFrame, epochs: int) -> pd.DataFrame:
    """Return one row per run: its sawtooth in units of the loss and of the loss's spread, and two p-values."""
    rows: list[dict[str, Any]] = []
    keys = ["sampling", "arm", "seed"]
    for key, values in losses.sort_values("step").groupby(keys, sort=False)["value"]:
        length = len(values) // epochs
        late = values.to_numpy()[round(DESCENT * epochs) * length :]
        saw = sawtooth(late, epoch_length=length)
        rows.append(
            {
                **dict(zip(keys, key, strict=True)),
                "loss": late.mean(),
                "sawtooth": saw.excess,
                "in_sd": saw.excess / late.std(),
                "pvalue": saw.pvalue,
                "comb_pvalue": epoch_comb(late, length).pvalue,
            }
        )
    return pd.DataFrame(rows)


def summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds with its 95 % t interval, and how many single runs show a sawtooth."""
    rows = []
    for (sampling, arm), cell in runs.groupby(["sampling", "arm"], sort=False):
        low, high = interval(cell["in_sd"].to_numpy())
        rows.append(
            {
                "sampling": sampling,
                "arm": arm,
                "loss": cell["loss"].mean(),
                "sawtooth": cell["sawtooth"].mean(),
                "in_sd": cell["in_sd"].mean(),
                "ci_low": low,
                "ci_high": high,
                "seeds_p<.05": f"{(cell['pvalue'] < 0.05).sum()}/{len(cell)}",
                "comb_p<.05": f"{(cell['comb_pvalue'] < 0.05).sum()}/{len(cell)}",
            }
        )
    return pd.DataFrame(rows)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % t interval of a mean over seeds."""
    half = stats.t.ppf(0.975, values.size - 1) * stats.sem(values)
    return float(values.mean() - half), float(values.mean() + half)


def paired(runs: pd.DataFrame, first: tuple[str, str], second: tuple[str, str]) -> str:
    """Return the difference in sawtooth between two (arm, sampling) cells whose runs share seeds, in one line."""
    seeds = runs.set_index(["arm", "sampling", "seed"])["in_sd"].sort_index()
    difference = (seeds.loc[first] - seeds.loc[second]).to_numpy()
    low, high = interval(difference)
    return (
        f"{' '.join(first)} minus {' '.join(second)}: {difference.mean():+.3f} sd [{low:+.3f}, {high:+.3f}]"
    )


def study(
    folder: Path, *, seeds: int, epochs: int, arms: Sequence[str] = ARMS, samplings: Sequence[str] = SAMPLINGS,
    jobs: int = 1,
) -> pd.DataFrame:  # fmt: skip
    """Train all runs and return one row per run."""
    tables = []
    for sampling in samplings:
        losses = train(folder / sampling, sampling, seeds=seeds, epochs=epochs, arms=arms, jobs=jobs)
        tables.append(measure(losses, epochs))
    return pd.concat(tables, ignore_index=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, and print the sawtooth of each arm under each way to draw batches."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="runs per cell")
    parser.add_argument("--epochs", type=int, default=45, help="epochs of a run")
    parser.add_argument("--jobs", type=int, default=2, help="processes that train")
    parser.add_argument("--out", type=Path, help="folder for the traces (default: a temporary one)")
    chosen = parser.parse_args(arguments)
    if chosen.seeds < 2 or chosen.epochs < 12:
        parser.error("an interval needs at least 2 seeds, and their sawtooth at least 12 epochs")
    with tempfile.TemporaryDirectory() as scratch:
        runs = study(chosen.out or Path(scratch), seeds=chosen.seeds, epochs=chosen.epochs, jobs=chosen.jobs)
    print(f"Sawtooth of {SIGNAL} after the first third of {chosen.epochs} epochs, {chosen.seeds} seeds:\n")
    print(summarize(runs).round(4).to_string(index=False))
    print("\nPaired by seed, mean [95 % t interval]:")
    for arm in ARMS:
        for control in SAMPLINGS[1:]:
            print(paired(runs, (arm, "reshuffle"), (arm, control)))
    print(paired(runs, ("adam", "reshuffle"), ("sgd", "reshuffle")))
    print(paired(runs, ("adam", "reshuffle"), ("adam:beta2=0.9", "reshuffle")))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
