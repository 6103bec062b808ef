"""Every optimizer is the algorithm it says: checked step by step against its published rule in scalars."""

import math

import numpy as np
import pytest

from tracekit.engine.optim import OPTIMIZERS, build_optimizer
from tracekit.errors import ArgumentError, UnknownNameError

N_STEPS = 150
CURVATURE = np.array([1.0, 10.0, 0.1])
START = np.array([1.0, -1.0, 2.0])


def gradient(theta, t):
    """Quadratic bowl with a deterministic disturbance, so that signs and sizes of gradients vary."""
    return [
        a * x + 0.3 * math.sin(0.7 * t + k) for k, (a, x) in enumerate(zip(CURVATURE, theta, strict=True))
    ]


def trajectory(name, **settings):
    theta = {"w": START.copy()}
    optimizer = build_optimizer(name, theta, **settings)
    path = []
    for t in range(1, N_STEPS + 1):
        optimizer.apply(optimizer.update({"w": np.array(gradient(theta["w"], t))}))
        path.append(theta["w"].copy())
    return np.array(path)


# Straight transcriptions of the published rules, one coordinate at a time, in Python floats.


def sgd_rule(lr, decay):
    def step(t, x, g, s):
        return x - lr * (g + decay * x), s

    return step


def heavy_ball_rule(lr, mu):
    """Polyak 1964: x_{t+1} = x_t - lr g_t + mu (x_t - x_{t-1})."""

    def step(t, x, g, s):
        previous = s.get("previous", x)
        return x - lr * g + mu * (x - previous), {"previous": x}

    return step


def nesterov_rule(lr, mu):
    """Velocity form with the rate inside: v <- mu v - lr g; x <- x + mu v - lr g (Keras's documentation)."""

    def step(t, x, g, s):
        v = mu * s.get("v", 0.0) - lr * g
        return x + mu * v - lr * g, {"v": v}

    return step


def adam_rule(lr, b1, b2, eps, hat):
    def step(t, x, g, s):
        m = b1 * s.get("m", 0.0) + (1 - b1) * g
        v = b2 * s.get("v", 0.0) + (1 - b2) * g * g
        if hat:
            moved = lr * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (math.sqrt(v) + eps)
        else:
            moved = lr * (m / (1 - b1**t)) / (math.sqrt(v / (1 - b2**t)) + eps)
        return x - moved, {"m": m, "v": v}

    return step


RULES = {
    ("sgd", (("learning_rate", 0.05), ("weight_decay", 0.1))): sgd_rule(0.05, 0.1),
    ("sgd", (("learning_rate", 0.05),)): sgd_rule(0.05, 0.0),
    ("heavy_ball", (("learning_rate", 0.02), ("momentum", 0.8))): heavy_ball_rule(0.02, 0.8),
    ("nag", (("learning_rate", 0.02), ("momentum", 0.8))): nesterov_rule(0.02, 0.8),
    ("adam", (("learning_rate", 0.01), ("epsilon", 1e-3))): adam_rule(0.01, 0.9, 0.999, 1e-3, hat=False),
    ("adam", (("learning_rate", 0.01), ("epsilon", 1e-3), ("epsilon_hat", True))): adam_rule(
        0.01, 0.9, 0.999, 1e-3, hat=True
    ),
}


@pytest.mark.parametrize("key", RULES, ids=lambda key: f"{key[0]}-{len(key[1])}-{key[1][-1][0]}")
def test_trajectory_follows_the_published_rule(key):
    name, settings = key
    theta, states = list(START), [{} for _ in START]
    expected = []
    for t in range(1, N_STEPS + 1):
        gradients = gradient(theta, t)
        for k in range(len(theta)):
            theta[k], states[k] = RULES[key](t, theta[k], gradients[k], states[k])
        expected.append(list(theta))
    path = trajectory(name, **dict(settings))
    assert np.abs(path - expected).max() <= 1e-6 * np.abs(expected).max()


def test_every_optimizer_has_a_rule_here():
    assert {name for name, _ in RULES} == set(OPTIMIZERS)


