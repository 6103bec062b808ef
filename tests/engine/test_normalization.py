"""Normalization: what its moments are taken over, what running moments follow, and numbers that are awkward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tracekit.engine import (
    BatchNorm,
    GroupNorm,
    Layer,
    LayerNorm,
    Tensor,
    build_model,
    gauss_newton_vector_product,
    no_grad,
    ops,
)
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

IMAGES = np.random.default_rng(0).normal(3, 2, size=(6, 5, 4, 8))


def moments(x: np.ndarray, axis: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return x.mean(axis=axis), x.var(axis=axis)


@pytest.mark.parametrize(
    ("layer", "axis", "arrangement"),
    [
        (BatchNorm(8, dtype=np.float64), (0, 1, 2), IMAGES.shape),
        (LayerNorm(8, dtype=np.float64), (3,), IMAGES.shape),
        (LayerNorm((5, 4, 8), dtype=np.float64), (1, 2, 3), IMAGES.shape),
        (GroupNorm(2, 8, dtype=np.float64), (1, 2, 4), (6, 5, 4, 2, 4)),
        (GroupNorm(8, 8, dtype=np.float64), (1, 2), IMAGES.shape),
    ],
)
def test_fresh_layers_return_mean_0_and_variance_1(
    layer: Layer, axis: tuple[int, ...], arrangement: tuple[int, ...]
) -> None:
    mean, variance = moments(layer(IMAGES, training=True).data.reshape(arrangement), axis)
    np.testing.assert_allclose(mean, 0, atol=1e-12)
    np.testing.assert_allclose(variance, 1, rtol=1e-4)  # 1 / (1 + epsilon / variance of x)


def test_scale_and_bias_come_after_the_normalization() -> None:
    layer = BatchNorm(8, dtype=np.float64)
    plain = layer(IMAGES, training=True).data
    layer.scale.data[...] = np.arange(8)
    layer.bias.data[...] = -1
    np.testing.assert_allclose(layer(IMAGES, training=True).data, plain * np.arange(8) - 1, atol=1e-12)


def test_running_moments_move_by_the_momentum_toward_the_mean_and_the_unbiased_variance() -> None:
    layer = BatchNorm(8, momentum=0.25, dtype=np.float64)
    layer(IMAGES, training=True)
    buffers = layer.buffers()
    np.testing.assert_allclose(buffers["running_mean"], 0.25 * IMAGES.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(
        buffers["running_var"], 0.75 + 0.25 * IMAGES.var(axis=(0, 1, 2), ddof=1), rtol=1e-12
    )


def test_running_moments_are_written_in_place_in_training_and_read_otherwise() -> None:
    layer = BatchNorm(8, momentum=1.0, dtype=np.float64)
    before = layer.buffers()
    with no_grad():
        layer(IMAGES, training=True)
    after = layer.buffers()
    assert [after[name] is buffer for name, buffer in before.items()] == [True, True]
    held = {name: buffer.copy() for name, buffer in after.items()}
    outside = IMAGES[:1] + 100
    expected = (outside - held["running_mean"]) / np.sqrt(held["running_var"] + layer.epsilon)
    np.testing.assert_allclose(layer(outside).data, expected, rtol=1e-12)
    for name, buffer in layer.buffers().items():
        np.testing.assert_array_equal(buffer, held[name])


def test_an_example_outside_of_training_does_not_depend_on_the_others() -> None:
    layer = BatchNorm(8, dtype=np.float64)
    layer(IMAGES, training=True)
    np.testing.assert_array_equal(layer(IMAGES).data[2:3], layer(IMAGES[2:3]).data)
    assert layer(IMAGES[:0]).shape == (0, 5, 4, 8)


def test_only_batch_normalization_mixes_samples() -> None:
    assert [layer.mixes_samples for layer in (BatchNorm(8), LayerNorm(8), GroupNorm(2, 8))] == [
        *(True, False, False)
    ]


@pytest.mark.parametrize("n", [2, 3, 7, 64, 100, 2 * 64 + 1])
def test_any_batch_size_gives_the_moments_of_its_rows(n: int) -> None:
    rows = np.random.default_rng(1).normal(size=(n, 3))
    mean, variance = moments(rows, (0,))
    value = ops.batch_norm(rows, np.ones(3), np.zeros(3)).data
    np.testing.assert_allclose(value, (rows - mean) / np.sqrt(variance + 1e-5), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [BatchNorm(4), LayerNorm(4), LayerNorm((8, 8, 4)), GroupNorm(2, 4)],
    ids=lambda each: type(each).__name__,
)
def test_a_mean_far_above_the_standard_deviation_costs_no_more_than_its_rounding(layer: Layer) -> None:
    # E[x²] - E[x]² in float32 would lose everything here: x² is 1e6, the variance is 1.
    x = (1000 + np.random.default_rng(2).normal(size=(64, 8, 8, 4))).astype(np.float32)
    scale, shift = (parameter.data.astype(np.float64) for parameter in layer.parameters().values())
    double: dict[type[Layer], Any] = {
        BatchNorm: lambda: ops.batch_norm(x.astype(np.float64), scale, shift),
        LayerNorm: lambda: ops.layer_norm(x.astype(np.float64), scale, shift),
        GroupNorm: lambda: ops.group_norm(x.astype(np.float64), scale, shift, 2),
    }
    expected = double[type(layer)]().data
    # The mean is rounded to float32 once: half a unit in the last place of 1000 is 3e-5 standard deviations.
    small_sets = isinstance(layer, LayerNorm) and layer.scale.ndim == 1
    tolerance = 1e-2 if small_sets else 2e-4
    np.testing.assert_allclose(layer(x, training=True).data, expected, atol=tolerance)


def test_a_constant_channel_becomes_the_bias_and_has_a_finite_gradient() -> None:
    x = Tensor(np.full((4, 3), 1e-25, np.float32), requires_grad=True)
    layer = BatchNorm(3)
    value = layer(x, training=True)
    assert not value.data.any()
    value.backward(np.random.default_rng(0).normal(size=(4, 3)))
    assert x.grad is not None
    assert np.isfinite(x.grad).all()


def test_nan_stays_in_its_channel_and_reaches_the_running_moments() -> None:
    x = IMAGES.copy()
    x[0, 0, 0, 1] = np.nan
    layer = BatchNorm(8, dtype=np.float64)
    value = layer(x, training=True).data
    assert np.isnan(value).any(axis=(0, 1, 2)).tolist() == [False, True, *[False] * 6]
    assert np.isnan(layer.running_mean).tolist() == [False, True, *[False] * 6]


ONES = np.ones(8)

SENTENCES: dict[str, tuple[Any, type[Exception], str]] = {
    "one value a channel": (
        lambda: BatchNorm(8)(np.ones((1, 8)), training=True),
        ShapeError,
        "batch_norm in training needs at least 2 values for each pair of moments, got `x` of shape (1, 8).",
    ),
    "channels of batch norm": (
        lambda: BatchNorm(4)(IMAGES.astype(np.float32)),
        ShapeError,
        "normalize needs `scale` and `shift` in the shape of the last axes of `x`, got shapes (4,), (4,) and "
        "(6, 5, 4, 8).",
    ),
    "axes of layer norm": (
        lambda: LayerNorm((4, 4, 8))(IMAGES.astype(np.float32)),
        ShapeError,
        "layer_norm needs `scale` and `shift` in the shape of the last axes of `x`, got shapes (4, 4, 8), "
        "(4, 4, 8) and (6, 5, 4, 8).",
    ),
    "no axis": (
        lambda: ops.layer_norm(IMAGES, np.array(1.0), np.array(0.0)),
        ShapeError,
        "layer_norm needs `scale` and `shift` in the shape of the last axes of `x`, got shapes (), () and "
        "(6, 5, 4, 8).",
    ),
    "no pixel": (
        lambda: ops.group_norm(IMAGES[:, :0], ONES, ONES, 2),
        ShapeError,
        "group_norm needs at least 1 value for each pair of moments, got `x` of shape (6, 0, 4, 8).",
    ),
    "groups": (
        lambda: GroupNorm(3, 8),
        ArgumentError,
        "`n_groups` (=3) must be at least 1 and divide the 8 channels.",
    ),
    "momentum": (
        lambda: BatchNorm(8, momentum=1.5),
        ArgumentError,
        "`momentum` (=1.5) must be in [0, 1].",
    ),
    "epsilon": (
        lambda: LayerNorm(8, epsilon=-1e-5),
        ArgumentError,
        "`epsilon` (=-1e-05) must be at least 0.",
    ),
}


@pytest.mark.parametrize("situation", SENTENCES)
def test_a_wrong_argument_is_explained_in_one_sentence(situation: str) -> None:
    call, kind, sentence = SENTENCES[situation]
    with pytest.raises(kind) as raised:
        call()
    assert str(raised.value) == sentence


def test_measuring_curvature_is_no_step_of_training_for_running_moments():
    net = build_model("vgg_small", input_shape=(8, 8, 1), n_classes=3, rng=0, dtype=np.float64)
    images = np.random.default_rng(1).normal(size=(6, 8, 8, 1))
    before = {name: buffer.copy() for name, buffer in net.buffers().items()}
    vector = {name: np.ones(tensor.shape) for name, tensor in net.parameters().items()}
    gauss_newton_vector_product(lambda: net(images, training=True), net.parameters(), vector)
    assert all(np.array_equal(before[name], buffer) for name, buffer in net.buffers().items())
