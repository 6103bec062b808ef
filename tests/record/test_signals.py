"""Each signal equals a plain, separate computation on a small network."""

import math

import numpy as np
import pytest

from tracekit.data import Dataset
from tracekit.engine import build_model
from tracekit.engine.optim import build_optimizer
from tracekit.engine.training import Observer, evaluate, train
from tracekit.errors import ArgumentError, UnknownNameError
from tracekit.record import SIGNALS, Recorder, choose_signals, every
from tracekit.record.signals.output_layer import summarize
from tracekit.traces import RunWriter, read


def dataset():
    rng = np.random.default_rng(1)
    images = rng.normal(size=(70, 8, 8, 1)).astype(np.float32)
    labels = rng.integers(3, size=70)
    return Dataset("noise", images[:50], labels[:50], images[50:], labels[50:], ("a", "b", "c"))


class Expected(Observer):
    """Computes every recorded value anew, from copies of the state, in plain NumPy float64."""

    def __init__(self, data):
        self.data, self.rows = data, {}

    def keep(self, step, name, value, layer=None):
        self.rows[name, layer, step] = value

    def five(self, step, name, array):
        array = array.astype(np.float64)
        self.keep(step, f"{name}/mean", np.mean(array))
        self.keep(step, f"{name}/std", np.std(array))
        for field, q in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            self.keep(step, f"{name}/{field}", np.quantile(array, q))

    def forward(self, model, images):
        """Run the network by hand: the layers' outputs from the parameters alone."""
        outputs = {}
        model(images, outputs=outputs)
        names = list(outputs)
        return outputs[names[-2]].data, outputs[names[-1]].data

    def on_step(self, step):
        n = step.step
        shifted = step.logits.astype(np.float64)
        shifted -= shifted.max(axis=1, keepdims=True)
        softmax = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        picked = softmax[np.arange(len(step.labels)), step.labels]
        self.keep(n, "train/loss", -np.log(picked).mean())
        self.keep(
            n,
            "train/accuracy",
            np.mean(np.argmax(step.logits, axis=1) == self.data.train_labels[step.indices]),
        )
        self.keep(n, "train/first_logit", step.logits[0, 0])
        self.five(n, "train/logits", step.logits)
        gradient = (softmax - np.eye(3)[step.labels]) / len(step.labels)
        self.five(n, "train/logits_grad", gradient)
        self.keep(n, "train/logits_grad/norm", math.sqrt((gradient**2).sum()))
        penultimate, _ = self.forward(step.model, self.data.train_images[step.indices])
        self.five(n, "train/penultimate", penultimate)
        penultimate, logits = self.forward(step.model, self.data.test_images[:6])
        self.five(n, "probe/logits", logits)
        self.five(n, "probe/penultimate", penultimate)
        for name, arrays in (
            ("layer/grad_norm", step.gradients),
            ("layer/weight_norm", step.parameters),
            ("layer/update_norm", {key: -0.1 * value for key, value in step.gradients.items()}),
        ):
            for layer, array in arrays.items():
                self.keep(n, name, np.sqrt(np.sum(array.astype(np.float64) ** 2)), layer)

    def on_epoch_end(self, epoch):
        loss, accuracy = evaluate(epoch.model, self.data.test_images, self.data.test_labels)
        self.keep(epoch.step, "eval/loss", loss)
        self.keep(epoch.step, "eval/accuracy", accuracy)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    data = dataset()
    model = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=3, rng=np.random.default_rng(0))
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    expected = Expected(data)
    with RunWriter(folder / "run", attributes={"seed": 0}, configuration={}, meta={}) as writer:
        recorder = Recorder(
            writer, probe_images=data.test_images[:6], evaluation=(data.test_images, data.test_labels)
        )
        train(
            model,
            build_optimizer("sgd", parameters, learning_rate=0.1),
            data.train_images,
            data.train_labels,
            batch_size=10,
            n_updates=7,
            order_rng=np.random.default_rng(1),
            dropout_rng=np.random.default_rng(2),
            observers=[recorder, expected],
        )
        writer.finish()
    return read(folder), expected.rows


def test_every_defined_signal_is_recorded(recorded):
    frame, _ = recorded
    assert set(frame["signal"]) == {name for entry in SIGNALS.values() for name in entry.names}


def test_values_equal_a_separate_computation(recorded):
    frame, expected = recorded
    found = {
        (row.signal, row.layer if isinstance(row.layer, str) else None, row.step): row.value
        for row in frame.itertuples()
    }
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=2e-5, abs=2e-6), key


def test_layers_are_parameter_tensors_and_epochs_count_from_one(recorded):
    frame, _ = recorded
    layers = frame.loc[frame["signal"] == "layer/grad_norm", "layer"]
    assert set(layers) == {
        f"{layer}.{kind}" for layer in ("conv1", "conv2", "linear1") for kind in ("weight", "bias")
    }
    loss = frame[frame["signal"] == "train/loss"]
    assert loss["epoch"].tolist() == [1] * 5 + [2] * 2
    assert frame.loc[frame["signal"] == "eval/loss", "step"].tolist() == [5, 7]


def test_float32_signals_are_float32_numbers_and_losses_are_not_rounded(recorded):
    frame, _ = recorded
    rounded = frame.loc[~frame["signal"].isin(["train/loss", "eval/loss"]), "value"]
    assert (rounded == rounded.astype(np.float32)).all()


def test_definitions_say_what_they_are():
    for entry in SIGNALS.values():
        assert entry.summary.endswith("."), entry.name
        assert entry.unit
        assert entry.source


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_element_cannot_hide_in_a_quantile(bad):
    with np.errstate(invalid="ignore"):
        values = summarize(np.array([1.0, 2.0, bad]))
    assert not np.isfinite(values).any()


def test_strides_are_one_or_odd():
    due = every(3)
    assert [step for step in range(1, 12) if due(step)] == [1, 4, 7, 10]
    with pytest.raises(ArgumentError) as caught:
        every(10)
    assert str(caught.value) == (
        "`stride` (=10) must be 1 or odd; an even stride hides oscillations of period 2, take the next odd number."
    )


def test_signals_are_chosen_by_stem_or_by_recorded_name():
    assert [entry.name for entry in choose_signals(["probe/logits/q05", "train/loss"])] == [
        "probe/logits",
        "train/loss",
    ]
    with pytest.raises(UnknownNameError, match=r"unknown signal 'train/lose'; did you mean 'train/loss'\?"):
        choose_signals(["train/lose"])
