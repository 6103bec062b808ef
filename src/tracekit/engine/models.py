"""Models by name, built from an input shape, a number of classes and a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.layers import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    MaxPool2d,
    PaddedShortcut,
    ReLU,
    Residual,
    Sequential,
)
from tracekit.engine.tape import no_grad
from tracekit.errors import ArgumentError, ShapeError, argument_sentence
from tracekit.registry import Registry

ImageShape: TypeAlias = tuple[int, int, int]
BuildModel: TypeAlias = Callable[[ImageShape, int, np.random.Generator, DTypeLike], Sequential]

MODELS: Registry[BuildModel] = Registry("model")


def build_model(
    name: str,
    *,
    input_shape: ImageShape,
    n_classes: int,
    rng: np.random.Generator | int,
    dtype: DTypeLike = np.float32,
) -> Sequential:
    """Build a model with fresh weights: He-normal (He et al., 2015), with zero biases and scales of 1.

    Parameters
    ----------
    name : str
        A name in :data:`MODELS`.
    input_shape : (height, width, channels)
        Shape of one image.
    n_classes : int
        Number of logits.
    rng : Generator or int
        Draws the weights, in the order of the layers.
    dtype : dtype
        float32 or float64, of the parameters; images should have the same.

    Returns
    -------
    Sequential
        Its last layer yields the logits, (n, n_classes).

    Raises
    ------
    UnknownNameError
        If there is no such model.
    ArgumentError
        If the images are too small for the model, or there is no class.

    Examples
    --------
    >>> from tracekit.engine import build_model
    >>> model = build_model("mlp", input_shape=(8, 8, 1), n_classes=10, rng=0)
    >>> list(model.parameters())
    ['linear1.weight', 'linear1.bias', 'linear2.weight', 'linear2.bias']
    >>> sum(parameter.size for parameter in model.parameters().values())
    4810
    """
    build = MODELS[name]
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise ShapeError(argument_sentence("input_shape", input_shape, "must be (height, width, channels)"))
    if n_classes < 1:
        raise ArgumentError(argument_sentence("n_classes", n_classes, "must be at least 1"))
    return build(input_shape, n_classes, np.random.default_rng(rng), dtype)


def _register(build: BuildModel) -> BuildModel:
    return MODELS.add(build.__name__, build)


@_register
def ando_cnn(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Six 3x3 convolutions of 32 channels, pooled after every second one, and two linear layers with dropout.

    The network whose training Ando, Fukuhara and Takefuji (2023) traced on CIFAR-10, as their program
    (github.com/RuoAndo/trackable_AI, commit b5a752f) builds it.
    """
    _check_size("ando_cnn", input_shape, 8)
    layers: dict[str, Layer] = {}
    channels = input_shape[2]
    for number in range(1, 7):
        layers[f"conv{number}"] = Conv2d(channels, 32, 3, padding=1, rng=rng, dtype=dtype)
        layers[f"relu{number}"] = ReLU()
        channels = 32
        if number % 2 == 0:
            layers[f"pool{number // 2}"] = MaxPool2d(2)
    layers["flatten"] = Flatten()
    n_features = _n_features(layers, input_shape, dtype)
    layers["linear1"] = Linear(n_features, 512, rng=rng, dtype=dtype)
    layers["relu7"] = ReLU()
    layers["dropout1"] = Dropout(0.5)
    layers["linear2"] = Linear(512, n_classes, rng=rng, dtype=dtype)
    return Sequential(layers)


