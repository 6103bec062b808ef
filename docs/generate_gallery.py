"""Write docs/gallery.md and its pictures from real runs: ``python docs/generate_gallery.py runs/demo``.

The runs are those of `make demo`. Each example below is a picture: its source is what the page shows.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

import tracekit_analysis as ta
from tracekit import plot
from tracekit.report.figures.drawing import draw

HERE = Path(__file__).parent

INTRODUCTION = """\
# Gallery

Every figure of the report is a function `(data, ax) -> ax` in `tracekit.plot`: it draws tables that tracekit returns on
any matplotlib axes, and changes nothing else. The pictures are of the runs of `make demo`; this page and they are
written by `python docs/generate_gallery.py runs/demo`. Each example assumes

```python
import matplotlib.pyplot as plt

import tracekit_analysis as ta
from tracekit import plot
from tracekit.traces import read

traces = read("runs/demo", signals=["train/first_logit", "train/loss", "eval/loss", "layer/update_ratio"])
logit = traces[traces["signal"] == "train/first_logit"]
adam = logit[(logit["optimizer"] == "adam") & (logit["batch_size"] == 100)]
features = ta.characterize(logit, jobs=2)  # one row per run
fig, ax = plt.subplots(figsize=(4.4, 2.6), layout="constrained")
```
"""

Example = Callable[..., Any]
EXAMPLES: list[tuple[str, str, Example]] = []


def example(title: str, meaning: str) -> Callable[[Example], Example]:
    """Enter a function of named tables and `ax` into the gallery."""

    def enter(paint: Example) -> Example:
        EXAMPLES.append((title, meaning, paint))
        return paint

    return enter


@example(
    "A signal and its bounds",
    "All values of five runs (shaded), their median, and the lower and upper 5 % quantile of blocks with the 95 % t "
    "interval of its mean over runs. The verdict is about the thick line.",
)
def bounds(adam: pd.DataFrame, ax: Axes) -> None:
    """Draw band, median and bounds."""
    plot.trace_band(adam, ax, unit="logit")
    plot.median_line(adam, ax)
    plot.bound_curves(plot.block_bounds(adam), ax)
    plot.burn_in(60, ax)


@example("Single runs", "One thin line a run, through an envelope that keeps every spike.")
def single_runs(adam: pd.DataFrame, ax: Axes) -> None:
    """Draw one line per run."""
    plot.seed_traces(adam[adam["seed"] < 2], ax, unit="logit")


@example(
    "Index against the margin",
    "Left of the dashed margin a bound holds still; an interval across it decides nothing.",
)
def index(features: pd.DataFrame, ax: Axes) -> None:
    """Draw the forest of indices."""
    labels = ta.label_from_features(features)
    names = labels["optimizer"].astype(str) + ", " + labels["batch_size"].astype(str)
    table = labels.assign(name=names, low=labels["ci_low"], high=labels["ci_high"])
    plot.index_intervals(table, ax, margin=0.2)


@example(
    "Learning curves", "Median over all runs of an optimizer, with a band from the lowest to the highest."
)
def learning(traces: pd.DataFrame, ax: Axes) -> None:
    """Draw the loss by optimizer."""
    loss = traces[(traces["signal"] == "train/loss") & (traces["batch_size"] == 100)]
    plot.seed_band(loss, ax, unit="loss, nats")
    ax.legend(frameon=False)


@example(
    "A statistic, seed by seed",
    "Correlation times: one dot per run, a tick at the median of the configuration.",
)
def dots(features: pd.DataFrame, ax: Axes) -> None:
    """Draw correlation times."""
    names = features["optimizer"].astype(str) + ", " + features["batch_size"].astype(str)
    table = pd.DataFrame({"name": names, "value": features["tau_int"]})
    plot.seed_dots(table, ax, label="correlation time, updates", log=True)


@example(
    "Spectrum",
    "Dashed: the frequency of the epoch (14 updates at batch size 100) and twice that.",
)
def spectrum(adam: pd.DataFrame, ax: Axes) -> None:
    """Draw a power spectrum."""
    values = adam.loc[adam["seed"] == 0, "value"]
    found = ta.statistics.welch_psd(values[100:])
    table = pd.DataFrame({"frequency": found.frequency, "density": found.density / values[100:].var()})
    plot.spectrum(table, ax, lines=(1 / 14, 2 / 14))


@example(
    "Autocorrelation",
    "Median over runs, shaded from the lowest to the highest; dashed: 95 % band of independent values.",
)
def autocorrelation(adam: pd.DataFrame, ax: Axes) -> None:
    """Draw autocorrelations."""
    rows = []
    for run, values in adam.groupby("run", observed=True)["value"]:
        lagged = [1.0, *(values.autocorr(lag) for lag in range(1, 41))]
        rows.append(pd.DataFrame({"run": run, "lag": range(41), "value": lagged}))
    plot.autocorrelation(pd.concat(rows), ax, n=600)


@example("Events", "Level between breaks and spikes of one run.")
def events(adam: pd.DataFrame, ax: Axes) -> None:
    """Draw breaks and spikes."""
    run = adam[adam["seed"] == 0]
    step, value = run["step"].to_numpy(), run["value"].to_numpy()
    changes, spikes = ta.statistics.change_points(value), ta.statistics.find_spikes(value)
    edges = [step[0], *step[changes.at], step[-1]]
    levels = pd.DataFrame({"start": edges[:-1], "stop": edges[1:], "level": changes.levels})
    peaks = pd.DataFrame({"step": step[spikes.at], "value": value[spikes.at]})
    plot.events(run, ax, levels=levels, spikes=peaks, unit="logit")


@example(
    "Effects", "Adam less SGD in how far the lower bound wanders; hollow: five seeds leave the answer open."
)
def effects(features: pd.DataFrame, ax: Axes) -> None:
    """Draw the forest of effects."""
    found = ta.compare(features)
    rows = found[found["feature"] == "lower_index"]
    table = pd.DataFrame(
        {
            "name": [f"batch size {size}" for size in rows["batch_size"]],
            "estimate": rows["effect_size"],
            "low": rows["effect_size_ci_low"],
            "high": rows["effect_size_ci_high"],
            "answer": rows["answer"],
        }
    )
    plot.effect_forest(table, ax, margin=1.0)


@example("Performance profile", "Share of an optimizer's runs that end at or below a loss.")
def profile(traces: pd.DataFrame, ax: Axes) -> None:
    """Draw performance profiles."""
    table = ta.performance(traces, signal="eval/loss")
    plot.profile(ta.performance_profile(table), ax, label="final eval/loss, at most")
    ax.legend(frameon=False)


@example("Ranks", "Bars: ranks that five seeds leave open; dots: mean ranks.")
def ranks(traces: pd.DataFrame, ax: Axes) -> None:
    """Draw ranks."""
    found = ta.rank(traces[traces["batch_size"] == 100], signal="eval/loss")
    plot.rank_ranges(found, ax)


@example("Layers over time", "Size of the update relative to the weights, one row per layer.")
def layers(traces: pd.DataFrame, ax: Axes) -> None:
    """Draw a heat map."""
    run = traces[(traces["signal"] == "layer/update_ratio") & (traces["run"] == "adam-lr0.001-b100-s0")]
    stretches = run["step"] // 15 * 15
    table = run.pivot_table(index="layer", columns=stretches, values="value", observed=True, aggfunc="median")
    plot.heat_map(table, ax, steps=600, unit="‖update‖ / ‖weights‖")


@example(
    "A shared colour scale", "For heat maps drawn side by side with `scale=False` and the same `limits`."
)
def scale(ax: Axes) -> None:
    """Draw a colour scale."""
    plot.color_scale((1e-4, 1e-1), ax, unit="‖update‖ / ‖weights‖")


@example(
    "Error rates of a label", "Labels of simulated cells of known truth, from `tracekit_analysis.calibrate`."
)
def shares(ax: Axes) -> None:
    """Draw calibration results."""
    rates = ta.calibrate(600, n_seeds=5, noises=("iid", "AR.5"), shapes=("trend",), n_cells=40)
    plot.label_shares(
        rates.assign(name=rates["noise"] + ", index " + rates["index"].round(2).astype(str)), ax
    )


@example("The style alone", "`house_style` dresses any axes of yours like the others.")
def style(adam: pd.DataFrame, ax: Axes) -> None:
    """Dress a histogram."""
    plot.house_style(ax, x="logit", y="values")
    ax.hist(adam["value"], bins=40, color="#6f9bc8")


def page() -> str:
    """Write the page: pictures with the lines that drew them."""
    parts = [INTRODUCTION]
    for title, meaning, paint in EXAMPLES:
        body = inspect.getsource(paint).split('"""\n', 1)[1]
        parts.append(
            f"## {title}\n\n![{title}](gallery/{paint.__name__}.svg)\n\n{meaning}\n\n"
            f"```python\n{textwrap.dedent(body).rstrip()}\n```\n"
        )
    return "\n".join(parts)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables that the examples name."""
    from tracekit.traces import read

    traces = read(folder, signals=["train/first_logit", "train/loss", "eval/loss", "layer/update_ratio"])
    logit = traces[traces["signal"] == "train/first_logit"]
    adam = logit[(logit["optimizer"] == "adam") & (logit["batch_size"] == 100)]
    return {"traces": traces, "adam": adam, "features": ta.characterize(logit)}


def picture(paint: Example, known: dict[str, pd.DataFrame]) -> str:
    """Draw one example as SVG."""
    wanted = {name: known[name] for name in inspect.signature(paint).parameters if name != "ax"}
    height = 0.8 if paint is scale else 2.4
    svg = draw(lambda ax: paint(**wanted, ax=ax), width=4.4, height=height).svg
    return svg.replace("<svg ", '<svg style="background: #fff" ', 1)  # legible on dark pages too


def main(folder: Path) -> None:
    """Write the page and all pictures."""
    known = tables(folder)
    (HERE / "gallery").mkdir(exist_ok=True)
    for _, _, paint in EXAMPLES:
        (HERE / "gallery" / f"{paint.__name__}.svg").write_text(
            picture(paint, known) + "\n", encoding="utf-8"
        )
    (HERE / "gallery.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/demo"))
