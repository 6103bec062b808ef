"""What recording costs: a training step bare and with each preset, ``python benchmarks/recording_cost.py``.

The same training is run in rounds, one variant after the other within each round, so that what else the machine
does falls on all of them; figures are medians over the rounds. Time is processor time of one thread. Recorded values
are dropped: writing happens on another thread.

Signals that are recorded now and then are timed at every update of a shorter training, which gives the cost of one
recording; the preset "full" is put together from these for a training of 1000 updates.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from tracekit.data import load_dataset
from tracekit.engine import build_model
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training.loop import Observer, train
from tracekit.record import Planned, Recorder, Signal, choose_signals, plan
from tracekit.traces import Columns

N_PROBE = 32
#: Length of the training that the preset "full" is reckoned for.
LENGTH = 1000
Problem = tuple[str, np.ndarray, np.ndarray]


class Dropped:
    """Counts values in the place of a writer."""

    def __init__(self) -> None:
        self.n_values = 0

    def record_row(self, step: int, epoch: int, columns: Columns, values: object) -> None:
        self.n_values += columns.size


def problem(name: str) -> Problem:
    """(model, images, labels): digits, or noise in the shape of CIFAR-10, whose content costs nothing."""
    if name == "small_cnn":
        digits = load_dataset("digits")
        return name, digits.train_images.astype(np.float32), digits.train_labels
    rng = np.random.default_rng(0)
    return name, rng.normal(size=(3500, 32, 32, 3)).astype(np.float32), rng.integers(10, size=3500)


def recorder(data: Problem, signals: list[Planned], values: Dropped) -> Recorder:
    _, images, labels = data
    probe = images[:N_PROBE], labels[:N_PROBE]
    return Recorder(values, signals=signals, probe=probe, evaluation=probe)  # type: ignore[arg-type]


def planned(
    data: Problem, signals: list[Signal], schedules: Mapping[str, str] | None = None
) -> list[Planned]:
    per_epoch = len(data[2]) // 100
    return plan(signals, n_updates=LENGTH, updates_per_epoch=per_epoch, schedules=schedules)


def milliseconds_per_step(data: Problem, observers: list[Observer], n_updates: int) -> float:
    name, images, labels = data
    model = build_model(name, input_shape=images.shape[1:], n_classes=10, rng=0)  # type: ignore[arg-type]
    parameters = {key: tensor.data for key, tensor in model.parameters().items()}
    optimizer = build_optimizer("adam", parameters, kinds=model.kinds())
    started = time.process_time()
    train(
        model,
        optimizer,
        images,
        labels,
        batch_size=100,
        n_updates=n_updates,
        order_rng=np.random.default_rng(1),
        dropout_rng=np.random.default_rng(2),
        observers=observers,
    )
    return 1e3 * (time.process_time() - started) / n_updates


def measure(data: Problem, plans: Mapping[str, list[Planned]], n_updates: int, rounds: int) -> dict:
    """Median (milliseconds a step beyond the bare step, values a step) by variant, and the bare step itself."""
    times: dict[str, list[float]] = {name: [] for name in ("bare", *plans)}
    n_values: dict[str, float] = {}
    for _ in range(rounds):
        times["bare"].append(milliseconds_per_step(data, [], n_updates))
        for name, signals in plans.items():
            values = Dropped()
            observer = recorder(data, signals, values)
            times[name].append(milliseconds_per_step(data, [observer], n_updates))
            n_values[name] = values.n_values / n_updates
    bare = times.pop("bare")
    figures = {
        name: (statistics.median(t - b for t, b in zip(spent, bare, strict=True)), n_values[name])
        for name, spent in times.items()
    }
    return figures | {"bare": (statistics.median(bare), 0.0)}


def report(name: str, n_updates: int, n_costly: int, rounds: int) -> None:
    data = problem(name)
    standard, full = choose_signals(None), choose_signals(None, preset="full")
    added = [entry for entry in full if entry not in standard]
    costly = [entry for entry in added if entry.cost in ("sample", "curvature") or entry.schedule == "log 20"]
    often = measure(
        data,
        {
            "minimal": planned(data, choose_signals(None, preset="minimal")),
            "standard without probe": planned(data, [entry for entry in standard if entry.cost != "probe"]),
            "standard": planned(data, standard),
            "full without what is costly": planned(data, [entry for entry in full if entry not in costly]),
        },
        n_updates,
        rounds,
    )
    rarely = {
        "sample, every 17": ("sample", "every 17", 1 / 17),
        "histograms, log 20": ("sample", "log 20", 20 / LENGTH),
        "spectra, log 20": ("batch", "log 20", 20 / LENGTH),
        "curvature, log 10": ("curvature", "log 10", 10 / LENGTH),
    }
    always = dict.fromkeys(("batch", "sample", "curvature"), "every 1")
    bare = often["bare"][0]
    for key, (spent, n_values) in often.items():
        own = bare if key == "bare" else bare + spent
        print(f"| {name} | {key} | {own:.2f} | {own / bare:.3f} | {n_values:.0f} |", flush=True)
    total, n_total = often["full without what is costly"]
    for key, (cost, schedule, share) in rarely.items():
        signals = [entry for entry in costly if (entry.cost, entry.schedule) == (cost, schedule)]
        plans = {key: planned(data, signals, always)}
        spent, n_values = measure(data, plans, n_costly, max(1, rounds // 2))[key]
        total, n_total = total + spent * share, n_total + n_values * share
        print(
            f"| {name} | one recording of {key} | +{spent:.1f} | +{spent / bare:.1f} | {n_values:.0f} |",
            flush=True,
        )
    print(
        f"| {name} | full, of {LENGTH} updates | {bare + total:.2f} | {1 + total / bare:.3f} | {n_total:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["ando_cnn", "small_cnn"], action="append")
    parser.add_argument("--updates", type=int, default=51, help="updates of a training [51: thrice 17]")
    parser.add_argument("--costly-updates", type=int, default=5, help="recordings of costly signals [5]")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| network | recorded | ms a step | of the bare step | values a step |")
    print("|---|---|---|---|---|")
    with threadpool_limits(1):
        for name in arguments.model or ["small_cnn", "ando_cnn"]:
            report(name, arguments.updates, arguments.costly_updates, arguments.rounds)


if __name__ == "__main__":
    main()
