"""Mutual information is what the formula says, without the plug-in bias; the decay only ever lowers rates."""

import itertools
import math

import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from tracekit.data import load_dataset
from tracekit.engine import build_model
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training.information import (
    InformationDecay,
    contingency,
    entropy,
    mutual_information,
    winner_codes,
)
from tracekit.engine.training.loop import train
from tracekit.errors import ArgumentError

RNG = np.random.default_rng(0)


def test_plug_in_part_equals_scikit_learn():
    codes, labels = RNG.integers(7, size=500), RNG.integers(4, size=500)
    table = contingency(codes, labels)
    corrections = (
        np.count_nonzero(table.sum(1)) + np.count_nonzero(table.sum(0)) - np.count_nonzero(table) - 1
    ) / 1000
    assert mutual_information(codes, labels) - corrections == pytest.approx(
        mutual_info_score(codes, labels), abs=1e-12
    )


def test_a_perfect_code_carries_the_whole_entropy():
    labels = RNG.integers(10, size=5000)
    information = mutual_information((labels + 3) % 10, labels)
    assert information == pytest.approx(entropy(np.bincount(labels)))
    assert information == pytest.approx(math.log(10), abs=0.01)


def test_independent_codes_carry_nothing_on_average():
    values = [
        mutual_information(RNG.integers(10, size=1000), RNG.integers(10, size=1000)) for _ in range(400)
    ]
    plug_in = (10 - 1) ** 2 / (2 * 1000)
    assert abs(np.mean(values)) < 0.1 * plug_in


def test_winner_codes_average_over_pixels():
    images = np.zeros((2, 3, 3, 4))
    images[0, :, :, 2] = 1.0
    images[1, 0, 0, 1] = 5.0
    assert winner_codes(images).tolist() == [2, 1]


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_the_rate_falls_when_nothing_more_is_learned_and_never_rises(scope):
    digits = load_dataset("digits")
    model = build_model("mlp", input_shape=digits.input_shape, n_classes=10, rng=0)
    optimizer = build_optimizer("sgd", {name: t.data for name, t in model.parameters().items()})
    decay = InformationDecay(optimizer, scope=scope)
    seen = []

    class Log(InformationDecay):
        def on_epoch_end(self, epoch):
            seen.append(dict(optimizer.parameters.layer_schedule))

    train(
        model,
        optimizer,
        digits.train_images,
        digits.train_labels,
        batch_size=100,
        n_epochs=12,
        order_rng=np.random.default_rng(1),
        dropout_rng=np.random.default_rng(2),
        observers=[decay, Log(optimizer)],
    )
    assert len(decay.history) == 12
    keys = {""} if scope == "global" else {"linear1", "linear2"}
    assert all(set(entry) == keys for entry in decay.history)
    final = decay.history[-1]["" if scope == "global" else "linear2"]
    assert 0.8 < final <= 1.0
    for name in optimizer.parameters.arrays:
        path = [entry.get(name, 1.0) for entry in seen]
        assert all(later <= earlier for earlier, later in itertools.pairwise(path))
    assert seen[0] == {}
    assert min(seen[-1].values()) < 0.5


def test_lowest_must_be_positive():
    optimizer = build_optimizer("sgd", {"w": np.zeros(1)})
    with pytest.raises(ArgumentError) as caught:
        InformationDecay(optimizer, lowest=0.0)
    assert str(caught.value) == "`lowest` (=0.0) must lie in (0, 1]."
