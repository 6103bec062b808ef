"""Eigenvalues and traces of large symmetric matrices, from their products with vectors.

The functions know nothing of models and losses; :mod:`tracekit.engine.derivatives.curvature` has the products.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.derivatives.curvature import Parameters, Vector, check_vector, flatten, unflatten
from tracekit.errors import ArgumentError, argument_sentence

Product: TypeAlias = Callable[[dict[str, Array]], Vector]


@dataclass(frozen=True, slots=True)
class TopEigenvalues:
    """Largest eigenvalues of a symmetric matrix."""

    eigenvalues: Array  #: (n_eigenvalues,), descending
    error_bounds: Array  #: (n_eigenvalues,): within this of each value there is an eigenvalue
    n_iterations: int  #: products with the matrix
    converged: bool  #: whether all bounds are within the tolerance
    vector: Array  #: (n_parameters,): of norm 1, for the largest eigenvalue, as far as it is known


@dataclass(frozen=True, slots=True)
class TraceEstimate:
    """Trace of a symmetric matrix, estimated from random vectors."""

    trace: float  #: mean of the probes
    standard_error: float  #: of that mean
    n_probes: int  #: products with the matrix


def top_eigenvalues(
    product: Product,
    parameters: Parameters,
    n_eigenvalues: int = 1,
    *,
    rng: np.random.Generator | int,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
    start: Array | None = None,
    symmetry_tolerance: float = 1e-6,
) -> TopEigenvalues:
    """Find the largest eigenvalues of a symmetric matrix by Lanczos' method.

    All Lanczos vectors are kept and each new one is made orthogonal to all of them, twice, so that no
    eigenvalue appears more often than it is there (Parlett, The Symmetric Eigenvalue Problem, 1998, section
    13.8). An eigenvalue that is there several times may appear less often.

    Parameters
    ----------
    product : callable
        Multiplies the matrix with a vector, for instance
        ``functools.partial(hessian_vector_product, loss, parameters)``.
    parameters : mapping of str to Tensor
        Give the names and shapes of the vectors.
    n_eigenvalues : int
        How many, largest first; not largest by absolute value.
    rng : Generator or int
        Draws the first vector.
    max_iterations : int
        Most products to compute, one for each iteration; each keeps one vector in float64.
    tolerance : float
        Bound of the error at which to stop, relative to the largest absolute eigenvalue found.
    start : ndarray, (n_parameters,), optional
        First vector in place of a drawn one, such as the `vector` found for a matrix that differs little: fewer
        products are needed then. What is orthogonal to it is found through rounding only; add some noise to it.
    symmetry_tolerance : float
        Largest error of symmetry, relative to the largest coefficient, that is still rounding.

    Returns
    -------
    TopEigenvalues
        The error bound of a value is the norm of its residual. The errors are mostly far smaller: of the
        order of the bound's square.

    Raises
    ------
    ArgumentError
        If the matrix is not symmetric, changes from call to call or is not finite, or an argument is out of
        range.
    """
    n_parameters = sum(each.size for each in parameters.values())
    if not 1 <= n_eigenvalues <= n_parameters:
        need = f"must be at least 1 and at most the number of parameters (={n_parameters})"
        raise ArgumentError(argument_sentence("n_eigenvalues", n_eigenvalues, need))
    if max_iterations < n_eigenvalues:
        need = f"must be at least `n_eigenvalues` (={n_eigenvalues})"
        raise ArgumentError(argument_sentence("max_iterations", max_iterations, need))
    if not tolerance > 0:
        raise ArgumentError(argument_sentence("tolerance", tolerance, "must be positive"))
    rng = np.random.default_rng(rng)
    limit = min(max_iterations, n_parameters)
    basis = np.empty((limit, n_parameters))
    tridiagonal = np.zeros((limit + 1, limit + 1))
    candidate = rng.standard_normal(n_parameters) if start is None else np.array(start, np.float64)
    if candidate.shape != (n_parameters,) or not np.isfinite(candidate).all() or not candidate.any():
        need = f"must be {n_parameters} finite numbers, not all of them 0"
        raise ArgumentError(argument_sentence("start", candidate.shape, need))
    for n in range(1, limit + 1):
        basis[n - 1] = candidate / np.linalg.norm(candidate)
        image = _multiply(product, basis[n - 1], parameters)
        coefficients = basis[:n] @ image
        _check_symmetry(coefficients, tridiagonal[:n, :n], symmetry_tolerance)
        tridiagonal[n - 1, n - 1] = coefficients[-1]
        candidate = _orthogonal(image, basis[:n])
        remainder = float(np.linalg.norm(candidate)) if n < n_parameters else 0.0
        values, vectors = np.linalg.eigh(tridiagonal[:n, :n])
        scale = max(abs(values[0]), abs(values[-1]))
        # Nothing is left but rounding: the vectors so far span a space that the matrix maps into itself.
        is_closed = remainder <= 1e-14 * n_parameters**0.5 * scale
        bounds = (0.0 if is_closed else remainder) * np.abs(vectors[-1])
        if n >= n_eigenvalues and np.all(bounds[-n_eigenvalues:] <= tolerance * scale):
            break
        if is_closed:
            candidate = _orthogonal(rng.standard_normal(n_parameters), basis[:n])
        else:
            tridiagonal[n - 1, n] = tridiagonal[n, n - 1] = remainder
    top = slice(None, -n_eigenvalues - 1, -1)
    return TopEigenvalues(
        eigenvalues=values[top],
        error_bounds=bounds[top],
        n_iterations=n,
        converged=bool(np.all(bounds[top] <= tolerance * scale)),
        vector=vectors[:, -1] @ basis[:n],
    )


def hutchinson_trace(
    product: Product, parameters: Parameters, *, rng: np.random.Generator | int, n_probes: int = 30
) -> TraceEstimate:
    """Estimate the trace of a symmetric matrix by the mean of zᵀ A z over random vectors z of signs.

    Unbiased, with variance 2 Σ_(i≠j) A_ij² / n_probes (Hutchinson, Communications in Statistics 19(2), 1990).

    Parameters
    ----------
    product, parameters
        As in :func:`top_eigenvalues`.
    rng : Generator or int
        Draws the vectors.
    n_probes : int
        How many; at least 2, for the standard error.

    Returns
    -------
    TraceEstimate

    Raises
    ------
    ArgumentError
        If there are fewer than 2 probes.
    """
    if n_probes < 2:
        raise ArgumentError(argument_sentence("n_probes", n_probes, "must be at least 2"))
    rng = np.random.default_rng(rng)
    n_parameters = sum(each.size for each in parameters.values())
    samples = np.empty(n_probes)
    for number in range(n_probes):
        signs = 2.0 * rng.integers(2, size=n_parameters) - 1
        samples[number] = signs @ _multiply(product, signs, parameters)
    standard_error = float(samples.std(ddof=1)) / math.sqrt(n_probes)
    return TraceEstimate(trace=float(samples.mean()), standard_error=standard_error, n_probes=n_probes)


def _multiply(product: Product, flat: Array, parameters: Parameters) -> Array:
    image = product(unflatten(flat, parameters))
    check_vector(parameters, image, "product(vector)")
    return flatten(image, parameters)


def _orthogonal(vector: Array, basis: Array) -> Array:
    """Take away what lies in the span of orthonormal rows; twice, because rounding leaves some of it."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector


def _check_symmetry(coefficients: Array, tridiagonal: Array, tolerance: float) -> None:
    """Raise unless the image of the newest Lanczos vector meets the earlier vectors as their images met it."""
    n = len(coefficients)
    if not np.isfinite(coefficients).all():
        raise ArgumentError(
            f"`product` returned NaN or infinity (product {n}); check that the loss is finite at these parameters."
        )
    error = np.abs(coefficients[:-1] - tridiagonal[:-1, -1]).max(initial=0)
    if error > tolerance * max(np.abs(tridiagonal).max(), np.abs(coefficients).max()):
        raise ArgumentError(
            f"`product` must multiply with one symmetric matrix at every call, and product {n} is off by "
            f"{error:.2g}; keep dropout and running moments from changing between calls."
        )
