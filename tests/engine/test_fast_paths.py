"""The fast ways of the engine give what the plain ones do, whatever the threads."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine import build_model
from tracekit.engine.kernels import compiled, direct, memory, parallel, passes, winograd
from tracekit.engine.ops import conv2d, max_pool2d, relu, softmax_cross_entropy
from tracekit.engine.ops.convolution import conv2d as conv2d_op
from tracekit.engine.optim import build_optimizer, transform
from tracekit.engine.training.loop import Observer, train
from tracekit.errors import ArgumentError

#: Rounding of terms of order 1 in float32, which a sum keeps where they cancel.
OF_TERMS = 1e-6

needs_numba = pytest.mark.skipif(not compiled.are_used(), reason="numba is not installed, or switched off")


def convolved(images, kernel, bias, g, **settings):
    """(value, gradient of the images, of the kernel, of the bias)."""
    value, backward = conv2d_op.function(images, kernel, bias, **settings)
    return value, *(gradient() for gradient in backward(g))


@st.composite
def convolutions(draw, *, kernels, strides, channels):
    """Operands of a convolution in float64, and its settings."""
    kernel, stride = draw(kernels), draw(strides)
    padding = draw(st.integers(0, kernel - 1))
    height, width = (draw(st.integers(max(1, kernel - 2 * padding), 19)) for _ in range(2))
    n, inside, outside = draw(st.integers(1, 21)), draw(channels), draw(channels)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    images, bias = rng.normal(size=(n, height, width, inside)), rng.normal(size=outside)
    weight = rng.normal(size=(outside, inside, kernel, kernel)) / np.sqrt(inside * kernel**2)
    out = ((length + 2 * padding - kernel) // stride + 1 for length in (height, width))
    return (images, weight, bias, rng.normal(size=(n, *out, outside))), {"stride": stride, "padding": padding}


@needs_numba
@pytest.mark.parametrize("elements_at_once", [1, 2**18])
@given(convolutions(kernels=st.just(3), strides=st.just(1), channels=st.sampled_from([8, 12, 32])))
def test_winograd_is_exact_up_to_the_rounding_of_float32(elements_at_once, case):
    operands, settings = case
    narrow = [operand.astype(np.float32) for operand in operands]
    # The same rounded operands, the long way in float64.
    exact = convolved(*(operand.astype(np.float64) for operand in narrow), **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "_ELEMENTS_AT_ONCE", elements_at_once)
        results = convolved(*narrow, **settings)
    for result, expected in zip(results, exact, strict=True):
        assert result.dtype == np.float32
        assert np.abs(result - expected).max() <= 2e-5 * np.abs(expected).max() + OF_TERMS


@needs_numba
@given(
    convolutions(kernels=st.just(3), strides=st.just(1), channels=st.sampled_from([1, 3])),
    st.sampled_from([8, 13, 32]),
    st.booleans(),
)
def test_few_channels_pixel_by_pixel_are_exact_up_to_rounding(case, out_channels, rectify):
    (images, *_, g), settings = case
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(out_channels, images.shape[3], 3, 3)) / 3, rng.normal(size=out_channels)
    g = np.repeat(g[..., :1], out_channels, axis=3) * rng.normal(size=out_channels)
    narrow = [operand.astype(np.float32) for operand in (images, weight, bias, g)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "_MANY", 1)
        assert direct.is_faster(narrow[0], narrow[1], 1)
        results = convolved(*narrow, rectify=rectify, **settings)
    wide = [operand.astype(np.float64) for operand in narrow]
    if rectify:
        # Where the rounded output is positive: a value next to zero may round to either side of it.
        wide[3] = wide[3] * (results[0] > 0)
    exact = list(convolved(*wide, **settings))
    exact[0] = np.maximum(exact[0], 0) if rectify else exact[0]
    # Sums of as many terms as these, which may cancel, keep the rounding of the terms.
    sizes = convolved(*map(np.abs, wide), **settings)
    for result, expected, size in zip(results, exact, sizes, strict=True):
        assert result.dtype == np.float32
        assert (np.abs(result - expected) <= 1e-6 * size).all()


@needs_numba
@given(convolutions(kernels=st.integers(1, 5), strides=st.integers(1, 3), channels=st.integers(1, 9)))
def test_other_kernels_and_strides_compiled_are_exact_up_to_rounding(case):
    operands, settings = case
    narrow = [operand.astype(np.float32) for operand in operands]
    exact = convolved(*(operand.astype(np.float64) for operand in narrow), **settings)
    for result, expected in zip(convolved(*narrow, **settings), exact, strict=True):
        assert np.abs(result - expected).max() <= 2e-5 * np.abs(expected).max() + OF_TERMS


@given(convolutions(kernels=st.integers(1, 5), strides=st.integers(1, 3), channels=st.integers(1, 5)))
def test_the_reference_is_the_sum_over_windows(case):
    (images, weight, bias, g), settings = case
    stride, padding = settings["stride"], settings["padding"]
    value, of_images, of_weight, of_bias = convolved(images, weight, bias, g, **settings)
    size = weight.shape[2]
    padded = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    spread, kernel = np.zeros_like(padded), np.zeros_like(weight)
    expected = np.zeros_like(value)
    for row in range(value.shape[1]):
        for column in range(value.shape[2]):
            window = np.s_[:, row * stride : row * stride + size, column * stride : column * stride + size]
            here = g[:, row, column]
            expected[:, row, column] = np.einsum("nijc,ocij->no", padded[window], weight) + bias
            spread[window] += np.einsum("no,ocij->nijc", here, weight)
            kernel += np.einsum("no,nijc->ocij", here, padded[window])
    inside = np.s_[:, padding : padding + images.shape[1], padding : padding + images.shape[2]]
    np.testing.assert_allclose(value, expected, atol=1e-11)
    np.testing.assert_allclose(of_images, spread[inside], atol=1e-11)
    np.testing.assert_allclose(of_weight, kernel, atol=1e-10)
    np.testing.assert_allclose(of_bias, g.sum(axis=(0, 1, 2)), atol=1e-10)


@pytest.mark.parametrize("many", [1, 2**21])
@given(convolutions(kernels=st.integers(1, 5), strides=st.integers(1, 2), channels=st.sampled_from([3, 8])))
def test_a_rectified_convolution_is_a_relu_of_a_convolution_to_the_bit(many, case):
    operands, settings = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(direct, "_MANY", many)
        for dtype in (np.float32, np.float64):
            images, weight, bias, g = (operand.astype(dtype) for operand in operands)
            value, backward = conv2d_op.function(images, weight, bias, rectify=True, **settings)
            between, to_operands = conv2d_op.function(images, weight, bias, **settings)
            expected, to_between = relu.function(between)
            np.testing.assert_array_equal(value, expected)
            gradients = [gradient() for gradient in backward(g)]
            for gradient, reference in zip(gradients, to_operands(to_between(g)[0]), strict=True):
                np.testing.assert_array_equal(gradient, reference())


class Spectator(Observer):
    """Keeps the names of the outputs it is shown, having asked for all of them at some updates."""

    def __init__(self, asked):
        self.asked, self.seen = asked, []

    def needs_outputs(self, step):
        return step in self.asked

    def on_step(self, step):
        self.seen.append(list(step.outputs))


def test_looking_at_every_output_changes_nothing():
    spectator = Spectator({2, 3})
    for name, parameter in trained(1, observers=[spectator], model="ando_cnn").items():
        assert parameter.tobytes() == trained(1, model="ando_cnn")[name].tobytes()
    few, all_of_them, _, last = spectator.seen
    assert few == last
    assert set(all_of_them) - set(few) == {f"conv{number}" for number in range(1, 7)}


@needs_numba
@pytest.mark.parametrize("elements_at_once", [1, 2**15])
@given(
    shape=st.tuples(st.integers(1, 5), st.integers(3, 9), st.integers(3, 9), st.integers(1, 5)),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    seed=st.integers(0, 2**32),
)
def test_compiled_passes_equal_numpy_to_the_bit(elements_at_once, shape, kernel, stride, seed):
    """NumPy's way is that of float64, in pieces of one image and of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "_PIECE_ELEMENTS", elements_at_once)
        compare_passes(shape, kernel, stride, seed)


