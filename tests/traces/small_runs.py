"""Writes runs of a few values."""

from tracekit.traces import RunWriter

ATTRIBUTES = {"optimizer": "adam", "batch_size": 50, "learning_rate": 0.001, "seed": 0}


def writer(folder, **settings):
    return RunWriter(folder, attributes=ATTRIBUTES, configuration={}, meta={}, **settings)


def fill(run, first, last):
    for step in range(first, last + 1):
        run.record(step, 1, "train/loss", 1.0 / step)
        run.record(step, 1, "layer/grad_norm", float(step), layer="conv1.weight")
