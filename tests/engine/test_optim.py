"""Identities that optimizers must satisfy, and how they treat arrays, settings and schedules.

That each is the algorithm it says is tested in tests/reference/test_optimizers.py.
"""

import numpy as np
import pytest

from tracekit.engine.optim import OPTIMIZERS, build_optimizer
from tracekit.engine.optim.muon import orthogonalize
from tracekit.errors import ArgumentError, UnknownNameError

RNG = np.random.default_rng(0)
G = RNG.normal(size=6)


def one_step(name, g, theta=None, **settings):
    """Update of the first step, for a vector."""
    parameters = {"w": np.zeros_like(g) if theta is None else theta}
    return build_optimizer(name, parameters, **settings).update({"w": g})["w"]


def path(name, gradients, theta, kinds=None, **settings):
    """Parameters after each of the given gradients."""
    parameters = {"w": theta.copy()}
    optimizer = build_optimizer(name, parameters, kinds=kinds, **settings)
    seen = []
    for g in gradients:
        optimizer.apply(optimizer.update({"w": g}))
        seen.append(parameters["w"].copy())
    return np.array(seen)


# Identities that the update rules imply


@pytest.mark.parametrize(
    ("name", "settings", "size"),
    [
        ("adam", {"epsilon": 1e-30}, 1.0),
        ("adamax", {"epsilon": 1e-30}, 1.0),
        ("rmsprop", {"epsilon": 1e-30, "alpha": 0.99}, 10.0),
        ("lion", {}, 1.0),
    ],
)
def test_first_step_is_a_multiple_of_the_sign(name, settings, size):
    assert one_step(name, G, learning_rate=0.25, **settings) == pytest.approx(
        -0.25 * size * np.sign(G), rel=1e-9
    )


def test_lion_steps_have_one_size():
    moves = np.diff(path("lion", RNG.normal(size=(20, 6)), np.zeros(6), learning_rate=0.1), axis=0)
    assert np.abs(moves) == pytest.approx(0.1)


def test_rprop_steps_are_its_step_size_or_nothing():
    parameters = {"w": np.zeros(6)}
    optimizer = build_optimizer("rprop", parameters)
    for g in RNG.normal(size=(30, 6)):
        update = optimizer.update({"w": g})["w"]
        size = optimizer.state["rprop"]["step_size"]["w"]
        assert np.all((np.abs(update) == size) | (update == 0))


def test_belief_under_a_constant_gradient_falls_to_its_floor_and_steps_grow():
    constant = np.full((4000, 3), 0.5)
    optimizer = build_optimizer("adabelief", {"w": np.zeros(3)}, epsilon=1e-8, beta2=0.99)
    updates = [optimizer.update({"w": g})["w"][0] for g in constant]
    assert optimizer.state["adabelief"]["belief"]["w"] == pytest.approx(1e-8 / 0.01, rel=1e-3)
    assert abs(updates[-1]) > 50 * abs(updates[0])
    adam = build_optimizer("adam", {"w": np.zeros(3)})
    assert [adam.update({"w": g})["w"][0] for g in constant][-1] == pytest.approx(-0.001, rel=1e-6)


def test_aida_without_projections_is_adabelief_without_outer_epsilon():
    gradients = RNG.normal(size=(40, 6))
    plain = path("aida", gradients, np.ones(6), projections=0, epsilon=1e-6)
    # AdaBelief adds ε once more outside the root, a relative change of at most ε/√s ~ 1e-4 here.
    belief = path("adabelief", gradients, np.ones(6), epsilon=1e-6)
    assert np.abs(plain - belief).max() < 1e-4 * np.abs(plain - 1).max()