TORCH = {
    "sgd": ("SGD", {"lr": 0.05, "weight_decay": 0.1}, {"learning_rate": 0.05, "weight_decay": 0.1}),
    "heavy_ball": ("SGD", {"lr": 0.02, "momentum": 0.8}, {"learning_rate": 0.02, "momentum": 0.8}),
    "nag": (
        "SGD",
        {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        {"learning_rate": 0.02, "momentum": 0.8, "weight_decay": 0.01},
    ),
    "adam": ("Adam", {"lr": 0.01, "weight_decay": 0.1}, {"learning_rate": 0.01, "weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", TORCH)
def test_trajectory_follows_pytorch(name):
    torch = pytest.importorskip(
        "torch", reason="PyTorch is not installed; the rules above are checked anyway"
    )
    theirs, their_settings, our_settings = TORCH[name]
    theta = torch.tensor(START.copy(), dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, theirs)([theta], **their_settings)
    expected = []
    for t in range(1, N_STEPS + 1):
        theta.grad = torch.tensor(gradient(theta.detach().tolist(), t), dtype=torch.float64)
        optimizer.step()
        expected.append(theta.detach().numpy().copy())
    path = trajectory(name, **our_settings)
    assert np.abs(path - expected).max() <= 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_kept_and_gradients_are_not_written(name, dtype):
    theta = {"w": np.ones((2, 3), dtype), "b": np.zeros(3, dtype)}
    gradients = {"w": np.full((2, 3), 0.5, dtype), "b": np.full(3, -2.0, dtype)}
    before = {key: value.copy() for key, value in gradients.items()}
    optimizer = build_optimizer(name, theta, weight_decay=0.1)
    for _ in range(3):
        updates = optimizer.update(gradients)
        assert {key: value.dtype for key, value in updates.items()} == {"w": dtype, "b": dtype}
        optimizer.apply(updates)
    assert all(np.array_equal(gradients[key], before[key]) for key in gradients)
    assert theta["w"].dtype == dtype


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_update_leaves_the_parameters_alone(name):
    theta = {"w": np.ones(3)}
    build_optimizer(name, theta).update({"w": np.ones(3)})
    assert np.array_equal(theta["w"], np.ones(3))


def test_first_adam_step_is_the_learning_rate_against_the_sign():
    theta = {"w": np.zeros(3)}
    optimizer = build_optimizer("adam", theta, learning_rate=0.25, epsilon=1e-30)
    updates = optimizer.update({"w": np.array([3.0, -1e-6, 1e4])})
    assert np.allclose(updates["w"], [-0.25, 0.25, -0.25], rtol=1e-12)


def test_adam_state_can_be_read_between_updates():
    optimizer = build_optimizer("adam", {"w": np.zeros(1)})
    optimizer.update({"w": np.array([2.0])})
    assert optimizer.state["adam"]["first_moment"]["w"] == pytest.approx([0.2])
    assert optimizer.state["adam"]["second_moment"]["w"] == pytest.approx([0.004])
    assert optimizer.state["descent"]["learning_rate"] == 0.001


def test_a_schedule_is_asked_for_each_update():
    theta = {"w": np.zeros(1)}
    optimizer = build_optimizer("sgd", theta, learning_rate=lambda step: 1.0 / step)
    for _ in range(3):
        optimizer.apply(optimizer.update({"w": np.ones(1)}))
    assert theta["w"] == pytest.approx([-(1 + 1 / 2 + 1 / 3)])


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("adam", {"learning_rate": -1.0}, "`learning_rate` (=-1.0) must be a positive finite number; the default is 0.001."),
        (
            "adam",
            {"learning_rate": float("nan")},
            "`learning_rate` (=nan) must be a positive finite number; the default is 0.001.",
        ),
        ("sgd", {"learning_rate": "fast"}, "`learning_rate` (='fast') must be a positive finite number; the default is 0.1."),
        ("adam", {"beta2": 1.0}, "`beta2` (=1.0) must lie in [0, 1); the default is 0.999."),
        ("nag", {"momentum": True}, "`momentum` (=True) must lie in [0, 1); the default is 0.9."),
        ("adam", {"epsilon": 0}, "`epsilon` (=0) must be a positive finite number; the default is 1e-08."),
        ("adam", {"epsilon_hat": 1}, "`epsilon_hat` (=1) must be true or false."),
        ("sgd", {"weight_decay": float("inf")}, "`weight_decay` (=inf) must be a finite number of at least 0; the default is 0.0."),
    ],
)  # fmt: skip
def test_bad_hyperparameters_are_one_sentence(name, settings, sentence):
    with pytest.raises(ArgumentError) as caught:
        build_optimizer(name, {"w": np.zeros(1)}, **settings)
    assert str(caught.value) == sentence


def test_unknown_names_come_with_the_closest_and_the_list():
    with pytest.raises(UnknownNameError) as caught:
        build_optimizer("adma", {"w": np.zeros(1)})
    assert (
        str(caught.value)
        == "unknown optimizer 'adma'; did you mean 'adam'? Known: adam, heavy_ball, nag, sgd."
    )
    with pytest.raises(UnknownNameError) as caught:
        build_optimizer("sgd", {"w": np.zeros(1)}, momentum=0.9)
    assert (
        str(caught.value) == "unknown hyperparameter of sgd 'momentum'; Known: learning_rate, weight_decay."
    )
