"""Per-sample gradients and their moments, against one backward pass for each sample."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GradientError,
    LayerCall,
    LayerNorm,
    Linear,
    MaxPool2d,
    PerSampleError,
    ReLU,
    Sequential,
    Tanh,
    build_model,
    capture,
    gradient_gram,
    gradient_second_moments,
    ops,
    per_sample_gradients,
    per_sample_squared_norms,
)
from tracekit.engine.derivatives import persample
from tracekit.engine.derivatives.persample import SampleGradients
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

Reduction = Literal["mean", "sum"]
EVERY_FUNCTION = [per_sample_gradients, per_sample_squared_norms, gradient_second_moments, gradient_gram]

every_function = pytest.mark.parametrize("function", EVERY_FUNCTION, ids=lambda each: each.__name__)


def captured(
    model: Sequential, images: np.ndarray, labels: np.ndarray, reduction: Reduction = "mean"
) -> dict[str, LayerCall]:
    with capture(model) as calls:
        ops.softmax_cross_entropy(model(images), labels, reduction=reduction).backward()
    return calls


def one_by_one(model: Sequential, images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """The gradients of each sample's loss, from a backward pass for each sample."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in model.parameters()}
    for number in range(len(images)):
        for parameter in model.parameters().values():
            parameter.grad = None
        part = slice(number, number + 1)
        ops.softmax_cross_entropy(model(images[part]), labels[part]).backward()
        for name, parameter in model.parameters().items():
            assert parameter.grad is not None
            rows[name].append(parameter.grad)
    return {name: np.stack(each) for name, each in rows.items()}


def in_layer(gradients: dict[str, np.ndarray], layer: str = "") -> np.ndarray:
    """One row of float64 for each sample, of one layer or of all."""
    rows = [each.reshape(len(each), -1) for name, each in gradients.items() if name.startswith(layer)]
    return np.concatenate(rows, axis=1).astype(np.float64)


def compare(
    model: Sequential, images: np.ndarray, labels: np.ndarray, reduction: Reduction, rtol: float
) -> None:
    expected = one_by_one(model, images, labels)
    calls = captured(model, images, labels, reduction)

    def assert_close(actual: np.ndarray, wanted: np.ndarray) -> None:
        np.testing.assert_allclose(actual, wanted, rtol=rtol, atol=rtol * np.abs(wanted).max(initial=1e-30))

    gradients = per_sample_gradients(calls, reduction=reduction)
    moments = gradient_second_moments(calls, reduction=reduction)
    assert list(gradients) == list(moments) == list(expected)
    for name, wanted in expected.items():
        assert gradients[name].dtype == wanted.dtype
        assert_close(gradients[name], wanted)
        assert moments[name].dtype == np.float64
        assert_close(moments[name], np.square(wanted.astype(np.float64)).mean(axis=0))
    places = {
        name: np.arange(each[0].size, dtype=np.int32).reshape(each[0].shape)
        for name, each in gradients.items()
    }
    below_zero = np.repeat([0, 1], 256).astype(np.int32)
    below_zero[256] = 0
    counts = SampleGradients(calls, reduction=reduction).count(10_000 * below_zero, places, 20_000)
    numbers = [
        (places[name] + 10_000 * (np.float32(each) < -2e-38)).ravel() for name, each in gradients.items()
    ]
    assert counts.tolist() == np.bincount(np.concatenate(numbers), minlength=20_000).tolist()
    norms = per_sample_squared_norms(calls, reduction=reduction)
    gram = gradient_gram(calls, reduction=reduction)
    assert list(norms) == list(gram.layers) == list(calls)
    for name in calls:
        rows = in_layer(expected, name)
        assert norms[name].dtype == gram.layers[name].dtype == np.float64
        assert_close(norms[name], np.square(rows).sum(axis=1))
        assert_close(gram.layers[name], rows @ rows.T)
    rows = in_layer(expected)
    assert_close(gram.total, rows @ rows.T)


