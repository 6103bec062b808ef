"""Training loop: it passes each step to observers, and does not depend on what they do with it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tracekit.engine.kernels.parallel import use_threads
from tracekit.engine.layers import Sequential
from tracekit.engine.layers.layer import LayerCall, capture
from tracekit.engine.ops.losses import softmax_cross_entropy
from tracekit.engine.optim import Arrays, Optimizer
from tracekit.engine.tape import no_grad
from tracekit.engine.tensor import Tensor
from tracekit.engine.training.sampling import Sampling, epochs
from tracekit.errors import ArgumentError, argument_sentence

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True, slots=True)
class Step:
    """Public state of one update, seen after the backward pass and before the parameters move.

    Arrays are the loop's own: observers read them during the call and copy what they keep. Only the gradients are
    new ones at every update, and may be kept as they are.
    """

    step: int  #: number of this update, from 1
    epoch: int  #: pass over the training set, from 1
    indices: np.ndarray  #: (batch,) positions of the samples in the training set
    images: np.ndarray  #: (batch, height, width, channels)
    labels: np.ndarray  #: (batch,) classes
    loss: float  #: mean cross-entropy over the batch, nats
    logits: np.ndarray  #: (batch, n_classes)
    logits_gradient: np.ndarray  #: (batch, n_classes), of the reduced loss
    outputs: dict[
        str, np.ndarray
    ]  #: output of layers by name, in order; of every one if an observer needed it
    parameters: Arrays  #: values before this update
    gradients: Arrays  #: of the reduced loss
    updates: Arrays  #: about to be added to the parameters
    model: Sequential  #: for observers that evaluate it elsewhere
    optimizer: Optimizer  #: its state is the one after this update's gradients
    reduction: Reduction  #: how the reduced loss combines the samples
    label_smoothing: float  #: share of the target spread over all classes
    calls: Mapping[str, LayerCall]  #: of layers with parameters; empty unless an observer needed them

    @property
    def penultimate(self) -> np.ndarray:
        """(batch, n_features): what flows into the output layer."""
        return list(self.outputs.values())[-2]


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """State after an epoch's last update.

    The model holds the parameters that the optimizer answers with, which for schedule-free methods are not
    the ones that it trains at.
    """

    step: int  #: number of the update just made
    epoch: int  #: the epoch that ended, from 1
    model: Sequential


class Observer:
    """Sees the training go by; subclasses override what they need."""

    def needs_calls(self, step: int) -> bool:
        """Return whether `Step.calls` must be filled at an update; called before its forward pass."""
        return False

    def needs_outputs(self, step: int) -> bool:
        """Return whether `Step.outputs` must hold every layer at an update; it always holds the last two."""
        return False

    def on_step(self, step: Step) -> None:
        """Receive a step; called at every update, before the parameters change."""

    def on_epoch_end(self, epoch: EpochEnd) -> None:
        """Receive the end of an epoch; called after an epoch's last update, and after the last update of all."""

    def on_update_end(self, step: int) -> None:
        """Receive the end of an update, after the end of an epoch if there is one: state can be saved here."""

    def state(self) -> dict[str, np.ndarray]:
        """Return what the observer needs to continue after an interruption, by name."""
        return {}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Take up what `state` returned, in an observer of the same make."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """How a training ended."""

    status: Literal["finished", "diverged"]
    step: int  #: last update
    reason: str | None  #: why it diverged


def train(
    model: Sequential,
    optimizer: Optimizer,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    n_updates: int | None = None,
    n_epochs: int | None = None,
    sampling: Sampling = "reshuffle",
    drop_last: bool = True,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
    order_rng: np.random.Generator,
    dropout_rng: np.random.Generator,
    observers: Sequence[Observer] = (),
    start: int = 0,
    threads: int | None = None,
) -> TrainingResult:
    """Train a classifier by minimising softmax cross-entropy.

    Parameters
    ----------
    model : Sequential
        Its last layer gives the logits.
    optimizer : Optimizer
        Bound to the model's parameter arrays.
    images : ndarray, (n, height, width, channels)
    labels : ndarray of int, (n,)
    batch_size : int
    n_updates, n_epochs : int
        Exactly one of them says how long to train.
    sampling, drop_last
        See `tracekit.engine.training.sampling.epochs`.
    reduction : {"mean", "sum"}
        How sample gradients combine. ``sum`` makes SGD's step grow with the batch size, as in the
        program of Ando, Fukuhara & Takefuji; the reported loss is a mean either way.
    label_smoothing : float
        Share of the target that is spread evenly over all classes (Szegedy et al. 2016); in the reported
        training loss too.
    order_rng, dropout_rng : numpy.random.Generator
        Separate, so that the order of the data does not depend on the model.
    observers : sequence of Observer
    start : int
        Updates already made: the training continues after them, with `order_rng` as it was at the very
        beginning and all other state as `load_checkpoint` restores it.
    threads : int, optional
        How many threads compute; as `tracekit.engine.use_threads` takes it. Results do not depend on it.

    Returns
    -------
    TrainingResult
        ``diverged`` as soon as the loss is not finite; that step is still shown to the observers.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit.engine import build_model
    >>> from tracekit.engine.optim import build_optimizer
    >>> from tracekit.engine.training.loop import evaluate, train
    >>> images = np.repeat(np.eye(2, 16), 50, axis=0).reshape(100, 4, 4, 1)
    >>> labels, rng = np.repeat([0, 1], 50), np.random.default_rng(0)
    >>> model = build_model("softmax_regression", input_shape=(4, 4, 1), n_classes=2, rng=0, dtype="float64")
    >>> arrays = {name: parameter.data for name, parameter in model.parameters().items()}
    >>> adam = build_optimizer("adam", arrays, learning_rate=0.1)
    >>> train(model, adam, images, labels, batch_size=10, n_epochs=3, order_rng=rng, dropout_rng=rng)
    TrainingResult(status='finished', step=30, reason=None)
    >>> evaluate(model, images, labels)[1]
    1.0
    """
    if (n_updates is None) == (n_epochs is None):
        raise ArgumentError("give exactly one of `n_updates` and `n_epochs`.")
    length = n_updates if n_updates is not None else n_epochs
    if length is not None and length < 1:
        name = "n_updates" if n_updates is not None else "n_epochs"
        raise ArgumentError(argument_sentence(name, length, "must be at least 1"))
    parameters = model.parameters()
    step = 0
    # Divergence is data here: overflow and NaN are recorded and end the run; they are no warnings.
    with np.errstate(all="ignore"), use_threads(threads):
        batches = epochs(images.shape[0], batch_size, sampling=sampling, drop_last=drop_last, rng=order_rng)
        for epoch, epoch_batches in enumerate(batches, start=1):
            for indices in epoch_batches:
                step += 1
                if step <= start:
                    continue
                batch, batch_labels = images[indices], labels[indices]
                needed = optimizer.needs_inputs or any(observer.needs_calls(step) for observer in observers)
                captured: AbstractContextManager[dict[str, LayerCall]] = (
                    capture(model) if needed else nullcontext({})
                )
                every_output = any(observer.needs_outputs(step) for observer in observers)
                with captured as calls:
                    loss, logits, outputs = _differentiate(
                        model,
                        parameters,
                        batch,
                        batch_labels,
                        reduction,
                        label_smoothing,
                        dropout_rng,
                        every_output=every_output,
                    )
                inputs = {f"{name}.weight": call.input for name, call in calls.items()}
                gradients = {name: _gradient(parameter) for name, parameter in parameters.items()}
                state = Step(
                    step=step,
                    epoch=epoch,
                    indices=indices,
                    images=batch,
                    labels=batch_labels,
                    loss=loss,
                    logits=logits.data,
                    logits_gradient=_gradient(logits),
                    outputs=outputs,
                    parameters=optimizer.parameters.arrays,
                    gradients=gradients,
                    updates=optimizer.update(gradients, inputs=inputs),
                    model=model,
                    optimizer=optimizer,
                    reduction=reduction,
                    label_smoothing=label_smoothing,
                    calls=calls,
                )
                for observer in observers:
                    observer.on_step(state)
                if not math.isfinite(loss):
                    return TrainingResult("diverged", step, f"diverged at step {step}: the loss is {loss}")
                optimizer.apply(state.updates)
                if step == n_updates or indices is epoch_batches[-1]:
                    with optimizer.evaluating():
                        for observer in observers:
                            observer.on_epoch_end(EpochEnd(step, epoch, model))
                for observer in observers:
                    observer.on_update_end(step)
                if step == n_updates:
                    break
            if step == n_updates or epoch == n_epochs:
                break
    return TrainingResult("finished", step, None)


def evaluate(
    model: Sequential, images: np.ndarray, labels: np.ndarray, *, batch_size: int = 500
) -> tuple[float, float]:
    """Return mean cross-entropy (nats) and accuracy (share of samples) of a model on a data set, without dropout."""
    total_loss, n_correct = 0.0, 0
    with no_grad(), np.errstate(all="ignore"):
        for start in range(0, labels.size, batch_size):
            chunk = slice(start, start + batch_size)
            logits = model(images[chunk])
            total_loss += softmax_cross_entropy(logits, labels[chunk], reduction="sum").data.item()
            n_correct += int(np.count_nonzero(logits.data.argmax(axis=1) == labels[chunk]))
    return total_loss / labels.size, n_correct / labels.size


def _differentiate(
    model: Sequential,
    parameters: dict[str, Tensor],
    images: np.ndarray,
    labels: np.ndarray,
    reduction: Reduction,
    label_smoothing: float,
    rng: np.random.Generator,
    *,
    every_output: bool,
) -> tuple[float, Tensor, Arrays]:
    """Run forward and backward pass; return the mean loss, the logits and the layers' outputs."""
    for parameter in parameters.values():
        parameter.grad = None
    outputs: dict[str, Tensor] = {}
    logits = model(images, training=True, rng=rng, outputs=outputs, every_output=every_output)
    logits.retain_grad()
    loss = softmax_cross_entropy(logits, labels, reduction=reduction, label_smoothing=label_smoothing)
    loss.backward()
    mean_loss = loss.data.item() / (labels.size if reduction == "sum" else 1)
    return mean_loss, logits, {name: output.data for name, output in outputs.items()}


def _gradient(tensor: Tensor) -> np.ndarray:
    if tensor.grad is None:
        raise RuntimeError(f"{tensor.name or 'tensor'} got no gradient: the loss does not depend on it.")
    return tensor.grad
