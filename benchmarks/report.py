"""How long a report takes, how much memory and how large its files are: ``python benchmarks/report.py``.

Writes a synthetic experiment through the store's writer (200 runs of 20,000 updates with the standard signals
by default: some 3 GB), reports on it in a process of its own, and prints wall time, the largest memory of that
process and its workers together, and the sizes of the files. ``--store`` keeps the experiment for the next time.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from scipy.signal import lfilter

from tracekit.traces import RunWriter, write_json

TENSORS = ("conv1.bias", "conv1.weight", "conv2.bias", "conv2.weight", "linear1.bias", "linear1.weight")
MOMENTS = ("mean", "std", "skewness", "kurtosis", "min", "q05", "q25", "q50", "q75", "q95", "max")
#: The standard signals of a small network, by how often they are recorded: (signal, layers).
EVERY_UPDATE = [(name, (None,)) for name in ("train/first_logit", "train/loss", "train/accuracy")]
EVERY_UPDATE += [("optimizer/learning_rate", (None,))]
EVERY_UPDATE += [
    (f"{place}/{what}/{moment}", (None,))
    for place in ("train", "probe")
    for what in ("logits", "logits_grad", "penultimate")
    for moment in MOMENTS
]
EVERY_UPDATE += [
    (f"layer/{name}", TENSORS)
    for name in (
        *("distance", "grad_cosine", "grad_flips", "grad_max", "grad_mean", "grad_norm", "grad_zeros"),
        *("update_cosine", "update_norm", "update_ratio", "weight_norm"),
    )
]
NOW_AND_THEN = [
    (f"layer/{name}", TENSORS) for name in ("step_size/q50", "adaptive_step/mean", "activation/mean")
]
NOW_AND_THEN += [("layer/relu/dead", ("relu1", "relu2")), ("layer/relu/zeros", ("relu1", "relu2"))]
EVERY_EPOCH = [("eval/loss", (None,)), ("eval/accuracy", (None,))]

OPTIMIZERS = ("adam", "sgd", "momentum", "rmsprop", "adamw", "lion", "nadam", "adagrad", "adadelta", "lamb")
BATCH_SIZES = (50, 100, 150, 200)


def write_experiment(folder: Path, n_runs: int, updates: int) -> None:
    """Write runs whose values are shared noise, shifted from series to series: cheap to make, costly to compress."""
    rng = np.random.default_rng(0)
    noise = lfilter([1.0], [1.0, -0.5], rng.normal(size=2 * updates)).astype(np.float32).astype(float)
    steps = np.arange(1, updates + 1)
    epochs = (steps - 1) // 29
    fall = np.exp(-np.linspace(0.0, 8.0, updates))
    seeds = 5
    write_json(folder / "experiment.json", {"name": "benchmark", "schema_version": 1, "configuration": {}})
    for number in range(n_runs):
        cell, seed = divmod(number, seeds)
        optimizer, batch_size = OPTIMIZERS[cell // 4 % len(OPTIMIZERS)], BATCH_SIZES[cell % 4]
        shift = 0
        attributes = {"optimizer": optimizer, "batch_size": batch_size, "learning_rate": 0.01, "seed": seed}
        with RunWriter(
            folder / f"{optimizer}-b{batch_size}-s{seed}",
            attributes=attributes,
            configuration={},
            meta={},
            rows_per_part=50_000_000,
        ) as run:
            for every, signals in ((1, EVERY_UPDATE), (17, NOW_AND_THEN), (29, EVERY_EPOCH)):
                for signal, layers in signals:
                    for layer in layers:
                        shift = (shift + 7919 + 104_729 * number) % updates
                        values = noise[shift : shift + updates]
                        if not signal.startswith("train/first"):
                            values = np.abs(values) * (0.1 + fall)
                        run.record_series(
                            signal, steps[::every], epochs[::every], values[::every], layer=layer
                        )
            run.finish()


def measure(folder: Path, output: Path) -> tuple[float, float, float]:
    """Report in a process of its own: wall and processor time in seconds, memory with its workers in GB."""
    command = "import sys; from tracekit.report import write_report; write_report(sys.argv[1], sys.argv[2])"
    start = time.perf_counter()
    process = psutil.Popen([sys.executable, "-c", command, str(folder), str(output)])
    peak = 0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            # Pages that workers share with their parent are counted once.
            peak = max(peak, sum(one.memory_full_info().pss for one in family))
        except psutil.Error:
            pass  # A process that has just ended has no memory to count.
        time.sleep(0.1)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    wall = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, used.ru_utime + used.ru_stime, peak / 1e9


def main() -> None:
    """Make the experiment where it is not there yet, and report on it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument(
        "--store", type=Path, help="folder of the experiment; made there if it does not exist"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.store or Path(scratch) / "experiment"
        if not folder.exists():
            folder.mkdir(parents=True)
            start = time.perf_counter()
            write_experiment(folder, arguments.runs, arguments.updates)
            print(f"experiment written in {time.perf_counter() - start:.0f} s")
        size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
        output = Path(scratch) / "report"
        seconds, processor, memory = measure(folder, output)
        print(f"{arguments.runs} runs of {arguments.updates:,} updates, {size / 1e9:.2f} GB of traces")
        print(
            f"report in {seconds:.1f} s, {processor:.1f} s of processor time, at most {memory:.2f} GB of memory"
        )
        for path in sorted(output.iterdir()):
            print(f"{path.name:12} {path.stat().st_size / 1e6:6.2f} MB")


if __name__ == "__main__":
    main()
