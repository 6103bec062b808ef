"""Stores of simulated runs: what the training code would write, in seconds and with known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from tracekit.traces import RunWriter, write_json

#: Signals that every simulated run records at each update.
STEP_SIGNALS = ("probe/logits/q05", "train/first_logit", "train/loss", "train/accuracy")

Drift = Callable[[str, int], float]


def no_drift(optimizer: str, batch_size: int) -> float:
    return 0.0


def simulate_experiment(
    folder: Path,
    *,
    optimizers: Sequence[str] = ("adam", "sgd"),
    batch_sizes: Sequence[int] = (50, 100),
    seeds: int = 2,
    steps: int = 240,
    drift: Drift = no_drift,
    diverges: Sequence[tuple[str, int, int]] = (),
    signals: Sequence[str] = STEP_SIGNALS,
    name: str = "simulated",
) -> Path:
    """Write an experiment; `drift` is how far a cell's lower bound moves over the run, in standard deviations."""
    folder.mkdir(parents=True, exist_ok=True)
    rates = {"adam": 0.001, "sgd": 0.05}
    write_json(
        folder / "experiment.json",
        {
            "name": name,
            "schema_version": 1,
            "created": "2026-03-14T09:26:53+00:00",
            "tracekit_version": "0.1.0",
            "command": "tracekit run --dataset digits --model small_cnn --optimizer adam --optimizer sgd "
            "--batch-size 50 --batch-size 100 --seeds 5 --updates 600 --out runs/simulated",
            "configuration": {
                "dataset": "digits",
                "model": "small_cnn",
                "optimizers": [{"name": o, "learning_rate": rates.get(o, 0.01)} for o in optimizers],
                "batch_sizes": list(batch_sizes),
                "seeds": list(range(seeds)),
                "updates": steps,
                "sampling": "reshuffle",
                "reduction": "mean",
                "recording": {"every": 1, "signals": None},
            },
        },
    )
    for optimizer in optimizers:
        for batch_size in batch_sizes:
            for seed in range(seeds):
                simulate_run(
                    folder / f"{optimizer}-b{batch_size}-s{seed}",
                    optimizer=optimizer,
                    batch_size=batch_size,
                    seed=seed,
                    steps=steps,
                    learning_rate=rates.get(optimizer, 0.01),
                    drift=drift(optimizer, batch_size),
                    diverges=(optimizer, batch_size, seed) in diverges,
                    signals=signals,
                )
    return folder


def simulate_run(
    folder: Path,
    *,
    optimizer: str = "adam",
    batch_size: int = 100,
    seed: int = 0,
    steps: int = 240,
    learning_rate: float = 0.001,
    drift: float = 0.0,
    diverges: bool = False,
    signals: Sequence[str] = STEP_SIGNALS,
    status: str = "finished",
) -> None:
    """Write one run of AR(0.5) noise around curves that fall and rise as those of training do."""
    rng = np.random.default_rng([seed, batch_size, len(optimizer)])
    u = np.arange(1, steps + 1) / steps
    noise = {signal: lfilter([1.0], [1.0, -0.5], rng.normal(size=steps)) for signal in STEP_SIGNALS}
    fall = np.exp(-u / 0.15) if optimizer == "adam" else np.exp(-u / 0.4)
    values = {
        # A spread that grows moves the lower edge and leaves the mean where it is.
        "probe/logits/q05": -4.0 + 0.6 * noise["probe/logits/q05"] * (1.0 + drift * u),
        "train/first_logit": 2.2 * noise["train/first_logit"] - 1.5 * drift * u,
        "train/loss": np.abs(0.05 + 2.25 * fall + 0.05 * noise["train/loss"] * (0.2 + fall)),
        "train/accuracy": np.clip(0.98 - 0.88 * fall + 0.02 * noise["train/accuracy"], 0.0, 1.0),
    }
    stop = int(0.4 * steps) if diverges else steps
    if diverges:
        values["train/loss"][stop - 12 : stop] = 2.3 * 4.0 ** np.arange(12)
        values["train/loss"][stop - 1] = np.nan
        values["probe/logits/q05"][stop - 12 : stop] = -4.0 * 3.0 ** np.arange(12)
    per_epoch = max(1, steps // 12)
    writer = RunWriter(
        folder,
        attributes={
            "optimizer": optimizer,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "seed": seed,
        },
        configuration={"optimizer": {"name": optimizer}, "batch_size": batch_size, "seed": seed},
        meta={
            "versions": {"python": "3.11.9", "tracekit": "0.1.0", "numpy": "2.4.0"},
            "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False},
            "processor": "Simulated CPU @ 2.00GHz",
        },
        units={"train/first_logit": "logit", "train/loss": "nat", "eval/loss": "nat"},
    )
    for step in range(1, stop + 1):
        epoch = 1 + (step - 1) // per_epoch
        for signal in signals:
            if signal in values:
                writer.record(step, epoch, signal, float(values[signal][step - 1]))
        if step % per_epoch == 0 and "train/accuracy" in signals:
            writer.record(step, epoch, "eval/accuracy", float(values["train/accuracy"][step - 1]) - 0.01)
            writer.record(step, epoch, "eval/loss", float(values["train/loss"][step - 1]) + 0.02)
    if diverges:
        writer.finish("diverged", reason=f"loss is not finite at step {stop}")
    elif status == "running":
        writer.flush(wait=True)
        writer.abandon()
    else:
        writer.finish(status, reason="RuntimeError: out of memory" if status == "failed" else None)
