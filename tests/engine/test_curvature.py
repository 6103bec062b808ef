"""Products with the Hessian and the Gauss-Newton matrix, against matrices computed independently."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from tracekit.engine import (
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GradientError,
    Linear,
    LocalQuadratic,
    MaxPool2d,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    Tensor,
    build_model,
    gauss_newton_vector_product,
    hessian_vector_product,
    local_quadratic,
    ops,
)
from tracekit.engine.derivatives.curvature import flatten, unflatten
from tracekit.errors import ArgumentError, ShapeError

pytestmark = pytest.mark.usefixtures("strict_floats")

Reduction = Literal["mean", "sum"]
Multiply = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def matrix(multiply: Multiply, parameters: dict[str, Tensor]) -> np.ndarray:
    """All columns of a matrix, one product each."""
    size = sum(each.size for each in parameters.values())
    columns = [flatten(multiply(unflatten(unit, parameters)), parameters) for unit in np.eye(size)]
    return np.stack(columns, axis=1)


def hessian(loss: Callable[[], Tensor], parameters: dict[str, Tensor]) -> np.ndarray:
    return matrix(functools.partial(hessian_vector_product, loss, parameters), parameters)


def gauss_newton(
    logits: Callable[[], Tensor], parameters: dict[str, Tensor], reduction: Reduction = "mean"
) -> np.ndarray:
    product = functools.partial(gauss_newton_vector_product, logits, parameters, reduction=reduction)
    return matrix(product, parameters)


def assert_matrices_agree(actual: np.ndarray, expected: np.ndarray, rtol: float) -> None:
    """Compare by the largest error relative to the largest element."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=rtol * np.abs(expected).max())


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def vector_like(parameters: dict[str, Tensor], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal(each.shape) for name, each in parameters.items()}


# A network of two linear layers and tanh, once more in plain NumPy.

INPUTS = np.random.default_rng(1).normal(size=(6, 3))
LABELS = np.array([0, 2, 1, 1, 0, 2])


def tanh_network(dtype: Any = np.float64) -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        {
            "linear1": Linear(3, 4, rng=rng, dtype=dtype),
            "tanh1": Tanh(),
            "linear2": Linear(4, 3, rng=rng, dtype=dtype),
        }
    )


def plain_logits(flat: np.ndarray) -> np.ndarray:
    weight1, bias1 = flat[:12].reshape(4, 3), flat[12:16]
    weight2, bias2 = flat[16:28].reshape(3, 4), flat[28:]
    return np.tanh(INPUTS @ weight1.T + bias1) @ weight2.T + bias2


def plain_loss(flat: np.ndarray) -> float:
    probabilities = softmax(plain_logits(flat))
    return float(-np.log(probabilities[np.arange(len(LABELS)), LABELS]).mean())


def flat_parameters(model: Sequential) -> np.ndarray:
    return np.concatenate([each.data.astype(np.float64).ravel() for each in model.parameters().values()])


def second_differences(function: Callable[[np.ndarray], float], at: np.ndarray, width: float) -> np.ndarray:
    units = width * np.eye(at.size)
    return np.array(
        [
            [
                function(at + a + b) - function(at + a - b) - function(at - a + b) + function(at - a - b)
                for b in units
            ]
            for a in units
        ]
    ) / (4 * width**2)


