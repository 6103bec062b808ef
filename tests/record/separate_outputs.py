"""Separate computations: performance, output layer, information."""

import numpy as np
from scipy import stats

from tests.record.recorded_runs import by_step, expects, vector, with_fields

SHARES = {"q05": 5, "q25": 25, "q50": 50, "q75": 75, "q95": 95}


def eleven(values):
    flat = np.asarray(values, np.float64).ravel()
    return {
        "mean": flat.mean(),
        "std": flat.std(),
        "skewness": stats.skew(flat),
        "kurtosis": stats.kurtosis(flat),
        "min": flat.min(),
        "max": flat.max(),
        **{name: np.percentile(flat, share) for name, share in SHARES.items()},
    }


def softmax(logits):
    powers = np.exp(np.float64(logits) - np.max(logits, axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_gradient(logits, labels, smoothing, reduction="mean"):
    n, k = logits.shape
    target = (1 - smoothing) * np.eye(k)[labels] + smoothing / k
    return (softmax(logits) - target) / (n if reduction == "mean" else 1)


def cross_entropy(logits, labels, smoothing=0.0):
    k = logits.shape[1]
    target = (1 - smoothing) * np.eye(k)[labels] + smoothing / k
    return -np.mean(np.sum(target * np.log(softmax(logits)), axis=1))


def flow(model, images):
    outputs = {}
    model(images.astype(np.float64), outputs=outputs)
    arrays = [tensor.data for tensor in outputs.values()]
    return arrays[-2], arrays[-1]


def train_flow(run, seen):
    penultimate, logits = flow(seen.model, seen.images)
    return penultimate, logits, logits_gradient(logits, seen.labels, run.smoothing, run.reduction)


def probe_flow(run, seen):
    penultimate, logits = flow(seen.model, run.probe_images)
    return penultimate, logits, logits_gradient(logits, run.probe_labels, run.smoothing)


@expects("train/loss")
def loss(run):
    return by_step(
        run, "train/loss", lambda seen: cross_entropy(train_flow(run, seen)[1], seen.labels, run.smoothing)
    )


@expects("train/accuracy")
def accuracy(run):
    return by_step(
        run, "train/accuracy", lambda seen: np.mean(train_flow(run, seen)[1].argmax(axis=1) == seen.labels)
    )


@expects("train/first_logit")
def first_logit(run):
    return by_step(run, "train/first_logit", lambda seen: train_flow(run, seen)[1][0, 0])


@expects("eval/loss")
def eval_loss(run):
    return {
        ("eval/loss", None, None, step): cross_entropy(flow(model, run.test_images)[1], run.test_labels)
        for step, model in run.ends
    }


@expects("eval/accuracy")
def eval_accuracy(run):
    return {
        ("eval/accuracy", None, None, step): np.mean(
            flow(model, run.test_images)[1].argmax(axis=1) == run.test_labels
        )
        for step, model in run.ends
    }


def output_layer(source, flows):
    """The same nine signals of either batch."""

    def enter(quantity, which, rows):
        @expects(f"{source}/{quantity}")
        def expected(run):
            found = {}
            for seen in run.steps:
                found |= rows(f"{source}/{quantity}", seen.step, flows(run, seen)[which], run.selection)
            return found

    def figures(name, step, values, selection):
        return with_fields(name, step, eleven(values))

    def figures_and_norm(name, step, values, selection):
        return with_fields(name, step, eleven(values) | {"norm": np.linalg.norm(values)})

    def classes(name, step, values, selection):
        by_column = [eleven(column) for column in values.T]
        return with_fields(name, step, {key: [each[key] for each in by_column] for key in by_column[0]})

    @expects(f"{source}/class_penultimate")
    def class_penultimate(run):
        found = {}
        for seen in run.steps:
            penultimate, logits, _ = flows(run, seen)
            labels = seen.labels if source == "train" else run.probe_labels
            by_class = [
                [row for row, label in zip(penultimate, labels, strict=True) if label == number]
                for number in range(logits.shape[1])
            ]
            figures = [
                eleven(rows) if rows else dict.fromkeys(eleven([0.0, 1.0]), np.nan) for rows in by_class
            ]
            values = {key: [each[key] for each in figures] for key in figures[0]}
            found |= with_fields(f"{source}/class_penultimate", seen.step, values)
        return found

    def samples(name, step, values, selection):
        return vector(name, step, [values[i] for i in selection.samples])

    def units(name, step, values, selection):
        return vector(name, step, [[values[i, j] for j in selection.units] for i in selection.samples])

    enter("penultimate", 0, figures)
    enter("logits", 1, figures)
    enter("logits_grad", 2, figures_and_norm)
    enter("class_logits", 1, classes)
    enter("class_logits_grad", 2, classes)
    enter("sample_logits", 1, samples)
    enter("sample_logits_grad", 2, samples)
    enter("sample_penultimate", 0, units)


output_layer("train", train_flow)
output_layer("probe", probe_flow)


def miller_madow(values):
    """Entropy in nats of what is hashable, corrected."""
    counts = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    n = len(values)
    return -sum(c / n * np.log(c / n) for c in counts.values()) + (len(counts) - 1) / (2 * n)


def information(codes, labels):
    h_label = miller_madow(labels)
    mutual = miller_madow(codes) + h_label - miller_madow(list(zip(codes, labels, strict=True)))
    return {
        "mutual": mutual,
        "conditional_entropy": h_label - mutual,
        "share": mutual / h_label,
        "n_samples": len(labels),
        "n_codes": len(set(codes)),
        "n_labels": len(set(labels)),
    }


def epoch_codes(run, coder):
    """(last step, codes, labels) of each epoch, codes by layer."""
    for number, (step, _) in enumerate(run.ends, start=1):
        codes, labels = {}, []
        for seen in run.steps:
            if seen.epoch == number:
                labels += seen.labels.tolist()
                for layer, values in coder(seen).items():
                    codes.setdefault(layer, []).extend(values)
        yield step, codes, labels


@expects("information/predictions")
def predictions(run):
    rows = {}
    for step, codes, labels in epoch_codes(run, lambda seen: {"all": seen.logits.argmax(axis=1).tolist()}):
        rows |= with_fields("information/predictions", step, information(codes["all"], labels))
    return rows


@expects("information/layers")
def layers(run):
    def winners(seen):
        found = {}
        for layer, output in seen.outputs.items():
            if f"{layer}.weight" in seen.parameters:
                averaged = output.reshape(len(output), -1, output.shape[-1]).mean(axis=1)
                found[layer] = [int(np.argmax(row)) for row in averaged]
        return found

    rows = {}
    for step, codes, labels in epoch_codes(run, winners):
        for layer, values in codes.items():
            rows |= with_fields("information/layers", step, information(values, labels), layer=layer)
    return rows
