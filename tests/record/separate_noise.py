"""Separate computations: from the gradients of single samples, one backward pass each, all kept."""

import functools

import numpy as np

from tests.record.recorded_runs import expects, vector, with_fields
from tracekit.engine.ops.losses import softmax_cross_entropy
from tracekit.record.signals.histograms import GRADIENT_BINS, WEIGHT_BINS


@functools.cache
def _cached(key):
    run, number = _known[key]
    seen = run.steps[number]
    rows = []
    for image, label in zip(seen.images.astype(np.float64), seen.labels, strict=True):
        for tensor in seen.model.parameters().values():
            tensor.grad = None
        loss = softmax_cross_entropy(
            seen.model(image[None]), np.array([label]), label_smoothing=run.smoothing
        )
        loss.backward()
        rows.append({name: tensor.grad.ravel() for name, tensor in seen.model.parameters().items()})
    return rows


_known = {}


def gradients(run, seen, *, layer=None):
    """(n, weights): the gradient of each sample's own loss, of all tensors or of those of a layer."""
    key = (id(run), seen.step)
    _known[key] = run, run.steps.index(seen)
    return np.array(
        [
            np.concatenate([g for name, g in row.items() if layer in (None, name.rpartition(".")[0])])
            for row in _cached(key)
        ]
    )


def layers(seen):
    return list(dict.fromkeys(name.rpartition(".")[0] for name in seen.parameters))


def figures(name, function):
    """Expect fields or a number an update from the per-sample gradients: (g, seen, run) -> dict or number."""

    @expects(name)
    def expected(run):
        rows = {}
        for seen in run.steps:
            value = function(gradients(run, seen), seen, run)
            if isinstance(value, dict):
                rows |= with_fields(name, seen.step, value)
            elif value is not None:
                rows[name, None, None, seen.step] = value
        return rows


def trace(g):
    return np.sum((g - g.mean(axis=0)) ** 2) / (len(g) - 1)


def scale(g, *_):
    # From two batch sizes, 1 and n, as in the paper's appendix.
    n, small, big = len(g), np.mean(np.sum(g**2, axis=1)), np.sum(g.mean(axis=0) ** 2)
    squared = (n * big - small) / (n - 1)
    noise = (small - big) / (1 - 1 / n)
    return {"simple": noise / squared, "trace": noise, "squared_norm": squared}


def norms(g, *_):
    lengths = [np.linalg.norm(row) for row in g]
    return {
        "mean": np.mean(lengths),
        "std": np.std(lengths),
        "min": min(lengths),
        "max": max(lengths),
        **{f"q{share:02d}": np.percentile(lengths, share) for share in (5, 25, 50, 75, 95)},
    }


def inner_product_test(g, *_):
    mean = g.mean(axis=0)
    return np.sqrt(np.var(g @ mean, ddof=1) / len(g)) / np.sum(mean**2)


def orthogonality_test(g, *_):
    mean = g.mean(axis=0)
    across = [row - row @ mean / (mean @ mean) * mean for row in g]
    return np.sqrt(np.sum(np.square(across)) / (len(g) - 1) / len(g) / np.sum(mean**2))


def cosines(g):
    pairs = [(i, j) for i in range(len(g)) for j in range(len(g)) if i != j]
    sizes = [np.linalg.norm(row) for row in g]
    return np.mean([g[i] @ g[j] / (sizes[i] * sizes[j]) if sizes[i] * sizes[j] else 0.0 for i, j in pairs])


def cabs(g, seen, run):
    if "descent" not in seen.state:
        return None
    rate = seen.state["descent"]["learning_rate"] * (len(g) if run.reduction == "sum" else 1)
    return rate * np.var(g, axis=0).sum() / seen.loss


