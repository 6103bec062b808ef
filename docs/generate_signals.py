"""Write docs/recording.md from the table of signals: ``python docs/generate_signals.py``."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from tracekit.record import SIGNALS, Signal
from tracekit.record.signal import TOPICS
from tracekit.record.signals.histograms import GRADIENT_BINS, WEIGHT_BINS, Bins

COSTS = Path(__file__).parent / "recording_costs.md"

INTRODUCTION = """\
# Recording

This page is generated from the definitions (`python docs/generate_signals.py`); `tracekit list signals --json` prints
the same. What a run records, and when, stands in its configuration under `recorded`.

```
tracekit run --optimizer adam --preset full --out runs/full
tracekit run --optimizer adam --signal train/loss --signal noise/scale --record "sample=every 5" --out runs/noise
```

```python
from tracekit.experiment import Sweep

Sweep(optimizers="adam", recording={"preset": "standard", "signals": ["noise/scale"], "schedules": {"sample": "log 50"}})
```

## Presets

| preset | what is in it |
|---|---|
| `minimal` | loss, accuracy, the paper's scalar, the learning rate |
| `standard` (default) | with it at every update the output layer on the training batch, every parameter tensor's gradient, weight, update and direction, the optimizer's numbers; every third update, some 200 times in longer runs, the output layer on the fixed probe batch; every 17th update sign flips, distance from the start, step sizes and the optimizer's arrays; every 53rd update activations; at an epoch's end information about the labels |
| `full` | with it the output layer class by class, gradient noise at every 17th update, histograms at 20 and curvature at 10 updates, spaced evenly in the logarithm |

`--signal` (`recording.signals`) names signals in place of a preset, or beside one that is named too. Signals marked
*request* are in no preset. Where something is not defined (a cosine with a vector of zeros, a difference at the first
update, a learning rate that the optimizer does not have) nothing is recorded; a value that is not finite is recorded
as it is.

## Schedules

`--every K` (`recording.every`) is the stride of all signals that say nothing else. `--record SIGNAL=WHEN`
(`recording.schedules`) gives a signal, or all of a cost, a schedule of its own:

| in words | in Python | records |
|---|---|---|
| `every 17` | `every(17)` | updates 1, 18, 35, ... |
| `every 17 from 5` | `every(17, first=5)` | updates 5, 22, 39, ... |
| `every 3, 200 times` | | every third update; in a run of more than 600 the largest odd stride with which it is 200 times |
| `log 20` | `logarithmic(1, n_updates, 20)` | at most 20 updates from first to last, evenly spaced in their logarithm |
| `log 10 1000 20` | `logarithmic(10, 1000, 20)` | the same between two updates |
| `epoch` | `per_epoch(updates_per_epoch)` | the first update of each epoch |
| `at 1,10,100` | `at([1, 10, 100])` | these updates |
| | any function of the update's number | `Recorder(writer, schedule=...)` |

What Cockpit calls linear, every K updates from the N-th on, is `every K from N`; it counts updates from 0, these
phrases from 1. Its `logarithmic` is `log`.

A stride is 1 or odd: an even one folds the oscillation of period 2 at the edge of stability onto frequency zero. In a
run of several epochs it must not share a factor with the updates of an epoch either, since it would then visit only
some positions of the epoch: such a stride is refused with the next good one named, unless `--allow-aliasing`
(`recording.allow_aliasing`) is set. Strides of the definitions themselves (3 and what becomes of it in longer runs, 17, 53) are raised to the next good one: in 1,000 updates of two epochs the probe batch is recorded at every seventh. What is
recorded at an epoch's end has no schedule. `--record "probe=every 1"` has the probe batch at every update, for the price
of a forward pass over its images.
"""

SIGNAL_INTRODUCTION = """\
## Signals

The *cost* is what a recording takes: `free` reads a number that is there; `batch` passes over arrays of the update;
`probe` reads the probe batch, whose forward pass all of these share; `sample` needs the gradients of the single samples,
`curvature` second derivatives; `epoch` is computed once an epoch. *Per* says whether there is one value of the run, or
one of each parameter tensor (`conv1.weight`) or layer (`conv1`), which is then the `layer` column. Vectors fill the
`index` column.

