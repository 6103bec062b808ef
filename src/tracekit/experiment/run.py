"""One run: build, train, record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from tracekit.data import Dataset
from tracekit.engine import build_model
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training import Observer, TrainingResult, train
from tracekit.experiment.config import RunConfig
from tracekit.experiment.environment import describe
from tracekit.record import Recorder, choose_signals, every
from tracekit.traces import RunWriter

#: A seed's independent streams of random numbers, by what they are for.
_STREAMS = {"initialisation": 0, "order": 1, "dropout": 2}


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return a seed's generator for one purpose, independent of the other purposes' generators."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAMS[purpose],)))


def execute_run(
    config: RunConfig,
    dataset: Dataset,
    folder: Path,
    *,
    threads: int = 1,
    observers: Sequence[Observer] = (),
) -> TrainingResult:
    """Train and record one run into its own folder.

    Parameters
    ----------
    config : RunConfig
    dataset : Dataset
        The data set that the configuration names.
    folder : Path
        The run's folder; must not hold a run.
    threads : int
        BLAS threads; results are the same bytes only for the same number.
    observers : sequence of Observer
        See the training besides the recorder.

    Returns
    -------
    TrainingResult
        How it ended; divergence is a result, not an error.
    """
    rng = {purpose: random_stream(config.seed, purpose) for purpose in _STREAMS}
    dtype = np.dtype(config.dtype)
    images = dataset.train_images.astype(dtype, copy=False)
    test_images = dataset.test_images.astype(dtype, copy=False)
    model = build_model(
        config.model,
        input_shape=dataset.input_shape,
        n_classes=len(dataset.classes),
        rng=rng["initialisation"],
        dtype=dtype,
    )
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    settings = {key: value for key, value in config.optimizer.items() if key != "name"}
    optimizer = build_optimizer(config.optimizer["name"], parameters, kinds=model.kinds(), **settings)
    configuration = config.model_dump(mode="json") | {"dataset_sha256": dataset.fingerprint()}
    meta = describe() | {"threads": threads, "n_parameters": sum(array.size for array in parameters.values())}
    with (
        RunWriter(folder, attributes=config.attributes, configuration=configuration, meta=meta) as writer,
        threadpool_limits(limits=threads),
    ):
        recorder = Recorder(
            writer,
            signals=choose_signals(config.recording.signals),
            schedule=every(config.recording.every),
            probe_images=test_images[: config.recording.probe_size] if config.recording.probe_size else None,
            evaluation=(test_images, dataset.test_labels),
        )
        result = train(
            model,
            optimizer,
            images,
            dataset.train_labels,
            batch_size=config.batch_size,
            n_updates=config.updates,
            n_epochs=config.epochs,
            sampling=config.sampling,
            drop_last=config.drop_last,
            reduction=config.reduction,
            order_rng=rng["order"],
            dropout_rng=rng["dropout"],
            observers=[recorder, *observers],
        )
        writer.finish(result.status, reason=result.reason)
    return result
