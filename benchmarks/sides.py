"""The sides of a benchmark: each trains in a process of its own, and they take turns.

In one process, the sides would share the C library's memory and each other's idle threads, and neither would
run as its users know it.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

#: Shape of an image and number of samples that batches are drawn from, by model.
SHAPES = {"ando_cnn": (32, 32, 3), "small_cnn": (8, 8, 1), "mlp": (8, 8, 1)}
N_SAMPLES = 2000
LEARNING_RATES = {"adam": 1e-3, "sgd": 1e-2}


def samples(model: str) -> tuple[np.ndarray, np.ndarray]:
    """Noise in the shape of the data: its content costs nothing."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(N_SAMPLES, *SHAPES[model])).astype(np.float32)
    return images, rng.integers(10, size=N_SAMPLES)


class Side:
    """A process that trains when it is told to.

    Parameters
    ----------
    name : str
        What the tables call it.
    prepare : callable
        Called in the process with `settings`; returns a function that makes a number of updates. It may raise
        ImportError, for a peer that is not installed.
    """

    def __init__(self, name: str, prepare: Callable[..., Callable[[int], None]], **settings: Any) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._line, line = context.Pipe()
        self._process = context.Process(target=_serve, args=(line, prepare, settings), daemon=True)
        self._process.start()
        self.missing: str | None = self._line.recv()

    def seconds(self, n_updates: int) -> float:
        """Make some updates and return how long they took."""
        self._line.send(n_updates)
        return float(self._line.recv())

    def peak_mib(self) -> float:
        """Largest memory that the process has had, MiB."""
        self._line.send("memory")
        return float(self._line.recv())

    def close(self) -> None:
        self._line.send(None)
        self._process.join()


def _serve(line: Any, prepare: Callable[..., Callable[[int], None]], settings: Mapping[str, Any]) -> None:
    try:
        update = prepare(**settings)
        update(2)
    except Exception as error:
        line.send(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
        return
    line.send(None)
    while (order := line.recv()) is not None:
        if order == "memory":
            line.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
            continue
        started = time.perf_counter()
        update(order)
        line.send(time.perf_counter() - started)


def alternate(sides: list[Side], *, rounds: int, n_updates: int) -> dict[str, list[float]]:
    """Milliseconds an update by side and round; the sides take turns, each round another one first."""
    times: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds):
        first = number % len(sides)
        for side in sides[first:] + sides[:first]:
            times[side.name].append(1e3 * side.seconds(n_updates) / n_updates)
    return times


def ratio(times: Mapping[str, list[float]], of: str, to: str) -> float:
    """Median over the rounds of what one side took of the other's time."""
    return statistics.median(a / b for a, b in zip(times[of], times[to], strict=True))


def prepare_tracekit(
    model: str, optimizer: str, batch_size: int, *, compiled: bool = True, threads: int | None = None
) -> Callable[[int], None]:
    """Train with tracekit; the loop is the real one, held between turns."""
    os.environ["TRACEKIT_COMPILED"] = "1" if compiled else "0"
    from tracekit.engine import build_model
    from tracekit.engine.kernels.compiled import are_used
    from tracekit.engine.optim import build_optimizer
    from tracekit.engine.training.loop import Observer, train

    if compiled and not are_used():
        raise ImportError("numba")
    images, labels = samples(model)
    network = build_model(model, input_shape=SHAPES[model], n_classes=10, rng=0)
    parameters = {name: tensor.data for name, tensor in network.parameters().items()}
    rule = build_optimizer(
        optimizer, parameters, kinds=network.kinds(), learning_rate=LEARNING_RATES[optimizer]
    )
    turn, done = threading.Semaphore(0), threading.Semaphore(0)

    class Gate(Observer):
        """Lets as many updates pass as were asked for."""

        left = 0

        def on_update_end(self, step: int) -> None:
            self.left -= 1
            if self.left == 0:
                done.release()
                turn.acquire()

    gate = Gate()

    def loop() -> None:
        turn.acquire()
        train(
            network,
            rule,
            images,
            labels,
            batch_size=batch_size,
            n_updates=10**9,
            order_rng=np.random.default_rng(1),
            dropout_rng=np.random.default_rng(2),
            observers=[gate],
            threads=threads,
        )

    threading.Thread(target=loop, daemon=True).start()

    def update(n_updates: int) -> None:
        gate.left = n_updates
        turn.release()
        done.acquire()

    return update


def prepare_torch(
    model: str, optimizer: str, batch_size: int, *, layout: str = "default", threads: int | None = None
) -> Callable[[int], None]:
    """Train with PyTorch as its tutorials do; `layout` is "default", "channels_last" or "compile" (which is both)."""
    import torch
    from torch import nn

    if threads is not None:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    images, labels = samples(model)
    network = nn.Sequential(*_torch_layers(model, nn))
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(labels)
    if layout != "default":
        network = network.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(network) if layout == "compile" else network
    kind = torch.optim.Adam if optimizer == "adam" else torch.optim.SGD
    rule = kind(network.parameters(), lr=LEARNING_RATES[optimizer])
    criterion = nn.CrossEntropyLoss()
    batches = _torch_batches(torch, batch_size)

    def update(n_updates: int) -> None:
        for _ in range(n_updates):
            indices = next(batches)
            rule.zero_grad()
            loss = criterion(forward(x[indices]), y[indices])
            loss.backward()
            rule.step()
            loss.item()  # tracekit looks at the loss of every update, too

    return update


def _torch_batches(torch: Any, batch_size: int) -> Any:
    while True:
        order = torch.randperm(N_SAMPLES)
        for start in range(0, N_SAMPLES - batch_size + 1, batch_size):
            yield order[start : start + batch_size]


def _torch_layers(model: str, nn: Any) -> list[Any]:
    if model == "mlp":
        return [nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)]
    if model == "small_cnn":
        widths = [8, 16]
        layers = [nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers += [nn.Conv2d(*widths, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        return [*layers, nn.Linear(64, 10)]
    layers, channels = [], 3
    for number in range(1, 7):
        layers += [nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if number % 2 == 0 else []
        channels = 32
    return [*layers, nn.Flatten(), nn.Linear(512, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
