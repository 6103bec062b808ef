"""Curvature: Hessian eigenvalue and trace, Gauss-Newton trace, TIC, and the length of a step on the local parabola.

The loss is the mean training loss, with label smoothing and without dropout, of the first 8 samples of a batch. Second
derivatives cost many passes; with 8 samples, recording all of them costs no more than a few updates
(`Recorder(selection=Selection(curvature=...))` sets another number). They are computed in the precision of the
training. Hessian eigenvalue and trace are on the fixed probe batch, so that they show the motion of the parameters;
step length and TIC are on the training batch, whose step and noise they judge.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np

from tracekit.engine.derivatives.curvature import (
    Parameters,
    Precision,
    hessian_vector_product,
    local_quadratic,
)
from tracekit.engine.derivatives.spectrum import Product, hutchinson_trace, top_eigenvalues
from tracekit.errors import ArgumentError
from tracekit.record.observation import Batch, Observation
from tracekit.record.signal import signal

LANCZOS_ITERATIONS = 30
LANCZOS_TOLERANCE = 3e-2
#: Share of a random vector in the starting vector, so that directions orthogonal to the last eigenvector are found.
LANCZOS_NOISE = 0.3
#: Rounding of products, relative.
SYMMETRY_TOLERANCES: dict[Precision, float] = {"double": 1e-6, "single": 1e-3}
HUTCHINSON_PROBES = 2
#: Constant that keeps the quotient of a weight without curvature finite; Cockpit's value.
TIC_STABILIZER = 1e-7
_RARELY = "log 10"
#: Name under which the eigenvector is kept.
_EIGENVECTOR = "curvature/hessian_top"


def _precision(parameters: Parameters) -> Precision:
    """Return the precision of the training."""
    return "single" if all(each.dtype == np.float32 for each in parameters.values()) else "double"


def _probe_product(now: Observation) -> Product:
    """Return the function that multiplies the Hessian on the probe batch by a vector."""
    parameters, loss = now.step.model.parameters(), now.loss_on(now.few(now.probe_batch))
    return functools.partial(hessian_vector_product, loss, parameters, precision=_precision(parameters))


@signal(
    "curvature/alpha",
    unit="step lengths",
    cost="curvature",
    preset="full",
    schedule=_RARELY,
    reads=("updates", "model"),
    source="Schneider, Dangel & Hennig 2021, arXiv:2102.06604, from exact derivatives at the start",
    cockpit="Alpha",
)
def alpha(now: Observation) -> float:
    """Position of the update's end on the local parabola: -1 at the start, 0 at its minimum, 1 as high as the start."""
    step = now.step
    parameters, loss = step.model.parameters(), now.loss_on(now.few(Batch(step.images, step.labels)))
    return local_quadratic(loss, parameters, step.updates, precision=_precision(parameters)).alpha


@signal(
    "curvature/hessian_top",
    unit="nat/weight^2",
    cost="curvature",
    preset="full",
    fields=("eigenvalue", "error_bound"),
    schedule=_RARELY,
    reads=("probe batch", "model"),
    source="Lanczos; Parlett 1998",
    cockpit="HessMaxEV",
)
def hessian_top(now: Observation) -> Sequence[float]:
    """Largest eigenvalue of the Hessian on the probe batch, and a bound of its distance to an eigenvalue.

    Lanczos iteration starts from the eigenvector of the previous recording, takes at most 30 products, and stops when
    the bound is 3 % of the eigenvalue, whose error is mostly of the order of the bound's square. NaN where the loss is
    not finite.
    """
    parameters = now.step.model.parameters()
    precision = _precision(parameters)
    n_parameters = sum(parameter.size for parameter in parameters.values())
    rng = now.rng()
    drawn = rng.standard_normal(n_parameters)
    before = now.memory.kept.get(_EIGENVECTOR)
    try:
        found = top_eigenvalues(
            _probe_product(now),
            parameters,
            rng=rng,
            max_iterations=min(LANCZOS_ITERATIONS, n_parameters),
            tolerance=LANCZOS_TOLERANCE,
            symmetry_tolerance=SYMMETRY_TOLERANCES[precision],
            start=drawn if before is None else before + LANCZOS_NOISE / np.linalg.norm(drawn) * drawn,
        )
    except ArgumentError:
        # The product is not finite: the training diverges, and its last step is recorded.
        return [math.nan, math.nan]
    now.memory.kept[_EIGENVECTOR] = found.vector
    return [float(found.eigenvalues[0]), float(found.error_bounds[0])]


@signal(
    "curvature/hessian_trace",
    unit="nat/weight^2",
    cost="curvature",
    preset="full",
    fields=("trace", "standard_error"),
    schedule=_RARELY,
    reads=("probe batch", "model"),
    source="Hutchinson 1990, 2 products with vectors of signs",
    cockpit="HessTrace",
)
def hessian_trace(now: Observation) -> Sequence[float]:
    """Estimated trace of the Hessian on the probe batch, with its standard error."""
    parameters = now.step.model.parameters()
    found = hutchinson_trace(_probe_product(now), parameters, rng=now.rng(), n_probes=HUTCHINSON_PROBES)
    return [found.trace, found.standard_error]


@signal(
    "curvature/gauss_newton_trace",
    unit="nat/weight^2",
    cost="curvature",
    preset="full",
    schedule=_RARELY,
    reads=("per-sample gradients", "model"),
    source="Dangel, Kunstner & Hennig 2020 (BackPACK), exact",
    cockpit="HessTrace (curvature='diag_ggn_exact')",
)
def gauss_newton_trace(now: Observation) -> float:
    """Exact trace of the Gauss-Newton matrix on the training batch."""
    return sum(float(diagonal.sum()) for diagonal in now.gauss_newton.diagonal.values())


@signal(
    "curvature/tic_diagonal",
    unit="nat",
    cost="curvature",
    preset="full",
    schedule=_RARELY,
    reads=("per-sample gradients", "model"),
    source="Thomas et al. 2020, arXiv:1906.07774; Cockpit's form: Σ mean g² / (h + 1e-7), h of Gauss-Newton",
    cockpit="TICDiag",
)
def tic_diagonal(now: Observation) -> float:
    """Takeuchi's criterion with diagonal matrices: gradient second moments over curvature, summed over the weights."""
    found = now.gauss_newton
    return sum(
        float(np.sum(second / (found.diagonal[name] + TIC_STABILIZER)))
        for name, second in found.second_moments.items()
    )


@signal(
    "curvature/tic_trace",
    unit="nat",
    cost="curvature",
    preset="full",
    schedule=_RARELY,
    reads=("per-sample gradients", "model"),
    source="Thomas et al. 2020, arXiv:1906.07774; Cockpit's form: Σ mean g² / (Σ h + 1e-7), h of Gauss-Newton",
    cockpit="TICTrace",
)
def tic_trace(now: Observation) -> float:
    """Takeuchi's criterion with traces: trace of the gradient second moments over trace of the curvature."""
    found = now.gauss_newton
    second = sum(float(moment.sum()) for moment in found.second_moments.values())
    return second / (sum(float(diagonal.sum()) for diagonal in found.diagonal.values()) + TIC_STABILIZER)
