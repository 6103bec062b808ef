"""Several channels in one series: found, counted and split."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from tests.analysis.processes import (
    Process,
    autoregressive,
    garch,
    iid,
    random_walk,
    reshuffled,
    sawtooth,
    student,
    traces,
)
from tests.analysis.rates import slack
from tracekit_analysis import AnalysisError, as_series, characterize
from tracekit_analysis.calibration.processes import fixed_order, interleaved
from tracekit_analysis.series import detect_interleaving, split_channels
from tracekit_analysis.statistics import stable_alpha, tail_index

FULL = pytest.mark.calibration
SINGLE: dict[str, Process] = {
    "iid": iid,
    "AR.5": autoregressive(0.5),
    "AR.9": autoregressive(0.9),
    "AR-.5": autoregressive(-0.5),
    "t2": student(2),
    "GARCH": garch,
    "walk": random_walk,
    "reshuffled": reshuffled(50),
    "sawtooth": sawtooth(50),
    "fixed order": fixed_order(50),
    "fixed order, E = 200": fixed_order(200, 0.5),
    "period 2": lambda rng, n: 1.0 + 0.5 * np.resize([1.0, -1.0], n) + rng.standard_normal(n),
}
WARNING = "this looks like 8 interleaved channels of different size: split them (`split_channels`)"


def check_size(process: str, n: int, runs: int) -> None:
    rng = np.random.default_rng([n, runs])
    found = np.mean(
        [detect_interleaving(SINGLE[process](rng, n), alpha=0.05).interleaved for _ in range(runs)]
    )
    assert found <= 0.05 + slack(0.05, runs)


@pytest.mark.parametrize("process", SINGLE)
def test_single_channels_are_not_split(process):
    check_size(process, 1000, 100)


@FULL
@pytest.mark.parametrize("n", [200, 1000, 10_000])
@pytest.mark.parametrize("process", SINGLE)
def test_single_channels_are_not_split_in_full(process, n):
    check_size(process, n, 1000)


@pytest.mark.parametrize("channels", [2, 3, 5, 8, 16, 30, 64])
def test_channels_are_counted(channels):
    rng = np.random.default_rng(channels)
    scales = 4.0 ** rng.permutation(np.linspace(-1, 1, channels))
    x = iid(rng, 4000) * np.resize(scales, 4000) * np.linspace(3.0, 0.3, 4000)
    found = detect_interleaving(x)
    assert (found.interleaved, found.n_channels) == (True, channels)
    assert max(found.pvalue, found.line_pvalue) < 0.001


def test_the_reference_programs_log_interleaves_eight_tensors(shared_data):
    log = shared_data / "ando-logs" / "cnn-adam-weights.log"
    values = np.array([float(v) for v in re.findall(r"Weight_Grad:([^:\s]+):", log.read_text())])
    found = detect_interleaving(values)
    assert (found.interleaved, found.n_channels) == (True, 8)
    assert found.line_pvalue < 1e-50
    assert [detect_interleaving(channel).n_channels for channel in split_channels(values, 8)] == [1] * 8


def test_channels_are_split_in_turn():
    channels = split_channels(np.arange(10), 3)
    assert [channel.tolist() for channel in channels] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    with pytest.raises(AnalysisError) as error:
        split_channels(np.arange(10), 0)
    assert str(error.value) == "`n_channels` (=0) must be a whole number of at least 1."


def test_long_series_are_judged_by_their_start():
    found = detect_interleaving(np.resize([1.0, -2.0], 150_000))
    assert found.n_channels == 2
    assert found.notes[1:] == ("tested on the first 100000 values",)


@pytest.mark.parametrize("process", ["iid", "AR.9", "reshuffled", "fixed order", "fixed order, E = 200"])
def test_only_interleaved_series_carry_the_note_in_a_table(process):
    quiet = characterize(traces(SINGLE[process], seeds=20, n=2000))
    assert not quiet["notes"].str.contains("this looks like").any()


def test_interleaved_series_carry_the_note_once_in_a_table_and_in_both_estimates_of_alpha():
    table = characterize(traces(interleaved(), n=2000))
    assert [notes.split("; ").count(WARNING) for notes in table["notes"]] == [1] * 5
    x = interleaved()(np.random.default_rng(0), 2000)
    for estimate in (tail_index, stable_alpha):
        assert WARNING in estimate(x).notes
        assert WARNING not in estimate(split_channels(x, 8)[0].repeat(2)).notes


def test_the_note_is_cheap():
    rng = np.random.default_rng(0)
    series = [as_series(iid(rng, 20_000)) for _ in range(12)]
    spent = []
    for one in series:
        start = time.process_time()
        detect_interleaving(one)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.010


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("abc", "`x` (='str96') must be an array of real numbers."),
        (["a", "b"], "`x` (='str32') must be an array of real numbers."),
        (3.0, "`x` (=()) must be one-dimensional; pass one series at a time."),
        (np.ones((4, 2)), "`x` (=(4, 2)) must be one-dimensional; pass one series at a time."),
    ],
)
def test_what_cannot_be_split_is_named(x, message):
    with pytest.raises(AnalysisError) as error:
        split_channels(x, 2)
    assert str(error.value) == message
