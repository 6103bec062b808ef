"""The loop shows observers the state before the parameters move, and ends as it says."""

import numpy as np
import pytest

from tracekit.data import load_dataset
from tracekit.engine import build_model
from tracekit.engine.optim import OPTIMIZERS, build_optimizer
from tracekit.engine.training.loop import Observer, evaluate, train
from tracekit.errors import ArgumentError

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(60, 6, 6, 1))
LABELS = (IMAGES.mean(axis=(1, 2, 3)) > 0).astype(np.int64)


class Log(Observer):
    def __init__(self):
        self.steps, self.epochs, self.parameters = [], [], []

    def on_step(self, step):
        self.steps.append(step)
        self.parameters.append({name: array.copy() for name, array in step.parameters.items()})

    def on_epoch_end(self, epoch):
        self.epochs.append((epoch.epoch, epoch.step))


def run(
    model_name="softmax_regression", optimizer="sgd", images=IMAGES, log=None, seed=0, settings=None, **kwargs
):
    model = build_model(
        model_name, input_shape=(6, 6, 1), n_classes=2, rng=np.random.default_rng(seed), dtype=np.float64
    )
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    log = log or Log()
    arguments = {"batch_size": 20, "n_updates": 7} | kwargs
    result = train(
        model,
        build_optimizer(optimizer, parameters, **(settings or {})),
        images,
        LABELS,
        order_rng=np.random.default_rng([seed, 1]),
        dropout_rng=np.random.default_rng([seed, 2]),
        observers=[log],
        **arguments,
    )
    return model, log, result


def softmax_regression_gradient(step, images):
    """The textbook gradient of mean cross-entropy in the weights: (softmax - one-hot)^T x / n."""
    x = images[step.indices].reshape(len(step.indices), -1)
    exponentials = np.exp(step.logits - step.logits.max(axis=1, keepdims=True))
    residual = exponentials / exponentials.sum(axis=1, keepdims=True) - np.eye(2)[step.labels]
    return residual, residual.T @ x / len(x)


def test_step_shows_loss_gradients_and_updates_of_the_parameters_before_the_update():
    _, log, result = run(settings={"learning_rate": 0.3})
    assert (result.status, result.step, result.reason) == ("finished", 7, None)
    weight, bias = log.parameters[0]
    for k, step in enumerate(log.steps):
        residual, expected = softmax_regression_gradient(step, IMAGES)
        assert np.allclose(step.gradients[weight], expected, atol=1e-12)
        assert np.allclose(step.logits_gradient, residual / 20, atol=1e-12)
        assert np.allclose(step.updates[weight], -0.3 * expected, atol=1e-12)
        x = IMAGES[step.indices].reshape(20, -1)
        expected_logits = x @ log.parameters[k][weight].T + log.parameters[k][bias]
        assert np.allclose(expected_logits, step.logits, atol=1e-9)
        if k + 1 < len(log.steps):
            moved = log.parameters[k][weight] + step.updates[weight]
            assert np.allclose(log.parameters[k + 1][weight], moved, atol=1e-12)


def test_sum_reduction_multiplies_gradients_by_the_batch_size_but_not_the_loss():
    _, mean, _ = run(n_updates=1)
    _, total, _ = run(n_updates=1, reduction="sum")
    assert total.steps[0].loss == pytest.approx(mean.steps[0].loss, rel=1e-12)
    for name, gradient in mean.steps[0].gradients.items():
        assert np.allclose(total.steps[0].gradients[name], 20 * gradient, rtol=1e-10)


def test_penultimate_is_the_input_of_the_output_layer():
    _, log, _ = run("mlp", n_updates=1)
    step = log.steps[0]
    # The parameters have moved since: take the copies made at the step.
    weight, bias = list(log.parameters[0].values())[-2:]
    assert np.allclose(step.penultimate @ weight.T + bias, step.logits, atol=1e-10)


def test_epochs_are_counted_and_the_last_may_be_cut_short():
    _, log, _ = run(n_updates=7)
    assert [(step.epoch, step.step) for step in log.steps] == [
        *((1, k) for k in (1, 2, 3)),
        *((2, k) for k in (4, 5, 6)),
        (3, 7),
    ]
    assert log.epochs == [(1, 3), (2, 6), (3, 7)]


def test_length_in_epochs():
    _, log, result = run(n_updates=None, n_epochs=2)
    assert result.step == 6
    assert log.epochs == [(1, 3), (2, 6)]


@pytest.mark.parametrize("lengths", [{}, {"n_updates": 3, "n_epochs": 1}])
def test_exactly_one_length(lengths):
    with pytest.raises(ArgumentError) as caught:
        run(**{"n_updates": None, "n_epochs": None, **lengths})
    assert str(caught.value) == "give exactly one of `n_updates` and `n_epochs`."


def test_divergence_is_shown_and_ends_the_run_without_a_warning():
    _, log, result = run("mlp", settings={"learning_rate": 1e200}, n_updates=50)
    assert result.status == "diverged"
    assert result.step == len(log.steps) < 50
    assert not np.isfinite(log.steps[-1].loss)
    assert np.isfinite(log.steps[0].loss)
    assert result.reason == f"diverged at step {result.step}: the loss is {log.steps[-1].loss}"


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_same_seed_same_bytes(optimizer):
    runs = [run("mlp", optimizer, n_updates=5, seed=3) for _ in range(2)]
    first, second = (model.parameters() for model, _, _ in runs)
    assert all(first[name].data.tobytes() == second[name].data.tobytes() for name in first)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_lowers_the_loss_on_digits_with_its_defaults(optimizer):
    digits = load_dataset("digits")
    model = build_model("mlp", input_shape=digits.input_shape, n_classes=10, rng=0)
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    log = Log()
    train(
        model,
        build_optimizer(optimizer, parameters, kinds=model.kinds()),
        digits.train_images,
        digits.train_labels,
        batch_size=100,
        n_updates=150,
        order_rng=np.random.default_rng(1),
        dropout_rng=np.random.default_rng(2),
        observers=[log],
    )
    losses = [step.loss for step in log.steps]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3


def test_evaluation_is_the_mean_over_all_samples_whatever_the_chunks():
    model, _, _ = run("mlp", n_updates=20)
    loss, accuracy = evaluate(model, IMAGES, LABELS, batch_size=7)
    logits = model(IMAGES).data
    shifted = logits - logits.max(axis=1, keepdims=True)
    expected = np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(60), LABELS])
    assert loss == pytest.approx(expected, rel=1e-10)
    assert accuracy == np.mean(logits.argmax(axis=1) == LABELS)


def test_the_epoch_end_shows_the_point_that_the_optimizer_answers_with():
    class Look(Log):
        def on_epoch_end(self, epoch):
            self.epochs.append({name: t.data.copy() for name, t in epoch.model.parameters().items()})

    look = Look()
    model, _, _ = run("mlp", "schedule_free_sgd", n_updates=6, log=look, settings={"learning_rate": 0.1})
    trained = {name: tensor.data for name, tensor in model.parameters().items()}
    assert any(not np.array_equal(trained[name], look.epochs[-1][name]) for name in trained)
