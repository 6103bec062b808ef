"""Shampoo and SOAP: preconditioners with one matrix per axis of a tensor."""

from __future__ import annotations

import math

import numpy as np

from tracekit.engine.optim.definitions import optimizer
from tracekit.engine.optim.links import coupled_weight_decay, descent
from tracekit.engine.optim.settings import Count, Fraction, NotNegative, Positive
from tracekit.engine.optim.transform import Arrays, ParameterSet, State, Transform, ema, zeros_like

Matrices = list[np.ndarray | None]


def _gram(tensor: np.ndarray, axis: int) -> np.ndarray:
    """Return the inner products of the tensor's slices along one axis: G Gᵀ for rows, Gᵀ G for columns."""
    unfolded = np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)
    return unfolded @ unfolded.T


def _multiply(tensor: np.ndarray, matrices: Matrices, *, transposed: bool = False) -> np.ndarray:
    """Multiply each axis of the tensor by its matrix (or its transpose); None leaves an axis as it is."""
    for axis, matrix in enumerate(matrices):
        if matrix is not None:
            factor = matrix.T if transposed else matrix
            tensor = np.moveaxis(np.tensordot(factor, tensor, axes=(1, axis)), 0, axis)
    return tensor


def _squares(array: np.ndarray, largest: int, value: float) -> Matrices:
    """Return one square matrix per axis, `value` times the identity; None for axes longer than `largest`."""
    return [
        np.eye(length, dtype=array.dtype) * array.dtype.type(value) if length <= largest else None
        for length in array.shape
    ]


def _by_axis(matrices: dict[str, Matrices]) -> dict[str, np.ndarray]:
    """Flatten {tensor: [one matrix per axis]} to {"tensor/axis": matrix}, as states name arrays."""
    return {
        f"{name}/{axis}": matrix
        for name, axes in matrices.items()
        for axis, matrix in enumerate(axes)
        if matrix is not None
    }


def _of(state: State, quantity: str, name: str, n_axes: int) -> Matrices:
    return [state[quantity].get(f"{name}/{axis}") for axis in range(n_axes)]


@optimizer(
    "shampoo",
    family="matrix",
    rule="L ← L + GGᵀ;  R ← R + GᵀG;  θ ← θ − η L^(−1/4) G R^(−1/4); order-k tensors: exponent −1/(2k) per axis",
    source="Gupta, Koren & Singer 2018, arXiv:1802.09568; without grafting",
    verification="published rule",
)
def shampoo(
    learning_rate: Positive = 0.1,
    epsilon: Positive = 1e-4,
    refresh: Count = 10,
    largest_side: Count = 1024,
    weight_decay: NotNegative = 0.0,
) -> tuple[Transform, ...]:
    """AdaGrad with a full matrix for each axis of a tensor.

    Statistics are summed at every update, and their roots are computed every `refresh` updates. Axes longer
    than `largest_side` have no preconditioner.
    """

    def init(parameters: ParameterSet) -> State:
        sides = {name: _squares(a, largest_side, epsilon) for name, a in parameters.arrays.items()}
        roots = {name: _squares(a, largest_side, 1.0) for name, a in parameters.arrays.items()}
        return {"count": 0, "statistics": _by_axis(sides), "roots": _by_axis(roots)}

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        due = (state["count"] - 1) % max(refresh, 1) == 0
        passed = {}
        for name, g in gradients.items():
            n_sides = sum(f"{name}/{axis}" in state["statistics"] for axis in range(g.ndim))
            for axis in range(g.ndim):
                statistics = state["statistics"].get(f"{name}/{axis}")
                if statistics is not None:
                    statistics += _gram(g, axis)
                    if due:
                        state["roots"][f"{name}/{axis}"][...] = _inverse_root(statistics, 2 * n_sides)
            passed[name] = _multiply(g, _of(state, "roots", name, g.ndim))
        return passed

    scale = Transform("shampoo", init, update)
    return *coupled_weight_decay(weight_decay), scale, descent(learning_rate)


def _inverse_root(matrix: np.ndarray, order: int) -> np.ndarray:
    """Return the inverse root of a positive definite matrix, from its eigenvalues in float64."""
    if not np.isfinite(matrix).all():
        return np.full_like(matrix, np.nan)
    values, vectors = np.linalg.eigh(matrix.astype(np.float64))
    # Rounding can push the smallest eigenvalues to zero or below; the sum started at epsilon > 0.
    values = np.maximum(values, np.finfo(matrix.dtype).eps * values[-1])
    return ((vectors * values ** (-1.0 / order)) @ vectors.T).astype(matrix.dtype)


