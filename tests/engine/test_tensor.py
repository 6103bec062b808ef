"""Tensors and the tape: what is remembered, where gradients go, and what is an error."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pytest

from tracekit.engine import OPS, GradientError, Primitive, Tensor, as_tensor, no_grad, ops, primitive
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")


def leaf(*values: float, dtype: Any = np.float64, name: str | None = None) -> Tensor:
    return Tensor(np.array(values, dtype), requires_grad=True, name=name)


def grad(tensor: Tensor) -> np.ndarray:
    assert tensor.grad is not None
    return tensor.grad


def test_a_tensor_used_twice_gets_the_sum_of_both_gradients() -> None:
    x = leaf(2.0, 3.0)
    (x * x + x).sum().backward()
    assert grad(x).tolist() == [5.0, 7.0]


def test_backward_passes_add_up_until_the_gradient_is_set_to_none() -> None:
    x = leaf(2.0)
    for _ in range(2):
        (3 * x).sum().backward()
    assert grad(x).tolist() == [6.0]
    x.grad = None
    (3 * x).sum().backward()
    assert grad(x).tolist() == [3.0]


def test_adding_to_a_gradient_leaves_the_array_that_somebody_kept_alone() -> None:
    x = leaf(2.0)
    (3 * x).sum().backward()
    kept = grad(x)
    (3 * x).sum().backward()
    assert kept.tolist() == [3.0]


def test_gradients_are_writable_and_share_no_memory() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = np.ones(2)
    (x + y).backward(seed)
    grad(x)[...] = 9
    assert grad(y).tolist() == [1.0, 1.0]
    assert seed.tolist() == [1.0, 1.0]
    z = leaf(1.0, 2.0)
    z.sum().backward()
    grad(z)[...] = 9


def test_broadcast_operands_get_gradients_in_their_own_shape() -> None:
    x = Tensor(np.ones((4, 1, 3)), requires_grad=True)
    y = Tensor(np.ones((2, 1)), requires_grad=True)
    z = Tensor(np.float64(1), requires_grad=True)
    (x * y * z).sum().backward()
    assert grad(x).tolist() == np.full((4, 1, 3), 2.0).tolist()
    assert grad(y).tolist() == np.full((2, 1), 12.0).tolist()
    assert grad(z).tolist() == 24.0


def test_broadcasting_to_nothing_gives_zero_gradients() -> None:
    x = Tensor(np.ones((1, 3)), requires_grad=True)
    (x * np.ones((2, 0, 3))).sum().backward()
    assert grad(x).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_keep_the_dtype(dtype: type[np.floating]) -> None:
    for x in (leaf(1.0, 2.0, dtype=dtype), Tensor(dtype(2), requires_grad=True)):
        y = (2 * x + 1 - 0.5) / 3.0 * np.float64(2)
        y = (1 - y) ** 2 + abs(-y) + np.int64(1) / x
        assert y.dtype == dtype
        y.sum().backward()
        assert grad(x).dtype == dtype


def test_a_float32_tensor_gets_a_float32_gradient_from_a_float64_result() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    y = x * np.array([1.0, 3.0])
    assert y.dtype == np.float64
    y.sum().backward()
    assert grad(x).dtype == np.float32
    assert grad(x).tolist() == [1.0, 3.0]


def test_operators_are_those_of_numpy() -> None:
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    x = Tensor(a)
    pairs = [
        (x + b, a + b),
        (b + x, b + a),
        (x - b, a - b),
        (b - x, b - a),
        (1 - x, 1 - a),
        (x * b, a * b),
        (b * x, b * a),
        (x / b, a / b),
        (b / x, b / a),
        (x @ b, a @ b),
        (b @ x, b @ a),
        (-x, -a),
        (abs(-x), a),
        (x**3, a**3),
        (x[0, 1:], a[0, 1:]),
        (x.sum(0), a.sum(0)),
        (x.mean(1, keepdims=True), a.mean(1, keepdims=True)),
        (x.max(), a.max()),
        (x.logsumexp(), np.log(np.exp(a).sum())),
        (x.reshape(4, 1), a.reshape(4, 1)),
        (x.reshape(-1), a.reshape(-1)),
        (x.transpose(1, 0), a.T),
        (x.T, a.T),
        (list(x)[1], a[1]),
    ]
    for result, expected in pairs:
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result.data, expected, rtol=1e-14)
    assert (len(x), x.shape, x.ndim, x.size, x[0, 0].item()) == (2, (2, 2), 2, 4, 1.0)


def test_results_keep_their_gradient_only_when_asked_to() -> None:
    x = leaf(1.0, 2.0)
    hidden = 2 * x
    logits = hidden + 1
    logits.retain_grad()
    (logits * logits).sum().backward()
    assert hidden.grad is None
    assert grad(logits).tolist() == [6.0, 10.0]
    assert grad(x).tolist() == [12.0, 20.0]


def test_nothing_is_remembered_when_nothing_requires_a_gradient() -> None:
    x = leaf(1.0)
    constant = Tensor(np.ones(1))
    with no_grad():
        untracked = 2 * x
    detached = (2 * x).detach()
    for result in (constant * 2, untracked, detached, detached * 2):
        assert not result.requires_grad
        assert result._node is None
    assert (2 * x).requires_grad


def test_recording_resumes_after_no_grad_even_if_it_was_left_by_an_error() -> None:
    with pytest.raises(ZeroDivisionError), no_grad(), no_grad():
        raise ZeroDivisionError
    assert (2 * leaf(1.0)).requires_grad


def test_no_gradient_flows_into_a_detached_part() -> None:
    x = leaf(3.0)
    (x * x.detach()).sum().backward()
    assert grad(x).tolist() == [3.0]


def test_a_graph_far_deeper_than_the_recursion_limit_is_walked() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.sum().backward()
    assert grad(x).tolist() == [1.0]


def test_a_deep_graph_that_is_never_walked_can_be_dropped() -> None:
    y = leaf(1.0)
    for _ in range(50_000):
        y = y + 1
    del y


def test_backward_frees_what_the_forward_pass_kept() -> None:
    hidden = ops.exp(leaf(1.0))
    kept = weakref.ref(hidden)
    loss = (hidden * hidden).sum()
    del hidden
    assert kept() is not None
    loss.backward()
    assert kept() is None


def test_a_second_backward_pass_is_an_error_and_changes_nothing() -> None:
    x = leaf(1.0)
    shared = ops.exp(x)
    first, second = (shared * 2).sum(), (x * 5 + shared * 3).sum()
    first.backward()
    before = grad(x).copy()
    with pytest.raises(GradientError) as raised:
        first.backward()
    assert str(raised.value) == (
        "the tape of Tensor(shape=(), dtype=float64, op='sum') was freed by an earlier backward(); "
        "run the forward pass again."
    )
    with pytest.raises(GradientError) as raised:
        second.backward()
    assert str(raised.value) == (
        "the tape of Tensor(shape=(1,), dtype=float64, op='exp') was freed by an earlier backward(); "
        "run the forward pass again."
    )
    np.testing.assert_array_equal(grad(x), before)


def test_backward_without_anything_to_differentiate_is_an_error() -> None:
    with pytest.raises(GradientError) as raised:
        Tensor(np.ones(1), name="x").backward()
    assert str(raised.value) == (
        "backward() needs a tensor computed from one with requires_grad=True outside no_grad(), and "
        "Tensor(shape=(1,), dtype=float64, name='x') is not."
    )
    with pytest.raises(GradientError) as raised:
        Tensor(np.ones(1)).retain_grad()
    assert str(raised.value) == (
        "retain_grad() needs a tensor that requires a gradient, and Tensor(shape=(1,), dtype=float64) does not."
    )


def test_the_seed_of_a_backward_pass_must_fit() -> None:
    with pytest.raises(ShapeError) as raised:
        (2 * leaf(1.0, 2.0)).backward()
    assert str(raised.value) == (
        "backward() of a tensor of shape (2,) needs a gradient of that shape; "
        "pass one, or reduce the tensor to one number first."
    )
    with pytest.raises(ShapeError) as raised:
        (2 * leaf(1.0, 2.0)).backward(np.ones(3))
    assert str(raised.value) == "`gradient` of shape (3,) must have the shape (2,) of the tensor."


def test_data_that_are_not_floats_are_refused() -> None:
    for data in (np.arange(3), np.ones(2, np.float16), np.ones(2, bool)):
        with pytest.raises(ArgumentError) as raised:
            Tensor(data)
        assert str(raised.value) == (
            f"`data.dtype` (='{data.dtype}') must be float32 or float64; convert with .astype."
        )


def test_a_tensor_holds_the_array_that_it_was_given() -> None:
    data = np.ones(3)
    x = Tensor(data)
    assert x.data is data
    assert as_tensor(x) is x
    assert x.detach().data is data


def test_a_gradient_given_as_a_function_is_computed_only_if_it_is_needed() -> None:
    def never() -> np.ndarray:
        raise AssertionError("computed a gradient that nobody needs")

    def times(x: np.ndarray, y: np.ndarray, /) -> Any:
        return x * y, lambda g: (never, lambda: g * x)

    y = leaf(2.0)
    Primitive(times)(np.array([3.0]), y).sum().backward()
    assert grad(y).tolist() == [3.0]


def test_an_op_whose_gradient_has_an_impossible_shape_is_named() -> None:
    def crooked(x: np.ndarray, /) -> Any:
        return 2 * x, lambda g: (np.ones(3),)

    with pytest.raises(GradientError) as raised:
        Primitive(crooked)(leaf(1.0, 2.0)).sum().backward()
    assert str(raised.value) == ("op 'crooked' returned a gradient of shape (3,) for an input of shape (2,).")


def test_an_op_without_a_case_for_the_gradient_check_is_refused() -> None:
    with pytest.raises(ArgumentError) as raised:
        primitive(cases=[])
    assert str(raised.value) == "`cases` (=[]) must hold a case for the gradient check."


def test_a_name_can_be_registered_once() -> None:
    with pytest.raises(ValueError) as raised:
        primitive(cases=OPS["relu"].cases)(OPS["relu"].function)
    assert str(raised.value) == "op 'relu' is defined twice; names must be unique."


def test_ops_show_their_signature_and_docstring() -> None:
    assert repr(ops.relu) == "<op relu>"
    assert ops.relu.__doc__ == "Elementwise max(x, 0); the derivative at 0 is taken as 0."
