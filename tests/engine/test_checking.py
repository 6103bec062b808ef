"""The gradient checker: it passes what is right and rejects every op whose gradient is off by 0.1 %."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tracekit.engine import OPS, Primitive, Tensor, WrongGradientError, check_gradient, check_op, ops
from tracekit.engine.arrays import Array, Gradient
from tracekit.engine.checking import RandomDraw

pytestmark = pytest.mark.usefixtures("strict_floats")


def with_scaled_gradient(op: Primitive, operand: int, factor: float) -> Primitive:
    """The same op, with the gradient of one operand multiplied by `factor`."""

    @functools.wraps(op.function)
    def function(*arguments: Any, **settings: Any) -> Any:
        value, backward = op.function(*arguments, **settings)

        def scaled(g: Array) -> Sequence[Gradient]:
            gradients = list(backward(g))
            if operand < len(gradients):
                gradient = gradients[operand]
                gradient = gradient() if callable(gradient) else gradient
                gradients[operand] = None if gradient is None else factor * gradient
            return gradients

        return value, scaled

    return Primitive(function, op.cases)


def operands_of_all_ops() -> list[tuple[str, int]]:
    counts = {
        name: max(len(build(RandomDraw(seed)).operands) for build in op.cases for seed in range(10))
        for name, op in OPS.items()
    }
    return [(name, operand) for name, count in counts.items() for operand in range(count)]


@pytest.mark.parametrize(("name", "operand"), operands_of_all_ops())
def test_a_gradient_that_is_off_by_a_thousandth_is_rejected(name: str, operand: int) -> None:
    assert check_op(with_scaled_gradient(OPS[name], operand, 1.0), rng=0) <= 1e-5
    for factor in (1.001, 0.999):
        with pytest.raises(WrongGradientError) as raised:
            check_op(with_scaled_gradient(OPS[name], operand, factor), rng=0)
        assert f"the gradient of {name} with respect to input {operand} is wrong" in str(raised.value)


def test_the_error_names_function_input_and_index() -> None:
    def product(x: Tensor, y: Tensor) -> Tensor:
        differentiated = np.array([1.0, 0.5])
        return ((x * differentiated + x.detach() * (1 - differentiated)) * y).sum()

    with pytest.raises(WrongGradientError) as raised:
        check_gradient(product, [[1.0, 1.0], [2.0, 5.0]], rng=0)
    assert str(raised.value) == (
        "the gradient of product with respect to input 0 is wrong at index (1,): backward gives 0.314325553, "
        "central differences give 0.628651105, and the relative error 0.5 exceeds 1e-05."
    )


def test_the_worst_index_is_named_even_if_it_is_not_the_first() -> None:
    def square(x: Tensor) -> Tensor:
        differentiated = np.array([1.0, 0.9, 0.5, 0.8])
        return (x * differentiated + x.detach() * (1 - differentiated)) ** 2

    with pytest.raises(WrongGradientError) as raised:
        check_gradient(square, [np.ones(4)], rng=0)
    assert "the gradient of square with respect to input 0 is wrong at index (2,):" in str(raised.value)


def test_random_directions_find_a_wrong_gradient_too() -> None:
    x = np.random.default_rng(0).normal(size=(20, 20))
    assert check_gradient(ops.tanh, [x], rng=0, directions=3) <= 1e-5
    with pytest.raises(WrongGradientError) as raised:
        check_gradient(with_scaled_gradient(ops.tanh, 0, 1.001), [x], rng=0, directions=3)
    assert "with respect to input 0 is wrong at random direction " in str(raised.value)


def test_a_gradient_that_is_nan_is_rejected() -> None:
    with pytest.raises(WrongGradientError):
        check_gradient(with_scaled_gradient(ops.exp, 0, np.nan), [[1.0]], rng=0)


def test_nothing_to_compare_gives_zero() -> None:
    assert check_gradient(ops.exp, [np.zeros((0, 3))], rng=0) == 0.0


def test_inputs_are_converted_to_float64_and_left_alone() -> None:
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    check_gradient(ops.exp, [x], rng=0)
    assert x.grad is None
    assert x.dtype == np.float32


def test_draws_from_equal_seeds_are_equal() -> None:
    first, second = (ops.conv2d.cases[0](RandomDraw(5)) for _ in range(2))
    assert first.settings == second.settings
    for one, other in zip(first.operands, second.operands, strict=True):
        np.testing.assert_array_equal(one, other)
