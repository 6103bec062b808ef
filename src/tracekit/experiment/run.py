"""Execution of one run: build the model, train it, record it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tracekit.data import Dataset
from tracekit.engine import Sequential, build_model
from tracekit.engine.kernels.parallel import processors, use_threads
from tracekit.engine.optim import Optimizer, build_optimizer
from tracekit.engine.optim.schedules import build_schedule
from tracekit.engine.training.checkpoint import load_checkpoint
from tracekit.engine.training.information import InformationDecay
from tracekit.engine.training.loop import Observer, TrainingResult, train
from tracekit.engine.training.sampling import updates_per_epoch
from tracekit.errors import ArgumentError, DataError, argument_sentence
from tracekit.experiment.checkpointing import Checkpointer, restore_observers
from tracekit.experiment.config import RunConfig
from tracekit.experiment.environment import describe
from tracekit.record import Planned, Recorder, Selection, choose_signals, for_model, plan
from tracekit.traces import RunWriter
from tracekit.traces.files import CHECKPOINT_FILE, CONFIG_FILE, META_FILE, read_json

#: A seed's independent streams of random numbers, by purpose.
_STREAMS = {"initialisation": 0, "order": 1, "dropout": 2}


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """Return a seed's generator for one purpose, independent of the other purposes' generators."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAMS[purpose],)))


@dataclass(frozen=True, slots=True)
class _Setup:
    """What a run trains: everything that its configuration decides before the first update."""

    model: Sequential
    optimizer: Optimizer
    n_updates: int
    recorded: list[Planned]
    note: str  #: sentence on the preset's signals that this model does not have; empty if it has all


def _set_up(config: RunConfig, dataset: Dataset) -> _Setup:
    n_updates = config.n_updates(len(dataset.train_labels))
    if config.recording.probe_size > len(dataset.test_labels):
        need = f"must be at most the number of test images of {dataset.name} (={len(dataset.test_labels)})"
        raise ArgumentError(argument_sentence("probe_size", config.recording.probe_size, need))
    model = build_model(
        config.model,
        input_shape=dataset.input_shape,
        n_classes=len(dataset.classes),
        rng=random_stream(config.seed, "initialisation"),
        dtype=np.dtype(config.dtype),
    )
    optimizer = build_optimizer(
        config.optimizer["name"],
        {name: tensor.data for name, tensor in model.parameters().items()},
        kinds=model.kinds(),
        schedule=build_schedule(**config.schedule, n_updates=n_updates),
        **{key: value for key, value in config.optimizer.items() if key != "name"},
    )
    return _Setup(model, optimizer, n_updates, *_plan(config, dataset, model, n_updates))


def _plan(
    config: RunConfig, dataset: Dataset, model: Sequential, n_updates: int
) -> tuple[list[Planned], str]:
    recording = config.recording
    named = choose_signals(recording.signals or ())
    scheduled = [e for e in recording.chosen if any(map(e.is_recorded_as, recording.schedules))]
    chosen, note = for_model(
        recording.chosen, model, dataset.input_shape, named={e.name for e in (*named, *scheduled)}
    )
    lost = [e.name for e in named if "probe batch" in e.reads]
    if lost and not recording.probe_size:
        raise ArgumentError(
            f"{', '.join(lost)} cannot be recorded without a probe batch; set `probe_size` above 0."
        )
    planned = plan(
        chosen,
        n_updates=n_updates,
        updates_per_epoch=updates_per_epoch(len(dataset.train_labels), config.batch_size, config.drop_last),
        stride=recording.every,
        schedules=recording.schedules,
        has_epochs=config.sampling != "with_replacement",
        allow_aliasing=recording.allow_aliasing,
    )
    return planned, note


def check_run(config: RunConfig, dataset: Dataset) -> str:
    """Raise the ArgumentError with which a run would end before its first update, if there is one.

    Returns a sentence on the preset's signals that this model does not have; empty if it has all.
    """
    return _set_up(config, dataset).note