def test_aida_projections_shrink_the_deviation_by_the_cosine_each():
    """In norm ‖m^K − g^K‖ = |cos φ|^K ‖m − g‖, so at the first step v has the mean of its square."""
    for k in (0, 1, 2, 3):
        optimizer = build_optimizer(
            "aida", {"w": np.zeros(6)}, projections=k, epsilon=1e-30, beta2=0.5, beta1=0.5
        )
        first, second = RNG.normal(size=(2, 6))
        optimizer.update({"w": first})
        before = optimizer.state["aida"]["belief"]["w"].copy()
        optimizer.update({"w": second})
        m = optimizer.state["aida"]["first_moment"]["w"]
        cosine = m @ second / np.sqrt((m @ m) * (second @ second))
        deviation = (optimizer.state["aida"]["belief"]["w"] - 0.5 * before).sum() / 0.5
        assert deviation == pytest.approx(cosine ** (2 * k) * ((m - second) ** 2).sum(), rel=1e-9)
        assert optimizer.state["aida"]["cosine"]["w"] == pytest.approx(cosine)


def test_amsgrad_never_steps_further_than_adam():
    gradients = RNG.normal(size=(50, 6)) * np.geomspace(10, 0.01, 50)[:, None]
    adam, amsgrad = (build_optimizer(name, {"w": np.zeros(6)}) for name in ("adam", "amsgrad"))
    for g in gradients:
        assert np.all(
            np.abs(amsgrad.update({"w": g})["w"]) <= np.abs(adam.update({"w": g})["w"]) * (1 + 1e-12)
        )


def test_radam_becomes_adam_with_epsilon_hat():
    gradients = RNG.normal(size=(20_000, 3))
    radam, adam = (
        build_optimizer(name, {"w": np.zeros(3)}, epsilon=1e-3, **settings)
        for name, settings in (("radam", {"beta2": 0.99}), ("adam", {"epsilon_hat": True, "beta2": 0.99}))
    )
    for g in gradients:
        one, two = radam.update({"w": g})["w"], adam.update({"w": g})["w"]
    assert one == pytest.approx(two, rel=1e-6)


def test_nadam_without_momentum_is_bias_corrected_rmsprop():
    gradients = RNG.normal(size=(30, 4))
    nadam = path("nadam", gradients, np.zeros(4), beta1=0.0, learning_rate=0.1)
    adam = path("adam", gradients, np.zeros(4), beta1=0.0, learning_rate=0.1)
    assert nadam == pytest.approx(adam, rel=1e-9)


def test_schedule_free_without_interpolation_descends_on_z():
    optimizer = build_optimizer("schedule_free_sgd", {"w": np.zeros(4)}, beta=0.0, learning_rate=0.3)
    parameters = optimizer.parameters.arrays["w"]
    expected = np.zeros(4)
    for g in RNG.normal(size=(10, 4)):
        optimizer.apply(optimizer.update({"w": g}))
        expected -= 0.3 * g
        assert parameters == pytest.approx(expected)


def test_schedule_free_is_evaluated_at_the_average():
    optimizer = build_optimizer("schedule_free_sgd", {"w": np.zeros(2)}, learning_rate=0.5, beta=0.9)
    z, visited = np.zeros(2), []
    for g in RNG.normal(size=(10, 2)):
        optimizer.apply(optimizer.update({"w": g}))
        z = z - 0.5 * g
        visited.append(z)
    trained = optimizer.parameters.arrays["w"].copy()
    with optimizer.evaluating():
        assert optimizer.parameters.arrays["w"] == pytest.approx(np.mean(visited, axis=0))
    assert np.array_equal(optimizer.parameters.arrays["w"], trained)


@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_trust_ratios_fix_the_size_of_an_update_relative_to_the_weights(name):
    theta = RNG.normal(size=(3, 4))
    settings = {"lars": {"momentum": 0.0, "trust": 0.01}, "lamb": {"weight_decay": 1e-12}}[name]
    expected = {"lars": 0.5 * 0.01, "lamb": 0.5}[name]
    for scale in (1e-3, 1.0, 1e3):
        parameters = {"w": theta.copy()}
        optimizer = build_optimizer(name, parameters, learning_rate=0.5, **settings)
        update = optimizer.update({"w": scale * RNG.normal(size=(3, 4))})["w"]
        assert np.linalg.norm(update) / np.linalg.norm(theta) == pytest.approx(expected, rel=1e-6)


