"""Layers: what they compute, what they call their parameters, and what only training changes."""

from __future__ import annotations

import numpy as np
import pytest

from tracekit.engine import (
    ELU,
    GELU,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAvgPool2d,
    GroupNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    PaddedShortcut,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Tanh,
    Tensor,
    check_gradient,
    ops,
)
from tracekit.engine.initializers import glorot_uniform
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

IMAGES = np.random.default_rng(0).normal(size=(2, 5, 4, 3)).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (ReLU(), ops.relu(IMAGES)),
        (LeakyReLU(0.2), ops.leaky_relu(IMAGES, 0.2)),
        (ELU(0.5), ops.elu(IMAGES, 0.5)),
        (GELU(), ops.gelu(IMAGES)),
        (SiLU(), ops.silu(IMAGES)),
        (Tanh(), ops.tanh(IMAGES)),
        (Sigmoid(), ops.sigmoid(IMAGES)),
        (MaxPool2d(2), ops.max_pool2d(IMAGES, 2)),
        (MaxPool2d(3, stride=1), ops.max_pool2d(IMAGES, 3, stride=1)),
        (AvgPool2d(2, stride=1), ops.avg_pool2d(IMAGES, 2, stride=1)),
        (GlobalAvgPool2d(), ops.mean(IMAGES, axis=(1, 2))),
        (PaddedShortcut(3, 6, stride=2), ops.pad(IMAGES[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (1, 2)))),
        (Flatten(), ops.reshape(IMAGES, (2, 60))),
        (Dropout(0.5), Tensor(IMAGES)),
    ],
)
def test_a_layer_without_parameters_is_its_op(layer: Layer, expected: Tensor) -> None:
    for x in (IMAGES, Tensor(IMAGES)):
        np.testing.assert_array_equal(layer(x).data, expected.data)
    assert layer.parameters() == layer.kinds() == layer.buffers() == {}


def test_linear_is_x_times_weight_transposed_plus_bias() -> None:
    layer = Linear(3, 4, rng=0)
    layer.parameters()["bias"].data[...] = [1, 2, 3, 4]
    x = IMAGES.reshape(-1, 3)
    expected = x @ layer.weight.data.T + np.arange(1, 5, dtype=np.float32)
    np.testing.assert_array_equal(layer(x).data, expected)


def test_conv2d_passes_stride_and_padding_on() -> None:
    layer = Conv2d(3, 4, 3, stride=2, padding=1, rng=0)
    expected = ops.conv2d(IMAGES, layer.weight, layer.bias, stride=2, padding=1)
    np.testing.assert_array_equal(layer(IMAGES).data, expected.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_start_from_the_initializer_and_require_gradients(dtype: type[np.floating]) -> None:
    layer = Conv2d(3, 4, 2, rng=5, dtype=dtype, initializer=glorot_uniform)
    weight, bias = layer.parameters().values()
    np.testing.assert_array_equal(weight.data, glorot_uniform((4, 3, 2, 2), 5, dtype))
    np.testing.assert_array_equal(bias.data, np.zeros(4))
    assert [(each.name, each.requires_grad, each.dtype) for each in (weight, bias)] == [
        ("weight", True, dtype),
        ("bias", True, dtype),
    ]


@pytest.mark.parametrize("layer", [Linear(3, 4, rng=0, bias=False), Conv2d(3, 4, 2, rng=0, bias=False)])
def test_a_layer_without_bias_has_one_parameter_and_a_gradient_for_it(layer: Layer) -> None:
    x = IMAGES.reshape(-1, 3) if isinstance(layer, Linear) else IMAGES
    layer(x).sum().backward()
    assert [name for name, each in layer.parameters().items() if each.grad is not None] == ["weight"]


def test_flatten_of_an_empty_batch_keeps_the_length_of_a_row() -> None:
    assert Flatten()(IMAGES[:0]).shape == (0, 60)


def test_dropout_acts_in_training_only_and_draws_from_the_generator_it_is_given() -> None:
    layer = Dropout(0.5)
    x = np.ones((50, 50), np.float32)
    np.testing.assert_array_equal(layer(x, rng=np.random.default_rng(0)).data, x)
    first = layer(x, training=True, rng=np.random.default_rng(0)).data
    assert set(np.unique(first)) == {np.float32(0), np.float32(2)}
    np.testing.assert_array_equal(layer(x, training=True, rng=np.random.default_rng(0)).data, first)


def test_dropout_in_training_without_a_generator_is_explained() -> None:
    with pytest.raises(ArgumentError) as raised:
        Dropout(0.5)(IMAGES, training=True)
    assert str(raised.value) == ("`rng` (=None) must be a Generator for dropout in training; pass `rng=`.")


def test_a_dropout_rate_is_checked_when_the_layer_is_made() -> None:
    with pytest.raises(ArgumentError) as raised:
        Dropout(1.5)
    assert str(raised.value) == "`rate` (=1.5) must be at least 0 and smaller than 1."


def small_model(dtype: type[np.floating] = np.float32) -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        {
            "conv1": Conv2d(3, 2, 3, padding=1, rng=rng, dtype=dtype),
            "tanh1": Tanh(),
            "pool1": AvgPool2d(2),
            "flatten": Flatten(),
            "dropout1": Dropout(0.5),
            "linear1": Linear(8, 3, rng=rng, dtype=dtype),
        }
    )


