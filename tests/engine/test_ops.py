"""Every registered op: gradient, dtype, inputs left alone, memory layout; then what single ops promise."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine import OPS, Primitive, Tensor, check_gradient, ops
from tracekit.engine.kernels import windows
from tracekit.engine.ops.cases import Case
from tracekit.engine.ops.gaussian import normal_cdf, normal_density
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

every_op = pytest.mark.parametrize("op", OPS.values(), ids=OPS)


class HypothesisDraw:
    """Draws lengths, choices and seeds with Hypothesis.

    Values come from a drawn seed: arrays that Hypothesis fills repeat one number, which would hide mixed-up
    axes.
    """

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(st.integers(low, high))

    def choice(self, options: Any) -> Any:
        return options[self._draw(st.integers(0, len(options) - 1))]

    def seed(self) -> int:
        return self._draw(st.integers(0, 2**32 - 1))


@st.composite
def drawn_case(draw: Any, op: Primitive) -> Case:
    build = op.cases[draw(st.integers(0, len(op.cases) - 1))]
    return build(HypothesisDraw(draw))


def value_and_gradients(
    op: Primitive, operands: list[np.ndarray], settings: Any
) -> tuple[np.ndarray, list[np.ndarray]]:
    leaves = [Tensor(operand, requires_grad=True) for operand in operands]
    output = op(*leaves, **settings)
    gradient = np.linspace(-1, 1, output.size, dtype=output.dtype).reshape(output.shape)
    gradient.setflags(write=False)
    output.backward(gradient)
    gradients = [leaf.grad for leaf in leaves]
    assert all(each is not None for each in gradients)
    return output.data, [each for each in gradients if each is not None]


@every_op
@given(data=st.data())
def test_gradient_agrees_with_central_differences(op: Primitive, data: st.DataObject) -> None:
    case = data.draw(drawn_case(op))
    check_gradient(functools.partial(op, **case.settings), case.operands, rng=0, name=op.name)


@every_op
@given(data=st.data())
def test_float32_stays_float32_and_nothing_is_written(op: Primitive, data: st.DataObject) -> None:
    case = data.draw(drawn_case(op))
    operands = [operand.astype(np.float32) for operand in case.operands]
    for array in (*operands, *(each for each in case.settings.values() if isinstance(each, np.ndarray))):
        array.setflags(write=False)
    value, gradients = value_and_gradients(op, operands, case.settings)
    value_in_float64, gradients_in_float64 = value_and_gradients(op, list(case.operands), case.settings)
    pairs = [(value, value_in_float64), *zip(gradients, gradients_in_float64, strict=True)]
    for single, double in pairs:
        assert single.dtype == np.float32
        assert single.shape == double.shape
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-3)


@every_op
@given(data=st.data())
def test_memory_layout_does_not_matter(op: Primitive, data: st.DataObject) -> None:
    case = data.draw(drawn_case(op))
    scattered = []
    for operand in case.operands:
        spread = np.zeros(tuple(2 * length for length in operand.shape))[
            (..., *(slice(None, None, -2),) * operand.ndim)
        ]
        spread[...] = operand
        scattered.append(data.draw(st.sampled_from([spread, operand.copy(order="F")])))
    value, gradients = value_and_gradients(op, list(case.operands), case.settings)
    value_of_scattered, gradients_of_scattered = value_and_gradients(op, scattered, case.settings)
    np.testing.assert_allclose(value_of_scattered, value, rtol=1e-12, atol=1e-12)
    for expected, gradient in zip(gradients, gradients_of_scattered, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)


def batch_axes(x: np.ndarray) -> tuple[int, ...]:
    return tuple(range(x.ndim - 1))


NUMPY_EXPRESSIONS = {
    "abs": np.abs,
    "add": np.add,
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "concatenate": lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    "batch_norm": lambda x, scale, shift, epsilon: (
        scale * (x - x.mean(axis=batch_axes(x))) / np.sqrt(x.var(axis=batch_axes(x)) + epsilon) + shift
    ),
    "divide": np.divide,
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
    "embedding": lambda table, indices: table[indices],
    "exp": np.exp,
    "gelu": lambda x: x * np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in x.flat]).reshape(x.shape),
    "index": lambda x, key: x[key],
    "leaky_relu": lambda x, negative_slope: np.maximum(x, 0) + negative_slope * np.minimum(x, 0),
    "linear": lambda x, weight, bias=0.0: np.einsum("ni,oi->no", x, weight) + bias,
    "log": np.log,
    "logsumexp": lambda x, **over: np.log(np.exp(x).sum(**over)),
    "matmul": lambda x, y: np.einsum("...ij,...jk->...ik", x, y),
    "max": np.max,
    "mean": np.mean,
    "mean_squared_error": lambda x, y: np.mean((x - y) ** 2),
    "multiply": np.multiply,
    "negative": np.negative,
    "normalize": lambda x, scale, shift, mean, variance: (
        scale * (x - mean) / np.sqrt(variance + 1e-5) + shift
    ),
    "pad": lambda x, widths, value=0.0: np.pad(x, widths, constant_values=value),
    "power": lambda x, exponent: np.power(x, float(exponent)),
    "relu": lambda x: np.where(x > 0, x, 0),
    "reshape": np.reshape,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sqrt": np.sqrt,
    "subtract": np.subtract,
    "sum": np.sum,
    "tanh": lambda x: np.sinh(x) / np.cosh(x),
    "transpose": np.transpose,
}


@pytest.mark.parametrize("name", NUMPY_EXPRESSIONS)
@given(data=st.data())
def test_value_equals_the_numpy_expression(name: str, data: st.DataObject) -> None:
    case = data.draw(drawn_case(OPS[name]))
    expected = NUMPY_EXPRESSIONS[name](*case.operands, **case.settings)
    value = OPS[name](*case.operands, **case.settings).data
    assert value.shape == np.shape(expected)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)


def gradient_at(op: Any, x: list[float], **settings: Any) -> list[float]:
    leaf = Tensor(np.array(x), requires_grad=True)
    op(leaf, **settings).sum().backward()
    assert leaf.grad is not None
    return leaf.grad.tolist()


def test_derivatives_at_kinks_are_those_that_docstrings_state() -> None:
    assert gradient_at(ops.relu, [0.0]) == [0.0]
    assert gradient_at(ops.leaky_relu, [0.0], negative_slope=0.25) == [0.25]
    assert gradient_at(ops.elu, [0.0], alpha=0.25) == [0.25]
    assert gradient_at(ops.abs, [0.0]) == [0.0]
    assert gradient_at(ops.clip, [-1.5, -1.0, 0.0, 2.0, 2.5], low=-1, high=2) == [0, 1, 1, 1, 0]
    assert gradient_at(ops.power, [0.0], exponent=0) == [0.0]
    assert gradient_at(ops.max, [3.0, 1.0, 3.0]) == [0.5, 0.0, 0.5]


def test_first_of_tied_maxima_in_reading_order_gets_the_gradient_of_a_pooling_window() -> None:
    x = Tensor(np.array([[1.0, 5.0], [5.0, 5.0]]).reshape(1, 2, 2, 1), requires_grad=True)
    ops.max_pool2d(x, 2).sum().backward()
    assert x.grad is not None
    assert x.grad.ravel().tolist() == [0.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "gelu", "silu", "abs", "tanh", "sigmoid", "sum", "max"]
)
def test_nan_is_kept(name: str) -> None:
    assert np.isnan(OPS[name](np.array([np.nan])).data).all()


def test_nan_in_a_pooling_window_is_kept_and_passes_the_gradient_on() -> None:
    x = Tensor(np.array([1.0, np.nan, 2.0, 0.0]).reshape(1, 2, 2, 1), requires_grad=True)
    pooled = ops.max_pool2d(x, 2)
    pooled.sum().backward()
    assert np.isnan(pooled.data).all()
    assert x.grad is not None
    assert x.grad.sum() == 1.0


def test_exponentials_of_large_numbers_neither_overflow_nor_underflow() -> None:
    far = np.array([[-1000.0, 0.0, 1000.0]], dtype=np.float32)
    assert ops.sigmoid(far).data.tolist() == [[0.0, 0.5, 1.0]]
    assert ops.logsumexp(far, axis=1).data.tolist() == [1000.0]
    logits = Tensor(far, requires_grad=True)
    loss = ops.softmax_cross_entropy(logits, [0])
    loss.backward()
    assert loss.item() == 2000.0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[-1.0, 0.0, 1.0]]


def test_activations_of_large_numbers_are_their_limits_and_so_are_their_derivatives() -> None:
    for op, below in ((ops.gelu, 0.0), (ops.silu, 0.0), (ops.elu, -1.0)):
        far = Tensor(np.array([-1000.0, -100.0, 0.0, 100.0, 1000.0], np.float32), requires_grad=True)
        value = op(far)
        value.sum().backward()
        np.testing.assert_allclose(value.data, [below, below, 0, 100, 1000], atol=1e-40)
        assert far.grad is not None
        at_zero = 1.0 if op is ops.elu else 0.5
        np.testing.assert_allclose(far.grad, [0, 0, at_zero, 1, 1], atol=1e-40)


@pytest.mark.parametrize(
    ("dtype", "tail", "rtol"), [(np.float64, -5, 1e-14), (np.float64, -10, 1e-13), (np.float32, -13, 4e-7)]
)
def test_normal_cdf_is_that_of_the_math_module(dtype: type[np.floating], tail: float, rtol: float) -> None:
    x = np.linspace(tail, 10, 20_001).astype(dtype)
    # erfc of a rounded argument: the error of -x / sqrt(2) grows with x², and with it what may be asked.
    expected = [math.erfc(-float(each) / math.sqrt(2)) / 2 for each in x]
    np.testing.assert_allclose(normal_cdf(x), expected, rtol=rtol)
    assert normal_cdf(x).dtype == dtype


def test_normal_cdf_is_within_rounding_everywhere_and_agrees_with_erf() -> None:
    x = np.concatenate([np.linspace(-45, 45, 9_001), [-np.inf, 0.0, np.inf]])
    by_erf = [(1 + math.erf(each / math.sqrt(2))) / 2 for each in x]
    np.testing.assert_allclose(normal_cdf(x), by_erf, rtol=0, atol=2.5e-16)
    np.testing.assert_array_equal(normal_cdf(x[-3:]), [0.0, 0.5, 1.0])
    near_zero = np.array([1e-200, 1e-12, -1e-12])
    np.testing.assert_allclose(ops.gelu(near_zero).data, near_zero * 0.5, rtol=1e-11)
    assert normal_cdf(np.zeros((0, 3))).shape == (0, 3)


def test_normal_density_is_the_derivative_of_the_distribution() -> None:
    x = np.linspace(-6, 6, 101)
    slope = (normal_cdf(x + 1e-5) - normal_cdf(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(normal_density(x), slope, rtol=0, atol=1e-10)


def test_gradients_of_a_row_looked_up_several_times_add_up() -> None:
    table = Tensor(np.zeros((3, 2)), requires_grad=True)
    ops.embedding(table, np.array([[0, 2], [2, 2]])).backward([[[1.0, 10], [2, 20]], [[4, 40], [8, 80]]])
    assert table.grad is not None
    assert table.grad.tolist() == [[1, 10], [0, 0], [14, 140]]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_label_smoothing_is_the_cross_entropy_with_a_mixed_target(reduction: str) -> None:
    logits = np.random.default_rng(0).normal(size=(5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    target = 0.8 * np.eye(3)[labels] + 0.2 / 3
    expected = getattr(-(target * log_probabilities).sum(axis=1), reduction)()
    loss = ops.softmax_cross_entropy(logits, labels, reduction=reduction, label_smoothing=0.2)
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-12)


def test_logsumexp_of_nothing_but_minus_infinity_is_minus_infinity() -> None:
    assert ops.logsumexp(np.array([-np.inf, -np.inf])).item() == -np.inf


def test_gradients_of_an_element_indexed_several_times_add_up() -> None:
    x = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    x[np.array([0, 0, 2, -1])].backward([1.0, 10.0, 100.0, 1000.0])
    assert x.grad is not None
    assert x.grad.tolist() == [11.0, 0.0, 1100.0]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_is_the_negative_log_probability_of_the_labels(reduction: str) -> None:
    logits = np.random.default_rng(0).normal(size=(5, 3))
    labels = np.array([0, 2, 1, 1, 0])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = getattr(-np.log(probabilities[np.arange(5), labels]), reduction)()
    loss = ops.softmax_cross_entropy(logits, labels, reduction=reduction)
    np.testing.assert_allclose(loss.item(), expected, rtol=1e-12)


def convolution_by_sums(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int
) -> np.ndarray:
    """The definition: one sum for each output pixel and channel."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    kernel_height, kernel_width = weight.shape[2:]
    height = (padded.shape[1] - kernel_height) // stride + 1
    width = (padded.shape[2] - kernel_width) // stride + 1
    value = np.empty((len(x), height, width, len(weight)))
    for image, row, column, channel in np.ndindex(value.shape):
        top, left = row * stride, column * stride
        window = padded[image, top : top + kernel_height, left : left + kernel_width]
        value[image, row, column, channel] = (window.transpose(2, 0, 1) * weight[channel]).sum() + bias[
            channel
        ]
    return value


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("padding", "kernel"), [(0, (3, 2)), (1, (2, 3)), (2, (3, 3)), (0, (1, 1))])
def test_conv2d_equals_its_definition(stride: int, padding: int, kernel: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=4)
    weight = rng.normal(size=(4, 3, *kernel))
    value = ops.conv2d(x, weight, bias, stride=stride, padding=padding).data
    np.testing.assert_allclose(value, convolution_by_sums(x, weight, bias, stride, padding), rtol=1e-10)


