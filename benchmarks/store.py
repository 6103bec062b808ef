"""How fast the trace store writes, reads and lists, and how many bytes a value takes: ``python benchmarks/store.py``.

The peer for reading and writing is pandas with pyarrow's default Parquet settings on the same rows; both sides
alternate within a round, and medians over the rounds are printed.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tracekit.traces import Columns, RunWriter, open_experiment, read

ATTRIBUTES = {"optimizer": "adam", "batch_size": 50, "learning_rate": 0.001, "seed": 0}


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def write_store(folder, series, steps, epochs):
    with RunWriter(folder, attributes=ATTRIBUTES, configuration={}, meta={}, rows_per_part=20_000_000) as run:
        for name, values in series.items():
            run.record_series(name, steps, epochs, values)
        run.finish()


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


def measure_throughput(n_series, n_steps, rounds):
    rng = np.random.default_rng(0)
    steps = np.arange(1, n_steps + 1)
    epochs = steps // 500 + 1
    # Float32 numbers, as nearly all signals are.
    series = {
        f"signal/{k:03d}": rng.normal(size=n_steps).astype(np.float32).astype(float) for k in range(n_series)
    }
    frame = pd.DataFrame(
        {
            "run": "run",
            "step": np.tile(steps, n_series),
            "epoch": np.tile(epochs, n_series).astype(np.int32),
            "signal": np.repeat(list(series), n_steps),
            "value": np.concatenate(list(series.values())),
        }
    ).astype({"run": "category", "signal": "category"})
    n_values = n_series * n_steps
    rows = {name: [] for name in ("write", "pandas write", "read", "pandas read", "one signal")}
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for number in range(rounds):
            folder, plain = root / f"{number}" / "run", root / f"{number}.parquet"
            rows["write"].append(seconds(lambda f=folder: write_store(f, series, steps, epochs))[0])
            rows["pandas write"].append(seconds(lambda p=plain: frame.to_parquet(p))[0])
            rows["read"].append(seconds(lambda f=folder: read(f))[0])
            rows["pandas read"].append(seconds(lambda p=plain: pd.read_parquet(p))[0])
            rows["one signal"].append(seconds(lambda f=folder: read(f, signals="signal/007"))[0])
        bytes_ours, bytes_plain = size(folder) / n_values, plain.stat().st_size / n_values
    print(
        f"{n_series} series x {n_steps} steps = {n_values / 1e6:.0f} million values, {rounds} rounds, medians"
    )
    print(f"{'':14} {'million values/s':>17}")
    for name, times in rows.items():
        n = n_steps if name == "one signal" else n_values
        print(f"{name:14} {n / statistics.median(times) / 1e6:17.1f}")
    print(f"bytes a value: {bytes_ours:.2f} (pandas defaults {bytes_plain:.2f})")


def measure_recording(n_steps, n_channels):
    """As a training loop records: a row an update, of which parts leave as they do in a run; and value by value."""
    rows = np.random.default_rng(0).normal(size=(n_steps, n_channels)).astype(np.float32).astype(float)
    columns = Columns((f"signal/{k // 10}", f"layer{k % 10}", None) for k in range(n_channels))
    names = [f"signal/{k}" for k in range(10)]

    def by_row(run):
        for step, row in enumerate(rows, start=1):
            run.record_row(step, 1, columns, row)

    def by_value(run):
        for step in range(1, n_steps + 1):
            for name in names:
                run.record(step, 1, name, 0.5)

    for label, record, n in (
        ("a row an update", by_row, rows.size),
        ("value by value", by_value, 10 * n_steps),
    ):
        with (
            tempfile.TemporaryDirectory() as scratch,
            RunWriter(Path(scratch) / "run", attributes=ATTRIBUTES, configuration={}, meta={}) as run,
        ):
            taken, _ = seconds(functools.partial(record, run))
            written, _ = seconds(run.finish)
        print(
            f"recorded {label}: {n / taken / 1e6:.1f} million values/s, with their writing "
            f"{n / (taken + written) / 1e6:.1f}"
        )


def measure_listing(n_runs):
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        with RunWriter(root / "run-0", attributes=ATTRIBUTES, configuration={}, meta={}) as run:
            run.finish()
        records = {path.name: path.read_text() for path in (root / "run-0").glob("*.json")}
        for number in range(1, n_runs):
            folder = root / f"run-{number}"
            folder.mkdir()
            for name, text in records.items():
                if name == "config.json":
                    text = json.dumps(json.loads(text) | {"attributes": ATTRIBUTES | {"seed": number}})
                (folder / name).write_text(text)
        first, _ = seconds(lambda: open_experiment(root))
        again, experiment = seconds(lambda: open_experiment(root))
    print(f"listing {len(experiment.runs)} runs: {first:.2f} s without an index, {again:.2f} s with it")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=10_000)
    arguments = parser.parse_args()
    measure_throughput(100, 100_000, arguments.rounds)
    measure_recording(20_000, 240)
    measure_listing(arguments.runs)


if __name__ == "__main__":
    main()