@_register
def small_cnn(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Two 3x3 convolutions of 8 and 16 channels, each pooled, and a linear layer; for 8x8 to 32x32 pixels."""
    _check_size("small_cnn", input_shape, 4)
    layers: dict[str, Layer] = {
        "conv1": Conv2d(input_shape[2], 8, 3, padding=1, rng=rng, dtype=dtype),
        "relu1": ReLU(),
        "pool1": MaxPool2d(2),
        "conv2": Conv2d(8, 16, 3, padding=1, rng=rng, dtype=dtype),
        "relu2": ReLU(),
        "pool2": MaxPool2d(2),
        "flatten": Flatten(),
    }
    n_features = _n_features(layers, input_shape, dtype)
    layers["linear1"] = Linear(n_features, n_classes, rng=rng, dtype=dtype)
    return Sequential(layers)


@_register
def mlp(input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike) -> Sequential:
    """One hidden layer of 64 units."""
    return Sequential(
        {
            "flatten": Flatten(),
            "linear1": Linear(int(np.prod(input_shape)), 64, rng=rng, dtype=dtype),
            "relu1": ReLU(),
            "linear2": Linear(64, n_classes, rng=rng, dtype=dtype),
        }
    )


@_register
def softmax_regression(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """One linear layer: multinomial logistic regression, with a convex loss."""
    return Sequential(
        {
            "flatten": Flatten(),
            "linear1": Linear(int(np.prod(input_shape)), n_classes, rng=rng, dtype=dtype),
        }
    )


@_register
def resnet8(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Residual network of 7 convolutions and a linear layer: one block in each stage; see `resnet20`."""
    return _cifar_resnet("resnet8", 1, input_shape, n_classes, rng, dtype)


@_register
def resnet20(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Residual network of 19 convolutions and a linear layer, as He et al. (CVPR 2016, section 4.2) on CIFAR-10.

    A convolution of 16 channels, then three stages of three blocks with 16, 32 and 64 channels, the second and
    the third stage starting with a stride of 2, then the mean over all pixels and a linear layer. A block is
    two 3x3 convolutions without bias, each batch-normalized, with a ReLU between them and another after the
    addition. Where a block changes the shape, the shortcut takes every second pixel and pads with channels of
    zeros, half before and half after ("option A"), so that there are no parameters but those of the body.
    """
    return _cifar_resnet("resnet20", 3, input_shape, n_classes, rng, dtype)


@_register
def vgg_small(
    input_shape: ImageShape, n_classes: int, rng: np.random.Generator, dtype: DTypeLike
) -> Sequential:
    """Six 3x3 convolutions of 32, 32, 64, 64, 128 and 128 channels, pooled in pairs, and two linear layers.

    In the manner of VGG (Simonyan and Zisserman, ICLR 2015) with batch normalization before every ReLU: after
    each convolution and after the linear layer of 128 units, all of which have no bias.
    """
    _check_size("vgg_small", input_shape, 8)
    layers: dict[str, Layer] = {}
    channels = input_shape[2]
    for number, out_channels in enumerate((32, 32, 64, 64, 128, 128), start=1):
        layers[f"conv{number}"] = _conv3x3(channels, out_channels, rng, dtype)
        layers[f"norm{number}"] = BatchNorm(out_channels, dtype=dtype)
        layers[f"relu{number}"] = ReLU()
        channels = out_channels
        if number % 2 == 0:
            layers[f"pool{number // 2}"] = MaxPool2d(2)
    layers["flatten"] = Flatten()
    n_features = _n_features(layers, input_shape, dtype)
    layers["linear1"] = Linear(n_features, 128, rng=rng, dtype=dtype, bias=False)
    layers["norm7"] = BatchNorm(128, dtype=dtype)
    layers["relu7"] = ReLU()
    layers["linear2"] = Linear(128, n_classes, rng=rng, dtype=dtype)
    return Sequential(layers)


def _cifar_resnet(
    name: str,
    blocks_per_stage: int,
    input_shape: ImageShape,
    n_classes: int,
    rng: np.random.Generator,
    dtype: DTypeLike,
) -> Sequential:
    _check_size(name, input_shape, 4)
    channels = 16
    layers: dict[str, Layer] = {
        "conv1": _conv3x3(input_shape[2], channels, rng, dtype),
        "norm1": BatchNorm(channels, dtype=dtype),
        "relu1": ReLU(),
    }
    strides = [stride for first in (1, 2, 2) for stride in (first, *[1] * (blocks_per_stage - 1))]
    for number, stride in enumerate(strides, start=1):
        out_channels = channels * stride
        body = {
            "conv1": _conv3x3(channels, out_channels, rng, dtype, stride=stride),
            "norm1": BatchNorm(out_channels, dtype=dtype),
            "relu1": ReLU(),
            "conv2": _conv3x3(out_channels, out_channels, rng, dtype),
            "norm2": BatchNorm(out_channels, dtype=dtype),
        }
        shortcut = None if stride == 1 else PaddedShortcut(channels, out_channels, stride=stride)
        layers[f"block{number}"] = Residual(Sequential(body), shortcut)
        layers[f"relu{number + 1}"] = ReLU()
        channels = out_channels
    layers["pool1"] = GlobalAvgPool2d()
    layers["linear1"] = Linear(channels, n_classes, rng=rng, dtype=dtype)
    return Sequential(layers)


def _conv3x3(
    in_channels: int, out_channels: int, rng: np.random.Generator, dtype: DTypeLike, *, stride: int = 1
) -> Conv2d:
    """A convolution that a normalization follows, which makes a bias pointless."""
    return Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, rng=rng, dtype=dtype, bias=False)


def _check_size(name: str, input_shape: ImageShape, smallest: int) -> None:
    if min(input_shape[:2]) < smallest:
        need = f"needs at least {smallest}x{smallest} pixels for {name!r}, which halves images on the way"
        raise ShapeError(argument_sentence("input_shape", input_shape, need, "choose another model"))


def _n_features(layers: dict[str, Layer], input_shape: ImageShape, dtype: DTypeLike) -> int:
    """Find out how long a row the layers turn an image into, by running them on none."""
    with no_grad():
        return Sequential(layers)(np.zeros((0, *input_shape), dtype)).shape[1]