def test_sequential_names_parameters_by_layer_in_order() -> None:
    model = small_model()
    names = ["conv1.weight", "conv1.bias", "linear1.weight", "linear1.bias"]
    assert list(model.parameters()) == names
    assert [parameter.name for parameter in model.parameters().values()] == names
    assert list(model.layers) == ["conv1", "tanh1", "pool1", "flatten", "dropout1", "linear1"]


def test_sequential_hands_out_the_output_of_each_layer() -> None:
    model = small_model()
    outputs: dict[str, Tensor] = {}
    logits = model(IMAGES, outputs=outputs)
    assert list(outputs) == list(model.layers)
    assert outputs["linear1"] is logits
    assert outputs["conv1"].shape == (2, 5, 4, 2)
    logits.retain_grad()
    ops.softmax_cross_entropy(logits, [0, 1]).backward()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.sum(axis=1), 0, atol=1e-7)


def test_a_nested_sequential_has_dotted_names_and_is_one_layer_of_the_outer_one() -> None:
    outer = Sequential({"features": small_model(), "relu1": ReLU()})
    assert next(iter(outer.parameters())) == "features.conv1.weight"
    assert outer.parameters()["features.conv1.weight"].name == "features.conv1.weight"
    outputs: dict[str, Tensor] = {}
    outer(IMAGES, training=True, rng=np.random.default_rng(0), outputs=outputs)
    assert list(outputs) == ["features", "relu1"]


def test_gradients_of_a_whole_model_agree_with_central_differences() -> None:
    model = small_model(np.float64)
    parameters = model.parameters()

    def loss(*values: Tensor) -> Tensor:
        conv_weight, conv_bias, weight, bias = values
        hidden = ops.tanh(ops.conv2d(IMAGES.astype(np.float64), conv_weight, conv_bias, padding=1))
        rows = ops.reshape(ops.avg_pool2d(hidden, 2), (2, -1))
        return ops.softmax_cross_entropy(ops.linear(rows, weight, bias), [2, 0])

    values = [parameter.data for parameter in parameters.values()]
    assert loss(*map(Tensor, values)).item() == pytest.approx(
        ops.softmax_cross_entropy(model(IMAGES.astype(np.float64)), [2, 0]).item(), rel=1e-12
    )
    check_gradient(loss, values, rng=0, directions=4)
    ops.softmax_cross_entropy(model(IMAGES.astype(np.float64)), [2, 0]).backward()
    leaves = [Tensor(value, requires_grad=True) for value in values]
    loss(*leaves).backward()
    for parameter, leaf in zip(parameters.values(), leaves, strict=True):
        assert parameter.grad is not None
        assert leaf.grad is not None
        np.testing.assert_allclose(parameter.grad, leaf.grad, rtol=1e-12)


def model_of_all_kinds() -> Sequential:
    rng = np.random.default_rng(0)
    body = Sequential({"conv1": Conv2d(2, 2, 3, padding=1, rng=rng, bias=False), "norm1": BatchNorm(2)})
    return Sequential(
        {
            "embedding1": Embedding(7, 2, rng=rng),
            "block1": Residual(body),
            "block2": Residual(GroupNorm(1, 2), Conv2d(2, 2, 1, rng=rng)),
            "pool1": GlobalAvgPool2d(),
            "head": Sequential({"norm1": LayerNorm(2), "linear1": Linear(2, 3, rng=rng)}),
        }
    )


def test_kinds_tell_what_each_parameter_is_under_its_name() -> None:
    model = model_of_all_kinds()
    assert model.kinds() == {
        "embedding1.weight": "embedding",
        "block1.body.conv1.weight": "weight",
        "block1.body.norm1.scale": "scale",
        "block1.body.norm1.bias": "bias",
        "block2.body.scale": "scale",
        "block2.body.bias": "bias",
        "block2.shortcut.weight": "weight",
        "block2.shortcut.bias": "bias",
        "head.norm1.scale": "scale",
        "head.norm1.bias": "bias",
        "head.linear1.weight": "output",
        "head.linear1.bias": "bias",
    }
    assert list(model.kinds()) == list(model.parameters())
    assert [parameter.name for parameter in model.parameters().values()] == list(model.parameters())