Every signal is compared with a separate computation on small networks (`tests/record/separate_*.py`); under each
heading stands with what. A value that is wrong by a thousandth fails.
"""

#: By topic: what its signals are compared with.
_LOGITS = "NumPy and SciPy on what a float64 copy of the network computes of the same images."
_ARRAYS = "NumPy in float64, tensor by tensor and element by element, on copies of the arrays of the update."
_SAMPLES = (
    "the gradients of the single samples, each from a backward pass of its own, written out as one matrix."
)
TESTED = {
    "performance": f"{_LOGITS} The clock: that it runs, and never back.",
    "output_layer": _LOGITS,
    "classes": _LOGITS,
    "probe": _LOGITS,
    "layers": _ARRAYS,
    "movement": _ARRAYS,
    "step_sizes": f"{_ARRAYS} For Adam and Aida also the published formula.",
    "activations": _ARRAYS,
    "optimizer": "the optimizers' states, copied, with NumPy; for each kind of optimizer, which quantities there are.",
    "noise": _SAMPLES,
    "covariance": f"{_SAMPLES} Its whole covariance matrix.",
    "histograms": f"{_SAMPLES} Each number is held against the edges, one by one.",
    "curvature": (
        "whole Hessians and Jacobians from central differences in float64; the estimated eigenvalue and trace within "
        "their own error bounds."
    ),
    "information": "entropies from counts in Python's dictionaries.",
}

MODELS = """\
## Which models

Signals of per-sample gradients know convolution and linear layers. A model with batch normalization has no gradient of
a single sample in training: of a preset they are left out, which a sentence says before the first update; where they
are named one by one they are refused. Everything else is recorded of every model; a layer inside a residual block is seen as a parameter tensor, not as an activation. The
curvature is that of the loss without dropout, with batch normalization by its running moments.
"""

COCKPIT_INTRODUCTION = """\
## Cockpit's quantities

The list of Cockpit (Schneider, Dangel & Hennig 2021) is complete here:
"""

COCKPIT_NOTES = """\

Cockpit's histograms have even bins, ours powers of 4; its `Alpha` fits a parabola to losses and gradients with their noise
at both ends of a step, ours takes the exact derivatives at its start, on the training batch without dropout; its TIC
takes the diagonal of the Hessian by default, ours that of the Gauss-Newton matrix, which is not negative. `HessMaxEV` and
`HessTrace` are of the probe batch here, so that they show the motion of the parameters alone.
"""


def page() -> str:
    """The whole page as Markdown."""
    lines = [INTRODUCTION, COSTS.read_text(encoding="utf-8"), SIGNAL_INTRODUCTION]
    for module in dict.fromkeys(entry.function.__module__ for entry in _in_order()):
        lines += _topic(module)
    lines += ["", _bins(), MODELS, COCKPIT_INTRODUCTION, "| Cockpit | signal |", "|---|---|"]
    named = sorted((entry.cockpit, entry.name) for entry in SIGNALS.values() if entry.cockpit)
    lines += [f"| {cockpit} | `{name}` |" for cockpit, name in named]
    return "\n".join([*lines, COCKPIT_NOTES])


def _in_order() -> list[Signal]:
    """Signals as their modules define them."""
    return sorted(
        SIGNALS.values(),
        key=lambda entry: (
            TOPICS.index(entry.function.__module__),
            inspect.getsourcelines(entry.function)[1],
        ),
    )


def _topic(module: str) -> list[str]:
    described = inspect.cleandoc(sys.modules[module].__doc__ or "")
    title, _, rest = described.partition("\n")
    lines = [f"\n### {title.rstrip('.')}\n"]
    if rest.strip():
        lines += [rest.strip(), ""]
    lines += [f"*Compared with* {TESTED[module.rpartition('.')[2]]}", ""]
    lines += [
        "| signal | what it is | unit | cost | preset | when | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for entry in _in_order():
        if entry.function.__module__ == module:
            when = "epoch end" if entry.cost == "epoch" else entry.schedule or "as the run"
            cells = [_name(entry), _what(entry), entry.unit, entry.cost, entry.preset, when, entry.source]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _name(entry: Signal) -> str:
    fields = f"<br>/ {', '.join(entry.fields)}" if entry.fields else ""
    return f"`{entry.name}`{fields}".replace("<quantity>", "*quantity*")


def _what(entry: Signal) -> str:
    described = " ".join(inspect.cleandoc(entry.function.__doc__ or "").split())
    extent = "" if entry.per == "run" else f" Per {entry.per}."
    vector = f" Index: {entry.index}." if entry.index else ""
    return described + extent + vector


def _bins() -> str:
    def listed(bins: Bins) -> str:
        positive = [edge for edge in bins.edges()[1:-1] if edge > 0]
        return f"0 ... {bins.n - 1}, inner edges ±{positive[0]:.4g}, ±{positive[1]:.4g}, ..., ±{positive[-1]:.4g}"

    return (
        "The bins of the histograms, from the most negative: "
        f"of gradients {listed(GRADIENT_BINS)}; of weights {listed(WEIGHT_BINS)}. In Python: "
        "`tracekit.record.signals.histograms.GRADIENT_BINS.edges()` and `WEIGHT_BINS.edges()`.\n"
    )


if __name__ == "__main__":
    (Path(__file__).parent / "recording.md").write_text(page(), encoding="utf-8")