def loss_of(model: Sequential, inputs: np.ndarray, labels: np.ndarray, reduction: Reduction = "mean") -> Any:
    return lambda: ops.softmax_cross_entropy(model(inputs), labels, reduction=reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_softmax_regression_has_the_hessian_derived_by_hand(reduction: Reduction) -> None:
    # H = Σ_i (diag(p_i) - p_i p_iᵀ) ⊗ x_i x_iᵀ, with x_i extended by 1 for the bias; it is also Gauss-Newton's.
    model = build_model("softmax_regression", input_shape=(2, 2, 1), n_classes=3, rng=0, dtype=np.float64)
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(5, 2, 2, 1)), rng.integers(3, size=5)
    parameters = model.parameters()
    probabilities = softmax(model(images).data)
    extended = np.concatenate([images.reshape(5, 4), np.ones((5, 1))], axis=1)
    expected = np.zeros((15, 15))
    for p, x in zip(probabilities, extended, strict=True):
        expected += np.kron(np.diag(p) - np.outer(p, p), np.outer(x, x))
    expected /= 5 if reduction == "mean" else 1
    # From (class, feature and 1) to all weights and then all biases.
    order = [5 * k + j for k in range(3) for j in range(4)] + [5 * k + 4 for k in range(3)]
    expected = expected[np.ix_(order, order)]
    assert_matrices_agree(hessian(loss_of(model, images, labels, reduction), parameters), expected, 1e-13)
    assert_matrices_agree(gauss_newton(lambda: model(images), parameters, reduction), expected, 1e-13)


def test_hessian_of_a_network_agrees_with_differences_of_a_plain_numpy_loss() -> None:
    model = tanh_network()
    at = flat_parameters(model)
    assert plain_loss(at) == pytest.approx(loss_of(model, INPUTS, LABELS)().item(), rel=1e-14)
    # Richardson's combination of two widths leaves an error of the order of the width to the fourth.
    wide, narrow = (second_differences(plain_loss, at, width) for width in (4e-3, 2e-3))
    expected = (4 * narrow - wide) / 3
    assert_matrices_agree(hessian(loss_of(model, INPUTS, LABELS), model.parameters()), expected, 2e-8)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_gauss_newton_matrix_of_a_network_agrees_with_a_plain_numpy_jacobian(reduction: Reduction) -> None:
    model = tanh_network()
    at = flat_parameters(model)

    def slopes(width: float) -> np.ndarray:
        units = width * np.eye(at.size)
        return np.array([plain_logits(at + unit) - plain_logits(at - unit) for unit in units]) / (2 * width)

    jacobian = (4 * slopes(1e-3) - slopes(2e-3)) / 3  # (parameter, sample, class)
    expected = np.zeros((at.size, at.size))
    for number, p in enumerate(softmax(plain_logits(at))):
        of_sample = jacobian[:, number]
        expected += of_sample @ (np.diag(p) - np.outer(p, p)) @ of_sample.T
    expected /= len(LABELS) if reduction == "mean" else 1
    assert_matrices_agree(gauss_newton(lambda: model(INPUTS), model.parameters(), reduction), expected, 1e-9)


def small_cnn(activation: type[ReLU | Tanh | Sigmoid]) -> Sequential:
    rng = np.random.default_rng(0)
    return Sequential(
        {
            "conv1": Conv2d(1, 2, 3, padding=1, rng=rng, dtype=np.float64),
            "activation1": activation(),
            "pool1": MaxPool2d(2),
            "conv2": Conv2d(2, 2, 2, stride=2, padding=1, rng=rng, dtype=np.float64),
            "activation2": activation(),
            "flatten": Flatten(),
            "linear1": Linear(8, 3, rng=rng, dtype=np.float64),
        }
    )


