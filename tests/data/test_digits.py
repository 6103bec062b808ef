"""The embedded digits are real images, split the same way every time."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tracekit.data import load_dataset
from tracekit.errors import UnknownNameError


def test_split_keeps_every_image_once():
    dataset = load_dataset("digits")
    assert dataset.train_images.shape[1:] == (8, 8, 1)
    assert len(dataset.train_labels) + len(dataset.test_labels) == 1797
    ours = np.concatenate([dataset.train_images, dataset.test_images])[..., 0] * 16
    theirs = load_digits().images
    assert sorted(map(bytes, ours.astype(np.uint8))) == sorted(map(bytes, theirs.astype(np.uint8)))


def test_every_class_is_in_both_parts():
    dataset = load_dataset("digits")
    n_train, n_test = np.bincount(dataset.train_labels), np.bincount(dataset.test_labels)
    assert np.abs(n_test / (n_train + n_test) - 0.2).max() < 0.02


def test_fingerprint_tells_data_apart():
    assert load_dataset("digits").fingerprint() == load_dataset("digits").fingerprint()


def test_the_file_holds_what_scikit_learn_gives(monkeypatch):
    read = load_dataset("digits")
    monkeypatch.setattr("tracekit.data.digits.find_spec", lambda name: None)
    given = load_dataset("digits")
    assert read.fingerprint() == given.fingerprint()
    assert read.classes == tuple(str(name) for name in load_digits().target_names)


def test_reading_does_not_import_scikit_learn():
    code = "import sys, tracekit.data as data; data.load_dataset('digits'); print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_unknown_name():
    with pytest.raises(UnknownNameError) as caught:
        load_dataset("digit")
    assert str(caught.value) == "unknown data set 'digit'; did you mean 'digits'? Known: cifar10, digits."
