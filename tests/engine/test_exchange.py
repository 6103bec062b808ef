"""Exchange with PyTorch: the same networks written as plain modules give the same logits and gradients."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tracekit.engine import (
    BatchNorm,
    Conv2d,
    Flatten,
    LayerNorm,
    Linear,
    Residual,
    Sequential,
    Tensor,
    build_model,
    ops,
)
from tracekit.engine.state_dict import load_state_dict, to_state_dict
from tracekit.errors import ArgumentError, ShapeError

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ModuleNotFoundError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is the oracle: pip install tracekit[torch]")

CIFAR = (32, 32, 3)


def networks() -> dict[str, Callable[[], Any]]:
    """The models of the engine, in PyTorch's own words."""

    def ando_cnn() -> Any:
        layers: list[tuple[str, Any]] = []
        for number in range(1, 7):
            layers.append((f"conv{number}", nn.Conv2d(3 if number == 1 else 32, 32, 3, padding=1)))
            layers.append((f"relu{number}", nn.ReLU()))
            if number % 2 == 0:
                layers.append((f"pool{number // 2}", nn.MaxPool2d(2)))
        layers += [("flatten", nn.Flatten()), ("linear1", nn.Linear(512, 512)), ("relu7", nn.ReLU())]
        layers += [("dropout1", nn.Dropout()), ("linear2", nn.Linear(512, 10))]
        return nn.Sequential(OrderedDict(layers))

    class Block(nn.Module):
        def __init__(self, n_in: int, n_out: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(n_out)
            self.conv2 = nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(n_out)
            self.n_new = n_out - n_in
            self.stride = stride

        def forward(self, x: Any) -> Any:
            body = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
            kept = functional.pad(
                x[:, :, :: self.stride, :: self.stride],
                (0, 0, 0, 0, self.n_new // 2, self.n_new - self.n_new // 2),
            )
            return functional.relu(body + kept)

    class ResNet(nn.Module):
        def __init__(self, n_blocks: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            n_in = 16
            for stage, n_out in enumerate((16, 32, 64), start=1):
                blocks = []
                for _ in range(n_blocks):
                    blocks.append(Block(n_in, n_out, n_out // n_in))
                    n_in = n_out
                setattr(self, f"layer{stage}", nn.Sequential(*blocks))
            self.linear = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            x = functional.relu(self.bn1(self.conv1(x)))
            x = self.layer3(self.layer2(self.layer1(x)))
            return self.linear(x.mean(dim=(2, 3)))

    return {"ando_cnn": ando_cnn, "resnet8": lambda: ResNet(1), "resnet20": lambda: ResNet(3)}


every_network = pytest.mark.parametrize("name", ["ando_cnn", "resnet8", "resnet20"])


def draw_images(n: int, dtype: Any, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, *CIFAR)).astype(dtype)


def channels_first(images: np.ndarray) -> Any:
    return torch.tensor(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def as_tensors(state: dict[str, np.ndarray]) -> dict[str, Any]:
    return {name: torch.from_numpy(array) for name, array in state.items()}


def assert_same_logits(model: Sequential, network: Any) -> None:
    images = draw_images(8, np.float32, seed=5)
    with torch.no_grad():
        expected = network.eval()(channels_first(images)).numpy()
    logits = model(images).data
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@needs_torch
@every_network
def test_a_model_gives_its_logits_in_pytorch(name: str) -> None:
    model = build_model(name, input_shape=CIFAR, n_classes=10, rng=0)
    for seed in range(2):
        model(draw_images(6, np.float32, seed), training=True, rng=np.random.default_rng(0))
    network = networks()[name]()
    network.load_state_dict(as_tensors(to_state_dict(model)), strict=True)
    assert_same_logits(model, network)


@needs_torch
@every_network
def test_a_network_of_pytorch_gives_its_logits_here(name: str) -> None:
    torch.manual_seed(0)
    network = networks()[name]()
    for seed in range(2):
        network.train()(channels_first(draw_images(6, np.float32, seed)))
    model = build_model(name, input_shape=CIFAR, n_classes=10, rng=0)
    before = model.parameters()["conv1.weight"].data
    # As it is: tensors on the tape's leaves, and with the counters of batches.
    load_state_dict(model, dict(network.named_parameters()) | dict(network.named_buffers()))
    assert model.parameters()["conv1.weight"].data is before
    assert_same_logits(model, network)


@every_network
def test_a_state_comes_back_as_it_went(name: str) -> None:
    first, second = (build_model(name, input_shape=CIFAR, n_classes=10, rng=seed) for seed in (0, 1))
    first(draw_images(4, np.float32), training=True, rng=np.random.default_rng(0))
    state = to_state_dict(first)
    load_state_dict(second, state)
    for mine, theirs in ((first.buffers(), second.buffers()), (state, to_state_dict(second))):
        assert list(mine) == list(theirs)
        for key, array in mine.items():
            np.testing.assert_array_equal(theirs[key], array)
    images = draw_images(3, np.float32)
    np.testing.assert_array_equal(first(images).data, second(images).data)


@needs_torch
def test_resnet8_has_all_gradients_and_running_moments_of_pytorch() -> None:
    model = build_model("resnet8", input_shape=CIFAR, n_classes=10, rng=0, dtype=np.float64)
    network = networks()["resnet8"]().double()
    network.load_state_dict(as_tensors(to_state_dict(model)))
    images, labels = draw_images(10, np.float64), np.arange(10)

    logits = model(images, training=True)
    ops.softmax_cross_entropy(logits, labels, label_smoothing=0.1).backward()
    expected = network.train()(channels_first(images))
    functional.cross_entropy(expected, torch.tensor(labels), label_smoothing=0.1).backward()

    np.testing.assert_allclose(logits.data, expected.detach().numpy(), rtol=1e-9, atol=1e-12)
    for mine, theirs in zip(model.parameters().values(), network.parameters(), strict=True):
        assert mine.grad is not None
        difference = mine.grad - theirs.grad.numpy()
        assert np.linalg.norm(difference) <= 1e-10 * np.linalg.norm(theirs.grad.numpy()), mine.name
    state = network.state_dict()
    for key, array in to_state_dict(model).items():
        np.testing.assert_allclose(array, state[key].numpy(), rtol=1e-10, atol=1e-14, err_msg=key)


def test_names_of_a_residual_network_are_those_of_pytorch_programs() -> None:
    state = to_state_dict(build_model("resnet20", input_shape=CIFAR, n_classes=10, rng=0))
    modules = list(dict.fromkeys(key.rpartition(".")[0] for key in state))
    blocks = [f"layer{stage}.{place}" for stage in (1, 2, 3) for place in (0, 1, 2)]
    parts = ["conv1", "bn1", "conv2", "bn2"]
    assert modules == ["conv1", "bn1", *(f"{block}.{part}" for block in blocks for part in parts), "linear"]
    assert [key for key in state if key.startswith("bn1.")] == [
        *("bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var")
    ]


@pytest.mark.parametrize("side", [8, 16])
def test_an_exported_state_shares_no_memory_with_the_model(side: int) -> None:
    model = build_model("vgg_small", input_shape=(side, side, 1), n_classes=3, rng=0)
    arrays = [parameter.data for parameter in model.parameters().values()] + [*model.buffers().values()]
    for exported in to_state_dict(model).values():
        assert not any(np.shares_memory(exported, array) for array in arrays)
        assert exported.flags.c_contiguous


def test_columns_after_flatten_are_ordered_by_channel_first() -> None:
    model = Sequential(
        {
            "conv1": Conv2d(1, 2, 1, rng=0),
            "flatten": Flatten(),
            "linear1": Linear(2 * 3, 1, rng=0),
            "linear2": Linear(1, 6, rng=0),
        }
    )
    pixel, channel = np.divmod(np.arange(6), 2)
    model.parameters()["linear1.weight"].data[...] = 10 * channel + pixel
    state = to_state_dict(model)
    assert state["linear1.weight"].tolist() == [[0, 1, 2, 10, 11, 12]]
    np.testing.assert_array_equal(state["linear2.weight"], model.parameters()["linear2.weight"].data)


def test_a_model_that_flattens_its_images_needs_to_know_their_channels() -> None:
    model = build_model("mlp", input_shape=(2, 2, 3), n_classes=3, rng=0)
    with pytest.raises(ArgumentError) as raised:
        to_state_dict(model)
    assert str(raised.value) == (
        "`in_channels` (=None) must be given, because 'flatten' comes before any convolution."
    )
    with pytest.raises(ArgumentError) as raised:
        to_state_dict(model, in_channels=5)
    assert str(raised.value) == (
        "`in_channels` (=5) must be at least 1 and divide the 12 features that 'flatten' returns."
    )
    weight = model.parameters()["linear1.weight"].data
    state = to_state_dict(model, in_channels=3)
    expected = weight.reshape(64, 2, 2, 3).transpose(0, 3, 1, 2).reshape(64, 12)
    np.testing.assert_array_equal(state["linear1.weight"], expected)
    held = weight.copy()
    load_state_dict(model, state, in_channels=3)
    np.testing.assert_array_equal(weight, held)


def residual_with_convolutions() -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        {
            "block1": Residual(Sequential({"conv1": Conv2d(2, 2, 1, rng=rng)})),
            "block2": Residual(Conv2d(2, 4, 1, rng=rng), Conv2d(2, 4, 1, rng=rng)),
            "features": Sequential({"norm1": BatchNorm(4)}),
        }
    )


def test_a_shortcut_with_parameters_keeps_its_name_and_begins_a_stage() -> None:
    keys = list(to_state_dict(residual_with_convolutions()))
    assert keys == [
        *("layer1.0.conv1.weight", "layer1.0.conv1.bias", "layer2.0.weight", "layer2.0.bias"),
        *("layer2.0.shortcut.weight", "layer2.0.shortcut.bias", "features.bn1.weight", "features.bn1.bias"),
        *("features.bn1.running_mean", "features.bn1.running_var"),
    ]


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (
            {"conv1": Conv2d(1, 2, 1, rng=0), "flatten": Flatten(), "norm1": LayerNorm(8)},
            "`model` has 'norm1', whose elements are in an order that PyTorch's are not; leave it out or "
            "normalize channels instead.",
        ),
        (
            {"norm1": LayerNorm((2, 2, 1))},
            "`model` has 'norm1', whose elements are in an order that PyTorch's are not; leave it out or "
            "normalize channels instead.",
        ),
    ],
)
def test_parameters_in_another_order_are_refused(layers: Any, sentence: str) -> None:
    with pytest.raises(ArgumentError) as raised:
        to_state_dict(Sequential(layers))
    assert str(raised.value) == sentence


def without(state: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key not in keys}


RESNET_STATE = to_state_dict(build_model("resnet8", input_shape=CIFAR, n_classes=10, rng=0))

UNFIT_STATES: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "missing": (
        without(RESNET_STATE, "bn1.running_var"),
        ArgumentError,
        "`state` does not fit the model: it lacks 'bn1.running_var'.",
    ),
    "many missing": (
        without(RESNET_STATE, "bn1.running_var", "linear.weight", "linear.bias", "layer1.0.bn1.bias"),
        ArgumentError,
        "`state` does not fit the model: it lacks 'bn1.running_var', 'layer1.0.bn1.bias', 'linear.weight' and "
        "1 more.",
    ),
    "unknown": (
        RESNET_STATE | {"fc.weight": np.zeros(1), "linear.num_batches_tracked": np.array(1)},
        ArgumentError,
        "`state` does not fit the model: the model has no 'fc.weight', 'linear.num_batches_tracked'.",
    ),
    "both": (
        without(RESNET_STATE, "linear.bias") | {"fc.bias": np.zeros(10)},
        ArgumentError,
        "`state` does not fit the model: it lacks 'linear.bias', and the model has no 'fc.bias'.",
    ),
    "shape": (
        RESNET_STATE | {"linear.weight": np.zeros((100, 64), np.float32)},
        ShapeError,
        "`state['linear.weight'].shape` (=(100, 64)) must be (10, 64), as in the model.",
    ),
    "dtype": (
        RESNET_STATE | {"linear.bias": np.zeros(10, int)},
        ArgumentError,
        "`state['linear.bias'].dtype` (='int64') must be a floating-point type.",
    ),
}


@pytest.mark.parametrize("situation", UNFIT_STATES)
def test_a_state_that_does_not_fit_is_explained_and_changes_nothing(situation: str) -> None:
    state, kind, sentence = UNFIT_STATES[situation]
    model = build_model("resnet8", input_shape=CIFAR, n_classes=10, rng=1)
    before = to_state_dict(model)
    with pytest.raises(kind) as raised:
        load_state_dict(model, state)
    assert str(raised.value) == sentence
    for key, array in to_state_dict(model).items():
        np.testing.assert_array_equal(array, before[key])


def test_counters_of_batches_are_passed_over_and_the_dtype_of_the_model_is_kept() -> None:
    counters = {
        key.replace("running_mean", "num_batches_tracked"): np.array(3)
        for key in RESNET_STATE
        if key.endswith("running_mean")
    }
    model = build_model("resnet8", input_shape=CIFAR, n_classes=10, rng=1, dtype=np.float64)
    load_state_dict(model, RESNET_STATE | counters)
    weight: Tensor = model.parameters()["linear1.weight"]
    assert weight.dtype == np.float64
    np.testing.assert_array_equal(weight.data, RESNET_STATE["linear.weight"])


def test_exchange_does_not_load_pytorch() -> None:
    program = "import sys, tracekit.engine.state_dict; print('torch' in sys.modules)"
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "False"