@optimizer(
    "soap",
    family="matrix",
    rule="G′ = Q_LᵀGQ_R;  Adam (ε-hat form) on G′;  θ ← θ − η (Q_L u Q_Rᵀ + λθ);  Q ← qr(LQ) every f updates",
    source="Vyas et al. 2024, arXiv:2409.11321; the authors' code: no update at the first gradient",
    verification="published rule",
)
def soap(
    learning_rate: Positive = 3e-3,
    beta1: Fraction = 0.95,
    beta2: Fraction = 0.95,
    epsilon: Positive = 1e-8,
    weight_decay: NotNegative = 0.01,
    refresh: Count = 10,
    largest_side: Count = 10_000,
) -> tuple[Transform, ...]:
    """Adam in the slowly rotating eigenbasis of Shampoo's matrices.

    Vectors, and axes longer than `largest_side`, are not rotated. The momentum is kept in the original basis,
    which is the same as rotating it forward and back; the second moment is kept in the rotated basis and only
    permuted when the basis is refreshed.
    """

    def init(parameters: ParameterSet) -> State:
        arrays = {name: a for name, a in parameters.arrays.items() if a.ndim > 1}
        sides = {name: _squares(a, largest_side, 0.0) for name, a in arrays.items()}
        bases = {name: _squares(a, largest_side, 1.0) for name, a in arrays.items()}
        return {
            "count": 0,
            "first_moment": zeros_like(parameters),
            "second_moment": zeros_like(parameters),
            "statistics": _by_axis(sides),
            "bases": _by_axis(bases),
        }

    def update(gradients: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        t = state["count"] - 1  # the first gradient only starts the statistics
        passed = {}
        for name, g in gradients.items():
            if t == 0:
                passed[name] = np.zeros_like(g)
                _gather(state, name, g, beta2)
                _start_bases(state, name, g.ndim)
                continue
            m, v = state["first_moment"][name], state["second_moment"][name]
            bases = _of(state, "bases", name, g.ndim)
            ema(m, g, beta1)
            ema(v, _multiply(g, bases, transposed=True) ** 2, beta2)
            turned = _multiply(m, bases, transposed=True) / (np.sqrt(v) + epsilon)
            factor = math.sqrt(1.0 - beta2**t) / (1.0 - beta1**t)
            passed[name] = _multiply(turned, bases) * factor
            _gather(state, name, g, beta2)
            if refresh and t % refresh == 0:
                _refresh_bases(state, name, g.ndim)
        return passed

    return (
        Transform("soap", init, update),
        descent(learning_rate),
        _decay_afterwards(learning_rate, weight_decay),
    )


def _decay_afterwards(learning_rate: float, weight_decay: float) -> Transform:
    """Shrink the parameters as they are after the step, but not at the first gradient: the authors' order."""

    def update(updates: Arrays, state: State, parameters: ParameterSet) -> Arrays:
        state["count"] += 1
        if weight_decay == 0 or state["count"] == 1:
            return updates
        passed = dict(updates)
        for name in parameters.decayed:
            moved = parameters.arrays[name] + updates[name]
            passed[name] = updates[name] - parameters.rate(learning_rate, name) * weight_decay * moved
        return passed

    return Transform("decay_afterwards", lambda parameters: {"count": 0}, update)


def _gather(state: State, name: str, g: np.ndarray, beta2: float) -> None:
    for axis in range(g.ndim):
        statistics = state["statistics"].get(f"{name}/{axis}")
        if statistics is not None:
            ema(statistics, _gram(g, axis), beta2)


def _start_bases(state: State, name: str, n_axes: int) -> None:
    """Set the bases to the eigenvectors of the first statistics, by falling eigenvalue."""
    for axis in range(n_axes):
        statistics = state["statistics"].get(f"{name}/{axis}")
        if statistics is not None and np.isfinite(statistics).all():
            _, vectors = np.linalg.eigh(statistics.astype(np.float64))
            state["bases"][f"{name}/{axis}"][...] = vectors[:, ::-1]


def _refresh_bases(state: State, name: str, n_axes: int) -> None:
    """Make one step of orthogonal iteration; sort columns, and the second moment, by falling eigenvalue."""
    v = state["second_moment"][name]
    for axis in range(n_axes):
        statistics = state["statistics"].get(f"{name}/{axis}")
        if statistics is None or not np.isfinite(statistics).all():
            continue
        basis = state["bases"][f"{name}/{axis}"]
        wide = statistics.astype(np.float64)
        eigenvalues = np.einsum("ij,ij->j", basis, wide @ basis)
        order = np.argsort(-eigenvalues, kind="stable")
        v[...] = np.take(v, order, axis=axis)
        basis[...] = np.linalg.qr(wide @ basis[:, order])[0]