def test_soap_on_vectors_is_adam_with_epsilon_hat_one_gradient_late():
    gradients = RNG.normal(size=(30, 5))
    soap = path("soap", gradients, np.zeros(5), weight_decay=0.0, beta1=0.9, beta2=0.99)
    adam = path(
        "adam", gradients[1:], np.zeros(5), beta1=0.9, beta2=0.99, epsilon_hat=True, learning_rate=3e-3
    )
    assert soap[0] == pytest.approx(0.0)
    assert soap[1:] == pytest.approx(adam, rel=1e-10)


def test_shampoo_on_vectors_is_full_matrix_adagrad():
    gradients = RNG.normal(size=(20, 4))
    total, theta = 1e-4 * np.eye(4), np.zeros(4)
    expected = []
    for g in gradients:
        total += np.outer(g, g)
        values, vectors = np.linalg.eigh(total)
        theta = theta - 0.1 * (vectors / np.sqrt(values)) @ vectors.T @ g
        expected.append(theta)
    assert path("shampoo", gradients, np.zeros(4), refresh=1) == pytest.approx(np.array(expected), rel=1e-8)


def test_diffgrad_under_a_frozen_gradient_is_adam_at_half_the_rate():
    gradients = np.tile(G, (20, 1))
    diffgrad = np.diff(path("diffgrad", gradients, np.zeros(6), epsilon=1e-8), axis=0)
    adam = np.diff(path("adam", gradients, np.zeros(6), epsilon_hat=True, learning_rate=5e-4), axis=0)
    assert diffgrad == pytest.approx(adam, rel=1e-9)


def test_hyadamc_weighs_outliers_down():
    optimizer = build_optimizer("hyadamc_basic", {"w": np.zeros(50)})
    for g in RNG.normal(size=(200, 50)):
        optimizer.update({"w": g})
    usual = float(optimizer.state["hyadamc"]["momentum_coefficient"]["w"])
    optimizer.update({"w": 100 * RNG.normal(size=50)})
    assert float(optimizer.state["hyadamc"]["momentum_coefficient"]["w"]) > usual + 0.5 * (1 - usual)


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (1, 6)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape):
    matrix = RNG.normal(size=shape)
    values = np.linalg.svd(orthogonalize(matrix), compute_uv=False)
    assert values.max() <= 1.21
    assert values.min() > 0.3
    assert orthogonalize(1e6 * matrix) == pytest.approx(orthogonalize(matrix), rel=1e-5)


def test_muon_leaves_the_output_layer_to_adamw():
    shapes = {"hidden.weight": (4, 3), "output.weight": (2, 4), "output.bias": (2,)}
    kinds = {"hidden.weight": "weight", "output.weight": "output", "output.bias": "bias"}
    parameters = {name: np.zeros(shape) for name, shape in shapes.items()}
    optimizer = build_optimizer("muon", parameters, kinds=kinds, adam_learning_rate=0.001)
    updates = optimizer.update({name: RNG.normal(size=shape) for name, shape in shapes.items()})
    assert np.abs(updates["output.weight"]) == pytest.approx(0.001, rel=1e-6)
    assert np.abs(updates["output.bias"]) == pytest.approx(0.001, rel=1e-6)
    assert (
        np.linalg.svd(updates["hidden.weight"], compute_uv=False).max() < 0.02 * 1.21 * np.sqrt(4 / 3) + 1e-12
    )


def test_prodigy_does_not_depend_on_the_scale_of_the_loss():
    gradients = RNG.normal(size=(60, 5))
    small, large = (path("prodigy", c * gradients, np.ones(5), epsilon=1e-30) for c in (1.0, 1e3))
    assert large == pytest.approx(small, rel=1e-9)


def test_insgd_needs_the_inputs_of_the_layers():
    optimizer = build_optimizer("insgd", {"a.weight": np.ones((2, 3)), "a.bias": np.ones(2)})
    gradients = {"a.weight": np.ones((2, 3)), "a.bias": np.ones(2)}
    with pytest.raises(ArgumentError) as caught:
        optimizer.update(gradients)
    assert str(caught.value) == "this optimizer normalizes by the layers' inputs; pass `inputs`."
    updates = optimizer.update(gradients, inputs={"a.weight": np.full((7, 3), 2.0)})
    assert updates["a.weight"] == pytest.approx(-0.1 / np.log(12.0))
    assert updates["a.bias"] == pytest.approx(-0.1)
    assert optimizer.state["insgd"]["input_power"]["a.weight"] == pytest.approx(12.0)


