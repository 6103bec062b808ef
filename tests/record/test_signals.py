"""Each signal equals a plain, separate computation on small networks."""

import functools

import numpy as np
import pytest

from tests.record import (
    separate_curvature,  # noqa: F401
    separate_layers,
    separate_noise,  # noqa: F401
    separate_outputs,  # noqa: F401  # importing them fills EXPECTED
)
from tests.record.recorded_runs import EXPECTED, record, rectified_network
from tracekit.errors import UnknownNameError
from tracekit.record import SIGNALS, choose_signals
from tracekit.record.signal import VARYING_UNIT
from tracekit.record.signals.histograms import GRADIENT_BINS, WEIGHT_BINS
from tracekit.record.summary import mean_and_std, quantiles, summarize, summarize_columns, summarize_groups

#: Quantities of Cockpit (Schneider, Dangel & Hennig 2021), each of which is a signal here.
COCKPIT = {
    *("Alpha", "CABS", "Distance", "EarlyStopping", "GradHist1d", "GradHist2d", "GradNorm", "HessMaxEV"),
    *("HessTrace", "InnerTest", "Loss", "MeanGSNR", "NormTest", "OrthoTest", "Parameters", "TICDiag"),
    *("TICTrace", "Time", "UpdateSize"),
}
#: Wall time has no separate computation but a clock; see its own test.
WITHOUT_VALUE = {"time/seconds"}
#: Estimated from random vectors: compared in tests of their own, within their error.
ESTIMATED = {"curvature/hessian_top", "curvature/hessian_trace"}
OPTIMIZER_SIGNALS = [name for name in SIGNALS if name.startswith("optimizer/")]
#: Signals that a kink of ReLU, or the number of weights, would spoil differences of.
SMOOTH_ONLY = {name for name in SIGNALS if name.startswith("curvature/")}


@pytest.fixture(scope="module")
def smooth(tmp_path_factory):
    """Everything, in float64: gradients are averaged, descent is plain."""
    return record(tmp_path_factory.mktemp("smooth"))


@pytest.fixture(scope="module")
def rectified(tmp_path_factory):
    """Everything but second derivatives, in float32: gradients are summed, targets smoothed, the optimizer is Aida."""
    return record(
        tmp_path_factory.mktemp("rectified"),
        build=rectified_network,
        dtype=np.float32,
        optimizer="aida",
        settings={"learning_rate": 0.01},
        reduction="sum",
        smoothing=0.1,
        signals=[name for name in SIGNALS if name not in SMOOTH_ONLY],
    )


@functools.cache
def expected_of(run, name):
    return EXPECTED[name](run)


def compare(run, name, *, relative, absolute, factor=1.0):
    found = {key: factor * value for key, value in run.rows.get(name, {}).items()}
    expected = expected_of(run, name)
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=relative, abs=absolute, nan_ok=True), key


def test_every_signal_has_a_separate_computation():
    assert set(SIGNALS) == set(EXPECTED) | WITHOUT_VALUE


@pytest.mark.parametrize("name", [name for name in SIGNALS if name not in WITHOUT_VALUE | ESTIMATED])
def test_values_equal_a_separate_computation(smooth, name):
    # Differences of gradients are exact to 1e-9; the stored float32 to 6e-8.
    compare(smooth, name, relative=2e-6 if name in SMOOTH_ONLY else 3e-7, absolute=1e-12)


@pytest.mark.parametrize("name", [name for name in SIGNALS if name not in WITHOUT_VALUE | ESTIMATED])
def test_a_value_wrong_by_a_thousandth_is_noticed(smooth, name):
    if not any(value != 0 for value in smooth.rows.get(name, {}).values()):
        pytest.skip("nothing but zeros is recorded of this network; see the other one")
    with pytest.raises(AssertionError):
        compare(smooth, name, relative=2e-6, absolute=1e-12, factor=1.001)


@pytest.mark.parametrize("name", [name for name in SIGNALS if name not in WITHOUT_VALUE | SMOOTH_ONLY])
def test_values_equal_a_separate_computation_in_float32(rectified, name):
    if name.startswith("noise/histogram"):
        # An element within rounding of an edge may fall on either side of it.
        found, expected = rectified.rows[name], expected_of(rectified, name)
        assert sum(abs(found[key] - value) for key, value in expected.items()) <= 1e-3 * sum(
            expected.values()
        )
        return
    compare(rectified, name, relative=5e-4, absolute=2e-5)


