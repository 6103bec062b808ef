"""Method notes section: meanings of the numbers, error rates of the label, and limits of what a label says.

Error rates of the labels and of single tests are those of the packaged calibration run. They were measured by
simulation, and are printed with the conditions of the simulation.
"""

from __future__ import annotations

import functools

import numpy as np

from tracekit.report.document import (
    Block,
    Figure,
    Heading,
    Key,
    Listing,
    Mono,
    Panel,
    count,
    enumerate_words,
    paragraph,
    setting,
)
from tracekit.report.figures import style, verdicts
from tracekit.report.figures.drawing import draw
from tracekit.report.material import error_rates
from tracekit.report.material.material import Material
from tracekit.report.sections import section


@section("method", title="Method notes", order=80)
def method(material: Material) -> list[Block]:
    """Explain index, tests and label; quote their error rates; name the limits."""
    settings = material.settings
    rates = error_rates.label_rates()
    steps = sorted({run.step for run in material.experiment.runs})
    length = (
        count(steps[-1], "update") if len(steps) == 1 else f"{steps[0]:,} to {count(steps[-1], 'update')}"
    )
    seeds = max((v.n_seeds for v in material.verdicts.values()), default=0)
    return [
        paragraph(
            "This report: deciding signal ",
            Mono(settings.signal),
            f", margin {settings.threshold}, confidence {settings.confidence}, {count(seeds, 'seed')} in the "
            f"largest configuration, {length} per run.",
        ),
        Heading("What the words mean"),
        Listing(_TERMS),
        Heading("How often the label errs"),
        paragraph(
            f"Measured by simulation at confidence {100 * error_rates.LEVEL:g} %, margin "
            f"{enumerate_words(setting(margin) for margin in rates['margin'].unique())}, with seeds that behave "
            "alike. Where a share is 0, its 95 % interval reaches up to "
            f"{100 * float(rates.loc[rates['wrong'] == 0, 'wrong_ci_high'].max()):.2g} % where the fewest "
            "configurations were simulated. Read the column nearest to your number of updates and seeds. With strongly "
            "correlated or heavy-tailed noise and few updates the rule mostly answers inconclusive. "
            + error_rates.worst_case(rates)
        ),
        error_rates.rates_table(rates),
        paragraph(
            "Size of the two tests at nominal .05 (share of false alarms where nothing changes), and power of "
            "LFQ where the mean is constant but the lower tail moves, which tests of the mean cannot see."
        ),
        error_rates.single_series_table(),
        *_calibration(),
        Heading("What a label does not say"),
        Listing(tuple(("", (text,)) for text in _LIMITS)),
    ]


def _calibration() -> list[Block]:
    """Draw how often simulated configurations of known truth get each label, from this version's calibration run."""
    rates = error_rates.label_rates()
    panels = []
    for n, n_seeds in error_rates.designs(rates)[:2]:
        title = error_rates.name_design((n, n_seeds))
        chosen = rates[(rates["n"] == n) & (rates["n_seeds"] == n_seeds)]
        moves = np.where(
            chosen["index"] > 0, chosen["movement"] + " I=" + chosen["index"].round(2).astype(str), "none"
        )
        table = chosen.assign(name=chosen["noise"] + ", " + moves)
        if len(table):
            panels.append(
                Panel(
                    draw(
                        functools.partial(verdicts.label_shares, table),
                        width=3.9,
                        height=0.5 + 0.155 * len(table),
                    ),
                    f"Labels of simulated configurations, {title}.",
                    title=title,
                )
            )
    return [
        Figure(
            tuple(panels),
            "Labels of simulated configurations, by noise and by how the bound moves (not at all, along a trend or in "
            "a break at half time, with true index I; the margin is 0.2). Blue (stable) is an error where the bound "
            "moves by the margin or more; orange (unstable) is an error where it moves by the margin or less. Grey is "
            "inconclusive.",
            columns=2,
            legend=(
                Key(style.VERDICTS["stable"], "stable", "thick"),
                Key(style.VERDICTS["inconclusive"], "inconclusive", "thick"),
                Key(style.VERDICTS["unstable"], "unstable", "thick"),
            ),
        )
    ]


_TERMS = (
    (
        "Lower bound",
        (
            "The conditional 5 % quantile of the signal along the run (10 % for series of fewer than 500 points). "
            "Not the minimum: the minimum of more points lies lower even if nothing changes.",
        ),
    ),
    (
        "Index I",
        (
            "Standard deviation of the lower bound over the run, divided by the lower half-spread (median minus "
            "bound, within blocks). 0 means a constant bound; a steady drift by D half-spreads gives "
            "D / √12, so a margin of 0.2 is a drift of 69 % of a half-spread. The interval inverts the noncentral "
            "F distribution of a one-way layout of block quantiles; over seeds it is joined with a t interval, and "
            "both must agree.",
        ),
    ),
    (
        "Initial transient",
        (
            "The part at the start in which the level still changes (burn-in), found for each series and cut off: the "
            "larger of MSER-5's choice and the smallest share after which the level is constant. All statistics "
            "describe the part after it. Because the cut is chosen so that the level is constant, a test of the level "
            "afterwards is optimistic; rely on the interval of I.",
        ),
    ),
    (
        "LFQ test",
        (
            "Low-frequency quantile stationarity. Null: the quantile is constant over the run. Alternative: it "
            "drifts, breaks or wanders slowly. It needs no moments, so heavy tails do not disturb it. A small p with "
            "an index below the margin means a drift that is too small to matter.",
        ),
    ),
    (
        "Stationarity verdict",
        (
            "ADF (null: a unit root; alternative: stationary) joined with cosine-KPSS (null: constant level; "
            "alternative: the level wanders or trends). Together they answer stationary, unit-root-like, "
            "contradictory (a break, trend, transient or long memory) or uninformative. The verdict is about the "
            "mean: a stationary mean never implies a stable bound.",
        ),
    ),
    (
        "Label",
        (
            "Stable: the whole confidence interval lies below the margin. Unstable: the whole interval lies above it. "
            "Inconclusive: anything else, and always with fewer than 5 seeds, fewer than 200 updates after the "
            "transient, more than a fifth of the values tied at the bound, or a label that two or more single "
            "seeds contradict. Diverged: at least half of the runs diverged; a configuration with any diverged "
            "run is never called stable.",
        ),
    ),
)

_LIMITS = (
    "Stable is not good: a run that learns nothing has a constant bound. See the learning curves.",
    "Inconclusive is not unstable. More seeds or longer runs can decide it; the interval shows how far the index is "
    "from the margin.",
    "A label is about the judged signal, at this margin, after the transient, and about nothing else.",
    "A label holds for these data, this model and this learning rate. Optimizers differ in their best learning rate, "
    "so a column of the matrix does not rank optimizers.",
    "If gradients are summed over the batch instead of averaged, SGD's step grows with the batch size: batch "
    "size and learning rate are then confounded. The configuration below says which was done.",
    "Long memory makes a bound wander, and the label counts that as movement. Noise whose volatility nearly wanders "
    "(near-integrated GARCH) can be called unstable in up to 11 % of series of 1,000 updates.",
    "Labels of many configurations are not corrected for their number: each interval holds by itself.",
)
