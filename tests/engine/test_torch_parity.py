"""The same numbers as PyTorch: convolution, pooling, cross-entropy and a whole network."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from tracekit.engine import Sequential, Tensor, build_model, ops

torch: Any = pytest.importorskip(
    "torch", reason="PyTorch is the oracle of these tests: pip install tracekit[torch]"
)
functional = torch.nn.functional


def to_torch(images: np.ndarray) -> Any:
    """Channels-last images as PyTorch's channels-first ones, requiring a gradient."""
    return torch.tensor(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), requires_grad=True)


def channels_last(images: Any) -> np.ndarray:
    return images.detach().numpy().transpose(0, 2, 3, 1)


def compare(value: Tensor, expected: Any, pairs: list[tuple[Tensor, Any]]) -> None:
    """Compare channels-last outputs and, for equal output gradients, the gradients of (ours, theirs)."""
    np.testing.assert_allclose(value.data, channels_last(expected), rtol=1e-10, atol=1e-12)
    gradient = np.random.default_rng(1).normal(size=value.shape)
    value.backward(gradient)
    expected.backward(torch.tensor(gradient.transpose(0, 3, 1, 2).copy()))
    for ours, theirs in pairs:
        expected_gradient = theirs.grad.numpy()
        if ours.name == "images":
            expected_gradient = expected_gradient.transpose(0, 2, 3, 1)
        np.testing.assert_allclose(ours.grad, expected_gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize("kernel", [(3, 3), (3, 4), (5, 3)])
def test_conv2d(stride: int, padding: int, kernel: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    images, bias = rng.normal(size=(2, 9, 8, 3)), rng.normal(size=4)
    weight = rng.normal(size=(4, 3, *kernel))
    ours = [Tensor(images, requires_grad=True, name="images")]
    ours += [Tensor(each, requires_grad=True) for each in (weight, bias)]
    theirs = [to_torch(images), *(torch.tensor(each, requires_grad=True) for each in (weight, bias))]
    value = ops.conv2d(*ours, stride=stride, padding=padding)
    expected = functional.conv2d(*theirs, stride=stride, padding=padding)
    compare(value, expected, list(zip(ours, theirs, strict=True)))


@pytest.mark.parametrize(("kernel", "stride"), [(2, None), (2, 1), (3, 2), (3, None), (2, 3)])
@pytest.mark.parametrize("kind", ["max", "avg"])
def test_pooling(kind: str, kernel: int, stride: int | None) -> None:
    images = np.random.default_rng(0).normal(size=(2, 7, 8, 3))
    ours, theirs = Tensor(images, requires_grad=True, name="images"), to_torch(images)
    value = getattr(ops, f"{kind}_pool2d")(ours, kernel, stride=stride)
    expected = getattr(functional, f"{kind}_pool2d")(theirs, kernel, stride=stride)
    compare(value, expected, [(ours, theirs)])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy(reduction: str) -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(scale=5, size=(7, 4)), rng.integers(4, size=7)
    ours, theirs = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
    loss = ops.softmax_cross_entropy(ours, labels, reduction=reduction)
    expected = functional.cross_entropy(theirs, torch.tensor(labels), reduction=reduction)
    loss.backward()
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(ours.grad, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


def torch_ando_cnn(model: Sequential) -> Any:
    """The same network from PyTorch's layers, with the weights of `model`."""
    nn = torch.nn
    layers: list[tuple[str, Any]] = []
    for number in range(1, 7):
        layers.append((f"conv{number}", nn.Conv2d(3 if number == 1 else 32, 32, 3, padding=1)))
        layers.append((f"relu{number}", nn.ReLU()))
        if number % 2 == 0:
            layers.append((f"pool{number // 2}", nn.MaxPool2d(2)))
    layers += [("flatten", nn.Flatten()), ("linear1", nn.Linear(512, 512)), ("relu7", nn.ReLU())]
    layers += [("linear2", nn.Linear(512, 10))]
    network = nn.Sequential(OrderedDict(layers)).to(
        torch.tensor(model.parameters()["conv1.weight"].data).dtype
    )
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.tensor(channels_first_columns(name, model.parameters()[name].data)))
    return network


def channels_first_columns(name: str, array: np.ndarray) -> np.ndarray:
    """Reorder the columns of linear1.weight: we flatten (4, 4, 32), PyTorch (32, 4, 4)."""
    if name != "linear1.weight":
        return array
    return array.reshape(512, 4, 4, 32).transpose(0, 3, 1, 2).reshape(512, 512)


def test_ando_cnn_logits_and_all_gradients() -> None:
    model = build_model("ando_cnn", input_shape=(32, 32, 3), n_classes=10, rng=0, dtype=np.float64)
    network = torch_ando_cnn(model)
    rng = np.random.default_rng(0)
    images, labels = rng.random((8, 32, 32, 3)), rng.integers(10, size=8)

    logits = model(images)
    ops.softmax_cross_entropy(logits, labels).backward()
    expected = network(to_torch(images))
    functional.cross_entropy(expected, torch.tensor(labels)).backward()

    np.testing.assert_allclose(logits.data, expected.detach().numpy(), rtol=1e-10)
    expected_gradients = {name: parameter.grad.numpy() for name, parameter in network.named_parameters()}
    assert list(expected_gradients) == list(model.parameters())
    for name, parameter in model.parameters().items():
        assert parameter.grad is not None
        difference = channels_first_columns(name, parameter.grad) - expected_gradients[name]
        assert np.linalg.norm(difference) <= 1e-12 * np.linalg.norm(expected_gradients[name]), name


def test_ando_cnn_logits_in_float32() -> None:
    # Gradients are not compared: rounding decides near ties in pooling windows, and so where gradients go.
    model = build_model("ando_cnn", input_shape=(32, 32, 3), n_classes=10, rng=0)
    images = np.random.default_rng(0).random((8, 32, 32, 3), dtype=np.float32)
    expected = torch_ando_cnn(model)(to_torch(images)).detach().numpy()
    np.testing.assert_allclose(model(images).data, expected, rtol=1e-4, atol=1e-5)
