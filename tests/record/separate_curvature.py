"""Separate computations: Hessian and Jacobian by central differences of gradients and logits in float64."""

import numpy as np

from tests.record.recorded_runs import by_step, expects
from tests.record.separate_noise import gradients
from tests.record.separate_outputs import softmax
from tracekit.engine.ops.losses import softmax_cross_entropy

WIDTH = 1e-5


def flat_parameters(model):
    return np.concatenate([tensor.data.ravel() for tensor in model.parameters().values()])


def put(model, flat):
    start = 0
    for tensor in model.parameters().values():
        tensor.data = flat[start : start + tensor.size].reshape(tensor.shape)
        start += tensor.size


def gradient(model, images, labels, smoothing):
    for tensor in model.parameters().values():
        tensor.grad = None
    softmax_cross_entropy(model(images), labels, label_smoothing=smoothing).backward()
    return np.concatenate([tensor.grad.ravel() for tensor in model.parameters().values()])


def differences(model, function):
    """(weights, values): derivative of a function of the model in each of its weights."""
    centre = flat_parameters(model)
    rows = []
    for position in range(centre.size):
        ends = []
        for sign in (1, -1):
            moved = centre.copy()
            moved[position] += sign * WIDTH
            put(model, moved)
            ends.append(function())
        rows.append((ends[0] - ends[1]) / (2 * WIDTH))
    put(model, centre)
    return np.array(rows)


def hessian(seen, images, labels, smoothing):
    found = differences(
        seen.model, lambda: gradient(seen.model, images.astype(np.float64), labels, smoothing)
    )
    return (found + found.T) / 2


def gauss_newton(seen):
    """The whole matrix on the training batch."""
    logits = seen.model(seen.images).data
    jacobian = differences(seen.model, lambda: seen.model(seen.images).data.copy())
    total = 0.0
    for number, p in enumerate(softmax(logits)):
        total = total + jacobian[:, number] @ (np.diag(p) - np.outer(p, p)) @ jacobian[:, number].T
    return total / len(logits)


@expects("curvature/alpha")
def alpha(run):
    def value(seen):
        update = np.concatenate([seen.updates[name].ravel() for name in seen.parameters])
        slope = update @ gradient(seen.model, seen.images, seen.labels, run.smoothing)
        bend = update @ hessian(seen, seen.images, seen.labels, run.smoothing) @ update
        lowest = -slope / bend  # in updates, along the parabola
        return 1 / lowest - 1

    return by_step(run, "curvature/alpha", value)


def probe_hessian(run, seen):
    return hessian(seen, run.probe_images, run.probe_labels, run.smoothing)


@expects("curvature/hessian_top")
def hessian_top(run):
    # The bound is compared in a test of its own: it is no property of the matrix.
    return by_step(
        run, "curvature/hessian_top/eigenvalue", lambda seen: np.linalg.eigvalsh(probe_hessian(run, seen))[-1]
    )


@expects("curvature/hessian_trace")
def hessian_trace(run):
    return by_step(run, "curvature/hessian_trace/trace", lambda seen: np.trace(probe_hessian(run, seen)))


@expects("curvature/gauss_newton_trace")
def gauss_newton_trace(run):
    return by_step(run, "curvature/gauss_newton_trace", lambda seen: np.trace(gauss_newton(seen)))


@expects("curvature/tic_diagonal")
def tic_diagonal(run):
    return by_step(
        run,
        "curvature/tic_diagonal",
        lambda seen: np.sum(
            np.mean(gradients(run, seen) ** 2, axis=0) / (np.diag(gauss_newton(seen)) + 1e-7)
        ),
    )


@expects("curvature/tic_trace")
def tic_trace(run):
    return by_step(
        run,
        "curvature/tic_trace",
        lambda seen: (
            np.sum(gradients(run, seen) ** 2) / len(seen.labels) / (np.trace(gauss_newton(seen)) + 1e-7)
        ),
    )