def test_the_last_weight_of_a_model_is_its_output_even_if_layers_without_weight_follow() -> None:
    model = Sequential({"linear1": Linear(2, 2, rng=0), "norm1": BatchNorm(2), "relu1": ReLU()})
    assert model.kinds()["linear1.weight"] == "output"
    assert Sequential({"norm1": BatchNorm(2)}).kinds() == {"norm1.scale": "scale", "norm1.bias": "bias"}


def test_buffers_have_full_names_and_are_the_arrays_of_the_layers() -> None:
    model = model_of_all_kinds()
    assert list(model.buffers()) == ["block1.body.norm1.running_mean", "block1.body.norm1.running_var"]
    before = {name: buffer.copy() for name, buffer in model.buffers().items()}
    indices = np.arange(24).reshape(2, 4, 3) % 7
    model(indices)
    for name, buffer in model.buffers().items():
        np.testing.assert_array_equal(buffer, before[name])
    model(indices, training=True)
    for name, buffer in model.buffers().items():
        assert (buffer != before[name]).all()


def test_an_embedding_is_the_first_layer_of_a_model_and_all_parameters_get_gradients() -> None:
    model = model_of_all_kinds()
    indices = np.arange(24).reshape(2, 4, 3) % 6
    ops.softmax_cross_entropy(model(indices, training=True), [0, 1]).backward()
    for parameter in model.parameters().values():
        assert parameter.grad is not None
        assert parameter.grad.any() or parameter.name == "block1.body.conv1.weight"
    table_gradient = model.parameters()["embedding1.weight"].grad
    assert table_gradient is not None
    assert not table_gradient[6].any()


def test_a_residual_layer_adds_its_input_or_the_shortcut_of_it() -> None:
    body = Conv2d(3, 3, 3, padding=1, rng=0)
    np.testing.assert_array_equal(Residual(body)(IMAGES).data, body(IMAGES).data + IMAGES)
    narrowing, shortcut = Conv2d(3, 4, 3, stride=2, padding=1, rng=0), PaddedShortcut(3, 4, stride=2)
    expected = narrowing(IMAGES).data + shortcut(IMAGES).data
    np.testing.assert_array_equal(Residual(narrowing, shortcut)(IMAGES).data, expected)


def test_a_residual_layer_passes_training_and_the_generator_on() -> None:
    layer = Residual(Dropout(0.5), Dropout(0.5))
    value = layer(np.ones((50, 50)), training=True, rng=np.random.default_rng(0)).data
    assert set(np.unique(value)) == {0.0, 2.0, 4.0}
    np.testing.assert_array_equal(layer(np.ones((5, 5))).data, 2)


def test_a_shortcut_of_another_shape_is_explained_and_not_broadcast() -> None:
    with pytest.raises(ShapeError) as raised:
        Residual(Conv2d(3, 1, 1, rng=0))(IMAGES)
    assert str(raised.value) == (
        "the body of a residual layer returned shape (2, 5, 4, 1) and its shortcut (2, 5, 4, 3); give it a "
        "shortcut that returns what the body does."
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"out_channels": 2}, "`out_channels` (=2) must be at least `in_channels` (=3)."),
        ({"out_channels": 4, "stride": 0}, "`stride` (=0) must be at least 1."),
    ],
)
def test_a_padded_shortcut_that_cannot_be_is_explained(arguments: dict[str, int], sentence: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        PaddedShortcut(3, **arguments)
    assert str(raised.value) == sentence


def test_one_tensor_in_body_and_shortcut_is_refused() -> None:
    layer = Linear(3, 3, rng=0)
    with pytest.raises(ArgumentError) as raised:
        Residual(layer, layer)
    assert str(raised.value) == (
        "`body` and `shortcut` hold one tensor as 'body.weight' and as 'shortcut.weight', which an optimizer "
        "would update twice; give each layer its own parameters."
    )


def test_one_tensor_under_two_names_is_refused() -> None:
    layer = Linear(3, 3, rng=0)
    with pytest.raises(ArgumentError) as raised:
        Sequential({"first": layer, "second": layer})
    assert str(raised.value) == (
        "`layers` holds one tensor as 'first.weight' and as 'second.weight', which an optimizer would update "
        "twice; give each layer its own parameters."
    )


def test_a_model_of_no_layers_is_refused() -> None:
    with pytest.raises(ArgumentError) as raised:
        Sequential({})
    assert str(raised.value) == "`layers` (={}) must hold at least one layer."
