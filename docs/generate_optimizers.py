"""Write docs/optimizers.md from the table of optimizers: ``python docs/generate_optimizers.py``."""

from __future__ import annotations

import inspect
from pathlib import Path

from tracekit.engine.optim import OPTIMIZERS
from tracekit.engine.optim.schedules import SCHEDULES

INTRODUCTION = """\
# Optimizers

This page is generated from the definitions (`python docs/generate_optimizers.py`); `tracekit list optimizers --json`
prints the same. Symbols: θ parameters, g gradient, η learning rate, λ weight decay, t number of the update from 1,
hats mark bias correction (m̂ = m / (1 − β₁ᵗ)), bc₁ = 1 − β₁ᵗ, σ the logistic function. Operations are elementwise
unless norms, means or matrices are named.

Every optimizer is compared step by step over 120 updates with PyTorch's own implementation, or with a transcription of
its published rule that shares no code with the engine; `make verify` prints the table. Where libraries disagree about
the place of ε, bias correction or the form of momentum, the source column says whose form this is; the other form of
Adam (ε-hat) is the option `epsilon_hat`. *State* is what is kept for each parameter tensor between updates, and can be
read while training as `optimizer.state`.

Every optimizer also takes `clip_norm` (largest joint norm of all gradients), `clip_value` (largest size of an element)
and `decay_matrices_only` (weight decay spares biases and gains).
"""

SCHEDULE_INTRODUCTION = """\
## Learning-rate schedules

A schedule is a factor on the learning rate (`tracekit run --schedule cosine:warmup=100`). Every schedule takes `warmup`,
the number of updates over which the factor first rises in equal steps.
"""

LEFT_OUT = """\
## Left out

| method | why |
|---|---|
| DGrad, Cos#1, Cos#2, Exp, Sto (Nanni, Maguolo & Lumini 2021, arXiv:2103.14689) | the exact rules could not be checked: no text or readable code of the authors was at hand |
| LAdam and LAdaBelief with layerwise averages taken after the elementwise step sizes (post-processing form) | the formula is in no published code that we know |
| Sophia | needs a second backward pass with sampled labels, and is very sensitive to its clipping constant |

`--information-decay` is our reading of Vasudevan (2020): the published abstract names the ingredients (mutual information
of predictions and labels once an epoch, bounds on the rate, a threshold on the change), not the exact map from
information to learning rate. The estimator is the plug-in estimate with the Miller-Madow correction.

HyAdamC and YamAdam are known to us through code only: HyAdamC from a file published under the first author's name,
YamAdam from a third party's port, which leaves open whether its norms are taken over a layer or over all parameters;
here they are taken over all.
"""


def page() -> str:
    """The whole page as Markdown."""
    lines = [INTRODUCTION]
    lines += ["| name | family | state | verified against |", "|---|---|---|---|"]
    for entry in OPTIMIZERS.values():
        state = ", ".join(entry.state) or "none"
        lines.append(f"| [`{entry.name}`](#{entry.name}) | {entry.family} | {state} | {entry.verification} |")
    for entry in OPTIMIZERS.values():
        settings = ", ".join(f"`{key}={value}`" for key, value in entry.defaults.items())
        lines += [
            f"\n## {entry.name}\n",
            inspect.cleandoc(entry.links.__doc__ or ""),
            f"\n- rule: {entry.rule}",
            f"- settings: {settings}",
            f"- source: {entry.source}",
        ]
    lines += ["", SCHEDULE_INTRODUCTION, "| name | what it is | settings |", "|---|---|---|"]
    for schedule in SCHEDULES.values():
        settings = ", ".join(f"`{key}={value}`" for key, value in schedule.defaults.items())
        lines.append(f"| `{schedule.name}` | {schedule.summary} | {settings} |")
    return "\n".join([*lines, "", LEFT_OUT])


if __name__ == "__main__":
    (Path(__file__).parent / "optimizers.md").write_text(page(), encoding="utf-8")
