"""Capturing: which layers are recorded, under which names, and that nothing else changes."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tracekit.engine import (
    Conv2d,
    Dropout,
    Flatten,
    GradientError,
    Linear,
    ReLU,
    Sequential,
    Tensor,
    build_model,
    capture,
    no_grad,
    ops,
)
from tracekit.errors import ArgumentError

pytestmark = pytest.mark.usefixtures("strict_floats")

IMAGES = np.random.default_rng(0).normal(size=(3, 4, 4, 2)).astype(np.float32)


def nested_model() -> Sequential:
    rng = np.random.default_rng(0)
    inner = Sequential({"conv1": Conv2d(2, 3, 3, padding=1, rng=rng), "relu1": ReLU()})
    return Sequential(
        {
            "features": Sequential({"first": inner, "dropout1": Dropout(0.5)}),
            "flatten": Flatten(),
            "linear1": Linear(48, 4, rng=rng),
        }
    )


def test_weighted_layers_are_recorded_by_full_name_in_order() -> None:
    model = nested_model()
    with capture(model) as calls:
        logits = model(IMAGES, training=True, rng=np.random.default_rng(0))
    assert list(calls) == [call.name for call in calls.values()] == ["features.first.conv1", "linear1"]
    first, last = calls.values()
    assert isinstance(first.layer, Conv2d)
    assert first.layer.parameters()["weight"] is model.parameters()["features.first.conv1.weight"]
    assert first.input is IMAGES
    assert first.training
    assert last.input.shape == (3, 48)
    assert last.output is logits


def test_a_single_layer_is_a_model_without_a_name() -> None:
    layer = Linear(2, 3, rng=0)
    with capture(layer) as calls:
        layer(IMAGES[:, 0, 0])
    assert list(calls) == [""]
    assert not calls[""].training


def test_gradients_at_the_outputs_are_those_of_the_loss() -> None:
    model = nested_model()
    with capture(model) as calls:
        logits = model(IMAGES)
        ops.softmax_cross_entropy(logits, [0, 1, 2], reduction="sum").backward()
    probabilities = np.exp(logits.data) / np.exp(logits.data).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(calls["linear1"].gradient, probabilities - np.eye(4)[:3], atol=1e-6)
    bias = model.parameters()["features.first.conv1.bias"].grad
    assert bias is not None
    np.testing.assert_allclose(
        calls["features.first.conv1"].gradient.sum(axis=(0, 1, 2)), bias, rtol=1e-4, atol=1e-6
    )


def test_a_gradient_before_the_backward_pass_is_explained() -> None:
    model = nested_model()
    with capture(model) as calls:
        model(IMAGES)
    with pytest.raises(GradientError) as raised:
        _ = calls["linear1"].gradient
    assert str(raised.value) == (
        "the output of layer 'linear1' has no gradient; call backward() on a loss that depends on it, computed "
        "outside no_grad()."
    )


def test_inputs_can_be_captured_without_a_tape() -> None:
    model = nested_model()
    with no_grad(), capture(model) as calls:
        model(IMAGES)
    assert calls["linear1"].input.shape == (3, 48)
    assert not calls["linear1"].output.requires_grad


def test_capturing_changes_no_number() -> None:
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=3, rng=0)
    images = np.random.default_rng(0).random((5, 8, 8, 1), dtype=np.float32)

    def gradients() -> list[bytes]:
        for parameter in model.parameters().values():
            parameter.grad = None
        ops.softmax_cross_entropy(model(images), [0, 1, 2, 0, 1]).backward()
        return [each.grad.tobytes() for each in model.parameters().values() if each.grad is not None]

    plain = gradients()
    with capture(model):
        assert gradients() == plain
    assert len(plain) == 6


def test_captures_can_be_nested_and_see_their_own_model_only() -> None:
    one, other = nested_model(), nested_model()
    with capture(one) as outer:
        with capture(one) as inner, capture(other) as foreign:
            one(IMAGES)
        other(IMAGES)
    assert list(outer) == list(inner) == ["features.first.conv1", "linear1"]
    assert outer["linear1"].output is inner["linear1"].output
    assert foreign == {}


def test_nothing_is_recorded_after_the_block_or_an_error_in_it() -> None:
    model = nested_model()
    with pytest.raises(ZeroDivisionError), capture(model) as calls:
        raise ZeroDivisionError
    model(IMAGES)
    assert calls == {}


def test_other_threads_are_not_seen_and_see_nothing() -> None:
    model = nested_model()
    seen_by_thread: list[list[str]] = []

    def work() -> None:
        model(IMAGES)
        with capture(model) as own:
            model(IMAGES)
        seen_by_thread.append(list(own))

    with capture(model) as calls:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert calls == {}
    assert seen_by_thread == [["features.first.conv1", "linear1"]]


def test_a_second_call_of_a_layer_is_refused() -> None:
    model = nested_model()
    with capture(model):
        model(Tensor(IMAGES))
        with pytest.raises(ArgumentError) as raised:
            model(Tensor(IMAGES))
    assert str(raised.value) == (
        "layer 'features.first.conv1' was called twice inside one capture(); enter capture() again for each "
        "forward pass."
    )