# Arrays, settings, schedules


@pytest.mark.parametrize("name", list(OPTIMIZERS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_types_are_kept_and_nothing_handed_in_is_written(name, dtype):
    theta = {
        "h.weight": np.ones((2, 3), dtype),
        "h.bias": np.zeros(3, dtype),
        "c.weight": np.ones((2, 1, 2, 2), dtype),
    }
    gradients = {key: np.full(array.shape, 0.5, dtype) for key, array in theta.items()}
    before = {key: value.copy() for key, value in gradients.items()}
    inputs = {"h.weight": np.ones((4, 3), dtype), "c.weight": np.ones((4, 5, 5, 1), dtype)}
    decay = {"weight_decay": 0.1} if "weight_decay" in OPTIMIZERS[name].defaults else {}
    optimizer = build_optimizer(name, theta, **decay)
    for _ in range(3):
        untouched = {key: array.copy() for key, array in theta.items()}
        updates = optimizer.update(gradients, inputs=inputs)
        assert {key: value.dtype for key, value in updates.items()} == dict.fromkeys(theta, dtype)
        assert all(np.array_equal(theta[key], untouched[key]) for key in theta)
        optimizer.apply(updates)
    assert all(np.array_equal(gradients[key], before[key]) for key in gradients)


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_non_finite_gradients_raise_nothing(name):
    theta = {"h.weight": np.ones((2, 3))}
    optimizer = build_optimizer(name, theta)
    with np.errstate(all="ignore"):
        for value in (1.0, np.inf, np.nan, 1.0):
            optimizer.apply(
                optimizer.update({"h.weight": np.full((2, 3), value)}, inputs={"h.weight": np.ones((2, 3))})
            )


#: Optimizers that a schedule of zero does not stop at once, and why.
NOT_STOPPED = {
    "lars": "its learning rate lies inside the momentum buffer, which rolls on",
    "rprop": "its learning rate is only the first step size",
    "schedule_free_sgd": "the average still moves towards z",
    "schedule_free_adamw": "the average still moves towards z",
}


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name not in NOT_STOPPED])
def test_a_schedule_of_zero_stops_an_optimizer(name):
    theta = {"h.weight": np.ones((2, 3)), "h.bias": np.ones(3)}
    optimizer = build_optimizer(name, theta, schedule=lambda count: 1.0 if count <= 3 else 0.0)
    inputs = {"h.weight": np.ones((2, 3))}
    for count in range(1, 6):
        updates = optimizer.update({key: np.ones_like(a) for key, a in theta.items()}, inputs=inputs)
        if count > 3:
            assert all(np.all(value == 0) for value in updates.values()), name
        optimizer.apply(updates)


def test_adam_state_can_be_read_between_updates():
    optimizer = build_optimizer("adam", {"w": np.zeros(1)})
    optimizer.update({"w": np.array([2.0])})
    assert optimizer.state["adam"]["first_moment"]["w"] == pytest.approx([0.2])
    assert optimizer.state["adam"]["second_moment"]["w"] == pytest.approx([0.004])
    assert optimizer.state["descent"]["learning_rate"] == 0.001


def test_a_schedule_is_asked_for_each_update():
    theta = {"w": np.zeros(1)}
    optimizer = build_optimizer("sgd", theta, schedule=lambda count: 1.0 / count, learning_rate=1.0)
    for _ in range(3):
        optimizer.apply(optimizer.update({"w": np.ones(1)}))
    assert theta["w"] == pytest.approx([-(1 + 1 / 2 + 1 / 3)])