def execute_run(
    config: RunConfig,
    dataset: Dataset,
    folder: Path,
    *,
    threads: int | None = None,
    observers: Sequence[Observer] = (),
    resume: bool = False,
    flush_seconds: float = 5.0,
    stopped: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train and record one run into its own folder.

    Parameters
    ----------
    config : RunConfig
    dataset : Dataset
        The data set that the configuration names.
    folder : Path
        The run's folder; must not hold a run, unless it is to be resumed.
    threads : int, optional
        Number of threads that compute; by default the number of processors. Values do not depend on it.
    observers : sequence of Observer
        Observers of the training besides the recorder.
    resume : bool
        Continue the run in the folder from its last checkpoint, or from the start if it has none;
        the trace is then that of a run that was never interrupted.
    flush_seconds : float
        Write to disk every this many seconds; a killed process loses at most that much.
    stopped : callable
        Called after every update; returns whether to stop.

    Returns
    -------
    TrainingResult
        How the run ended; divergence is a result, not an error.

    Raises
    ------
    Interrupted
        The run was stopped; it can be resumed.
    """
    setup = _set_up(config, dataset)
    dtype = np.dtype(config.dtype)
    test_images = dataset.test_images.astype(dtype, copy=False)
    controllers: dict[str, Observer] = {}
    if config.information_decay != "off":
        controllers["information"] = InformationDecay(setup.optimizer, scope=config.information_decay)
    configuration = config.model_dump(mode="json") | {
        "dataset_sha256": dataset.fingerprint(),
        "recorded": {entry.signal.name: entry.when for entry in setup.recorded},
    }
    n_parameters = sum(tensor.size for tensor in setup.model.parameters().values())
    n_threads = threads or processors()
    meta = describe() | {"threads": n_threads, "n_parameters": n_parameters, "n_updates": setup.n_updates}
    dropout_rng = random_stream(config.seed, "dropout")
    start = _Start()
    if resume:
        start = _load_start(folder, setup, dropout_rng, dataset)
        # Parts are written together with checkpoints, see `Checkpointer`.
        writer = RunWriter.resume(
            folder,
            last_step=start.step,
            meta=_continued(meta, read_json(folder / META_FILE)) if start.step else meta,
            flush_seconds=flush_seconds,
            flush_when_due=False,
        )
    else:
        writer = RunWriter(
            folder,
            attributes=config.attributes,
            configuration=configuration,
            meta=meta,
            flush_seconds=flush_seconds,
            flush_when_due=False,
        )
    with writer, use_threads(n_threads):
        n_probe = config.recording.probe_size
        recorder = Recorder(
            writer,
            signals=setup.recorded,
            probe=(test_images[:n_probe], dataset.test_labels[:n_probe]) if n_probe else None,
            evaluation=(test_images, dataset.test_labels),
            selection=Selection(config.recording.samples, config.recording.units),
        )
        own: dict[str, Observer] = {"recorder": recorder, **controllers}
        restore_observers(own, start.extra, folder)
        checkpointer = Checkpointer(
            writer, setup.model, setup.optimizer, dropout_rng, observers=own, stopped=stopped
        )
        result = train(
            setup.model,
            setup.optimizer,
            dataset.train_images.astype(dtype, copy=False),
            dataset.train_labels,
            batch_size=config.batch_size,
            n_updates=setup.n_updates,
            sampling=config.sampling,
            drop_last=config.drop_last,
            reduction=config.reduction,
            label_smoothing=config.label_smoothing,
            order_rng=random_stream(config.seed, "order"),
            dropout_rng=dropout_rng,
            observers=[*own.values(), *observers, checkpointer],
            start=start.step,
        )
        writer.finish(result.status, reason=result.reason)
    return result


def _continued(now: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the environment of a continued run, with its earlier environments under `earlier` if they differ."""
    earlier = list(before.pop("earlier", []))
    earlier += [before] if before != now else []
    return now | ({"earlier": earlier} if earlier else {})


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a run begins: at its beginning, or after a checkpoint."""

    step: int = 0
    extra: dict[str, np.ndarray] = field(default_factory=dict)


def _load_start(folder: Path, setup: _Setup, dropout_rng: np.random.Generator, dataset: Dataset) -> _Start:
    recorded = read_json(folder / CONFIG_FILE).get("configuration", {}).get("dataset_sha256")
    if recorded != dataset.fingerprint():
        raise DataError(
            f"{folder} was recorded on other data than this {dataset.name}; pass the --data-dir that it was run "
            "with."
        )
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return _Start()
    loaded = load_checkpoint(path, setup.model, setup.optimizer, dropout_rng=dropout_rng)
    return _Start(loaded.step, loaded.extra)