def compare_passes(shape, kernel, stride, seed):
    rng = np.random.default_rng(seed)
    wide = rng.integers(-3, 4, size=shape).astype(np.float64)  # ties, zeros and negative numbers
    narrow = wide.astype(np.float32)
    for function in (relu.function, lambda x: max_pool2d.function(x, kernel, stride=stride)):
        (value, backward), (expected, reference) = function(narrow), function(wide)
        g = rng.integers(-3, 4, size=value.shape)
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, expected)
        np.testing.assert_array_equal(backward(g.astype(np.float32))[0], reference(g.astype(np.float64))[0])


@needs_numba
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 12)),
    smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    scale=st.sampled_from([0.1, 10.0, 1e3]),
    seed=st.integers(0, 2**32),
)
def test_the_compiled_softmax_is_the_other_one_up_to_rounding(shape, smoothing, scale, seed):
    rng = np.random.default_rng(seed)
    logits, labels = (
        (scale * rng.normal(size=shape)).astype(np.float32),
        rng.integers(shape[1], size=shape[0]),
    )
    compiled_ones = softmax_cross_entropy.function(logits, labels, "sum", label_smoothing=smoothing)
    exact = softmax_cross_entropy.function(
        logits.astype(np.float64), labels, "sum", label_smoothing=smoothing
    )
    np.testing.assert_allclose(compiled_ones[0], exact[0], rtol=3e-6, atol=1e-5)
    gradients = [backward(np.ones(()))[0] for _, backward in (compiled_ones, exact)]
    np.testing.assert_allclose(*gradients, rtol=3e-6, atol=1e-6 * scale)


