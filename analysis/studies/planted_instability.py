"""Precision and recall of labels and of two industry spike rules, on instability planted by the learning rate.

``python analysis/studies/planted_instability.py [first|second] [--out FOLDER] [--jobs N]`` trains 280 (140) runs on
scikit-learn's digits (four optimizers, seven learning rates each from the default up by factors of sqrt 10, two
batch sizes, five seeds), or reads them if the folder has them, and prints precision, recall and abstention of each
rule. It takes three minutes (``first``, an MLP) or six (``second``, a small CNN) on two idle cores.

**Truth**, fixed before any label was computed, from the training loss alone: at one optimizer and batch size, a
learning rate is *planted as unstable* if it is above the best one and the loss of its runs at the end (mean over the
last fifth of the updates, median over seeds, infinite for a run that diverged) is at least 0.1 nats above that of the
best. Best is the rate with the lowest such loss. All other rates are planted as stable.

**The two sweeps.** We chose the margin of jitter (0.1) and the split into drift and jitter after we had seen the
labels of the first sweep. The second sweep, with another model and four other optimizers, was judged once, with
nothing changed.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd

import tracekit
import tracekit_analysis as ta

WORSE_BY = 0.1
"""Nats by which the loss at the end must exceed the best for a learning rate to be planted as unstable."""
LAST_SHARE = 5
"""The loss at the end is the mean over the last fifth."""
FACTOR, N_RATES = 10**0.5, 7
CELL = ["optimizer", "batch_size", "learning_rate"]
SIGNALS = ["train/loss", "train/first_logit", "probe/logits/q05", "probe/logits/q50"]
SWEEPS = {
    "first": ("mlp", {"sgd": 0.1, "heavy_ball": 0.01, "adam": 0.001, "rmsprop": 0.001}, [25, 100], 1500),
    "second": ("small_cnn", {"adagrad": 0.01, "nadam": 0.001, "lion": 0.0001, "nag": 0.01}, [50], 1000),
}
"""Model, lowest learning rate of each optimizer, batch sizes, updates."""
POSITIVE = ("unstable", "jittery", "diverged", "alarm")


def train(name: str, out: Path, jobs: int | None) -> None:
    """Run the sweep."""
    model, first, batch_sizes, updates = SWEEPS[name]
    optimizers = [
        {"name": optimizer, "learning_rate": float(f"{rate * FACTOR**step:.3g}")}
        for optimizer, rate in first.items()
        for step in range(N_RATES)
    ]
    sweep = tracekit.Sweep(
        model=model, optimizers=optimizers, batch_sizes=batch_sizes, seeds=5, updates=updates,
        recording={"signals": SIGNALS},
    )  # fmt: skip
    tracekit.run_sweep(sweep, out, jobs=jobs)


def planted(loss: pd.DataFrame) -> pd.Series:
    """Return for each cell whether its learning rate is planted as unstable; see the top of the file."""

    def at_the_end(run: pd.DataFrame) -> float:
        if (run["status"] == "diverged").any():
            return np.inf
        return float(run["value"].tail(len(run) // LAST_SHARE).mean())

    ends = loss.groupby([*CELL, "seed"], observed=True)[["value", "status"]].apply(at_the_end)
    ends = ends.groupby(CELL, observed=True).median()
    truth = {}
    for _, rates in ends.groupby(CELL[:2], observed=True):
        best = rates.idxmin()[2]
        truth |= {cell: cell[2] > best and end >= rates.min() + WORSE_BY for cell, end in rates.items()}
    return pd.Series(truth, name="planted").rename_axis(CELL)


def rules(loss: pd.DataFrame) -> dict[str, pd.Series]:
    """Return for each cell whether the two industry rules raise an alarm in at least half of its runs, or in any.

    A run whose loss becomes non-finite counts as an alarm of both rules.
    """

    def alarms(run: pd.DataFrame) -> pd.Series:
        gone = bool((run["status"] == "diverged").any())
        return pd.Series(
            {
                "rise by 2 running means (Lightning)": gone
                or ta.statistics.relative_spike_rule(run["value"]).n_alarms > 0,
                "run above 2 running means (llm-foundry)": gone
                or ta.statistics.running_mean_rule(run["value"]).n_alarms > 0,
            }
        )

    runs = loss.groupby([*CELL, "seed"], observed=True)[["value", "status"]].apply(alarms).astype(float)
    share = runs.groupby(CELL, observed=True).mean()
    said = {}
    for rule in share.columns:
        said[f"{rule}, half of the seeds"] = share[rule] >= 0.5
        said[f"{rule}, any seed"] = share[rule] > 0.0
    return {name: alarm.map({True: "alarm", False: "no alarm"}) for name, alarm in said.items()}


def labels(frame: pd.DataFrame, jobs: int) -> dict[str, pd.Series]:
    """Return our labels of each cell."""
    by_series = ta.label(frame, CELL, jobs=jobs).set_index(CELL)
    by_cross = ta.label(frame, CELL, unit="cross_section", jobs=jobs).set_index(CELL)
    return {
        "label, train/first_logit": by_series["label"],
        "label, cross-section of the probe batch": by_cross["label"],
        "jitter, cross-section of the probe batch": by_cross["jitter_label"],
    }


def score(said: pd.Series, truth: pd.Series) -> dict[str, float]:
    """Return precision, recall and abstention of one rule; an abstention on an unstable cell lowers recall."""
    said = said.reindex(truth.index)
    positive = said.isin(POSITIVE)
    abstained = said == "inconclusive"
    right = (positive & truth).sum()
    precision = right / positive.sum() if positive.any() else np.nan
    recall = right / truth.sum()
    return {
        "precision": precision,
        "recall": recall,
        "F1": 2.0 * right / (positive.sum() + truth.sum()),
        "false alarms": (positive & ~truth).sum() / (~truth).sum(),
        "abstention": abstained.mean(),
        "right": ((positive == truth) & ~abstained).mean(),
    }


def judge(frame: pd.DataFrame, jobs: int) -> pd.DataFrame:
    """Return one row of scores per rule."""
    loss = frame[frame["signal"] == "train/loss"]
    truth = planted(loss).astype(bool)
    said = rules(loss) | labels(frame, jobs)
    print(f"{len(truth)} cells of {loss['seed'].nunique()} seeds, {int(truth.sum())} planted as unstable\n")
    cells = pd.DataFrame({"planted": truth, **said})
    print(cells.drop(columns=[name for name in said if name.endswith("any seed")]).to_string(), end="\n\n")
    return pd.DataFrame({rule: score(answers, truth) for rule, answers in said.items()}).T


def main() -> int:
    """Train the missing runs, judge all, and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sweep", nargs="?", choices=SWEEPS, default="first")
    parser.add_argument("--out", type=Path, help="folder of the runs (default: runs/planted-SWEEP)")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    chosen = parser.parse_args()
    out = chosen.out or Path("runs") / f"planted-{chosen.sweep}"
    if not out.exists():
        train(chosen.sweep, out, chosen.jobs)
    table = judge(tracekit.read(out, signals=SIGNALS), chosen.jobs)
    print(table.round(2).to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
