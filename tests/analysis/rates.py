"""How often a test rejects on simulated series, and how far that may be from its nominal rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.analysis.processes import Process


def slack(rate: float, runs: int) -> float:
    """Return the 99 % binomial error of an observed rate: the design study's formula for its bands."""
    return 2.58 * math.sqrt(rate * (1 - rate) / runs)


def rejection_rate(
    pvalue: Callable[[Any], float], process: Process, n: int, runs: int, *, alpha: float = 0.05, seed: int = 0
) -> float:
    """Return the share of simulated series whose p-value lies below `alpha`."""
    rng = np.random.default_rng([seed, n, runs])
    return float(np.mean([pvalue(process(rng, n)) < alpha for _ in range(runs)]))
