"""Recording stride and the index of a cross-section: how the index changes if updates are recorded less often.

``python analysis/studies/strides.py`` trains an MLP on scikit-learn's digits with SGD and Adam at two learning rates
and two batch sizes, five seeds each, for 6,000 updates, and records the probe batch's quantiles at each update. It
prints jitter, drift and index from every k-th update, as ratios to the values from all updates, over the 40 runs. It
takes a minute on two idle cores.
"""

from __future__ import annotations

import tempfile

import pandas as pd

import tracekit
import tracekit_analysis as ta

STRIDES = (3, 7, 29)
"""Strides; the last one leaves 207 values, as the preset "standard" does in a run of this length."""


def train(folder: str) -> pd.DataFrame:
    """Run the sweep and return its recorded quantiles."""
    rates = [{"name": "sgd", "learning_rate": 0.5}, {"name": "adam", "learning_rate": 0.01}]
    sweep = tracekit.Sweep(
        model="mlp", optimizers=["sgd", "adam", *rates], batch_sizes=[25, 100], seeds=5, updates=6000,
        recording={"signals": ["probe/logits/q05", "probe/logits/q50"], "schedules": {"probe": "every 1"}},
    )  # fmt: skip
    tracekit.run_sweep(sweep, folder)
    return tracekit.read(folder)


def indices(frame: pd.DataFrame, stride: int) -> pd.DataFrame:
    """Return jitter, drift and index of each run, from every `stride`-th update."""
    kept = frame[(frame["step"] - 1) % stride == 0]
    return ta.cross_sections(kept).set_index("run")[["jitter", "drift", "index"]]


def main() -> None:
    """Print the median and the middle 80 % of the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        frame = train(folder)
    all_of_them = indices(frame, 1)
    for stride in STRIDES:
        ratios = (indices(frame, stride) / all_of_them).quantile([0.5, 0.1, 0.9])
        print(f"every {stride}-th update\n{ratios.round(3).to_string()}\n")


if __name__ == "__main__":
    main()
