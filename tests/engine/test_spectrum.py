"""Eigenvalues and traces from products with vectors, against NumPy's of the whole matrix."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine import (
    Dropout,
    Linear,
    Sequential,
    Tanh,
    Tensor,
    build_model,
    gauss_newton_vector_product,
    hessian_vector_product,
    hutchinson_trace,
    ops,
    top_eigenvalues,
)
from tracekit.engine.derivatives.curvature import flatten, unflatten
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

Product = Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]


def of_matrix(matrix: np.ndarray) -> tuple[Product, dict[str, Tensor]]:
    """The product with a matrix, whose vectors are kept in two arrays."""
    size = len(matrix)
    parameters = {"first": Tensor(np.zeros((1, size // 2))), "second": Tensor(np.zeros(size - size // 2))}
    return lambda vector: unflatten(matrix @ flatten(vector, parameters), parameters), parameters


def symmetric(eigenvalues: np.ndarray, seed: int = 0) -> np.ndarray:
    rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(eigenvalues.size,) * 2))
    return (rotation * eigenvalues) @ rotation.T


def mlp() -> tuple[Sequential, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    model = Sequential(
        {
            "linear1": Linear(4, 5, rng=rng, dtype=np.float64),
            "tanh1": Tanh(),
            "dropout1": Dropout(0.5),
            "linear2": Linear(5, 3, rng=rng, dtype=np.float64),
        }
    )
    return model, rng.normal(size=(10, 4)), rng.integers(3, size=10)


def products_of_mlp() -> tuple[dict[str, Product], dict[str, Tensor]]:
    model, inputs, labels = mlp()
    parameters = model.parameters()
    loss = lambda: ops.softmax_cross_entropy(model(inputs), labels)  # noqa: E731
    return {
        "hessian": functools.partial(hessian_vector_product, loss, parameters),
        "gauss_newton": functools.partial(gauss_newton_vector_product, lambda: model(inputs), parameters),
    }, parameters


def whole_matrix(product: Product, parameters: dict[str, Tensor]) -> np.ndarray:
    size = sum(each.size for each in parameters.values())
    return np.stack([flatten(product(unflatten(e, parameters)), parameters) for e in np.eye(size)], axis=1)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("n_eigenvalues", [1, 4])
def test_eigenvalues_of_a_network_are_those_of_its_exact_matrix(kind: str, n_eigenvalues: int) -> None:
    products, parameters = products_of_mlp()
    exact = np.linalg.eigvalsh(whole_matrix(products[kind], parameters))[::-1]
    found = top_eigenvalues(products[kind], parameters, n_eigenvalues, rng=0, tolerance=1e-9)
    assert found.converged
    assert found.eigenvalues.shape == found.error_bounds.shape == (n_eigenvalues,)
    np.testing.assert_allclose(found.eigenvalues, exact[:n_eigenvalues], rtol=1e-10)
    assert (found.error_bounds <= 1e-9 * np.abs(exact).max()).all()


@given(
    eigenvalues=st.lists(st.integers(-1000, 1000), min_size=3, max_size=12),
    n_iterations=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_an_eigenvalue_lies_within_each_bound_whenever_it_stops(
    eigenvalues: list[int], n_iterations: int, seed: int
) -> None:
    matrix = symmetric(np.array(eigenvalues) / 100, seed % 1000)
    product, parameters = of_matrix(matrix)
    n_eigenvalues = min(2, n_iterations)
    found = top_eigenvalues(
        product, parameters, n_eigenvalues, rng=seed, max_iterations=n_iterations, tolerance=1e-3
    )
    exact = np.linalg.eigvalsh(matrix)
    for value, bound in zip(found.eigenvalues, found.error_bounds, strict=True):
        assert np.abs(exact - value).min() <= bound + 1e-12 * np.abs(exact).max()
    assert found.n_iterations <= n_iterations
    assert (np.diff(found.eigenvalues) <= 0).all()


def test_the_largest_is_not_the_one_of_largest_size() -> None:
    product, parameters = of_matrix(symmetric(np.array([-9.0, -5.0, 0.0, 1.0, 2.0, 3.0])))
    found = top_eigenvalues(product, parameters, 2, rng=0)
    np.testing.assert_allclose(found.eigenvalues, [3, 2], rtol=1e-6)


def test_too_few_iterations_are_told() -> None:
    product, parameters = of_matrix(symmetric(np.linspace(1, 2, 60)))
    found = top_eigenvalues(product, parameters, rng=0, max_iterations=3, tolerance=1e-8)
    assert not found.converged
    assert found.n_iterations == 3
    assert found.error_bounds[0] > 1e-8
    assert 1 < found.eigenvalues[0] < 2


def test_all_lanczos_vectors_together_give_all_eigenvalues_once() -> None:
    # Without reorthogonalisation copies of the large ones would take the places of the small ones.
    eigenvalues = np.geomspace(1e-6, 1e6, 25)
    product, parameters = of_matrix(symmetric(eigenvalues))
    found = top_eigenvalues(product, parameters, 25, rng=0, tolerance=1e-15)
    assert found.converged
    assert found.n_iterations == 25
    np.testing.assert_allclose(found.eigenvalues[::-1], eigenvalues, atol=1e-14 * 1e6)


@pytest.mark.parametrize(
    "eigenvalues", [[0.0] * 6, [2.0] * 6, [0, 0, 0, 0, 5.0, 5.0], [0.0, 0, 0, 0, 1e-3, 7.0]]
)
def test_a_matrix_of_low_rank_or_of_repeated_eigenvalues_is_found_out(eigenvalues: list[float]) -> None:
    product, parameters = of_matrix(symmetric(np.array(eigenvalues)))
    one = top_eigenvalues(product, parameters, rng=0, tolerance=1e-10)
    assert one.converged
    assert one.n_iterations <= len(set(eigenvalues)) + 1
    np.testing.assert_allclose(one.eigenvalues, max(eigenvalues), atol=1e-13)
    every = top_eigenvalues(product, parameters, 6, rng=0, tolerance=1e-10)
    assert every.converged
    np.testing.assert_allclose(every.eigenvalues, sorted(eigenvalues, reverse=True), atol=1e-13)


def test_equal_seeds_give_equal_bytes() -> None:
    products, parameters = products_of_mlp()
    for estimate in (
        lambda rng: top_eigenvalues(products["hessian"], parameters, 2, rng=rng).eigenvalues.tobytes(),
        lambda rng: hutchinson_trace(products["hessian"], parameters, rng=rng),
    ):
        assert estimate(5) == estimate(np.random.default_rng(5))
        assert estimate(5) != estimate(6)


def test_a_mask_that_changes_between_products_is_found_out() -> None:
    model, inputs, labels = mlp()
    rng = np.random.default_rng(0)

    def loss() -> Tensor:
        return ops.softmax_cross_entropy(model(inputs, training=True, rng=rng), labels)

    product = functools.partial(hessian_vector_product, loss, model.parameters())
    with pytest.raises(ArgumentError) as raised:
        top_eigenvalues(product, model.parameters(), rng=0)
    sentence = str(raised.value)
    assert sentence.startswith(
        "`product` must multiply with one symmetric matrix at every call, and product 2 is off by "
    )
    assert sentence.endswith("; keep dropout and running moments from changing between calls.")


def test_a_matrix_that_is_not_symmetric_is_refused() -> None:
    product, parameters = of_matrix(np.triu(np.ones((6, 6))))
    with pytest.raises(ArgumentError) as raised:
        top_eigenvalues(product, parameters, rng=0)
    assert "`product` must multiply with one symmetric matrix at every call" in str(raised.value)


def test_nan_is_refused() -> None:
    product, parameters = of_matrix(np.full((6, 6), np.nan))
    with pytest.raises(ArgumentError) as raised:
        top_eigenvalues(product, parameters, rng=0)
    assert str(raised.value) == (
        "`product` returned NaN or infinity (product 1); check that the loss is finite at these parameters."
    )


def test_a_product_of_another_shape_is_refused() -> None:
    _, parameters = of_matrix(np.eye(6))
    for estimate in (top_eigenvalues, hutchinson_trace):
        with pytest.raises(ShapeError) as raised:
            estimate(lambda vector: {"first": vector["first"]}, parameters, rng=0)
        assert str(raised.value) == (
            "`product(vector)` must hold an array for each parameter, in its shape; for 'second' it holds none, and "
            "`parameters` one of shape (3,)."
        )


def test_bad_arguments_are_explained() -> None:
    product, parameters = of_matrix(np.eye(6))
    for settings, sentence in (
        (
            {"n_eigenvalues": 0},
            "`n_eigenvalues` (=0) must be at least 1 and at most the number of parameters (=6).",
        ),
        (
            {"n_eigenvalues": 7},
            "`n_eigenvalues` (=7) must be at least 1 and at most the number of parameters (=6).",
        ),
        (
            {"n_eigenvalues": 3, "max_iterations": 2},
            "`max_iterations` (=2) must be at least `n_eigenvalues` (=3).",
        ),
        ({"tolerance": 0.0}, "`tolerance` (=0.0) must be positive."),
        ({"tolerance": math.nan}, "`tolerance` (=nan) must be positive."),
    ):
        with pytest.raises(ArgumentError) as raised:
            top_eigenvalues(product, parameters, rng=0, **settings)
        assert str(raised.value) == sentence
    with pytest.raises(ArgumentError) as raised:
        hutchinson_trace(product, parameters, rng=0, n_probes=1)
    assert str(raised.value) == "`n_probes` (=1) must be at least 2."


def test_the_trace_of_a_diagonal_matrix_needs_no_luck() -> None:
    product, parameters = of_matrix(np.diag([1.0, 2.0, 3.0, 4.0]))
    estimate = hutchinson_trace(product, parameters, rng=0, n_probes=2)
    assert (estimate.trace, estimate.standard_error, estimate.n_probes) == (10.0, 0.0, 2)


def test_the_trace_is_unbiased_and_its_standard_error_is_right() -> None:
    products, parameters = products_of_mlp()
    matrix = whole_matrix(products["hessian"], parameters)
    product, parameters = of_matrix(matrix)
    n_repeats, n_probes = 400, 25
    estimates = [
        hutchinson_trace(product, parameters, rng=seed, n_probes=n_probes) for seed in range(n_repeats)
    ]
    traces = np.array([each.trace for each in estimates])
    off_diagonal = matrix - np.diag(np.diag(matrix))
    expected_error = math.sqrt(2 * np.square(off_diagonal).sum() / n_probes)
    assert abs(traces.mean() - np.trace(matrix)) < 4 * expected_error / math.sqrt(n_repeats)
    assert traces.std() == pytest.approx(expected_error, rel=0.15)
    errors = np.array([each.standard_error for each in estimates])
    assert math.sqrt(np.square(errors).mean()) == pytest.approx(expected_error, rel=0.05)
    n_within = sum(abs(each.trace - np.trace(matrix)) < 2 * each.standard_error for each in estimates)
    assert 0.90 < n_within / n_repeats < 0.985


def test_a_convolutional_network_in_float32_has_both() -> None:
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=10, rng=0)
    rng = np.random.default_rng(0)
    images = rng.random((20, 8, 8, 1), dtype=np.float32)
    parameters = model.parameters()
    product = functools.partial(gauss_newton_vector_product, lambda: model(images), parameters)
    top = top_eigenvalues(product, parameters, 3, rng=0)
    trace = hutchinson_trace(product, parameters, rng=0, n_probes=10)
    assert top.converged
    assert 0 < top.eigenvalues[2] < top.eigenvalues[0] < trace.trace + 4 * trace.standard_error
