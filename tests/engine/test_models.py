"""Models: their layers and sizes, what a seed decides, and images that do not suit them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from tracekit.engine import MODELS, Linear, Tensor, build_model, ops
from tracekit.engine.initializers import he_normal
from tracekit.errors import ArgumentError, ShapeError, UnknownNameError

pytestmark = pytest.mark.usefixtures("strict_floats")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("input_shape", [(8, 8, 1), (9, 11, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_model_yields_logits_and_gradients_in_its_dtype(
    name: str, input_shape: tuple[int, int, int], dtype: type[np.floating]
) -> None:
    model = build_model(name, input_shape=input_shape, n_classes=5, rng=0, dtype=dtype)
    rng = np.random.default_rng(1)
    logits = model(rng.normal(size=(3, *input_shape)).astype(dtype), training=True, rng=rng)
    assert logits.shape == (3, 5)
    assert isinstance(list(model.layers.values())[-1], Linear)
    ops.softmax_cross_entropy(logits, [0, 4, 2]).backward()
    for parameter in model.parameters().values():
        assert parameter.grad is not None
        assert parameter.grad.dtype == parameter.dtype == dtype


@pytest.mark.parametrize("name", MODELS)
def test_a_seed_decides_the_weights(name: str) -> None:
    def parameters(rng: Any, dtype: type[np.floating] = np.float32) -> dict[str, Tensor]:
        return build_model(name, input_shape=(8, 8, 1), n_classes=3, rng=rng, dtype=dtype).parameters()

    first = parameters(1)
    for key, parameter in parameters(np.random.default_rng(1)).items():
        np.testing.assert_array_equal(parameter.data, first[key].data)
    for key, parameter in parameters(1, np.float64).items():
        np.testing.assert_array_equal(parameter.data.astype(np.float32), first[key].data)
    assert any((parameter.data != first[key].data).any() for key, parameter in parameters(2).items())


def test_ando_cnn_is_the_network_of_the_paper() -> None:
    model = build_model("ando_cnn", input_shape=(32, 32, 3), n_classes=10, rng=0)
    assert list(model.layers) == [
        *("conv1", "relu1", "conv2", "relu2", "pool1"),
        *("conv3", "relu3", "conv4", "relu4", "pool2"),
        *("conv5", "relu5", "conv6", "relu6", "pool3"),
        *("flatten", "linear1", "relu7", "dropout1", "linear2"),
    ]
    shapes = {name: parameter.shape for name, parameter in model.parameters().items()}
    assert shapes["conv1.weight"] == (32, 3, 3, 3)
    assert {shapes[f"conv{number}.weight"] for number in range(2, 7)} == {(32, 32, 3, 3)}
    assert shapes["linear1.weight"] == (512, 512)
    assert shapes["linear2.weight"] == (10, 512)
    assert sum(parameter.size for parameter in model.parameters().values()) == 314_922
    first_weight = model.parameters()["conv1.weight"].data
    np.testing.assert_array_equal(first_weight, he_normal((32, 3, 3, 3), 0))
    assert not any(value.data.any() for name, value in model.parameters().items() if name.endswith("bias"))


@pytest.mark.parametrize(("side", "channels", "size"), [(8, 1, 1_898), (32, 3, 11_642)])
def test_small_cnn_has_about_two_to_twelve_thousand_parameters(side: int, channels: int, size: int) -> None:
    model = build_model("small_cnn", input_shape=(side, side, channels), n_classes=10, rng=0)
    assert sum(parameter.size for parameter in model.parameters().values()) == size


@pytest.mark.parametrize(("name", "n_blocks", "size"), [("resnet8", 3, 75_290), ("resnet20", 9, 269_722)])
def test_resnets_are_those_of_the_paper(name: str, n_blocks: int, size: int) -> None:
    """He et al. give 0.27M parameters for 20 layers (table 6)."""
    model = build_model(name, input_shape=(32, 32, 3), n_classes=10, rng=0)
    assert list(model.layers) == [
        *("conv1", "norm1", "relu1"),
        *(
            f"{kind}{number + (kind == 'relu')}"
            for number in range(1, n_blocks + 1)
            for kind in ("block", "relu")
        ),
        *("pool1", "linear1"),
    ]
    assert sum(parameter.size for parameter in model.parameters().values()) == size
    outputs: dict[str, Tensor] = {}
    model(np.zeros((1, 32, 32, 3), np.float32), outputs=outputs)
    assert {outputs[f"block{number}"].shape for number in range(1, n_blocks + 1)} == {
        *((1, 32, 32, 16), (1, 16, 16, 32), (1, 8, 8, 64)),
    }
    weighted = [key for key, kind in model.kinds().items() if kind in ("weight", "output")]
    assert len(weighted) == int(name.removeprefix("resnet"))
    assert list(model.parameters())[3:6] == [
        *("block1.body.conv1.weight", "block1.body.norm1.scale", "block1.body.norm1.bias"),
    ]


def test_vgg_small_is_as_its_docstring_says() -> None:
    model = build_model("vgg_small", input_shape=(32, 32, 3), n_classes=10, rng=0)
    assert list(model.layers) == [
        *("conv1", "norm1", "relu1", "conv2", "norm2", "relu2", "pool1"),
        *("conv3", "norm3", "relu3", "conv4", "norm4", "relu4", "pool2"),
        *("conv5", "norm5", "relu5", "conv6", "norm6", "relu6", "pool3"),
        *("flatten", "linear1", "norm7", "relu7", "linear2"),
    ]
    assert model.parameters()["linear1.weight"].shape == (128, 4 * 4 * 128)
    assert sum(parameter.size for parameter in model.parameters().values()) == 551_146


@pytest.mark.parametrize("name", MODELS)
def test_every_model_says_of_what_kind_its_parameters_are(name: str) -> None:
    model = build_model(name, input_shape=(8, 8, 1), n_classes=4, rng=0)
    kinds = model.kinds()
    assert list(kinds) == list(model.parameters())
    for key, parameter in model.parameters().items():
        assert kinds[key] in ({"weight", "output"} if parameter.ndim > 1 else {"bias", "scale"})
    assert [key for key, kind in kinds.items() if kind == "output"] == [list(kinds)[-2]]
    for key, kind in kinds.items():
        if kind in ("bias", "scale"):
            assert (model.parameters()[key].data == (kind == "scale")).all()


@pytest.mark.parametrize("name", ["resnet8", "resnet20", "vgg_small"])
def test_models_with_batch_normalization_learn_to_tell_two_batches_apart(name: str) -> None:
    model = build_model(name, input_shape=(8, 8, 1), n_classes=2, rng=0)
    rng = np.random.default_rng(0)
    images, labels = rng.random((16, 8, 8, 1), dtype=np.float32), np.arange(16) % 2
    losses = []
    for _ in range(30):
        for parameter in model.parameters().values():
            parameter.grad = None
        loss = ops.softmax_cross_entropy(model(images, training=True), labels)
        loss.backward()
        losses.append(loss.item())
        for parameter in model.parameters().values():
            assert parameter.grad is not None
            parameter.data -= np.float32(0.05) * parameter.grad
    assert losses[-1] < 0.5 * losses[0]
    evaluated = ops.softmax_cross_entropy(model(images), labels).item()
    assert evaluated < losses[0]


@pytest.mark.parametrize(
    ("name", "smallest"),
    [("ando_cnn", 8), ("small_cnn", 4), ("resnet8", 4), ("resnet20", 4), ("vgg_small", 8)],
)
def test_images_too_small_for_a_model_are_explained(name: str, smallest: int) -> None:
    build_model(name, input_shape=(smallest, smallest, 1), n_classes=2, rng=0)
    with pytest.raises(ShapeError) as raised:
        build_model(name, input_shape=(smallest, smallest - 1, 1), n_classes=2, rng=0)
    assert str(raised.value) == (
        f"`input_shape` (=({smallest}, {smallest - 1}, 1)) needs at least {smallest}x{smallest} pixels for "
        f"{name!r}, which halves images on the way; choose another model."
    )


def test_other_wrong_arguments_are_explained() -> None:
    wrong: Any = (8, 8)
    with pytest.raises(ShapeError) as shape_error:
        build_model("mlp", input_shape=wrong, n_classes=2, rng=0)
    assert str(shape_error.value) == "`input_shape` (=(8, 8)) must be (height, width, channels)."
    with pytest.raises(ArgumentError) as argument_error:
        build_model("mlp", input_shape=(8, 8, 1), n_classes=0, rng=0)
    assert str(argument_error.value) == "`n_classes` (=0) must be at least 1."
    with pytest.raises(UnknownNameError) as name_error:
        build_model("ando_cn", input_shape=(8, 8, 1), n_classes=2, rng=0)
    assert str(name_error.value).startswith("unknown model 'ando_cn'; did you mean 'ando_cnn'? Known: ")


def test_importing_the_engine_loads_no_heavy_library() -> None:
    program = (
        "import sys, tracekit.engine as engine; list(engine.OPS);"
        "print(sorted({'scipy', 'pandas', 'pyarrow', 'matplotlib', 'hypothesis'} & set(sys.modules)))"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"