def test_estimated_curvature_is_within_its_error(smooth):
    tops = expected_of(smooth, "curvature/hessian_top")
    for (name, _, _, step), value in tops.items():
        bound = smooth.rows["curvature/hessian_top"]["curvature/hessian_top/error_bound", None, None, step]
        assert (
            abs(smooth.rows["curvature/hessian_top"][name, None, None, step] - value) <= bound + 1e-6 * value
        )
        assert bound <= 0.0301 * value
    traces = expected_of(smooth, "curvature/hessian_trace")
    rows = smooth.rows["curvature/hessian_trace"]
    scores = [
        (rows[name, None, None, step] - value)
        / rows["curvature/hessian_trace/standard_error", None, None, step]
        for (name, _, _, step), value in traces.items()
    ]
    assert max(np.abs(scores)) < 5
    assert abs(np.mean(scores)) < 2


@pytest.mark.parametrize(
    "optimizer", [name for name in separate_layers.EXPOSED if name not in ("sgd", "aida")]
)
def test_what_optimizers_expose(tmp_path, optimizer):
    settings = {"clip_norm": 0.5} if optimizer in ("soap", "insgd") else {"clip_value": 1.0}
    run = record(tmp_path, optimizer=optimizer, settings=settings, signals=OPTIMIZER_SIGNALS, n_updates=3)
    for name in OPTIMIZER_SIGNALS:
        compare(run, name, relative=1e-6, absolute=1e-9)


@pytest.mark.parametrize(("optimizer", "epsilon"), [("adam", 1e-8), ("aida", 0.0)])
def test_the_adaptive_step_is_one_over_the_denominator(tmp_path, optimizer, epsilon):
    """1 / (√v̂ + ε) of Zhang et al., over 1 − β₁ᵗ."""
    run = record(tmp_path, optimizer=optimizer, signals=["layer/adaptive_step"], n_updates=4)
    moment = "second_moment" if optimizer == "adam" else "belief"
    for seen in run.steps:
        for tensor, v in seen.state[optimizer][moment].items():
            steps = 1 / (np.sqrt(v / (1 - 0.999**seen.step)) + epsilon) / (1 - 0.9**seen.step)
            found = run.rows["layer/adaptive_step"]["layer/adaptive_step/mean", tensor, None, seen.step]
            assert found == pytest.approx(steps.mean(), rel=1e-6)


def test_the_clock_runs(smooth):
    seconds = [value for _, value in sorted((key[3], v) for key, v in smooth.rows["time/seconds"].items())]
    assert len(seconds) == 7
    assert 0 < seconds[0] <= seconds[-1] < 600
    assert seconds == sorted(seconds)


def test_cockpit_has_nothing_that_is_not_here():
    here = {entry.cockpit for entry in SIGNALS.values()}
    assert here >= COCKPIT


def test_definitions_say_what_they_are():
    for entry in SIGNALS.values():
        assert entry.summary.endswith("."), entry.name
        assert entry.unit
        assert entry.source
        assert entry.reads
        assert not (entry.index and entry.is_open)
        assert entry.cost != "epoch" or entry.schedule is None


def test_float32_signals_are_float32_numbers_and_losses_are_not_rounded(smooth):
    for name, rows in smooth.rows.items():
        values = np.array(list(rows.values()))
        rounded = np.array_equal(values, values.astype(np.float32), equal_nan=True)
        assert rounded or SIGNALS[name].precision == "float64", name
    assert any(value != float(np.float32(value)) for value in smooth.rows["train/loss"].values())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_element_cannot_hide_in_a_quantile(bad):
    with np.errstate(invalid="ignore"):
        values = summarize(np.array([1.0, 2.0, bad]))
    assert not np.isfinite(values).any()


def test_moments_of_a_large_array_lose_no_digits():
    values = (1000 + np.random.default_rng(0).normal(size=(50, 3000))).astype(np.float32)
    mean, std = mean_and_std(values)
    assert mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-12)
    assert std == pytest.approx(values.std(dtype=np.float64), rel=1e-9)