def test_clipping_by_norm_is_joint_and_by_value_is_elementwise():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([0.0, -4.0])}
    zeros = {name: np.zeros(2) for name in gradients}
    updates = build_optimizer("sgd", dict(zeros), learning_rate=1.0, clip_norm=1.0).update(gradients)
    assert updates["a"] == pytest.approx([-0.6, 0.0])
    assert updates["b"] == pytest.approx([0.0, 0.8])
    updates = build_optimizer("sgd", dict(zeros), learning_rate=1.0, clip_value=3.5).update(gradients)
    assert updates["b"] == pytest.approx([0.0, 3.5])
    untouched = build_optimizer("sgd", dict(zeros), learning_rate=1.0, clip_norm=10.0).update(gradients)
    assert untouched["a"] == pytest.approx([-3.0, 0.0])


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_can_spare_vectors(name):
    parameters = {"h.weight": np.ones((2, 2)), "h.bias": np.ones(2)}
    optimizer = build_optimizer(name, parameters, weight_decay=0.5, decay_matrices_only=True)
    updates = optimizer.update({key: np.zeros_like(a) for key, a in parameters.items()})
    assert np.all(updates["h.weight"] < 0)
    assert np.all(updates["h.bias"] == 0)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("adam", {"learning_rate": -1.0}, "`learning_rate` (=-1.0) must be a positive finite number; the default is 0.001."),
        ("adam", {"learning_rate": float("nan")}, "`learning_rate` (=nan) must be a positive finite number; the default is 0.001."),
        ("sgd", {"learning_rate": "fast"}, "`learning_rate` (='fast') must be a positive finite number; the default is 0.1."),
        ("adam", {"beta2": 1.0}, "`beta2` (=1.0) must lie in [0, 1); the default is 0.999."),
        ("nag", {"momentum": True}, "`momentum` (=True) must lie in [0, 1); the default is 0.9."),
        ("adam", {"epsilon": 0}, "`epsilon` (=0) must be a positive finite number; the default is 1e-08."),
        ("adam", {"epsilon_hat": 1}, "`epsilon_hat` (=1) must be true or false."),
        ("sgd", {"weight_decay": float("inf")}, "`weight_decay` (=inf) must be a finite number of at least 0; the default is 0.0."),
        ("aida", {"projections": 1.5}, "`projections` (=1.5) must be a whole number of at least 0; the default is 2."),
        ("sgd", {"clip_norm": 0.0}, "`clip_norm` (=0.0) must be a positive finite number; the default is 1.0."),
    ],
)  # fmt: skip
def test_bad_hyperparameters_are_one_sentence(name, settings, sentence):
    with pytest.raises(ArgumentError) as caught:
        build_optimizer(name, {"w": np.zeros(1)}, **settings)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", list(OPTIMIZERS))
def test_no_hyperparameter_takes_nan(name):
    for setting, default in OPTIMIZERS[name].defaults.items():
        if not isinstance(default, bool):
            with pytest.raises(ArgumentError, match=rf"`{setting}` \(=nan\) must "):
                OPTIMIZERS[name].resolve({setting: float("nan")})


def test_muon_without_a_matrix_is_one_sentence():
    with pytest.raises(ArgumentError) as caught:
        build_optimizer("muon", {"bias": np.zeros(3)})
    assert str(caught.value) == (
        "muon needs at least one hidden weight matrix, and this model has none; use adamw, or a model with a hidden layer."
    )


def test_unknown_names_come_with_the_closest_and_the_list():
    with pytest.raises(UnknownNameError, match=r"unknown optimizer 'adma'; did you mean 'adam', 'adamax'"):
        build_optimizer("adma", {"w": np.zeros(1)})
    with pytest.raises(UnknownNameError) as caught:
        build_optimizer("sgd", {"w": np.zeros(1)}, momentum=0.9)
    assert str(caught.value) == (
        "unknown hyperparameter of sgd 'momentum'; "
        "Known: clip_norm, clip_value, decay_matrices_only, learning_rate, weight_decay."
    )
    with pytest.raises(UnknownNameError, match=r"of sgd 'lr'; did you mean 'learning_rate'\?"):
        build_optimizer("sgd", {"w": np.zeros(1)}, lr=0.9)


def test_definitions_say_what_they_are():
    for entry in OPTIMIZERS.values():
        assert entry.summary.endswith("."), entry.name
        assert "θ ← " in entry.rule or entry.name in (
            "hyadamc_scale",
            "schedule_free_sgd",
            "schedule_free_adamw",
        ), entry.name
        assert any(character.isdigit() for character in entry.source), entry.name
