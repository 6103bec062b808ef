"""Compare every optimizer with its references, and print the table: ``make verify``.

A row is one optimizer in one setting: the reference (PyTorch's own optimizer, from the stored trajectories, or the
published rule transcribed in rules.py), the number of steps, and the largest difference over all steps and elements
relative to the largest value of the reference.
"""

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.reference.problem import KINDS, N_STEPS, SHAPES, gradient, layer_input, start
from tests.reference.rules import RULES, SETTINGS
from tracekit.engine.optim import OPTIMIZERS, build_optimizer

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Comparison:
    case: str
    reference: str
    n_steps: int
    difference: float

    @property
    def name(self):
        return self.case.partition(" ")[0]


def ours(case, settings, dtype=np.float64):
    """Flat parameters after every update, by the engine; computed once."""
    return _ours(case, json.dumps(settings, sort_keys=True), dtype)


@functools.cache
def _ours(case, settings, dtype):
    theta = {name: np.array(values, dtype).reshape(SHAPES[name]) for name, values in start().items()}
    optimizer = build_optimizer(case.partition(" ")[0], theta, kinds=KINDS, **json.loads(settings))
    path = {}
    for t in range(1, N_STEPS + 1):
        flat = {name: array.ravel().tolist() for name, array in theta.items()}
        g = {
            name: np.array(values, dtype).reshape(SHAPES[name]) for name, values in gradient(flat, t).items()
        }
        inputs = {name: np.array(layer_input(name, t), dtype) for name in theta if name.endswith("weight")}
        optimizer.apply(optimizer.update(g, inputs=inputs))
        path[t] = {name: array.ravel().tolist() for name, array in theta.items()}
    return path


@functools.cache
def by_rule(case):
    theta, memory, path = start(), {}, {}
    for t in range(1, N_STEPS + 1):
        RULES[case](t, theta, gradient(theta, t), memory)
        path[t] = {name: list(values) for name, values in theta.items()}
    return path


def stored():
    content = json.loads((Path(__file__).parent / "torch_trajectories.json").read_text())
    return content["torch"], content["cases"]


def difference(path, reference):
    """Largest difference over the reference's steps, relative to its largest value."""
    ours = np.array([np.concatenate(list(path[int(t)].values())) for t in reference])
    theirs = np.array([np.concatenate(list(values.values())) for values in reference.values()])
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def compare_all():
    version, cases = stored()
    for case, content in cases.items():
        path = ours(case, content["settings"])
        yield Comparison(case, f"PyTorch {version}", N_STEPS, difference(path, content["path"]))
    for case in RULES:
        path = ours(case, SETTINGS[case])
        yield Comparison(case, "published rule", N_STEPS, difference(path, by_rule(case)))


def main():
    comparisons = list(compare_all())
    print(f"{'optimizer':32} {'reference':16} {'steps':>5}  largest relative difference")
    for entry in sorted(comparisons, key=lambda entry: entry.case):
        mark = "" if entry.difference <= TOLERANCE else "  TOO LARGE"
        print(f"{entry.case:32} {entry.reference:16} {entry.n_steps:5}  {entry.difference:.1e}{mark}")
    missing = set(OPTIMIZERS) - {entry.name for entry in comparisons}
    if missing:
        print(f"without a reference: {', '.join(sorted(missing))}")
    return bool(missing) or any(entry.difference > TOLERANCE for entry in comparisons)


if __name__ == "__main__":
    sys.exit(main())
