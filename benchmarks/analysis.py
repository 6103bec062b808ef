"""How long the analysis of a series takes, beside its peers, and how much memory many series take.

``python benchmarks/analysis.py [--rounds 5] [--series 2000] [--jobs 2]``. All candidates take turns within a round, on
one core; medians over the rounds are printed, in wall and in processor time (the second hardly feels what else the
machine does). Peers: statsmodels' `adfuller` as it comes, tsfresh's efficient set and catch22 (pycatch22). The last
two are no dependencies (catch22 is under the GPL): ``pip install tsfresh pycatch22`` into any environment brings them.
The last part writes a folder of Parquet files and characterizes it out of core.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet
from threadpoolctl import threadpool_limits

from tracekit_analysis import as_series, characterize, progress_bar, stability_index
from tracekit_analysis.calibration import simulate
from tracekit_analysis.statistics import lfq_test

LENGTH = 20_000
EPOCH = 500
TARGETS = {"characterize, standard": 150.0, "characterize, full": 600.0, "LFQ + index, n = 10,000": 3.0}
"""Milliseconds that must not be exceeded."""
MANY_SECONDS, MANY_BYTES = 240.0, 2**30
FILES = 20


def frame_of(values):
    steps = np.arange(1, len(values) + 1)
    return pd.DataFrame({"run": "a", "step": steps, "epoch": (steps - 1) // EPOCH, "value": values})


def lower_bound(values):
    series = as_series(values)  # checked once, as in characterize
    return lfq_test(series), stability_index(series)


def candidates(values):
    """Return what is measured, by name; a peer that is not installed maps to None."""
    frame, shorter = frame_of(values), values[:10_000]
    found = {
        "characterize, minimal": lambda: characterize(frame, preset="minimal"),
        "characterize, standard": lambda: characterize(frame, preset="standard"),
        "characterize, full": lambda: characterize(frame, preset="full"),
        "LFQ + index, n = 10,000": lambda: lower_bound(shorter),
    }

    from statsmodels.tsa.stattools import adfuller

    def adfuller_quietly():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # statsmodels announces a new return type on every call
            adfuller(values)

    found["statsmodels adfuller, defaults"] = adfuller_quietly
    found["tsfresh, efficient set"] = found["catch22, 22 features"] = None
    if importlib.util.find_spec("tsfresh"):
        from tsfresh import extract_features
        from tsfresh.feature_extraction import EfficientFCParameters

        table, wanted = pd.DataFrame({"id": 0, "value": values}), EfficientFCParameters()

        def efficient():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                extract_features(
                    table, column_id="id", default_fc_parameters=wanted, n_jobs=0, disable_progressbar=True
                )

        found["tsfresh, efficient set"] = efficient
    if importlib.util.find_spec("pycatch22"):
        from pycatch22 import catch22_all

        found["catch22, 22 features"] = lambda: catch22_all(values)  # takes arrays as they are
    return found


def measure_one(rounds):
    """Print the time of one series for everybody."""
    found = candidates(simulate("AR.5", LENGTH, rng=0))
    times = {name: [] for name in found}
    for round_ in range(-1, rounds):  # the first round, which imports and warms up, does not count
        for name, function in found.items():
            if function is None:
                continue
            wall, cpu = time.perf_counter(), time.process_time()
            function()
            if round_ >= 0:
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    print(f"One series of {LENGTH:,} values (autoregression .5), one core, medians of {rounds} rounds\n")
    print("| | wall ms | processor ms | standard is | target ms |")
    print("|---|---:|---:|---:|---:|")
    ours = statistics.median(wall for wall, _ in times["characterize, standard"])
    for name, pairs in times.items():
        if not pairs:
            print(f"| {name} | not installed | | | |")
            continue
        wall, cpu = (statistics.median(part) for part in zip(*pairs, strict=True))
        target = TARGETS.get(name)
        verdict = "" if target is None else f"{target:.0f}: {'met' if 1e3 * wall <= target else 'MISSED'}"
        print(
            f"| {name} | {1e3 * wall:.1f} | {1e3 * cpu:.1f} | {wall / ours:.1f} times as fast | {verdict} |"
        )


def write_many(folder, n_series):
    """Write series of different processes, 500 epochs long, into a folder of Parquet files."""
    names = ("AR.5", "iid", "t2", "trend", "reshuffled", "GARCH", "walk", "AR.9")
    steps = np.arange(1, LENGTH + 1)
    for file, members in enumerate(np.array_split(np.arange(n_series), min(FILES, n_series))):
        writer = None
        for number in members:
            name = names[number % len(names)]
            table = pa.table(
                {
                    "run": pa.array([f"{name}-{number}"] * LENGTH).dictionary_encode(),
                    "step": steps,
                    "epoch": (steps - 1) // EPOCH,
                    "value": simulate(name, LENGTH, rng=number),
                }
            )
            writer = writer or pa.parquet.ParquetWriter(folder / f"{file:03d}.parquet", table.schema)
            writer.write_table(table)
        writer.close()


class Watch(threading.Thread):
    """Watches this process and its children: memory, pages that they share counted once, and processor time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.seconds, self.ended = 0, {}, threading.Event()

    def run(self):
        own = psutil.Process()
        while not self.ended.wait(0.25):
            size = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    memory = process.memory_full_info()
                    size += getattr(memory, "pss", memory.rss)  # only Linux knows the proportional size
                    times = process.cpu_times()
                except psutil.Error:
                    continue  # it has just ended
                self.seconds[process.pid] = times.user + times.system
            self.peak = max(self.peak, size)


def measure_many(n_series, jobs):
    """Print the time and the memory of many series in Parquet files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_many(folder, n_series)
        size = sum(path.stat().st_size for path in folder.iterdir())
        watch = Watch()
        start, before = time.perf_counter(), time.process_time()
        watch.start()
        table = characterize(folder, jobs=jobs, progress=progress_bar() if sys.stderr.isatty() else None)
        seconds = time.perf_counter() - start
        watch.ended.set()
        watch.join()
    assert len(table) == n_series
    processor = sum(watch.seconds.values()) - before
    whole = "" if n_series == 2000 else f"; for 2,000 that is {processor / n_series * 2000 / jobs:.0f} s"
    print(
        f"\n{n_series:,} series of {LENGTH:,} values, {size / 2**20:.0f} MiB of Parquet, standard, {jobs} processes"
    )
    print(
        f"wall time {seconds:.0f} s; processor time of all processes {processor:.0f} s, so {processor / jobs:.0f} s"
    )
    print(f"on {jobs} idle cores{whole}; the target is {MANY_SECONDS:.0f} s for 2,000")
    print(f"peak memory, all processes: {watch.peak / 2**20:.0f} MiB; target {MANY_BYTES / 2**20:.0f} MiB")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--series", type=int, default=2000, help="series in the Parquet files; 0 leaves them out"
    )
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    with threadpool_limits(1):  # one core for everybody
        measure_one(chosen.rounds)
    if chosen.series:
        measure_many(chosen.series, chosen.jobs)


if __name__ == "__main__":
    main()