figures("noise/sample_norms", norms)
figures("noise/scale", scale)
figures("noise/gsnr", lambda g, *_: np.mean(g.mean(axis=0) ** 2 / (np.var(g, axis=0) + 1e-5)))
figures("noise/norm_test", lambda g, *_: np.sqrt(trace(g) / len(g)) / np.linalg.norm(g.mean(axis=0)))
figures("noise/inner_product_test", inner_product_test)
figures("noise/orthogonality_test", orthogonality_test)
figures("noise/cabs", cabs)
figures(
    "noise/early_stopping",
    lambda g, *_: 1 - len(g) * np.mean(g.mean(axis=0) ** 2 / (np.var(g, axis=0, ddof=1) + 1e-5)),
)
figures("noise/cosine", lambda g, *_: cosines(g))


@expects("layer/sample_cosine")
def layer_cosine(run):
    return {
        ("layer/sample_cosine", layer, None, seen.step): cosines(gradients(run, seen, layer=layer))
        for seen in run.steps
        for layer in layers(seen)
    }


@expects("layer/noise_scale")
def layer_scale(run):
    return {
        ("layer/noise_scale", layer, None, seen.step): scale(gradients(run, seen, layer=layer))["simple"]
        for seen in run.steps
        for layer in layers(seen)
    }


def covariance(g):
    """Eigenvalues, falling, and eigenvectors of the whole covariance matrix of the weights."""
    values, vectors = np.linalg.eigh(np.cov(g, rowvar=False, bias=True))
    return values[::-1], vectors[:, ::-1]


@expects("noise/spectrum")
def spectrum(run):
    rows = {}
    for seen in run.steps:
        values = np.append(covariance(gradients(run, seen))[0], np.zeros(10))
        rows |= vector("noise/spectrum", seen.step, values[: min(10, len(seen.labels))])
    return rows


@expects("noise/spectrum_shape")
def spectrum_shape(run):
    rows = {}
    for seen in run.steps:
        values = covariance(gradients(run, seen))[0][: len(seen.labels) - 1]
        shares = values / values.sum()
        rows |= with_fields(
            "noise/spectrum_shape",
            seen.step,
            {
                "trace": values.sum(),
                "participation_ratio": values.sum() ** 2 / np.sum(values**2),
                "effective_rank": np.exp(-np.sum(shares * np.log(shares))),
            },
        )
    return rows


@expects("noise/alignment")
def alignment(run):
    rows = {}
    for seen in run.steps:
        g = gradients(run, seen)
        values, vectors = covariance(g)
        top = vectors[:, : min(10, int(np.sum(values > 1e-12 * values[0])))]
        update = np.concatenate([seen.updates[name].ravel() for name in seen.parameters])
        shares = {
            key: np.sum((top.T @ direction) ** 2) / np.sum(direction**2) if direction.any() else np.nan
            for key, direction in (("update", update), ("gradient", g.mean(axis=0)))
        }
        rows |= with_fields("noise/alignment", seen.step, shares)
    return rows


def counted(values, bins):
    """Bins of values by comparison with the documented edges, one value at a time."""
    inner = bins.edges()[1:-1]
    found = []
    for value in values:
        # A bin holds its edge nearer to zero.
        found.append(sum(value >= edge if edge > 0 else value > edge for edge in inner))
    return np.array(found)


@expects("noise/histogram")
def histogram(run):
    rows = {}
    for seen in run.steps:
        bins = counted(gradients(run, seen).ravel(), GRADIENT_BINS)
        rows |= vector("noise/histogram", seen.step, [np.sum(bins == k) for k in range(41)])
    return rows


@expects("noise/histogram_2d")
def histogram_2d(run):
    rows = {}
    for seen in run.steps:
        g = gradients(run, seen)
        weights = np.concatenate([seen.parameters[name].ravel() for name in seen.parameters])
        across, down = counted(g.ravel(), GRADIENT_BINS), np.tile(counted(weights, WEIGHT_BINS), len(g))
        table = np.zeros((41, 21))
        for i, j in zip(across, down, strict=True):
            table[i, j] += 1
        rows |= vector("noise/histogram_2d", seen.step, table)
    return rows
