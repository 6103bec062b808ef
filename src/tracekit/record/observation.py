"""Observations that signals read: one update or one end of an epoch, with quantities computed once, on first use."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tracekit.engine.derivatives.persample import GradientGram, SampleGradients
from tracekit.engine.layers import Sequential
from tracekit.engine.ops.losses import softmax_cross_entropy
from tracekit.engine.tape import no_grad
from tracekit.engine.tensor import Tensor
from tracekit.engine.training.loop import Step, evaluate
from tracekit.record.curvature import GaussNewton, gauss_newton_moments
from tracekit.record.memory import Memory, Tensors

Result = TypeVar("Result")

#: Makes the random streams of signals differ from those of the run's seed.
_ENTROPY = 20210212


@dataclass(frozen=True, slots=True)
class Flow:
    """Inputs, outputs and gradient of the output layer on one batch."""

    logits: np.ndarray  #: (batch, n_classes)
    penultimate: np.ndarray  #: (batch, n_features)
    logits_gradient: np.ndarray  #: (batch, n_classes), of the batch's reduced loss


@dataclass(frozen=True, slots=True)
class Batch:
    """Images with their labels."""

    images: np.ndarray  #: (n, height, width, channels)
    labels: np.ndarray  #: (n,)


@dataclass(frozen=True, slots=True)
class Selection:
    """Selection of the entries that signals of whole vectors keep."""

    samples: tuple[int, ...] = (0,)  #: positions in the batch
    units: tuple[int, ...] | None = None  #: positions in the penultimate layer; None: all
    curvature: int = 8  #: number of samples, from the first, for second derivatives


class Observation:
    """One update as signals see it.

    Parameters
    ----------
    step : Step
    memory : Memory
        Of the recorder.
    probe : Batch, optional
        The fixed probe batch.
    selection : Selection
    started : float
        When the recording began, on the clock of `time.perf_counter`.
    """

    def __init__(
        self,
        step: Step,
        memory: Memory,
        *,
        probe: Batch | None = None,
        selection: Selection | None = None,
        started: float = 0.0,
    ) -> None:
        self.step = step
        self.selection = selection or Selection()
        self.memory = memory
        self._probe = probe
        self._started = started
        self._results: dict[Callable[[Observation], Any], Any] = {}

    @functools.cached_property
    def train(self) -> Flow:
        """The output layer on the training batch."""
        return Flow(self.step.logits, self.step.penultimate, self.step.logits_gradient)

    @functools.cached_property
    def probe(self) -> Flow:
        """The output layer on the probe batch, without dropout, with the parameters before the update.

        The gradient is that of the mean loss, label smoothing included.
        """
        outputs: dict[str, Tensor] = {}
        with no_grad():
            logits = self.step.model(self.probe_batch.images, outputs=outputs, every_output=False).data
        gradient = _logits_gradient(logits, self.probe_batch.labels, self.step.label_smoothing)
        return Flow(logits, list(outputs.values())[-2].data, gradient)

    @property
    def probe_batch(self) -> Batch:
        """The fixed probe batch."""
        if self._probe is None:
            raise RuntimeError("a signal of the probe batch was asked for without a probe batch.")
        return self._probe

    @functools.cached_property
    def gradients(self) -> Tensors:
        """Gradients of the reduced loss by tensor, each flat and in float64, like the next four."""
        return self.memory.tensors("gradients", self.step)

    @functools.cached_property
    def parameters(self) -> Tensors:
        """Values before the update."""
        return self.memory.tensors("parameters", self.step)

    @functools.cached_property
    def updates(self) -> Tensors:
        """Updates that are about to be added."""
        return self.memory.tensors("updates", self.step)

    @functools.cached_property
    def previous_gradients(self) -> Tensors | None:
        """Gradients of the update before; None at the first."""
        return self.memory.previous_gradients(self.step)

    @functools.cached_property
    def moved(self) -> Tensors:
        """Difference of the parameters from those before the first update."""
        return self.memory.moved(self.step)

    def once(self, function: Callable[[Observation], Result]) -> Result:
        """Compute a quantity of this update that several signals need, once, on first use."""
        if function not in self._results:
            self._results[function] = function(self)
        found: Result = self._results[function]
        return found

    @functools.cached_property
    def samples(self) -> SampleGradients:
        """The batch's per-sample gradients, with the dropout of the training pass."""
        return SampleGradients(self.step.calls, reduction=self.step.reduction)

    @functools.cached_property
    def gram(self) -> GradientGram:
        """Inner products of the batch's per-sample gradients."""
        return self.samples.gram()

    @functools.cached_property
    def second_moments(self) -> Mapping[str, np.ndarray]:
        """Mean over the batch of each per-sample gradient's square, element by element."""
        return self.samples.second_moments()

    @functools.cached_property
    def mean_gradients(self) -> Mapping[str, np.ndarray]:
        """Gradients of the mean loss, whatever the reduction that is trained with; flat, float64."""
        if self.step.reduction == "mean":
            return self.gradients
        return {name: g / len(self.step.labels) for name, g in self.gradients.items()}

    @functools.cached_property
    def gauss_newton(self) -> GaussNewton:
        """Diagonal of the Gauss-Newton matrix, and gradient second moments, of the batch's first samples."""
        step, batch = self.step, self.few(Batch(self.step.images, self.step.labels))
        return gauss_newton_moments(
            step.model, batch.images, batch.labels, label_smoothing=step.label_smoothing
        )

    def few(self, batch: Batch) -> Batch:
        """Return the first samples of a batch, as many as second derivatives are computed for."""
        return Batch(batch.images[: self.selection.curvature], batch.labels[: self.selection.curvature])

    def loss_on(self, batch: Batch) -> Callable[[], Tensor]:
        """Return a function that computes the mean training loss of a batch, without dropout."""
        model, smoothing = self.step.model, self.step.label_smoothing
        return lambda: softmax_cross_entropy(model(batch.images), batch.labels, label_smoothing=smoothing)

    def rng(self) -> np.random.Generator:
        """Return a random generator that depends only on the number of the update."""
        return np.random.default_rng((_ENTROPY, self.step.step))

    def seconds(self) -> float:
        """Return the time since the recording began."""
        return time.perf_counter() - self._started


class EpochObservation:
    """An epoch's end as signals see it.

    Parameters
    ----------
    model : Sequential
        With the parameters that the optimizer answers with.
    test_set : Batch, optional
    codes, labels
        Of the epoch's training batches, as `Memory.take_codes` returns them.
    """

    def __init__(
        self, model: Sequential, test_set: Batch | None, codes: dict[str, np.ndarray], labels: np.ndarray
    ) -> None:
        self.codes = codes
        self.labels = labels
        self._model = model
        self._test_set = test_set

    @functools.cached_property
    def evaluation(self) -> tuple[float, float] | None:
        """Mean cross-entropy (nats) and accuracy (share) on the test set; None without one."""
        if self._test_set is None:
            return None
        return evaluate(self._model, self._test_set.images, self._test_set.labels)


def _logits_gradient(logits: np.ndarray, labels: np.ndarray, label_smoothing: float) -> np.ndarray:
    """Return the gradient at the logits of mean softmax cross-entropy: (p − target) / n."""
    n, n_classes = logits.shape
    wide = logits.astype(np.float64)
    wide -= wide.max(axis=1, keepdims=True)
    np.exp(wide, out=wide)
    wide /= wide.sum(axis=1, keepdims=True)
    wide -= label_smoothing / n_classes
    wide[np.arange(n), labels] -= 1.0 - label_smoothing
    wide /= n
    return wide
