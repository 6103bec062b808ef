"""Small trainings of which every signal is recorded, with copies of the whole state to compute them from anew."""

import copy
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tracekit.engine.layers import Conv2d, Flatten, Linear, ReLU, Sequential, Sigmoid, Tanh
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training.loop import Observer, train
from tracekit.record import SIGNALS, Recorder, Selection, plan
from tracekit.traces import RunWriter, read

#: name -> separate computation of all its values: run -> {(recorded name, layer, index, step): value}
EXPECTED = {}


def expects(name):
    def enter(function):
        assert name not in EXPECTED
        EXPECTED[name] = function
        return function

    return enter


@dataclass
class Seen:
    """One update, copied."""

    step: int
    epoch: int
    loss: float
    images: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    outputs: dict
    parameters: dict
    gradients: dict
    updates: dict
    state: dict
    model: Sequential


@dataclass(eq=False)
class RecordedRun:
    """A run's settings, copies of its updates, and what was recorded of it."""

    optimizer: str
    reduction: str
    smoothing: float
    test_images: np.ndarray
    test_labels: np.ndarray
    n_probe: int
    selection: Selection
    steps: list = field(default_factory=list)
    ends: list = field(default_factory=list)  # (step, model) at the end of each epoch
    rows: dict = field(default_factory=dict)  # stem -> {(name, layer, index, step): value}

    @property
    def probe_images(self):
        return self.test_images[: self.n_probe]

    @property
    def probe_labels(self):
        return self.test_labels[: self.n_probe]


class Copies(Observer):
    def __init__(self, run):
        self.run = run

    def on_step(self, step):
        own = {name: copy.deepcopy(getattr(step, name)) for name in ("labels", "logits", "images", "outputs")}
        tensors = {
            name: {key: a.astype(np.float64) for key, a in getattr(step, name).items()}
            for name in ("parameters", "gradients", "updates")
        }
        # A copy in float64 and without tape: separate computations are exact, and change nothing.
        model = in_float64(step.model)
        self.run.steps.append(
            Seen(
                step=step.step,
                epoch=step.epoch,
                loss=step.loss,
                **own,
                **tensors,
                state=copy.deepcopy(step.optimizer.state),
                model=model,
            )
        )

    def on_epoch_end(self, epoch):
        self.run.ends.append((epoch.step, in_float64(epoch.model)))


def in_float64(model):
    """Copy a model, its parameters in float64 and without gradients."""
    gradients = {name: parameter.grad for name, parameter in model.parameters().items()}
    for parameter in model.parameters().values():
        parameter.grad = None
    copied = copy.deepcopy(model)
    for name, parameter in model.parameters().items():
        parameter.grad = gradients[name]
    for parameter in copied.parameters().values():
        parameter.data = parameter.data.astype(np.float64)
    return copied


def smooth_network(dtype):
    """Convolution, tanh, logistic function: everything that has derivatives of every order."""
    rng = np.random.default_rng(5)
    return Sequential(
        {
            "conv1": Conv2d(1, 2, 3, padding=1, rng=rng, dtype=dtype),
            "tanh1": Tanh(),
            "flatten": Flatten(),
            "linear1": Linear(32, 5, rng=rng, dtype=dtype),
            "sigmoid1": Sigmoid(),
            "linear2": Linear(5, 3, rng=rng, dtype=dtype),
        }
    )


def rectified_network(dtype):
    rng = np.random.default_rng(6)
    return Sequential(
        {
            "conv1": Conv2d(1, 4, 3, stride=2, rng=rng, dtype=dtype, bias=False),
            "relu1": ReLU(),
            "flatten": Flatten(),
            "linear1": Linear(4, 6, rng=rng, dtype=dtype),
            "relu2": ReLU(),
            "linear2": Linear(6, 3, rng=rng, dtype=dtype),
        }
    )


def record(
    folder,
    *,
    build=smooth_network,
    dtype=np.float64,
    optimizer="sgd",
    settings=None,
    reduction="mean",
    smoothing=0.0,
    signals=None,
    n_updates=7,
):
    """Train 7 updates, 5 an epoch, and record signals at every one of them; all signals unless they are named."""
    rng = np.random.default_rng(1)
    run = RecordedRun(
        optimizer=optimizer,
        reduction=reduction,
        smoothing=smoothing,
        test_images=rng.normal(size=(12, 4, 4, 1)).astype(dtype),
        test_labels=rng.integers(3, size=12),
        n_probe=6,
        selection=Selection(samples=(0, 4), units=(1, 3)),
    )
    images = rng.normal(size=(40, 4, 4, 1)).astype(dtype)
    labels = rng.integers(3, size=40)
    model = build(dtype)
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    chosen = [SIGNALS[name] for name in signals or SIGNALS]
    planned = plan(
        chosen,
        n_updates=n_updates,
        updates_per_epoch=5,
        schedules=dict.fromkeys(("free", "batch", "probe", "sample", "curvature"), "every 1"),
    )
    with RunWriter(folder / "run", attributes={"seed": 0}, configuration={}, meta={}) as writer:
        recorder = Recorder(
            writer,
            signals=planned,
            probe=(run.probe_images, run.probe_labels),
            evaluation=(run.test_images, run.test_labels),
            selection=run.selection,
        )
        train(
            model,
            build_optimizer(
                optimizer, parameters, kinds=model.kinds(), **(settings or {"learning_rate": 0.1})
            ),
            images,
            labels,
            batch_size=8,
            n_updates=n_updates,
            reduction=reduction,
            label_smoothing=smoothing,
            order_rng=np.random.default_rng(1),
            dropout_rng=np.random.default_rng(2),
            observers=[recorder, Copies(run)],
        )
        writer.finish()
    # `index` is a method of the tuples that itertuples yields.
    for row in read(folder).rename(columns={"index": "position"}).itertuples():
        layer = row.layer if isinstance(row.layer, str) else None
        index = None if pd.isna(row.position) else int(row.position)
        stem = next(entry.name for entry in chosen if entry.is_recorded_as(row.signal))
        run.rows.setdefault(stem, {})[row.signal, layer, index, row.step] = row.value
    return run


def by_step(run, name, function):
    """Build expected values of a signal with one number an update."""
    return {(name, None, None, seen.step): function(seen) for seen in run.steps}


def with_fields(name, step, values, *, layer=None):
    """Build expected values of one update from {field: number or vector}."""
    rows = {}
    for key, value in values.items():
        if np.ndim(value):
            rows |= {(f"{name}/{key}", layer, index, step): v for index, v in enumerate(value)}
        else:
            rows[f"{name}/{key}", layer, None, step] = value
    return rows


def vector(name, step, values, *, layer=None):
    return {(name, layer, index, step): value for index, value in enumerate(np.ravel(values))}