@needs_numba
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_the_compiled_softmax_knows_what_is_not_a_number(wrong):
    for position in range(3):
        logits = np.array([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]], np.float32)
        logits[0, position] = wrong
        for label in range(3):
            results = []
            for dtype in (np.float32, np.float64):
                with np.errstate(invalid="ignore", divide="ignore"):
                    loss, backward = softmax_cross_entropy.function(
                        logits.astype(dtype), np.array([label, 0])
                    )
                    results.append((float(loss), backward(np.ones(()))[0]))
            assert results[0][0] == pytest.approx(results[1][0], nan_ok=True)
            np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_not_a_number_is_a_maximum_and_gets_a_gradient(dtype):
    images = np.arange(32, dtype=dtype).reshape(2, 4, 4, 1)
    images[0, 1, 1] = images[0, 0, 0] = np.nan
    value, backward = max_pool2d.function(images, 2, stride=None)
    assert np.isnan(value[0, 0, 0, 0])
    assert not np.isnan(value.ravel()[1:]).any()
    (gradient,) = backward(np.ones_like(value))
    assert gradient[0, :2, :2].sum() == 1
    assert np.isnan(relu.function(images)[0]).sum() == 2


def trained(threads, dtype=np.float32, observers=(), model="vgg_small", optimizer="adam", n_updates=4):
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(120, 16, 16, 3)).astype(dtype), rng.integers(10, size=120)
    model = build_model(model, input_shape=(16, 16, 3), n_classes=10, rng=0, dtype=dtype)
    parameters = {name: tensor.data for name, tensor in model.parameters().items()}
    train(
        model,
        build_optimizer(optimizer, parameters, kinds=model.kinds()),
        images,
        labels,
        batch_size=40,
        n_updates=n_updates,
        order_rng=np.random.default_rng(1),
        dropout_rng=np.random.default_rng(2),
        observers=observers,
        threads=threads,
    )
    return parameters


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_does_not_depend_on_the_number_of_threads(monkeypatch, dtype):
    """In float64, nothing is compiled."""
    monkeypatch.setattr(parallel, "_WORTH_SHARING", 1)
    monkeypatch.setattr(direct, "_MANY", 1)
    alone = trained(1, dtype)
    for threads in (2, 3, 5):
        for name, parameter in trained(threads, dtype).items():
            assert parameter.tobytes() == alone[name].tobytes(), (name, threads)


def test_elements_are_updated_alike_in_pieces_of_any_size(monkeypatch):
    whole = trained(1, model="small_cnn")
    monkeypatch.setattr(transform, "_ELEMENTS_AT_ONCE", 7)
    for name, parameter in trained(1, model="small_cnn").items():
        assert parameter.tobytes() == whole[name].tobytes(), name


@needs_numba
def test_training_in_numpy_alone_agrees_up_to_the_rounding_of_float32(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; from tests.engine.test_fast_paths import trained;"
        "np.savez(sys.argv[2], **trained(2, optimizer='sgd', n_updates=1))"
    )
    subprocess.run(
        [sys.executable, "-c", code, Path(__file__).parents[2], tmp_path / "alone.npz"],
        env=os.environ | {"TRACEKIT_COMPILED": "0"},
        check=True,
    )
    alone = np.load(tmp_path / "alone.npz")
    start = build_model("vgg_small", input_shape=(16, 16, 3), n_classes=10, rng=0).parameters()
    for name, parameter in trained(2, optimizer="sgd", n_updates=1).items():
        moved = np.abs(parameter - start[name].data).max()
        rounding = 1e-6 * np.abs(parameter).max()
        assert moved > 0, name
        np.testing.assert_allclose(alone[name], parameter, rtol=0, atol=1e-4 * moved + rounding, err_msg=name)


def test_threads_are_one_setting():
    with parallel.use_threads(2) as outer, parallel.use_threads() as inner:
        assert (outer, inner) == (2, 2)
        with parallel.use_threads(1) as own:
            assert own == 1
    with parallel.use_threads() as default:
        assert default == parallel.processors()
    with pytest.raises(ArgumentError) as refused, parallel.use_threads(0):
        pass
    assert str(refused.value) == "`threads` (=0) must be at least 1."


def test_an_error_in_a_thread_is_raised_after_all_have_stopped():
    done = []

    def work(piece):
        if piece == 3:
            raise ValueError("piece 3")
        done.append(piece)

    with parallel.use_threads(2):
        with pytest.raises(ValueError, match="piece 3"):
            parallel.run(work, 8)
        parallel.run(done.append, 3)
    assert set(done) >= {0, 1, 2}