@pytest.mark.parametrize("n_elements", [1, 300, 1000])
def test_conv2d_in_pieces_equals_conv2d_at_once(n_elements: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=shape) for shape in [(5, 4, 4, 2), (3, 2, 3, 3), (3,)]]
    at_once = value_and_gradients(ops.conv2d, operands, {"padding": 1})
    monkeypatch.setattr(windows, "_PIECE_ELEMENTS", n_elements)
    value, gradients = value_and_gradients(ops.conv2d, operands, {"padding": 1})
    np.testing.assert_allclose(value, at_once[0], rtol=1e-12)
    for gradient, expected in zip(gradients, at_once[1], strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12)


def test_pooling_leaves_out_rows_and_columns_that_fill_no_window() -> None:
    x = np.arange(25.0).reshape(1, 5, 5, 1)
    assert ops.max_pool2d(x, 2).data.ravel().tolist() == [6.0, 8.0, 16.0, 18.0]
    assert ops.avg_pool2d(x, 2).data.ravel().tolist() == [3.0, 5.0, 13.0, 15.0]
    assert ops.max_pool2d(x, 3, stride=2).data.ravel().tolist() == [12.0, 14.0, 22.0, 24.0]


def test_dropout_zeroes_about_the_rate_and_keeps_the_mean() -> None:
    value = ops.dropout(np.ones((200, 200), np.float32), 0.3, rng=0).data
    assert set(np.unique(value)) == {np.float32(0), np.float32(1 / 0.7)}
    assert np.mean(value == 0) == pytest.approx(0.3, abs=0.01)
    assert value.mean() == pytest.approx(1, abs=0.02)


