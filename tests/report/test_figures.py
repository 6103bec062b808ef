"""Figures: drawn on empty, one-run, many-run and broken data; inputs and global state unchanged."""

import functools

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from tracekit import plot
from tracekit.report.figures import curves, style
from tracekit.report.figures.drawing import draw


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
    "seed_traces": curves.seed_traces,
    "seed_traces, shared axes": functools.partial(curves.seed_traces, limits=(-2.0, 2.0), steps=5e4),
    "trace_band": curves.trace_band,
    "trace_band, shared axes": functools.partial(curves.trace_band, limits=(-2.0, 2.0), steps=5e4),
    "median_line": curves.median_line,
    "bound_curves": lambda data, ax: curves.bound_curves(curves.block_bounds(data), ax),
    "seed_band": curves.seed_band,
    "seed_band, logarithmic": functools.partial(curves.seed_band, log=True, limits=(0.1, 10.0)),
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
    ax = plot.index_intervals(table, Figure().add_subplot(), margin=0.2)
    pd.testing.assert_frame_equal(table, before)
    shown = [*table["index"].dropna(), *table["high"].dropna(), 0.2]
    assert ax.get_xlim()[0] == 0
    assert ax.get_xlim()[1] > max(shown)
    assert len(ax.get_xticks()) <= 10
    assert [label.get_text() for label in ax.get_yticklabels()] == [row[0] for row in rows]


def test_values_beyond_a_shared_axis_are_marked_not_lost():
    data = runs(1)
    data.loc[data.index[100], "value"] = 50.0
    ax = curves.seed_traces(data, Figure().add_subplot(), limits=(-4.0, 4.0))
    arrows = [line for line in ax.lines if line.get_marker() == "^"]
    assert np.concatenate([line.get_xdata() for line in arrows]).tolist() == [101.0]


def test_a_spike_of_one_run_shows_in_the_band_of_all():
    data = runs(12, steps=3000)
    data.loc[data.index[3 * 3000 + 1234], "value"] = 50.0
    band = curves.trace_band(data, Figure().add_subplot()).collections[0]
    corners = band.get_paths()[0].vertices
    at = corners[np.argmax(corners[:, 1])]
    assert at[1] == 50.0
    assert abs(at[0] - 1235) < 3000 / 150


def test_the_bound_is_a_quantile_and_not_a_minimum():
    blocks = curves.block_bounds(runs(1, steps=2000))
    assert -1.9 < np.median(blocks["lower"]) < -1.4
    assert 1.4 < np.median(blocks["upper"]) < 1.9


def test_the_band_of_the_bound_holds_its_mean_over_runs_as_often_as_it_says():
    """Known truth: block quantiles that are normal around 0, five runs; 95 % of pointwise bands hold 0."""
    rng = np.random.default_rng(8)
    held = []
    for _ in range(120):
        data = pd.DataFrame(
            {
                "run": np.repeat(list("abcde"), 16),
                "step": np.tile(np.arange(16.0), 5),
                "lower": rng.normal(size=80),
                "upper": 1.0,
            }
        )
        band = curves.bound_curves(data, Figure().add_subplot()).collections[-1]
        corners = band.get_paths()[0].vertices
        low, high = corners[1:17, 1], corners[18:34, 1][::-1]
        held.append(np.mean((np.minimum(low, high) <= 0) & (np.maximum(low, high) >= 0)))
    assert 0.935 < np.mean(held) < 0.965


TABLES = {
    "seed_dots": pd.DataFrame({"name": ["a", "a", "b"], "value": [0.1, 0.0, np.nan]}),
    "seed_dots, logarithmic": pd.DataFrame({"name": ["a", "a", "b"], "value": [0.1, 0.0, np.nan]}),
    "spectrum": pd.DataFrame(
        {"frequency": [0.1, 0.2], "density": [1.0, 2.0], "low": [0.5, 1.0], "high": [2.0, 4.0]}
    ),
    "autocorrelation": pd.DataFrame(
        {"run": ["a"] * 3 + ["b"] * 3, "lag": [0, 1, 2] * 2, "value": [1, 0.5, 0.2, 1, 0.3, -0.4]}
    ),
    "effect_forest": pd.DataFrame(
        {
            "name": ["a", "b", "c"],
            "estimate": [1.0, np.nan, -40.0],
            "low": [0.5, np.nan, np.nan],
            "high": [1.5, np.nan, np.nan],
            "answer": ["different", "unresolved", "equivalent"],
        }
    ),
    "profile": pd.DataFrame(
        {
            "optimizer": ["adam"] * 2,
            "threshold": [0.1, 0.2],
            "estimate": [0.5, 1],
            "ci_low": np.nan,
            "ci_high": np.nan,
        }
    ),
    "rank_ranges": pd.DataFrame(
        {
            "entry": ["sgd", "adam"],
            "position": [2, 1],
            "rank_best": 1,
            "rank_worst": 2,
            "mean_rank": [1.8, 1.2],
        }
    ),
    "heat_map": pd.DataFrame({0: [1.0, np.nan], 1: [0.0, 3.0]}, index=["conv1", "linear1"]),
    "label_shares": pd.DataFrame(
        {"name": ["iid"], "stable": [0.9], "inconclusive": [0.1], "unstable": [0.0]}
    ),
}

OF_TABLES = {
    "seed_dots": plot.seed_dots,
    "seed_dots, logarithmic": functools.partial(plot.seed_dots, references=(0.05,), log=True),
    "spectrum": functools.partial(plot.spectrum, lines=(0.15,)),
    "autocorrelation": functools.partial(plot.autocorrelation, n=100),
    "effect_forest": functools.partial(plot.effect_forest, margin=1.0),
    "profile": plot.profile,
    "rank_ranges": plot.rank_ranges,
    "heat_map": plot.heat_map,
    "label_shares": plot.label_shares,
}


@pytest.mark.parametrize("rows", ["some", "none"])
@pytest.mark.parametrize("figure", OF_TABLES)
def test_figures_of_tables_can_be_drawn_and_leave_them_alone(figure, rows):
    table = TABLES[figure] if rows == "some" else TABLES[figure].iloc[:0]
    before = table.copy(deep=True)
    ax = Figure().add_subplot()
    assert OF_TABLES[figure](table, ax) is ax
    pd.testing.assert_frame_equal(table, before)
    assert "</svg>" in draw(lambda ax: OF_TABLES[figure](table, ax)).svg


def test_events_stand_where_they_happened_and_at_the_edge_beyond_the_axis():
    ax = plot.events(
        runs(1),
        Figure().add_subplot(),
        levels=pd.DataFrame({"start": [1.0, 150.0], "stop": [150.0, 300.0], "level": [0.0, 2.0]}),
        spikes=pd.DataFrame({"step": [40.0, 70.0], "value": [3.0, 99.0]}),
        limits=(-4.0, 4.0),
    )
    rings = ax.lines[-1]
    assert rings.get_xdata().tolist() == [40.0, 70.0]
    assert rings.get_ydata().tolist() == [3.0, 4.0]
    assert [line.get_ydata().tolist() for line in ax.lines[1:3]] == [[0.0, 0.0], [2.0, 2.0]]


def test_every_public_figure_says_what_its_data_are():
    for name in plot.__all__:
        assert len(getattr(plot, name).__doc__) > 60, name


def test_ten_groups_look_ten_ways():
    assert len({style.group_style(position) for position in range(10)}) == 10
