"""Derivatives along a direction by the complex step: right for every op, at its kinks too."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tracekit.engine import OPS, Primitive, Tensor, ops
from tracekit.engine.checking import RandomDraw
from tracekit.engine.perturbation import PerturbedArray, is_perturbing, perturbation, perturbed
from tracekit.engine.tape import propagate
from tracekit.errors import ArgumentError

pytestmark = pytest.mark.usefixtures("strict_floats")

STEP = 1e-30

every_op = pytest.mark.parametrize("op", OPS.values(), ids=OPS)


def moving(*values: float, along: float = 1.0) -> Any:
    return perturbed(np.array(values) + 1j * along * STEP)


def derivative(array: Any) -> list[float]:
    return (np.asarray(array).imag / STEP).tolist()


def value_and_gradients(
    op: Primitive, operands: list[np.ndarray], settings: Any, seed_at: complex
) -> list[np.ndarray]:
    """What the op returns, and its gradients for an output gradient that moves with the operands."""
    leaves = [Tensor(np.zeros(operand.shape), requires_grad=True) for operand in operands]
    for leaf, operand in zip(leaves, operands, strict=True):
        leaf.data = perturbed(operand)
    output = op(*leaves, **settings)
    rng = np.random.default_rng(1)
    seed = rng.standard_normal(output.shape) + seed_at * rng.standard_normal(output.shape)
    propagate(output, np.asarray(seed, output.dtype))
    gradients = [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]
    return [np.asarray(each) for each in (output.data, *gradients)]


@every_op
def test_the_derivative_of_an_op_and_of_its_gradient_agree_with_central_differences(op: Primitive) -> None:
    width = 1e-6
    for number, build in enumerate(list(op.cases) * 12):
        case = build(RandomDraw(number))
        rng = np.random.default_rng(number)
        directions = [rng.standard_normal(operand.shape) for operand in case.operands]

        def at(size: complex, case: Any = case, directions: Any = directions) -> list[np.ndarray]:
            moved = [each + size * v for each, v in zip(case.operands, directions, strict=True)]
            return value_and_gradients(op, [np.asarray(each) for each in moved], case.settings, size)

        with perturbation():
            along = at(1j * STEP)
        for moved, value, ahead, behind in zip(along, at(0.0), at(width), at(-width), strict=True):
            np.testing.assert_allclose(moved.real, value, rtol=1e-12, atol=1e-13)
            difference = (ahead - behind) / (2 * width)
            scale = max(1.0, float(np.abs(difference).max(initial=0)))
            np.testing.assert_allclose(moved.imag / STEP, difference, atol=1e-7 * scale)


def test_a_kink_takes_the_side_that_the_gradient_takes() -> None:
    x = np.array([-1.0, 0.0, 0.0, 2.0])
    for name, settings in {
        "relu": {},
        "leaky_relu": {"negative_slope": 0.3},
        "clip": {"low": 0.0, "high": 2.0},
        "elu": {"alpha": 0.5},
    }.items():
        leaf = Tensor(x, requires_grad=True)
        OPS[name](leaf, **settings).sum().backward()
        assert leaf.grad is not None
        for direction in (1.0, -1.0):
            with perturbation():
                moved = OPS[name](Tensor(moving(*x, along=direction)), **settings)
            assert derivative(moved.data) == (direction * leaf.grad).tolist(), name


@pytest.mark.parametrize("name", ["exp", "gelu", "sigmoid", "silu", "softmax_cross_entropy", "tanh"])
def test_where_the_branches_of_a_smooth_function_meet_it_is_smooth(name: str) -> None:
    settings = {"labels": [1, 0]} if name == "softmax_cross_entropy" else {}
    x = np.zeros((2, 3))
    leaf = Tensor(x, requires_grad=True)
    OPS[name](leaf, **settings).sum().backward()
    assert leaf.grad is not None
    direction = np.arange(1.0, 7.0).reshape(2, 3)
    with perturbation():
        moved = OPS[name](Tensor(x + 1j * STEP * direction), **settings).sum().data
    assert derivative(moved) == pytest.approx(float((direction * leaf.grad).sum()), rel=1e-14)


def test_the_first_of_a_window_that_ties_passes_its_derivative_on() -> None:
    window = np.ones((1, 2, 2, 1)) + 1j * STEP * np.array([3.0, 7.0, 5.0, 1.0]).reshape(1, 2, 2, 1)
    with perturbation():
        assert derivative(ops.max_pool2d(Tensor(window), 2).data.ravel()) == [3.0]


def test_order_is_that_of_the_real_parts() -> None:
    x, y = moving(1.0, 2.0, 3.0), np.array([1.0, 3.0, 2.0])
    assert (x > y).tolist() == [False, False, True]
    assert (x == y).tolist() == [True, False, False]
    assert (y <= x).tolist() == [True, False, True]
    assert derivative(np.maximum(x, y)) == [0, 0, 1]
    assert derivative(np.minimum(x, y)) == [1, 1, 0]
    assert derivative(np.maximum(y, x)) == [0, 0, 1]
    assert derivative(np.clip(x, 1.5, 2.5)) == [0, 1, 0]


def test_a_maximum_with_nan_is_nan() -> None:
    for x, y in ((moving(np.nan), 1.0), (moving(1.0), np.nan), (moving(1.0), moving(np.nan))):
        assert np.isnan(np.maximum(x, y).real).all()
        assert np.isnan(np.minimum(x, y).real).all()


def test_functions_that_complex_numbers_have_otherwise_are_those_of_the_real_line() -> None:
    x = moving(-2.0, 1.0, 4.0)
    assert derivative(np.abs(x)) == [-1, 1, 1]
    assert np.sign(x).tolist() == [-1, 1, 1]
    x = perturbed(np.array([[1.0, 4.0], [2.0, 8.0]]) + 1j * STEP * np.array([[1.0, 0.0], [3.0, -2.0]]))
    for axis, ddof in ((None, 0), (0, 0), (1, 1)):
        for moment in (np.var, np.std):
            ahead, behind = (
                moment(x.real + sign * 1e-6 * x.imag / STEP, axis=axis, ddof=ddof) for sign in (1, -1)
            )
            value = moment(x, axis=axis, ddof=ddof)
            np.testing.assert_allclose(np.real(value), moment(x.real, axis=axis, ddof=ddof), rtol=1e-14)
            np.testing.assert_allclose(np.imag(value) / STEP, (ahead - behind) / 2e-6, rtol=1e-8)


def test_a_request_for_float64_keeps_the_derivative_and_one_for_integers_does_not() -> None:
    x = moving(1.0, 2.0)
    assert derivative(x.astype(np.float32)) == [1, 1]
    assert derivative(x.sum(dtype=np.float64, keepdims=True)) == [2]
    assert x.astype(np.intp).tolist() == [1, 2]


def test_results_go_where_they_are_asked_to_go() -> None:
    x, target = moving(1.0, 5.0), moving(0.0, 0.0)
    assert np.maximum(x, moving(2.0, 2.0, along=3.0), out=target) is target
    assert derivative(target) == [3, 1]
    target += x
    assert derivative(target) == [4, 2]
    assert isinstance(target, PerturbedArray)


def test_a_complex_tensor_is_an_error_elsewhere() -> None:
    assert not is_perturbing()
    with perturbation():
        assert is_perturbing()
        assert isinstance(Tensor(np.ones(2, complex)).data, PerturbedArray)
    with pytest.raises(ArgumentError) as raised:
        Tensor(np.ones(2, complex))
    assert str(raised.value) == (
        "`data.dtype` (='complex128') must be float32 or float64; convert with .astype."
    )


def test_other_threads_compute_as_ever() -> None:
    seen: list[bool] = []
    with perturbation():
        thread = threading.Thread(target=lambda: seen.append(is_perturbing()))
        thread.start()
        thread.join()
    assert seen == [False]
