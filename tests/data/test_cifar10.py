"""CIFAR-10 is read from both official forms; damaged files are named, and pickles cannot run code."""

import os
import pickle

import numpy as np
import pytest

from tracekit.data import load_dataset
from tracekit.data.cifar10 import CLASSES, read_binary
from tracekit.errors import DataError

STEMS = [*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]


def records(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(10, size=n, dtype=np.uint8), rng.integers(256, size=(n, 3072), dtype=np.uint8)


def write_binary(path, labels, pixels):
    path.write_bytes(np.hstack([labels[:, None], pixels]).tobytes())


@pytest.fixture
def binary_folder(tmp_path):
    for k, stem in enumerate(STEMS):
        write_binary(tmp_path / f"{stem}.bin", *records(3 + k, seed=k))
    return tmp_path


def test_planes_become_channels_last_in_unit_range(tmp_path):
    labels, pixels = records(2)
    write_binary(tmp_path / "x.bin", labels, pixels)
    images, codes = read_binary(tmp_path / "x.bin")
    assert images.shape == (2, 32, 32, 3)
    assert images.dtype == np.float32
    assert codes.tolist() == labels.tolist()
    # Record 1, row 5, column 7: red, green and blue lie 1,024 bytes apart in the record.
    position = 5 * 32 + 7
    expected = pixels[1, [position, 1024 + position, 2048 + position]] / np.float32(255)
    assert np.array_equal(images[1, 5, 7], expected.astype(np.float32))


def test_batch_files_hold_any_whole_number_of_records(binary_folder):
    dataset = load_dataset("cifar10", data_dir=binary_folder)
    assert len(dataset.train_labels) == 3 + 4 + 5 + 6 + 7
    assert len(dataset.test_labels) == 8
    assert dataset.classes == CLASSES
    assert dataset.input_shape == (32, 32, 3)


def test_both_forms_give_the_same_data_set(binary_folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("py")
    for k, stem in enumerate(STEMS):
        labels, pixels = records(3 + k, seed=k)
        content = {
            b"batch_label": b"x",
            b"labels": labels.tolist(),
            b"data": pixels,
            b"filenames": [b"a.png"],
        }
        (other / stem).write_bytes(pickle.dumps(content, protocol=2))
    from_pickle = load_dataset("cifar10", data_dir=other)
    assert from_pickle.fingerprint() == load_dataset("cifar10", data_dir=binary_folder).fingerprint()


def python2_pickle(labels, pixels):
    """Write a batch with the opcodes of Python 2, in which strings are bytes, as the official files do."""

    def string(text):
        return b"T" + len(text).to_bytes(4, "little") + text

    def numbers(values):
        return b"(" + b"".join(b"K" + bytes([value]) for value in values)

    array = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + string(b"b") + b"tR"
    dtype = (
        b"cnumpy\ndtype\n(" + string(b"u1") + b"K\x00K\x01tR(K\x03" + string(b"|") + b"NNNJ\xff\xff\xff\xff"
    )
    dtype += b"J\xff\xff\xff\xffK\x00tb"
    shape = b"(K" + bytes([len(labels)]) + b"M\x00\x0ct"
    array += b"(K\x01" + shape + dtype + b"\x89" + string(pixels.tobytes()) + b"tb"
    listed = b"]" + numbers(labels.tolist()) + b"e"
    return b"\x80\x02}(" + string(b"labels") + listed + string(b"data") + array + b"u."


def test_pickles_of_python_2_are_read_without_a_warning(binary_folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("py2")
    for k, stem in enumerate(STEMS):
        (other / stem).write_bytes(python2_pickle(*records(3 + k, seed=k)))
    from_pickle = load_dataset("cifar10", data_dir=other)
    assert from_pickle.fingerprint() == load_dataset("cifar10", data_dir=binary_folder).fingerprint()


def test_a_pickle_that_asks_for_more_than_plain_data_is_refused_and_not_run(binary_folder, tmp_path):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    for stem in STEMS:
        (tmp_path / stem).write_bytes(pickle.dumps({b"data": Attack(), b"labels": [1]}, protocol=2))
    for path in binary_folder.glob("*.bin"):
        path.unlink()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", data_dir=tmp_path)
    assert str(caught.value) == (
        f"the pickle asks for {os.system.__module__}.system, which CIFAR-10 batches never need; "
        "it was not loaded: fetch the official file."
    )
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pickle.dumps([1, 2]),
        pickle.dumps({b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]}),
    ],
)
def test_a_damaged_pickle_is_one_sentence(tmp_path, content):
    for stem in STEMS:
        (tmp_path / stem).write_bytes(content)
    with pytest.raises(
        DataError, match=r"data_batch_1 is not a CIFAR-10 batch in the Python form .*fetch it again\."
    ):
        load_dataset("cifar10", data_dir=tmp_path)


def test_a_truncated_file_is_named_with_size_and_remainder(binary_folder):
    path = binary_folder / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", data_dir=binary_folder)
    assert str(caught.value) == (
        f"{path} is truncated: its {5 * 3073 - 100} bytes are 4 whole records of 3073 bytes "
        "and 2973 bytes left over; fetch it again."
    )


def test_an_impossible_label_is_named(binary_folder):
    path = binary_folder / "data_batch_2.bin"
    content = bytearray(path.read_bytes())
    content[3073] = 99
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", data_dir=binary_folder)
    assert (
        str(caught.value)
        == f"{path} has the label 99 in record 1, but labels run from 0 to 9; fetch it again."
    )


def test_a_missing_file_is_named(binary_folder):
    (binary_folder / "data_batch_4.bin").unlink()
    with pytest.raises(DataError) as caught:
        load_dataset("cifar10", data_dir=binary_folder)
    assert str(caught.value) == (
        f"{binary_folder} lacks data_batch_4.bin; put all six official CIFAR-10 files into it."
    )


def test_files_are_looked_for_in_the_variable_then_in_the_cache(binary_folder, tmp_path_factory, monkeypatch):
    empty = tmp_path_factory.mktemp("empty")
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty))
    monkeypatch.delenv("TRACEKIT_DATA_DIR", raising=False)
    with pytest.raises(
        DataError, match=r"pass --data-dir, set TRACEKIT_DATA_DIR, or run `tracekit data fetch cifar10`"
    ):
        load_dataset("cifar10")
    cached = empty / "tracekit" / "cifar-10-batches-bin"
    cached.parent.mkdir()
    binary_folder.rename(cached)
    assert len(load_dataset("cifar10").test_labels) == 8
    monkeypatch.setenv("TRACEKIT_DATA_DIR", str(cached))
    assert len(load_dataset("cifar10").test_labels) == 8


def test_real_records(real_cifar10):
    dataset = load_dataset("cifar10", data_dir=real_cifar10)
    assert dataset.train_images.shape == (5000, 32, 32, 3)
    assert np.bincount(dataset.train_labels, minlength=10).min() > 400
    # The channel means of CIFAR-10, published with countless normalisations: .491, .482, .447.
    assert np.allclose(dataset.train_images.mean(axis=(0, 1, 2)), [0.491, 0.482, 0.447], atol=0.01)