def test_histogram_bins_hold_their_edge_nearer_to_zero():
    for bins in (GRADIENT_BINS, WEIGHT_BINS):
        edges = bins.edges()
        assert edges.shape == (bins.n + 1,)
        assert np.all(np.diff(edges) > 0)
        inner = edges[1:-1]
        expected = [bins.side + 1 + k for k in range(bins.side)]
        assert bins.numbers(inner[inner > 0]).tolist() == expected
        assert bins.numbers(-inner[inner > 0]).tolist() == [2 * bins.side - number for number in expected]
        assert bins.numbers(np.array([0.0, -0.0, 1e-30])).tolist() == [bins.side] * 3
        assert bins.numbers(np.array([np.inf, -np.inf, 1e30])).tolist() == [bins.n - 1, 0, bins.n - 1]


def test_signals_are_chosen_by_preset_stem_or_recorded_name():
    assert [entry.name for entry in choose_signals(["probe/logits/q05", "train/loss"])] == [
        "probe/logits",
        "train/loss",
    ]
    assert [entry.name for entry in choose_signals(["optimizer/state/second_moment/mean"])] == [
        "optimizer/state"
    ]
    minimal = {entry.name for entry in choose_signals(None, preset="minimal")}
    standard = {entry.name for entry in choose_signals(None)}
    full = {entry.name for entry in choose_signals(["time/seconds"], preset="full")}
    assert minimal < standard < full
    assert "time/seconds" in full
    with pytest.raises(UnknownNameError, match=r"unknown signal 'train/lose'; did you mean 'train/loss', "):
        choose_signals(["train/lose"])
    with pytest.raises(UnknownNameError, match=r"unknown preset 'ful'; did you mean 'full'\?"):
        choose_signals(None, preset="ful")


def test_standard_holds_every_signal_of_the_first_release_under_its_name():
    names = {name for entry in choose_signals(None) for name in entry.names}
    five = ("mean", "std", "q05", "q50", "q95")
    summaries = (
        "train/logits",
        "train/penultimate",
        "train/logits_grad",
        "probe/logits",
        "probe/penultimate",
    )
    assert names >= {f"{stem}/{field}" for stem in summaries for field in five}
    assert names >= {"train/loss", "train/accuracy", "train/first_logit", "train/logits_grad/norm"}
    assert names >= {"eval/loss", "eval/accuracy"}
    assert names >= {"layer/grad_norm", "layer/weight_norm", "layer/update_norm"}


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("sign", [1, -1, 0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_quantiles_of_many_values_are_those_of_sorted_ones(share_of_zeros, sign, dtype):
    """Far apart, next to each other and equal; below zero, above it, and both."""
    rng = np.random.default_rng(0)
    values = np.concatenate(
        [
            rng.normal(size=30_000) * 10.0 ** rng.integers(-35, 35, size=30_000),
            1 + np.arange(5_000) * 1e-9,
            rng.integers(-3, 4, size=5_000),
        ]
    )
    values = np.abs(values) * sign if sign else values
    values[rng.random(values.size) < share_of_zeros] = 0
    values = rng.permutation(values).astype(dtype)
    shares = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    expected = np.quantile(values.astype(np.float64), shares)
    np.testing.assert_allclose(quantiles(values, shares), expected, rtol=1e-14, atol=0)


def test_columns_are_summarized_as_each_alone_and_apart_from_bad_neighbours():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 7)).astype(np.float32) * 10.0 ** np.arange(-3, 4)
    values[:, 2] = 4.0
    values[3, 4], values[5, 5], values[6, 5] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        expected = np.array([summarize(column) for column in values.T]).T
        found = np.array(summarize_columns(values))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_class_without_samples_has_no_figures():
    values = np.arange(12.0).reshape(4, 3)
    found = np.array(summarize_groups(values, np.array([2, 0, 0, 2]), 4))
    assert np.isnan(found[:, [1, 3]]).all()
    assert found[:, 0].tolist() == summarize(values[1:3])
    assert found[:, 2].tolist() == summarize(values[[0, 3]])


def test_every_recorded_name_has_the_unit_of_its_definition_or_none():
    assert VARYING_UNIT in {entry.unit for entry in SIGNALS.values()}
    known = {name: entry.unit_of(name) for entry in SIGNALS.values() for name in entry.names}
    assert known["train/loss"] == "nat"
    assert (known["train/logits/q05"], known["train/logits/kurtosis"]) == ("logit", "")
    assert (known["noise/scale/simple"], known["noise/scale/trace"]) == ("samples", "")
    assert known["optimizer/spectrum/largest"] == ""
