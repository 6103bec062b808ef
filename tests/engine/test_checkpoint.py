"""A training resumed from a checkpoint is bit for bit the training that never stopped."""

import functools

import numpy as np
import pytest

from tracekit.engine import build_model
from tracekit.engine.optim import OPTIMIZERS, build_optimizer
from tracekit.engine.training.checkpoint import load_checkpoint, save_checkpoint
from tracekit.engine.training.loop import Observer, train
from tracekit.errors import DataError

RNG = np.random.default_rng(5)
IMAGES = RNG.normal(size=(48, 8, 8, 1)).astype(np.float32)
LABELS = RNG.integers(3, size=48)


class Losses(Observer):
    def __init__(self):
        self.losses, self.epochs = [], []

    def on_step(self, step):
        self.losses.append((step.step, step.epoch, step.loss))

    def on_epoch_end(self, epoch):
        self.epochs.append(epoch.epoch)


def parts(optimizer="adam", model="small_cnn", seed=0):
    net = build_model(model, input_shape=(8, 8, 1), n_classes=3, rng=seed)
    arrays = {name: tensor.data for name, tensor in net.parameters().items()}
    bound = build_optimizer(
        optimizer, arrays, kinds=net.kinds(), schedule=lambda update: 1 / (1 + update / 10)
    )
    return net, bound, np.random.default_rng([seed, 2])


def go(net, bound, dropout_rng, n_updates, start=0, sampling="reshuffle"):
    log = Losses()
    train(
        net,
        bound,
        IMAGES,
        LABELS,
        batch_size=10,
        n_updates=n_updates,
        sampling=sampling,
        order_rng=np.random.default_rng([0, 1]),
        dropout_rng=dropout_rng,
        observers=[log],
        start=start,
    )
    return log


def bytes_of(net):
    return {
        name: array.tobytes()
        for name, array in ({k: t.data for k, t in net.parameters().items()} | net.buffers()).items()
    }


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_resumes_bit_for_bit(tmp_path, optimizer):
    whole, bound, rng = parts(optimizer)
    go(whole, bound, rng, 16)
    first, bound, rng = parts(optimizer)
    go(first, bound, rng, 7)
    save_checkpoint(tmp_path / "c.npz", first, bound, step=7, dropout_rng=rng)
    resumed, bound, rng = parts(optimizer, seed=9)
    assert load_checkpoint(tmp_path / "c.npz", resumed, bound, dropout_rng=rng).step == 7
    go(resumed, bound, rng, 16, start=7)
    assert bytes_of(resumed) == bytes_of(whole)


@functools.cache
def never_stopped(sampling):
    return go(*parts(model="vgg_small"), 16, sampling=sampling)


@pytest.mark.parametrize("sampling", ["reshuffle", "fixed_batches", "with_replacement"])
@pytest.mark.parametrize("stop", [1, 4, 5, 8, 15])
def test_steps_and_epochs_go_on_where_they_stopped(tmp_path, sampling, stop):
    """There are 4 updates in an epoch: the stops lie inside, at the end and at the start of epochs."""
    whole = never_stopped(sampling)
    net, bound, rng = parts(model="vgg_small")
    before = go(net, bound, rng, stop, sampling=sampling)
    save_checkpoint(tmp_path / "c.npz", net, bound, step=stop, dropout_rng=rng)
    net, bound, rng = parts(model="vgg_small", seed=4)
    after = go(
        net,
        bound,
        rng,
        16,
        start=load_checkpoint(tmp_path / "c.npz", net, bound, dropout_rng=rng).step,
        sampling=sampling,
    )
    assert before.losses + after.losses == whole.losses
    assert after.epochs == [epoch for epoch in whole.epochs if epoch * 4 > stop]


def test_a_checkpoint_of_another_model_or_optimizer_changes_nothing(tmp_path):
    net, bound, rng = parts()
    save_checkpoint(tmp_path / "c.npz", net, bound, step=0, dropout_rng=rng)
    other, other_bound, other_rng = parts("sgd", seed=1)
    before = bytes_of(other)
    with pytest.raises(DataError, match=r"c\.npz is of another model or optimizer: it "):
        load_checkpoint(tmp_path / "c.npz", other, other_bound, dropout_rng=other_rng)
    assert bytes_of(other) == before
    wide = build_model("small_cnn", input_shape=(8, 8, 1), n_classes=4, rng=0)
    wide_bound = build_optimizer("adam", {name: t.data for name, t in wide.parameters().items()})
    with pytest.raises(DataError, match=r"c\.npz is of another model: .* has shape \(3,.*\), not \(4,.*\)\."):
        load_checkpoint(tmp_path / "c.npz", wide, wide_bound, dropout_rng=rng)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"garbage"])
def test_a_damaged_checkpoint_is_one_sentence(tmp_path, content):
    (tmp_path / "c.npz").write_bytes(content)
    net, bound, rng = parts()
    with pytest.raises(DataError, match=r"c\.npz cannot be read as a checkpoint \(.*\); use another one\."):
        load_checkpoint(tmp_path / "c.npz", net, bound, dropout_rng=rng)


def test_a_missing_checkpoint_is_one_sentence(tmp_path):
    net, bound, rng = parts()
    with pytest.raises(DataError, match="cannot be read as a checkpoint"):
        load_checkpoint(tmp_path / "none.npz", net, bound, dropout_rng=rng)


def test_extra_arrays_are_found_again(tmp_path):
    net, bound, rng = parts()
    extra = {"recorder/previous": np.arange(3.0), "empty": np.zeros((0, 2))}
    save_checkpoint(tmp_path / "c.npz", net, bound, step=2, dropout_rng=rng, extra=extra)
    loaded = load_checkpoint(tmp_path / "c.npz", net, bound, dropout_rng=rng)
    assert {name: array.tolist() for name, array in loaded.extra.items()} == {
        "recorder/previous": [0, 1, 2],
        "empty": [],
    }


def test_nothing_is_pickled(tmp_path):
    net, bound, rng = parts("soap")
    save_checkpoint(tmp_path / "c.npz", net, bound, step=0, dropout_rng=rng)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "iufU" for name in file.files)