def torch_matrices(
    model: Sequential, activation: str, images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Hessian and Gauss-Newton matrix of the mean loss by PyTorch's automatic differentiation."""
    torch: Any = pytest.importorskip("torch", reason="PyTorch is the oracle: pip install tracekit[torch]")
    functional = torch.nn.functional
    act = getattr(torch, activation)
    shapes = [each.shape for each in model.parameters().values()]
    x, y = torch.tensor(images.transpose(0, 3, 1, 2).copy()), torch.tensor(labels)

    def logits(flat: Any) -> Any:
        pieces = torch.split(flat, [int(np.prod(shape)) for shape in shapes])
        w1, b1, w2, b2, w3, b3 = (each.reshape(shape) for each, shape in zip(pieces, shapes, strict=True))
        hidden = functional.max_pool2d(act(functional.conv2d(x, w1, b1, padding=1)), 2)
        hidden = act(functional.conv2d(hidden, w2, b2, stride=2, padding=1))
        return functional.linear(hidden.permute(0, 2, 3, 1).reshape(len(x), -1), w3, b3)

    at = torch.tensor(flat_parameters(model))
    exact = torch.autograd.functional.hessian(lambda flat: functional.cross_entropy(logits(flat), y), at)
    jacobian = torch.func.jacrev(logits)(at)
    p = torch.softmax(logits(at), dim=1)
    of_loss = (torch.diag_embed(p) - p[:, :, None] * p[:, None, :]) / len(x)
    return exact.numpy(), torch.einsum("nka,nkl,nlb->ab", jacobian, of_loss, jacobian).numpy()


@pytest.mark.parametrize(
    ("activation", "name"),
    [(ReLU, "relu"), (Tanh, "tanh"), (Sigmoid, "sigmoid")],
    ids=["relu", "tanh", "sigmoid"],
)
@pytest.mark.parametrize("n_blank", [0, 3])
def test_a_convolutional_network_agrees_with_torch(activation: Any, name: str, n_blank: int) -> None:
    # Where images are blank and biases zero, many units sit exactly on their kinks and many windows tie.
    model = small_cnn(activation)
    rng = np.random.default_rng(2)
    images, labels = rng.normal(size=(4, 4, 4, 1)), rng.integers(3, size=4)
    images[:n_blank, :3] = 0
    expected_hessian, expected_gauss_newton = torch_matrices(model, name, images, labels)
    actual = hessian(loss_of(model, images, labels), model.parameters())
    assert_matrices_agree(actual, expected_hessian, 1e-13)
    assert_matrices_agree(actual, actual.T, 1e-14)
    actual = gauss_newton(lambda: model(images), model.parameters())
    assert_matrices_agree(actual, expected_gauss_newton, 1e-13)
    assert np.linalg.eigvalsh(actual).min() > -1e-14


def test_a_large_relu_network_is_exact_where_differences_of_gradients_are_not() -> None:
    # The measurement behind the choice of the complex step. H is linear in v, and differences along v find
    # the same as along -v; so an exact method is told by H(v + w) = H v + H w.
    model = build_model("small_cnn", input_shape=(16, 16, 3), n_classes=10, rng=0)
    rng = np.random.default_rng(0)
    loss = loss_of(model, rng.random((32, 16, 16, 3), dtype=np.float32), rng.integers(10, size=32))
    parameters = model.parameters()
    v, w = (flatten(vector_like(parameters, seed), parameters) for seed in (1, 2))

    def by_complex_step(flat: np.ndarray) -> np.ndarray:
        return flatten(hessian_vector_product(loss, parameters, unflatten(flat, parameters)), parameters)

    def by_differences(flat: np.ndarray, width: float = 1e-4) -> np.ndarray:
        held = {name: each.data for name, each in parameters.items()}
        gradients = []
        for sign in (1, -1):
            for name, change in unflatten(sign * width * flat, parameters).items():
                parameters[name].data, parameters[name].grad = held[name].astype(np.float64) + change, None
            loss().backward()
            gradients.append(np.concatenate([each.grad.ravel() for each in parameters.values()]))  # type: ignore[union-attr]
        for name, each in parameters.items():
            each.data, each.grad = held[name], None
        return (gradients[0] - gradients[1]) / (2 * width)

    def error(multiply: Callable[[np.ndarray], np.ndarray]) -> float:
        total = multiply(v + w)
        return float(np.linalg.norm(total - multiply(v) - multiply(w)) / np.linalg.norm(total))

    assert error(by_complex_step) < 1e-12
    assert error(by_differences) > 1e-2


def test_a_float32_network_is_differentiated_in_float64() -> None:
    single, double = tanh_network(np.float32), tanh_network()
    for ours, theirs in zip(single.parameters().values(), double.parameters().values(), strict=True):
        theirs.data[...] = ours.data
    vector = vector_like(single.parameters())
    inputs = INPUTS.astype(np.float32)

    def products(model: Sequential) -> list[dict[str, np.ndarray]]:
        parameters = model.parameters()
        return [
            hessian_vector_product(loss_of(model, inputs, LABELS), parameters, vector),
            gauss_newton_vector_product(lambda: model(inputs), parameters, vector),
        ]

    for of_single, of_double in zip(products(single), products(double), strict=True):
        for name, product in of_single.items():
            assert product.dtype == np.float64
            np.testing.assert_allclose(product, of_double[name], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("scale", [1e-20, 1.0, 1e20])
def test_single_precision_is_as_exact_as_its_numbers(scale: float) -> None:
    rng = np.random.default_rng(0)
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=10, rng=0)
    parameters = model.parameters()
    images, labels = rng.random((6, 8, 8, 1), dtype=np.float32), rng.integers(10, size=6)
    vector = {name: scale * rng.normal(size=each.shape) for name, each in parameters.items()}
    loss = loss_of(model, images, labels)
    double = hessian_vector_product(loss, parameters, vector)
    single = hessian_vector_product(loss, parameters, vector, precision="single")
    for name, wanted in double.items():
        assert single[name].dtype == np.float64
        np.testing.assert_allclose(single[name], wanted, rtol=0, atol=3e-6 * np.abs(wanted).max())
    parabolas = [local_quadratic(loss, parameters, vector, precision=p).alpha for p in ("double", "single")]
    assert parabolas[1] == pytest.approx(parabolas[0], rel=1e-4)
    with pytest.raises(ArgumentError) as raised:
        hessian_vector_product(loss, parameters, vector, precision="half")  # type: ignore[arg-type]
    assert str(raised.value) == "`precision` (='half') must be 'double' or 'single'."


def test_products_scale_with_vectors_of_any_size() -> None:
    model = tanh_network()
    parameters, loss = model.parameters(), loss_of(model, INPUTS, LABELS)
    vector = vector_like(parameters)
    once = flatten(hessian_vector_product(loss, parameters, vector), parameters)
    for factor in (1e-200, -1e-3, 1e200):
        scaled = {name: factor * each for name, each in vector.items()}
        product = flatten(hessian_vector_product(loss, parameters, scaled), parameters)
        np.testing.assert_allclose(product / factor, once, rtol=1e-12)
    zero = {name: 0 * each for name, each in vector.items()}
    assert not flatten(hessian_vector_product(loss, parameters, zero), parameters).any()
    halved = {name: each.astype(np.float32) for name, each in vector.items()}
    product = flatten(hessian_vector_product(loss, parameters, halved), parameters)
    np.testing.assert_allclose(product, once, rtol=1e-5, atol=1e-7)


def test_some_parameters_give_a_block_and_the_others_are_constants() -> None:
    model = tanh_network()
    loss = loss_of(model, INPUTS, LABELS)
    whole = hessian(loss, model.parameters())
    some = {name: model.parameters()[name] for name in ("linear1.bias", "linear2.weight")}
    np.testing.assert_allclose(hessian(loss, some), whole[12:28, 12:28], rtol=1e-12, atol=1e-15)
    whole = gauss_newton(lambda: model(INPUTS), model.parameters())
    block = gauss_newton(lambda: model(INPUTS), some)
    np.testing.assert_allclose(block, whole[12:28, 12:28], rtol=1e-12, atol=1e-15)


def test_a_parameter_that_the_loss_does_not_depend_on_has_zeros() -> None:
    x, unused = Tensor(np.array([1.0, 2.0]), requires_grad=True), Tensor(np.ones(3), requires_grad=True)
    parameters = {"x": x, "unused": unused}
    product = hessian_vector_product(
        lambda: (x**3).sum(), parameters, {"x": np.ones(2), "unused": np.ones(3)}
    )
    assert list(product) == ["x", "unused"]
    np.testing.assert_allclose(product["x"], [6, 12], rtol=1e-14)
    assert product["unused"].tolist() == [0, 0, 0]


def services(model: Sequential, inputs: np.ndarray, labels: np.ndarray) -> list[Callable[[], Any]]:
    loss, logits = loss_of(model, inputs, labels), functools.partial(model, inputs)
    some = {name: each for name, each in model.parameters().items() if name.startswith("linear1")}
    vector = vector_like(some)
    return [
        lambda: hessian_vector_product(loss, some, vector),
        lambda: gauss_newton_vector_product(logits, some, vector),
        lambda: local_quadratic(loss, some, vector),
    ]


def test_parameters_and_all_gradients_are_left_as_they_were() -> None:
    model = tanh_network(np.float32)
    inputs = Tensor(INPUTS.astype(np.float32), requires_grad=True)
    leaves = [inputs, *model.parameters().values()]
    ops.softmax_cross_entropy(model(inputs), LABELS).backward()
    model.parameters()["linear1.bias"].grad = None
    held = [(leaf.data, leaf.data.tobytes(), leaf.grad, leaf.requires_grad) for leaf in leaves]
    gradients = [None if leaf.grad is None else leaf.grad.tobytes() for leaf in leaves]
    for service in services(model, inputs, LABELS):  # type: ignore[arg-type]
        service()
        with pytest.raises(ArgumentError):
            services(model, inputs, LABELS + 7)[0]()  # type: ignore[arg-type]
        for leaf, (data, values, grad, requires_grad), gradient in zip(leaves, held, gradients, strict=True):
            assert leaf.data is data
            assert leaf.data.tobytes() == values
            assert leaf.grad is grad
            assert leaf.requires_grad == requires_grad
            assert gradient == (None if leaf.grad is None else leaf.grad.tobytes())


def test_running_moments_do_not_follow_a_measurement() -> None:
    rng = np.random.default_rng(0)
    norm = BatchNorm(4, dtype=np.float64)
    linear1, linear2 = (Linear(*sizes, rng=rng, dtype=np.float64) for sizes in ((3, 4), (4, 3)))
    model = Sequential({"linear1": linear1, "norm1": norm, "linear2": linear2})
    parameters, vector = model.parameters(), vector_like(model.parameters())
    before = norm.running_mean.copy()

    def loss() -> Tensor:
        return ops.softmax_cross_entropy(model(INPUTS, training=True), LABELS)

    hessian_vector_product(loss, parameters, vector)
    local_quadratic(loss, parameters, vector)
    np.testing.assert_array_equal(norm.running_mean, before)


def test_dropout_with_the_same_mask_each_time_is_a_network_like_any_other() -> None:
    rng = np.random.default_rng(0)
    model = Sequential(
        {
            "linear1": Linear(3, 4, rng=rng, dtype=np.float64),
            "tanh1": Tanh(),
            "dropout1": Dropout(0.5),
            "linear2": Linear(4, 3, rng=rng, dtype=np.float64),
        }
    )

    def loss() -> Tensor:
        logits = model(INPUTS, training=True, rng=np.random.default_rng(5))
        return ops.softmax_cross_entropy(logits, LABELS)

    exact = hessian(loss, model.parameters())
    assert_matrices_agree(exact, exact.T, 1e-14)
    assert np.abs(exact - hessian(loss_of(model, INPUTS, LABELS), model.parameters())).max() > 1e-2


def test_a_direction_finds_the_parabola_that_the_loss_follows() -> None:
    model = tanh_network()
    loss, parameters = loss_of(model, INPUTS, LABELS), model.parameters()
    direction = vector_like(parameters)
    parabola = local_quadratic(loss, parameters, direction)
    at, d = flat_parameters(model), flatten(direction, parameters)
    ahead, behind = plain_loss(at + 1e-4 * d), plain_loss(at - 1e-4 * d)
    assert parabola.loss == pytest.approx(plain_loss(at), rel=1e-14)
    assert parabola.slope == pytest.approx((ahead - behind) / 2e-4, rel=1e-6)
    assert parabola.curvature == pytest.approx((ahead - 2 * plain_loss(at) + behind) / 1e-8, rel=1e-5)


def test_step_length_and_alpha_say_where_the_lowest_point_is() -> None:
    x = Tensor(np.array([4.0]), requires_grad=True)

    def parabola(direction: float) -> LocalQuadratic:
        return local_quadratic(lambda: (x * x).sum(), {"x": x}, {"x": np.array([direction])})

    assert parabola(-2.0) == LocalQuadratic(loss=16.0, slope=-16.0, curvature=8.0)
    for direction, alpha in ((-2.0, -0.5), (-4.0, 0.0), (-8.0, 1.0)):
        assert parabola(direction).alpha == pytest.approx(alpha, abs=1e-15)
        assert parabola(direction).step_length * direction == pytest.approx(-4.0)
    assert LocalQuadratic(loss=1.0, slope=-1.0, curvature=-0.5).step_length == np.inf
    assert LocalQuadratic(loss=1.0, slope=-1.0, curvature=-0.5).alpha == -1.5
    assert np.isnan(LocalQuadratic(loss=1.0, slope=0.0, curvature=1.0).alpha)


def test_a_vector_that_does_not_match_is_explained() -> None:
    model = tanh_network()
    loss, parameters = loss_of(model, INPUTS, LABELS), model.parameters()
    vector = vector_like(parameters)
    wrong = {**vector, "linear1.bias": np.ones(3)}
    with pytest.raises(ShapeError) as raised:
        hessian_vector_product(loss, parameters, wrong)
    assert str(raised.value) == (
        "`vector` must hold an array for each parameter, in its shape; for 'linear1.bias' it holds one of shape "
        "(3,), and `parameters` one of shape (4,)."
    )
    with pytest.raises(ShapeError) as raised:
        gauss_newton_vector_product(lambda: model(INPUTS), parameters, {**vector, "linear3.bias": np.ones(3)})
    assert str(raised.value) == (
        "`vector` must hold an array for each parameter, in its shape; for 'linear3.bias' it holds one of shape "
        "(3,), and `parameters` none."
    )
    del vector["linear2.weight"]
    with pytest.raises(ShapeError) as raised:
        local_quadratic(loss, parameters, vector)
    assert str(raised.value) == (
        "`direction` must hold an array for each parameter, in its shape; for 'linear2.weight' it holds none, and "
        "`parameters` one of shape (3, 4)."
    )


def test_what_is_no_loss_or_no_matrix_of_logits_is_explained() -> None:
    model = tanh_network()
    parameters, vector = model.parameters(), vector_like(model.parameters())
    with pytest.raises(ShapeError) as raised:
        hessian_vector_product(lambda: model(INPUTS), parameters, vector)
    assert str(raised.value) == (
        "backward() of a tensor of shape (6, 3) needs a gradient of that shape; pass one, or reduce the tensor to "
        "one number first."
    )
    with pytest.raises(ShapeError) as raised:
        gauss_newton_vector_product(loss_of(model, INPUTS, LABELS), parameters, vector)
    assert str(raised.value) == "`logits` must return a tensor of shape (n, n_classes), not ()."
    with pytest.raises(ArgumentError) as wrong_reduction:
        gauss_newton_vector_product(lambda: model(INPUTS), parameters, vector, reduction="none")  # type: ignore[arg-type]
    assert str(wrong_reduction.value) == "`reduction` (='none') must be 'mean' or 'sum'."
    with pytest.raises(GradientError):
        hessian_vector_product(lambda: Tensor(np.ones(())), parameters, vector)