def test_threads_treat_floating_point_errors_as_their_caller_does():
    huge = np.full(8, 1e38, np.float32)
    with parallel.use_threads(2), np.errstate(over="ignore"):
        parallel.run(lambda piece: huge * huge, 8)
    with parallel.use_threads(2), np.errstate(over="raise"), pytest.raises(FloatingPointError):
        parallel.run(lambda piece: huge * huge, 8)


@given(st.integers(0, 50), st.integers(1, 9))
def test_cuts_cover_everything_once(length, n_parts):
    parts = parallel.cut(length, n_parts)
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(length))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_memory_is_used_again_only_when_nothing_refers_to_it():
    memory.empty((1,), np.float32)
    shape = (1 << 19,)
    first = memory.empty(shape, np.float32)
    address = first.ctypes.data
    assert address % 64 == 0
    view = first[10:20].reshape(2, 5)
    del first
    second = memory.empty(shape, np.float32)
    assert second.ctypes.data != address
    view[:] = 7
    second[:] = 1
    assert (view == 7).all()
    del view
    gc.collect()
    assert memory.empty(shape, np.float32).ctypes.data == address


def test_memory_that_nobody_wants_is_given_back():
    held = memory.empty((5 << 18,), np.float32)
    del held
    sizes = set(memory._pool.blocks)
    assert 5 << 20 in sizes
    for _ in range(memory._FORGOTTEN_AFTER + 1):
        kept = memory.empty((1 << 20,), np.uint8)
        del kept
    other = memory.empty((3 << 20,), np.float32)
    assert not memory._pool.blocks[5 << 20]
    del other


@pytest.mark.parametrize("lacking", ["CPython", "getrefcount"])
def test_memory_is_not_pooled_without_reference_counts(monkeypatch, lacking):
    assert memory._counts_references()
    if lacking == "CPython":
        monkeypatch.setattr(
            sys, "implementation", types.SimpleNamespace(**{**vars(sys.implementation), "name": "pypy"})
        )
    else:
        monkeypatch.delattr(sys, "getrefcount")
    assert not memory._counts_references()
    # The module must also import there.
    spec = importlib.util.spec_from_file_location("memory_elsewhere", memory.__file__)
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    array = elsewhere.empty((1 << 19,), np.float32)
    assert (array.shape, array.dtype) == ((1 << 19,), np.float32)
    assert elsewhere._pool.blocks == {}


def test_results_do_not_depend_on_the_pool(monkeypatch):
    pooled = trained(1)
    before = memory._pool.n_requests
    monkeypatch.setattr(memory, "_REUSES", False)
    plain = trained(1)
    assert memory._pool.n_requests == before
    assert plain.keys() == pooled.keys()
    for name, array in pooled.items():
        np.testing.assert_array_equal(plain[name], array)


def test_steps_do_not_grow_the_memory():
    trained(1)
    before = sum(len(blocks) for blocks in memory._pool.blocks.values())
    for _ in range(3):
        trained(1)
    assert sum(len(blocks) for blocks in memory._pool.blocks.values()) == before


@pytest.mark.parametrize(
    ("numba", "line"),
    [
        (
            "None",
            "numba is not installed: convolutions take about three times as long in NumPy alone; "
            "`pip install tracekit[fast]` adds it.",
        ),
        (
            "Broken()",
            "numba cannot be loaded (needs an older NumPy): convolutions take about three times as long in NumPy alone.",
        ),
    ],
)
def test_without_numba_one_line_says_so_and_the_results_are_the_same(numba, line):
    code = f"""
import sys
class Broken:
    def find_spec(self, name, *more):
        if name == "numba":
            raise ImportError("needs an older NumPy")
if {numba} is None:
    sys.modules["numba"] = None
else:
    sys.meta_path.insert(0, Broken())
import numpy as np
from tracekit.engine.ops import conv2d
x, w = np.ones((2, 8, 8, 8), np.float32), np.ones((8, 8, 3, 3), np.float32)
conv2d(x, w)
print(conv2d(x, w, padding=1).data.sum())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ones = conv2d(np.ones((2, 8, 8, 8), np.float32), np.ones((8, 8, 3, 3), np.float32), padding=1)
    assert float(done.stdout) == pytest.approx(float(ones.data.sum()), rel=1e-6)
    assert done.stderr.splitlines() == [line]


@needs_numba
def test_compiling_ahead_leaves_nothing_to_compile():
    code = (
        "from tracekit.engine.warm_up import compile_ahead, is_ahead; compile_ahead();"
        "from tracekit.engine.kernels import loops, winograd_loops;"
        "print(is_ahead(), [name for module in (loops, winograd_loops) for name, loop in vars(module).items()"
        " if hasattr(loop, 'signatures') and not loop.signatures and name[0] != '_'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True []\n"