@st.composite
def drawn_models(draw: Any) -> tuple[Sequential, np.ndarray, np.ndarray]:
    integer = lambda low, high: draw(st.integers(low, high))  # noqa: E731
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel, stride, channels, out_channels = integer(1, 4), integer(1, 3), integer(1, 3), integer(1, 9)
    padding = integer(0, kernel - 1)
    height, width = (integer(max(1, kernel - 2 * padding), 7) for _ in range(2))
    out_height, out_width = ((length + 2 * padding - kernel) // stride + 1 for length in (height, width))
    n, n_classes, dtype = integer(1, 5), integer(2, 4), np.float64
    model = Sequential(
        {
            "conv1": Conv2d(
                channels,
                out_channels,
                kernel,
                stride=stride,
                padding=padding,
                bias=draw(st.booleans()),
                rng=rng,
                dtype=dtype,
            ),
            "tanh1": Tanh(),
            "flatten": Flatten(),
            "linear1": Linear(
                out_height * out_width * out_channels,
                n_classes,
                bias=draw(st.booleans()),
                rng=rng,
                dtype=dtype,
            ),
        }
    )
    return model, rng.normal(size=(n, height, width, channels)), rng.integers(n_classes, size=n)


@given(
    drawn=drawn_models(), reduction=st.sampled_from(["mean", "sum"]), piece=st.sampled_from([1, 50, 2**20])
)
def test_everything_agrees_with_single_backward_passes(drawn: Any, reduction: Reduction, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(persample, "_PIECE_ELEMENTS", piece)
        patch.setattr(persample, "_GRADIENT_ELEMENTS", piece)
        model, images, labels = drawn
        compare(model, images, labels, reduction, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_whole_network_in_both_dtypes(
    dtype: type[np.floating[Any]], rtol: float, reduction: Reduction
) -> None:
    rng = np.random.default_rng(0)
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=10, rng=0, dtype=dtype)
    images = rng.random((6, 8, 8, 1)).astype(dtype)
    compare(model, images, rng.integers(10, size=6), reduction, rtol)


def test_the_mean_of_the_gradients_is_the_gradient() -> None:
    rng = np.random.default_rng(0)
    model = build_model("mlp", input_shape=(4, 4, 1), n_classes=3, rng=0, dtype=np.float64)
    images, labels = rng.random((7, 4, 4, 1)), rng.integers(3, size=7)
    combinations: list[tuple[Reduction, Any]] = [("mean", np.mean), ("sum", np.sum)]
    for reduction, combine in combinations:
        for parameter in model.parameters().values():
            parameter.grad = None
        calls = captured(model, images, labels, reduction)
        for name, gradients in per_sample_gradients(calls, reduction=reduction).items():
            expected = model.parameters()[name].grad
            assert expected is not None
            np.testing.assert_allclose(combine(gradients, axis=0), expected, rtol=1e-10, atol=1e-14)


def test_masks_of_dropout_stay_those_of_the_pass() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(
        {
            "linear1": Linear(5, 8, rng=rng, dtype=np.float64),
            "dropout1": Dropout(0.5),
            "linear2": Linear(8, 3, rng=rng, dtype=np.float64),
        }
    )
    images, labels = rng.normal(size=(6, 5)), rng.integers(3, size=6)
    with capture(model) as calls:
        logits = model(images, training=True, rng=np.random.default_rng(3))
        ops.softmax_cross_entropy(logits, labels).backward()
    gradients = per_sample_gradients(calls, reduction="mean")
    expected = model.parameters()["linear1.weight"].grad
    assert expected is not None
    np.testing.assert_allclose(gradients["linear1.weight"].mean(axis=0), expected, rtol=1e-12, atol=1e-15)
    dropped = calls["linear2"].input == 0
    assert dropped.any()
    assert (gradients["linear1.weight"][dropped] == 0).all()


def test_a_layer_can_be_left_out_and_a_nested_one_has_its_full_name() -> None:
    rng = np.random.default_rng(0)
    inner = Sequential({"linear1": Linear(5, 4, rng=rng, dtype=np.float64), "relu1": ReLU()})
    model = Sequential({"features": inner, "linear2": Linear(4, 3, rng=rng, dtype=np.float64)})
    calls = captured(model, rng.normal(size=(4, 5)), np.array([0, 1, 2, 0]))
    assert list(per_sample_squared_norms(calls, reduction="mean")) == ["features.linear1", "linear2"]
    del calls["linear2"]
    names = ["features.linear1.weight", "features.linear1.bias"]
    assert list(per_sample_gradients(calls, reduction="mean")) == names
    gram = gradient_gram(calls, reduction="mean")
    np.testing.assert_array_equal(gram.total, gram.layers["features.linear1"])


def test_results_are_new_arrays_and_the_record_is_left_alone() -> None:
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=3, rng=0)
    calls = captured(model, np.ones((4, 8, 8, 1), np.float32), np.array([0, 1, 2, 0]), "mean")
    for call in calls.values():
        call.input.setflags(write=False)
        call.gradient.setflags(write=False)
    before = [parameter.grad for parameter in model.parameters().values()]
    for function in EVERY_FUNCTION:
        result: Any = function(calls, reduction="mean")
        arrays = result.values() if isinstance(result, dict) else [result.total]
        for array in arrays:
            array[...] = 7
    assert all(
        parameter.grad is held for parameter, held in zip(model.parameters().values(), before, strict=True)
    )


@every_function
def test_a_layer_that_mixes_samples_is_named(function: Any) -> None:
    rng = np.random.default_rng(0)
    model = Sequential(
        {"linear1": Linear(5, 4, rng=rng), "norm1": BatchNorm(4), "linear2": Linear(4, 3, rng=rng)}
    )
    with capture(model) as calls:
        logits = model(rng.normal(size=(6, 5)).astype(np.float32), training=True)
        ops.softmax_cross_entropy(logits, [0, 1, 2, 0, 1, 2]).backward()
    with pytest.raises(PerSampleError) as raised:
        function(calls, reduction="mean")
    assert str(raised.value) == (
        "layer 'norm1' (BatchNorm) mixes the samples of a batch in training, so that no gradient belongs to one "
        "sample; call the model with training=False."
    )


@every_function
def test_a_layer_of_another_kind_is_named_and_so_are_the_known_ones(function: Any) -> None:
    rng = np.random.default_rng(0)
    model = Sequential({"linear1": Linear(5, 4, rng=rng), "norm1": LayerNorm(4)})
    calls = captured(model, rng.normal(size=(2, 5)).astype(np.float32), np.array([0, 1]))
    with pytest.raises(PerSampleError) as raised:
        function(calls, reduction="mean")
    assert str(raised.value) == (
        "layer 'norm1' is a LayerNorm, and per-sample gradients are known for Linear and Conv2d only; leave it "
        "out of `calls`."
    )
    del calls["norm1"]
    function(calls, reduction="mean")


@every_function
def test_bad_arguments_are_explained(function: Any) -> None:
    model = Sequential({"pool1": MaxPool2d(2), "flatten": Flatten(), "linear1": Linear(4, 3, rng=0)})
    images = np.ones((2, 4, 4, 1), np.float32)
    calls = captured(model, images, np.array([0, 1]))
    with pytest.raises(ArgumentError) as raised:
        function(calls, reduction="none")
    assert str(raised.value) == "`reduction` (='none') must be 'mean' or 'sum'."
    with pytest.raises(ArgumentError) as raised:
        function({}, reduction="mean")
    assert str(raised.value) == "`calls` (={}) must hold a call of a layer that has parameters."
    with capture(model) as other:
        model(images[:1])
    with pytest.raises(ShapeError) as raised:
        function({"one": calls["linear1"], "other": other["linear1"]}, reduction="mean")
    assert str(raised.value) == "`calls` must all be of one batch, but the numbers of samples are [2, 1]."
    with pytest.raises(GradientError) as not_differentiated:
        function(other, reduction="mean")
    assert "the output of layer 'linear1' has no gradient;" in str(not_differentiated.value)
