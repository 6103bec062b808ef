"""Separate computations: tensors, activations and the optimizer's own state."""

import numpy as np

from tests.record.recorded_runs import by_step, expects, vector, with_fields
from tracekit.engine.layers import ReLU, Sigmoid, Tanh


def tensorwise(name, function):
    """Expect one number a tensor: (this update, the one before or None, the first, tensor) -> number or None."""

    @expects(name)
    def expected(run):
        rows = {}
        for before, seen in zip([None, *run.steps], run.steps, strict=False):
            for tensor in seen.parameters:
                value = function(seen, before, run.steps[0], tensor)
                if value is not None:
                    rows[name, tensor, None, seen.step] = value
        return rows


def length(array):
    return np.sqrt(np.sum(array**2))


def cosine(a, b):
    return np.sum(a * b) / (length(a) * length(b)) if length(a) * length(b) > 0 else None


tensorwise("layer/grad_norm", lambda seen, before, first, key: length(seen.gradients[key]))
tensorwise("layer/weight_norm", lambda seen, before, first, key: length(seen.parameters[key]))
tensorwise("layer/update_norm", lambda seen, before, first, key: length(seen.updates[key]))
tensorwise("layer/grad_max", lambda seen, before, first, key: np.max(np.abs(seen.gradients[key])))
tensorwise("layer/grad_mean", lambda seen, before, first, key: np.mean(seen.gradients[key]))
tensorwise("layer/grad_zeros", lambda seen, before, first, key: np.mean(seen.gradients[key] == 0))
tensorwise(
    "layer/grad_flips",
    lambda seen, before, first, key: (
        np.mean(np.sign(seen.gradients[key]) * np.sign(before.gradients[key]) == -1) if before else None
    ),
)
tensorwise(
    "layer/grad_cosine",
    lambda seen, before, first, key: cosine(seen.gradients[key], before.gradients[key]) if before else None,
)
tensorwise(
    "layer/update_cosine", lambda seen, before, first, key: cosine(seen.gradients[key], seen.updates[key])
)
tensorwise(
    "layer/update_ratio",
    lambda seen, before, first, key: (
        length(seen.updates[key]) / length(seen.parameters[key]) if seen.parameters[key].any() else None
    ),
)
tensorwise(
    "layer/distance", lambda seen, before, first, key: length(seen.parameters[key] - first.parameters[key])
)


@expects("layer/parameter")
def parameter(run):
    rows = {}
    for seen in run.steps:
        for tensor, array in seen.parameters.items():
            rows |= vector("layer/parameter", seen.step, array, layer=tensor)
    return rows


@expects("layer/activation")
def activation(run):
    rows = {}
    for seen in run.steps:
        for layer, output in seen.outputs.items():
            if layer != "flatten":
                wide = output.astype(np.float64)
                rows |= with_fields(
                    "layer/activation", seen.step, {"mean": wide.mean(), "std": wide.std()}, layer=layer
                )
    return rows


@expects("layer/relu")
def relu(run):
    rows = {}
    for seen in run.steps:
        for layer, output in seen.outputs.items():
            if isinstance(seen.model.layers[layer], ReLU):
                units = [output[..., unit] for unit in range(output.shape[-1])]
                shares = {"zeros": np.mean(output == 0), "dead": np.mean([not unit.any() for unit in units])}
                rows |= with_fields("layer/relu", seen.step, shares, layer=layer)
    return rows


@expects("layer/saturation")
def saturation(run):
    rows = {}
    for seen in run.steps:
        for layer, output in seen.outputs.items():
            kind = type(seen.model.layers[layer])
            if kind is Tanh:
                rows["layer/saturation", layer, None, seen.step] = np.mean((output > 0.9) | (output < -0.9))
            elif kind is Sigmoid:
                rows["layer/saturation", layer, None, seen.step] = np.mean((output > 0.95) | (output < 0.05))
    return rows


def step_sizes(run, seen, *, adaptive):
    """|update| / |gradient|, or / (η |m|), of each tensor."""
    state = {key: value for link in seen.state.values() for key, value in link.items()}
    sizes = {}
    for tensor, update in seen.updates.items():
        if adaptive and ("first_moment" not in state or "learning_rate" not in state):
            continue
        divisor = (
            state["learning_rate"] * np.float64(state["first_moment"][tensor])
            if adaptive
            else seen.gradients[tensor]
        )
        pairs = [(abs(u), abs(d)) for u, d in zip(update.ravel(), divisor.ravel(), strict=True) if d != 0]
        if pairs:
            sizes[tensor] = np.array([u / d for u, d in pairs])
    return sizes