def test_dropout_masks_are_drawn_from_the_generator_and_are_the_same_in_both_precisions() -> None:
    rng = np.random.default_rng(3)
    first, second = (ops.dropout(np.ones(50), 0.5, rng=rng).data for _ in range(2))
    assert (first != second).any()
    single = ops.dropout(np.ones(50, np.float32), 0.5, rng=3).data
    np.testing.assert_array_equal(single, first)


def test_ops_are_attributes_of_their_package_and_a_missing_one_is_an_attribute_error() -> None:
    assert ops.relu is OPS["relu"]
    assert "relu" in dir(ops)
    with pytest.raises(AttributeError) as raised:
        ops.rleu  # noqa: B018
    assert str(raised.value) == "module 'tracekit.engine.ops' has no attribute 'rleu'"


IMAGES = np.zeros((2, 8, 8, 4))
KERNEL = np.zeros((32, 3, 3, 3))

SENTENCES = {
    "conv2d channels": (
        lambda: ops.conv2d(IMAGES, KERNEL),
        ShapeError,
        "`weight` (=(32, 3, 3, 3)) needs `x` with 3 channels, got 4.",
    ),
    "conv2d axes of x": (
        lambda: ops.conv2d(IMAGES[0], KERNEL),
        ShapeError,
        "`x` (=(8, 8, 4)) must have 4 axes: n, height, width, channels.",
    ),
    "conv2d axes of weight": (
        lambda: ops.conv2d(IMAGES, KERNEL[0]),
        ShapeError,
        "`weight` (=(3, 3, 3)) must have 4 axes: out, in, kernel height, kernel width.",
    ),
    "conv2d bias": (
        lambda: ops.conv2d(IMAGES[..., :3], KERNEL, np.zeros(3)),
        ShapeError,
        "`weight` (=(32, 3, 3, 3)) needs `bias` of shape (32,), got (3,).",
    ),
    "conv2d stride": (
        lambda: ops.conv2d(IMAGES[..., :3], KERNEL, stride=0),
        ArgumentError,
        "`stride` (=0) must be at least 1.",
    ),
    "conv2d padding": (
        lambda: ops.conv2d(IMAGES[..., :3], KERNEL, padding=3),
        ArgumentError,
        "`padding` (=3) must be at least 0 and smaller than the kernel (=3x3).",
    ),
    "conv2d too small": (
        lambda: ops.conv2d(IMAGES[:, :2, :, :3], KERNEL),
        ShapeError,
        "`weight` (=(32, 3, 3, 3)) does not fit into `x` of 2x8 pixels with padding 0.",
    ),
    "matmul": (
        lambda: ops.matmul(np.zeros((2, 3)), np.zeros((4, 5))),
        ShapeError,
        "matmul needs as many columns on the left as rows on the right, got shapes (2, 3) and (4, 5).",
    ),
    "matmul vector": (
        lambda: ops.matmul(np.zeros((2, 3)), np.zeros(3)),
        ShapeError,
        "matmul needs operands with at least 2 axes, got shapes (2, 3) and (3,); reshape them.",
    ),
    "linear": (
        lambda: ops.linear(np.zeros((5, 4)), np.zeros((2, 3))),
        ShapeError,
        "`weight` (=(2, 3)) needs `x` of shape (n, 3), got (5, 4).",
    ),
    "linear bias": (
        lambda: ops.linear(np.zeros((5, 3)), np.zeros((2, 3)), np.zeros(3)),
        ShapeError,
        "`weight` (=(2, 3)) needs `bias` of shape (2,), got (3,).",
    ),
    "pooling kernel": (
        lambda: ops.max_pool2d(IMAGES, 9),
        ShapeError,
        "`kernel` (=9) does not fit into `x` of 8x8 pixels; use a smaller one.",
    ),
    "pooling zero kernel": (
        lambda: ops.avg_pool2d(IMAGES, 0),
        ArgumentError,
        "`kernel` (=0) must be at least 1.",
    ),
    "pooling stride": (
        lambda: ops.avg_pool2d(IMAGES, 2, stride=-1),
        ArgumentError,
        "`stride` (=-1) must be at least 1.",
    ),
    "pooling axes": (
        lambda: ops.max_pool2d(IMAGES[0], 2),
        ShapeError,
        "`x` (=(8, 8, 4)) must have 4 axes: n, height, width, channels.",
    ),
    "labels too large": (
        lambda: ops.softmax_cross_entropy(np.zeros((3, 2)), [0, 1, 2]),
        ArgumentError,
        "`labels` must be in 0..1, got 2; `logits` has 2 classes.",
    ),
    "labels negative": (
        lambda: ops.softmax_cross_entropy(np.zeros((3, 2)), [0, -1, 1]),
        ArgumentError,
        "`labels` must be in 0..1, got -1; `logits` has 2 classes.",
    ),
    "labels dtype": (
        lambda: ops.softmax_cross_entropy(np.zeros((3, 2)), np.zeros(3)),
        ArgumentError,
        "`labels.dtype` (='float64') must be an integer type; use .astype(int).",
    ),
    "labels shape": (
        lambda: ops.softmax_cross_entropy(np.zeros((3, 2)), [0, 1]),
        ShapeError,
        "`labels.shape` (=(2,)) must be one for each of the 3 rows of `logits`, in shape (3,).",
    ),
    "logits shape": (
        lambda: ops.softmax_cross_entropy(np.zeros((0, 2)), []),
        ShapeError,
        "`logits` (=(0, 2)) must be (n, n_classes), both at least 1.",
    ),
    "cross-entropy reduction": (
        lambda: ops.softmax_cross_entropy(np.zeros((1, 2)), [0], reduction="none"),
        ArgumentError,
        "`reduction` (='none') must be 'mean' or 'sum'.",
    ),
    "label smoothing": (
        lambda: ops.softmax_cross_entropy(np.zeros((1, 2)), [0], label_smoothing=1.5),
        ArgumentError,
        "`label_smoothing` (=1.5) must be in [0, 1].",
    ),
    "embedding index": (
        lambda: ops.embedding(np.zeros((3, 2)), [0, -1]),
        ArgumentError,
        "`indices` must be in 0..2, the rows of `table`; got -1.",
    ),
    "embedding dtype": (
        lambda: ops.embedding(np.zeros((3, 2)), [0.0]),
        ArgumentError,
        "`indices.dtype` (='float64') must be an integer type; use .astype(int).",
    ),
    "embedding table": (
        lambda: ops.embedding(np.zeros(3), [0]),
        ShapeError,
        "`table` (=(3,)) must have 2 axes: n_entries, n_features.",
    ),
    "squared error": (
        lambda: ops.mean_squared_error(np.zeros((3, 1)), np.zeros(3)),
        ShapeError,
        "`prediction.shape` (=(3, 1)) needs `target` of the same shape with at least one element, got (3,).",
    ),
    "reshape": (
        lambda: ops.reshape(np.zeros((2, 3)), (4, 2)),
        ShapeError,
        "`shape` (=(4, 2)) must hold the 6 elements of an array of shape (2, 3).",
    ),
    "empty mean": (
        lambda: ops.mean(np.zeros((3, 0)), axis=1),
        ShapeError,
        "mean needs at least one element along the reduced axes, got shape (3, 0).",
    ),
    "pad": (
        lambda: ops.pad(np.zeros((2, 3)), ((1, 1),)),
        ArgumentError,
        "`widths` (=((1, 1),)) must hold a pair of widths >= 0 for each of the 2 axes.",
    ),
    "clip": (
        lambda: ops.clip(np.zeros(2), 1, 0),
        ArgumentError,
        "`low` (=1.0) must not exceed `high` (=0.0).",
    ),
    "dropout": (
        lambda: ops.dropout(np.zeros(2), 1.0, rng=0),
        ArgumentError,
        "`rate` (=1.0) must be at least 0 and smaller than 1.",
    ),
}


@pytest.mark.parametrize("situation", SENTENCES)
def test_a_wrong_argument_is_explained_in_one_sentence(situation: str) -> None:
    call, kind, sentence = SENTENCES[situation]
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == sentence
