"""Initial weights: variance, bounds, fans of both weight layouts, determinism."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tracekit.engine import initializers
from tracekit.engine.initializers import Initializer
from tracekit.errors import ShapeError

LINEAR = (200, 300)
CONVOLUTION = (64, 48, 5, 3)

VARIANCES = [
    (initializers.he_normal, LINEAR, 2 / 300),
    (initializers.he_uniform, LINEAR, 2 / 300),
    (initializers.glorot_normal, LINEAR, 2 / 500),
    (initializers.glorot_uniform, LINEAR, 2 / 500),
    (initializers.he_normal, CONVOLUTION, 2 / (48 * 15)),
    (initializers.he_uniform, CONVOLUTION, 2 / (48 * 15)),
    (initializers.glorot_normal, CONVOLUTION, 2 / ((48 + 64) * 15)),
    (initializers.glorot_uniform, CONVOLUTION, 2 / ((48 + 64) * 15)),
]


@pytest.mark.parametrize(("initializer", "shape", "variance"), VARIANCES)
def test_weights_have_mean_zero_and_the_variance_of_the_paper(
    initializer: Initializer, shape: tuple[int, ...], variance: float
) -> None:
    weights = initializer(shape, 0, np.float64)
    assert weights.shape == shape
    assert weights.mean() == pytest.approx(0, abs=5 * math.sqrt(variance / weights.size))
    assert weights.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.parametrize(("initializer", "shape", "variance"), VARIANCES)
def test_uniform_weights_fill_their_interval_and_normal_ones_exceed_it(
    initializer: Initializer, shape: tuple[int, ...], variance: float
) -> None:
    largest = np.abs(initializer(shape, 0, np.float64)).max() / math.sqrt(3 * variance)
    assert (0.999 < largest <= 1) if "uniform" in initializer.__name__ else (largest > 1.5)


@pytest.mark.parametrize("initializer", [initializers.he_normal, initializers.glorot_uniform])
def test_a_seed_and_a_generator_give_the_same_weights_in_both_precisions(initializer: Initializer) -> None:
    from_seed = initializer((4, 3), 7, np.float64)
    np.testing.assert_array_equal(initializer((4, 3), np.random.default_rng(7), np.float64), from_seed)
    single: Any = initializer((4, 3), 7, np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, from_seed.astype(np.float32))


def test_zeros_take_any_shape_and_draw_nothing() -> None:
    rng = np.random.default_rng(0)
    assert initializers.zeros((3,), rng, np.float32).tolist() == [0.0, 0.0, 0.0]
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4), (0, 3)])
def test_a_shape_without_fans_is_explained(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError) as raised:
        initializers.he_normal(shape, 0)
    assert str(raised.value) == (
        f"`shape` (={shape}) must be (out, in) or (out, in, kernel height, kernel width), each at least 1."
    )