def expect_step_sizes(quantity, adaptive):
    @expects(f"layer/{quantity}")
    def within(run):
        rows = {}
        for seen in run.steps:
            for tensor, sizes in step_sizes(run, seen, adaptive=adaptive).items():
                shares = {f"q{share:02d}": np.percentile(sizes, share) for share in (5, 25, 50, 75, 95)}
                figures = {"mean": sizes.mean(), "variance": sizes.var(), **shares}
                rows |= with_fields(f"layer/{quantity}", seen.step, figures, layer=tensor)
        return rows

    @expects(f"model/{quantity}")
    def between(run):
        rows = {}
        for seen in run.steps:
            means = [sizes.mean() for sizes in step_sizes(run, seen, adaptive=adaptive).values()]
            if means:
                figures = {"mean": np.mean(means), "std": np.std(means), "min": min(means), "max": max(means)}
                rows |= with_fields(f"model/{quantity}", seen.step, figures)
        return rows


expect_step_sizes("step_size", adaptive=False)
expect_step_sizes("adaptive_step", adaptive=True)


@expects("optimizer/learning_rate")
def learning_rate(run):
    return {
        ("optimizer/learning_rate", None, None, seen.step): seen.state["descent"]["learning_rate"]
        for seen in run.steps
        if "descent" in seen.state
    }


@expects("optimizer/clip_norm")
def clip_norm(run):
    if "clip_by_norm" not in run.steps[0].state:
        return {}
    return by_step(
        run,
        "optimizer/clip_norm",
        lambda seen: np.sqrt(sum(np.sum(gradient**2) for gradient in seen.gradients.values())),
    )


#: What each optimizer of the tests exposes: quantity -> where it is in the state.
EXPOSED = {
    "sgd": {},
    "aida": {"first_moment": ("aida",), "belief": ("aida",), "cosine": ("aida",)},
    "lamb": {"first_moment": ("adam",), "second_moment": ("adam",), "trust_ratio": ("trust_ratio",)},
    "muon": {"momentum": ("muon",), "first_moment": ("muon", "adam"), "second_moment": ("muon", "adam")},
    "soap": dict.fromkeys(("first_moment", "second_moment", "statistics", "bases"), ("soap",)),
    "shampoo": dict.fromkeys(("statistics", "roots"), ("shampoo",)),
    "hyadamc_basic": dict.fromkeys(
        ("first_moment", "variance", "total_weight", "momentum_coefficient", "mean_friction"), ("hyadamc",)
    ),
    "adopt": dict.fromkeys(("first_moment", "second_moment", "clip_rate"), ("adopt",)),
    "insgd": {"momentum": ("heavy_ball",), "input_power": ("insgd",)},
    "prodigy": dict.fromkeys(
        ("first_moment", "second_moment", "weighted_sum", "d", "d_estimate", "numerator"), ("prodigy",)
    ),
}


def exposed(run, seen):
    """(quantity, tensor or None, array) of the state, by the table above."""
    for quantity, path in EXPOSED[run.optimizer].items():
        holder = seen.state
        for key in (*path, quantity):
            holder = holder[key]
        for tensor, array in holder.items() if isinstance(holder, dict) else [(None, holder)]:
            yield quantity, tensor, np.asarray(array, np.float64)


@expects("optimizer/number")
def numbers(run):
    return {
        (f"optimizer/number/{quantity}", tensor, None, seen.step): float(array)
        for seen in run.steps
        for quantity, tensor, array in exposed(run, seen)
        if array.shape == ()
    }


@expects("optimizer/state")
def state(run):
    rows = {}
    for seen in run.steps:
        for quantity, tensor, array in exposed(run, seen):
            if array.shape:
                figures = {
                    "mean": np.mean(array),
                    "std": np.std(array),
                    "min": np.min(array),
                    "max": np.max(array),
                }
                rows |= with_fields(f"optimizer/state/{quantity}", seen.step, figures, layer=tensor)
    return rows


@expects("optimizer/spectrum")
def spectrum(run):
    rows = {}
    for seen in run.steps:
        for quantity, tensor, array in exposed(run, seen):
            if quantity == "statistics":
                values = np.abs(np.linalg.eigvals(array))
            elif quantity == "momentum" and run.optimizer == "muon":
                values = np.linalg.svd(array.reshape(len(array), -1), compute_uv=False) ** 2
            else:
                continue
            shares = values[values > 0] / np.sum(values)
            figures = {
                "largest": np.max(values),
                "smallest": np.min(values),
                "participation_ratio": np.sum(values) ** 2 / np.sum(values**2),
                "effective_rank": np.exp(-np.sum(shares * np.log(shares))),
            }
            rows |= with_fields("optimizer/spectrum", seen.step, figures, layer=tensor)
    return rows
