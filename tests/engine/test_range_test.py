"""The range test finds where training works, and leaves the model as it was."""

import numpy as np
import pytest

from tracekit.data import load_dataset
from tracekit.engine import build_model
from tracekit.engine.training.learning_rate_range import learning_rate_range_test
from tracekit.errors import ArgumentError

DIGITS = load_dataset("digits")


def run(name="sgd", model="mlp", **settings):
    net = build_model(model, input_shape=DIGITS.input_shape, n_classes=10, rng=0)
    before = {key: tensor.data.copy() for key, tensor in net.parameters().items()}
    result = learning_rate_range_test(
        net, name, DIGITS.train_images, DIGITS.train_labels, **{"batch_size": 100, "rng": 0} | settings
    )
    assert all(np.array_equal(before[key], tensor.data) for key, tensor in net.parameters().items())
    return result


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n_updates", [60, 100])
@pytest.mark.parametrize(("name", "low", "high"), [("sgd", 0.01, 3.0), ("adam", 3e-4, 0.3)])
def test_the_suggestion_lies_where_training_is_known_to_work(name, low, high, seed, n_updates):
    result = run(name, rng=seed, n_updates=n_updates)
    assert low < result.suggestion < high
    assert result.learning_rates[0] == pytest.approx(1e-7)
    assert np.all(np.diff(np.log(result.learning_rates)) > 0)
    assert len(result.losses) == len(result.smoothed) == len(result.learning_rates)


def test_a_range_that_ends_in_divergence_stops_early():
    result = run("sgd", highest=1e6)
    assert result.diverged
    assert len(result.losses) < 100


def test_the_same_seed_gives_the_same_losses():
    assert run().losses.tolist() == run().losses.tolist()


def test_buffers_are_put_back_too():
    net = build_model("vgg_small", input_shape=DIGITS.input_shape, n_classes=10, rng=0)
    before = {name: array.copy() for name, array in net.buffers().items()}
    learning_rate_range_test(
        net, "sgd", DIGITS.train_images[:200], DIGITS.train_labels[:200], batch_size=20, rng=0, n_updates=10
    )
    assert before
    assert all(np.array_equal(before[name], array) for name, array in net.buffers().items())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "yamadam"}, "`optimizer` (='yamadam') must have a learning rate; take another."),
        ({"lowest": 1.0, "highest": 0.1}, "`highest` (=0.1) must be finite and above `lowest` (=1.0)."),
        ({"n_updates": 3}, "`n_updates` (=3) must be at least 10."),
    ],
)
def test_unusable_ranges_are_one_sentence(settings, sentence):
    with pytest.raises(ArgumentError) as caught:
        run(**settings)
    assert str(caught.value) == sentence
