"""Figures: drawn on empty, one-run, many-run and broken data; inputs and global state unchanged."""

import functools

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tracekit.report import figures
from tracekit.report.drawing import draw


def runs(n, steps=300, broken=False):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "run": np.repeat([f"r{i}" for i in range(n)], steps),
            "optimizer": np.repeat([("adam", "sgd")[i % 2] for i in range(n)], steps),
            "step": np.tile(np.arange(1, steps + 1), n),
            "value": rng.normal(size=n * steps),
        }
    )
    if broken:
        frame.loc[frame.index[5], "value"] = np.nan
        frame.loc[frame.index[6:9], "value"] = [np.inf, -np.inf, 1e30]
    return frame


DATA = {
    "empty": runs(0),
    "one run": runs(1),
    "one value": runs(1, steps=1),
    "many runs": runs(12),
    "not finite": runs(3, broken=True),
    "nothing finite": runs(2).assign(value=np.nan),
}

OF_RUNS = {
    "seed_traces": figures.seed_traces,
    "seed_traces, shared axes": functools.partial(figures.seed_traces, limits=(-2.0, 2.0), steps=5e4),
    "lower_bound": figures.lower_bound,
    "seed_band": figures.seed_band,
    "seed_band, logarithmic": functools.partial(figures.seed_band, log=True, limits=(0.1, 10.0)),
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("figure", OF_RUNS)
def test_every_figure_can_be_drawn_and_leaves_its_data_alone(figure, data):
    before = DATA[data].copy(deep=True)
    ax = Figure().add_subplot()
    assert OF_RUNS[figure](DATA[data], ax) is ax
    pd.testing.assert_frame_equal(DATA[data], before)
    assert "</svg>" in draw(lambda ax: OF_RUNS[figure](DATA[data], ax)).svg


def intervals(rows):
    return pd.DataFrame(rows, columns=["name", "label", "index", "low", "high"])


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("adam, batch 50", "stable", 0.05, 0.0, 0.1)],
        [("a", "unstable", 900.0, 400.0, 1e5), ("b", "inconclusive", np.nan, np.nan, np.nan)],
        [("a", "diverged", np.nan, np.nan, np.nan), ("b", "inconclusive", 0.2, np.nan, np.nan)],
    ],
)
def test_intervals_are_drawn_with_and_without_an_index(rows):
    table = intervals(rows)
    before = table.copy(deep=True)
    ax = figures.index_intervals(table, Figure().add_subplot(), margin=0.2)
    pd.testing.assert_frame_equal(table, before)
    shown = [*table["index"].dropna(), *table["high"].dropna(), 0.2]
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > max(shown)
    assert len(ax.get_xticks()) <= 10
    assert [label.get_text() for label in ax.get_yticklabels()] == [row[0] for row in rows]


def test_values_beyond_a_shared_axis_are_marked_not_lost():
    data = runs(1)
    data.loc[data.index[100], "value"] = 50.0
    ax = figures.seed_traces(data, Figure().add_subplot(), limits=(-4.0, 4.0))
    arrows = [line for line in ax.lines if line.get_marker() == "^"]
    assert np.concatenate([line.get_xdata() for line in arrows]).tolist() == [101.0]


def test_the_bound_is_a_quantile_and_not_a_minimum():
    data = runs(1, steps=2000)
    ax = figures.lower_bound(data, Figure().add_subplot())
    assert -1.9 < np.median(ax.lines[0].get_ydata()) < -1.4


def test_ten_groups_look_ten_ways():
    assert len({figures.group_style(position) for position in range(10)}) == 10
