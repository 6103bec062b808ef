"""Every layer against PyTorch's: outputs, all gradients and running moments, on drawn shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine import (
    ELU,
    GELU,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Embedding,
    GlobalAvgPool2d,
    GroupNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    Linear,
    MaxPool2d,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Tanh,
    Tensor,
    ops,
)

torch: Any = pytest.importorskip(
    "torch", reason="PyTorch is the oracle of these tests: pip install tracekit[torch]"
)
nn = torch.nn

TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}
"""Largest error, as a share of the largest element that is expected, or of 0.1 where all cancel to less."""


def assert_close(value: Any, expected: Any) -> None:
    expected = expected.detach().numpy() if isinstance(expected, torch.Tensor) else expected
    assert value.dtype == expected.dtype
    largest = np.abs(expected).max(initial=0.1)
    np.testing.assert_allclose(value, expected, rtol=0, atol=TOLERANCE[value.dtype] * largest)


def channels_first(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def channels_last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 1, -1)


def copy_parameters(layer: Layer, module: Any, rng: np.random.Generator) -> None:
    """Draw the parameters of a layer anew and copy them to a module that lists them in the same order."""
    ours, theirs = list(layer.parameters().values()), list(module.parameters())
    with torch.no_grad():
        for parameter, counterpart in zip(ours, theirs, strict=True):
            parameter.data[...] = rng.normal(size=parameter.shape)
            counterpart.copy_(torch.tensor(parameter.data).reshape(counterpart.shape))


def compare(layer: Layer, module: Any, x: np.ndarray, *, training: bool, images: bool) -> None:
    """Compare outputs and, for one output gradient, the gradients of the input and of all parameters."""
    to_theirs, to_ours = (channels_first, channels_last) if images else (np.asarray, np.asarray)
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(to_theirs(x), requires_grad=True)
    value = layer(ours, training=training)
    expected = module.train(training)(theirs)
    assert_close(value.data, to_ours(expected.detach().numpy()))

    gradient = np.random.default_rng(7).normal(size=value.shape).astype(x.dtype)
    value.backward(gradient)
    expected.backward(torch.tensor(to_theirs(gradient)))
    assert ours.grad is not None
    assert_close(ours.grad, to_ours(theirs.grad.numpy()))
    for parameter, counterpart in zip(layer.parameters().values(), module.parameters(), strict=True):
        assert parameter.grad is not None
        assert_close(parameter.grad, counterpart.grad.reshape(parameter.shape))


dtypes = st.sampled_from([np.float32, np.float64])
seeds = st.integers(0, 2**32 - 1)
image_shapes = st.tuples(*(st.integers(2, 6) for _ in range(3)), st.integers(1, 5))


def draw_array(shape: tuple[int, ...], seed: int, dtype: Any) -> np.ndarray:
    return (2 * np.random.default_rng(seed).normal(size=shape) + 0.5).astype(dtype)


ACTIVATIONS = {
    "ReLU": (ReLU(), nn.ReLU()),
    "LeakyReLU": (LeakyReLU(0.2), nn.LeakyReLU(0.2)),
    "ELU": (ELU(), nn.ELU()),
    "ELU with alpha": (ELU(0.5), nn.ELU(0.5)),
    "GELU": (GELU(), nn.GELU()),
    "SiLU": (SiLU(), nn.SiLU()),
    "Tanh": (Tanh(), nn.Tanh()),
    "Sigmoid": (Sigmoid(), nn.Sigmoid()),
    "MaxPool2d": (MaxPool2d(2), nn.MaxPool2d(2)),
    "AvgPool2d": (AvgPool2d(2, stride=1), nn.AvgPool2d(2, stride=1)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(shape=image_shapes, seed=seeds, dtype=dtypes)
def test_layers_without_parameters(name: str, shape: tuple[int, ...], seed: int, dtype: Any) -> None:
    compare(*ACTIVATIONS[name], draw_array(shape, seed, dtype), training=True, images=True)


@given(shape=image_shapes, seed=seeds, dtype=dtypes)
def test_global_average_pooling(shape: tuple[int, ...], seed: int, dtype: Any) -> None:
    x = draw_array(shape, seed, dtype)
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(channels_first(x), requires_grad=True)
    value = GlobalAvgPool2d()(ours)
    expected = nn.AdaptiveAvgPool2d(1)(theirs).flatten(1)
    assert_close(value.data, expected)
    gradient = np.random.default_rng(7).normal(size=value.shape).astype(dtype)
    value.backward(gradient)
    expected.backward(torch.tensor(gradient))
    assert ours.grad is not None
    assert_close(ours.grad, channels_last(theirs.grad.numpy()))


@given(shape=image_shapes, n_out=st.integers(1, 4), seed=seeds, dtype=dtypes, bias=st.booleans())
def test_linear_and_convolution(
    shape: tuple[int, ...], n_out: int, seed: int, dtype: Any, bias: bool
) -> None:
    x, n_in = draw_array(shape, seed, dtype), shape[-1]
    layer: Layer = Conv2d(n_in, n_out, 3, stride=2, padding=1, rng=0, dtype=dtype, bias=bias)
    module = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=bias).to(torch.tensor(x).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    compare(layer, module, x, training=True, images=True)

    layer = Linear(n_in, n_out, rng=0, dtype=dtype, bias=bias)
    module = nn.Linear(n_in, n_out, bias=bias).to(torch.tensor(x).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    compare(layer, module, x.reshape(-1, n_in), training=True, images=False)


@pytest.mark.parametrize("training", [True, False])
@given(shape=image_shapes, seed=seeds, dtype=dtypes, momentum=st.sampled_from([0.1, 0.0, 0.7, 1.0]))
def test_batch_norm_of_images_and_its_running_moments(
    shape: tuple[int, ...], seed: int, dtype: Any, momentum: float, training: bool
) -> None:
    layer = BatchNorm(shape[-1], momentum=momentum, dtype=dtype)
    module = nn.BatchNorm2d(shape[-1], momentum=momentum).to(torch.tensor(draw_array((), 0, dtype)).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    for batch in range(3):
        # Several batches in training, of different sizes, and then the comparison in either mode.
        x = draw_array((shape[0] + batch, *shape[1:]), seed + batch, dtype)
        layer(x, training=True)
        module.train()(torch.tensor(channels_first(x)))
    compare(layer, module, draw_array(shape, seed + 9, dtype), training=training, images=True)
    for name, running in layer.buffers().items():
        assert_close(running, getattr(module, name))


@pytest.mark.parametrize("training", [True, False])
@given(n=st.integers(5, 12), n_features=st.integers(1, 7), seed=seeds, dtype=dtypes)
def test_batch_norm_of_rows_and_its_running_moments(
    n: int, n_features: int, seed: int, dtype: Any, training: bool
) -> None:
    layer = BatchNorm(n_features, dtype=dtype)
    module = nn.BatchNorm1d(n_features).to(torch.tensor(draw_array((), 0, dtype)).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    for batch in range(3):
        x = draw_array((n, n_features), seed + batch, dtype)
        layer(x, training=True)
        module.train()(torch.tensor(x))
    compare(layer, module, draw_array((n, n_features), seed + 9, dtype), training=training, images=False)
    for name, running in layer.buffers().items():
        assert_close(running, getattr(module, name))


@pytest.mark.parametrize("training", [True, False])
@given(shape=image_shapes, n_axes=st.integers(1, 3), seed=seeds, dtype=dtypes)
def test_layer_norm(shape: tuple[int, ...], n_axes: int, seed: int, dtype: Any, training: bool) -> None:
    shape = (*shape[:-1], shape[-1] + 3)
    normalized = shape[-n_axes:]
    layer = LayerNorm(normalized if n_axes > 1 else normalized[0], dtype=dtype)
    module = nn.LayerNorm(normalized).to(torch.tensor(draw_array((), 0, dtype)).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    compare(layer, module, draw_array(shape, seed, dtype), training=training, images=False)


@pytest.mark.parametrize("training", [True, False])
@given(shape=image_shapes, n_groups=st.integers(1, 3), group_size=st.integers(1, 3), seed=seeds, dtype=dtypes)
def test_group_norm(
    shape: tuple[int, ...], n_groups: int, group_size: int, seed: int, dtype: Any, training: bool
) -> None:
    n_channels = n_groups * group_size
    layer = GroupNorm(n_groups, n_channels, dtype=dtype)
    module = nn.GroupNorm(n_groups, n_channels).to(torch.tensor(draw_array((), 0, dtype)).dtype)
    copy_parameters(layer, module, np.random.default_rng(seed))
    x = draw_array((*shape[:-1], n_channels), seed, dtype)
    compare(layer, module, x, training=training, images=True)


class TorchResidual(nn.Module):
    def __init__(self, body: Any, shortcut: Any) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


@given(shape=image_shapes, seed=seeds, dtype=dtypes, with_shortcut=st.booleans())
def test_residual_addition(shape: tuple[int, ...], seed: int, dtype: Any, with_shortcut: bool) -> None:
    n_channels = shape[-1]
    body = Conv2d(n_channels, n_channels, 3, padding=1, rng=0, dtype=dtype)
    shortcut = Conv2d(n_channels, n_channels, 1, rng=0, dtype=dtype) if with_shortcut else None
    module = TorchResidual(
        nn.Conv2d(n_channels, n_channels, 3, padding=1),
        nn.Conv2d(n_channels, n_channels, 1) if with_shortcut else nn.Identity(),
    ).to(torch.tensor(draw_array((), 0, dtype)).dtype)
    layer = Residual(body, shortcut)
    copy_parameters(layer, module, np.random.default_rng(seed))
    compare(layer, module, draw_array(shape, seed, dtype), training=True, images=True)


@given(n_entries=st.integers(1, 6), n_features=st.integers(1, 4), seed=seeds, dtype=dtypes)
def test_embedding(n_entries: int, n_features: int, seed: int, dtype: Any) -> None:
    layer = Embedding(n_entries, n_features, rng=seed, dtype=dtype)
    module = nn.Embedding(n_entries, n_features).to(torch.tensor(layer.weight.data).dtype)
    rng = np.random.default_rng(seed)
    copy_parameters(layer, module, rng)
    indices = rng.integers(n_entries, size=(3, 5))
    value, expected = layer(indices), module(torch.tensor(indices))
    np.testing.assert_array_equal(value.data, expected.detach().numpy())
    gradient = rng.normal(size=value.shape).astype(dtype)
    value.backward(gradient)
    expected.backward(torch.tensor(gradient))
    assert layer.weight.grad is not None
    assert_close(layer.weight.grad, module.weight.grad)


@given(
    shape=st.tuples(st.integers(1, 8), st.integers(1, 6)),
    reduction=st.sampled_from(["mean", "sum"]),
    label_smoothing=st.sampled_from([0.0, 0.1, 0.6, 1.0]),
    seed=seeds,
    dtype=dtypes,
)
def test_cross_entropy_with_label_smoothing(
    shape: tuple[int, int], reduction: Any, label_smoothing: float, seed: int, dtype: Any
) -> None:
    logits = 2 * draw_array(shape, seed, dtype)
    labels = np.random.default_rng(seed).integers(shape[1], size=shape[0])
    ours, theirs = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    loss = ops.softmax_cross_entropy(ours, labels, reduction=reduction, label_smoothing=label_smoothing)
    expected = nn.functional.cross_entropy(
        theirs, torch.tensor(labels), reduction=reduction, label_smoothing=label_smoothing
    )
    loss.backward()
    expected.backward()
    assert_close(loss.data, expected)
    assert ours.grad is not None
    assert_close(ours.grad, theirs.grad)
