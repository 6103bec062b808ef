"""Error rates of labels and tests, as tables and sentences, from the calibration run packaged with this version."""

from __future__ import annotations

import functools
import importlib.resources
import math
from collections.abc import Iterator

import pandas as pd

from tracekit.report.document import Column, Table, count, enumerate_words, show, words

#: Kinds of noise in words, by their name in the simulations.
NOISES = {
    "iid": "independent noise",
    "AR.5": "AR(0.5) noise",
    "AR.9": "AR(0.9) noise",
    "t2": "heavy tails (t, 2 d.f.)",
    "GARCH": "GARCH noise",
}

#: Confidence of the intervals in the simulations.
LEVEL = 0.95


#: Simulated processes that the report quotes: test and process in words, process and quantity in the table.
_TESTS = (
    ("LFQ, independent noise", "iid", "LFQ lower"),
    ("LFQ, AR(0.5) noise", "AR.5", "LFQ lower"),
    ("LFQ, AR(0.9) noise", "AR.9", "LFQ lower"),
    ("LFQ, heavy tails (t, 2 d.f.)", "t2", "LFQ lower"),
    ("LFQ, GARCH(0.1, 0.85) noise", "GARCH", "LFQ lower"),
    ("LFQ power: lower tail grows by x(1 + u), mean fixed", "lower drift", "LFQ lower"),
    ("LFQ power: lower bound wanders through two cycles", "lower wander", "LFQ lower"),
    ("cosine-KPSS, independent noise", "iid", "level"),
    ("cosine-KPSS, AR(0.9) noise", "AR.9", "level"),
)


def label_rates() -> pd.DataFrame:
    """Read the labels of `make calibrate`: one row per simulated process, number of updates and number of seeds."""
    return _packaged("labels.csv")


def single_series_table() -> Table:
    """Tabulate the share of series that the two tests reject, by process and number of updates."""
    rates = _packaged("rates.csv").set_index(["process", "quantity", "n"])["mean"]
    lengths = sorted({int(n) for n in rates.index.get_level_values("n")})
    lines = [
        (words(text), *(words(_share(float(rates[process, quantity, n]))) for n in lengths))
        for text, process, quantity in _TESTS
    ]
    return Table(
        (Column("test and series"), *(Column(f"{n:,} updates", numeric=True) for n in lengths)),
        tuple(lines),
        "Share of simulated single series that the tests reject.",
        sortable=False,
    )


@functools.cache
def _packaged(name: str) -> pd.DataFrame:
    """Read a table of the calibration run that is packaged with this version."""
    source = importlib.resources.files("tracekit.report").joinpath(f"calibration/{name}")
    with source.open(encoding="utf-8") as lines:
        return pd.read_csv(lines)


def designs(rates: pd.DataFrame) -> list[tuple[int, int]]:
    """Return the pairs of numbers of updates and of seeds that were simulated."""
    return [(int(n), int(seeds)) for n, seeds in rates[["n", "n_seeds"]].drop_duplicates().to_numpy()]


def name_design(design: tuple[int, int]) -> str:
    """Write "1,000 updates, 5 seeds"."""
    return f"{design[0]:,} updates, {count(design[1], 'seed')}"


def rates_table(rates: pd.DataFrame) -> Table:
    """Tabulate the shares of labels by the truth; of a trend and a break the worse one is shown."""
    columns = designs(rates)
    cells = [int(_of(rates, design)["n_cells"].min()) for design in columns]
    lines = tuple(
        (words(truth), words(label), *(words(_share(share)) for share in shares))
        for truth, label, shares in _lines(rates, columns)
    )
    return Table(
        (
            Column("truth"),
            Column("label"),
            *(Column(name_design(design), numeric=True) for design in columns),
        ),
        lines,
        "Share of simulated configurations that get a label, by the truth; "
        f"{enumerate_words(f'{n:,}' for n in cells)} configurations per entry, by column. Where "
        "the bound moves along a trend or in a break, the worse of the two is shown. "
        "Exactly at the margin both stable and unstable are errors.",
        keys=2,
        sortable=False,
    )


def _lines(rates: pd.DataFrame, columns: list[tuple[int, int]]) -> Iterator[tuple[str, str, list[float]]]:
    """Yield truth, label and one share per design: for each kind of noise, and for errors the worst of all kinds."""
    still, margin, beyond = _truths(rates)

    def shares(rows: pd.DataFrame, label: str, worst: str) -> list[float]:
        return [float(getattr(_of(rows, design)[label], worst)()) for design in columns]

    def by_noise(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        for noise, own in rows.groupby("noise", sort=False):
            yield NOISES.get(str(noise), str(noise)), own

    if len(still):
        yield "bound constant (I = 0), worst noise", "called unstable", shares(still, "unstable", "max")
        for noise, rows in by_noise(still):
            yield f"bound constant, {noise}", "called stable", shares(rows, "stable", "min")
    for noise, rows in by_noise(margin):
        truth = f"bound exactly at the margin (I = {_index(rows)}), {noise}"
        yield truth, "called stable or unstable", shares(rows, "wrong", "max")
    if len(beyond):
        truth = f"bound moves (I = {_index(beyond)}), worst noise"
        yield truth, "called stable", shares(beyond, "stable", "max")
    for noise, rows in by_noise(beyond):
        yield f"bound moves (I = {_index(rows)}), {noise}", "called unstable", shares(rows, "unstable", "min")


def worst_case(rates: pd.DataFrame) -> str:
    """Write a sentence on where the label errs most often, and how often."""
    row = rates.sort_values("wrong", kind="stable").iloc[-1]
    where = " by exactly the margin" if row["index"] == row["margin"] else f" by I = {row['index']:.3g}"
    moves = "is constant" if row["index"] == 0 else f"moves in a {row['movement']}{where}"
    return (
        f"The worst of all simulated cases: {NOISES.get(str(row['noise']), row['noise'])}, a bound that {moves}, "
        f"{name_design((int(row['n']), int(row['n_seeds'])))}: {_percent(row['wrong'])} of the configurations got a "
        f"wrong label (95 % interval {_percent(row['wrong_ci_low'])} to {_percent(row['wrong_ci_high'])})."
    )


def how_sure(rates: pd.DataFrame, n_updates: float, n_seeds: int) -> str:
    """Write how often the label errs in the nearest simulated design, and where it errs most."""
    nearest = min(
        designs(rates),
        key=lambda design: (
            abs(math.log(design[0] / max(n_updates, 1))) + abs(math.log(design[1] / max(n_seeds, 1)))
        ),
    )
    still, margin, beyond = (_of(rows, nearest) for rows in _truths(rates))
    said = []
    if len(still):
        said.append(
            f"a constant bound was called unstable in {_at_most(still['unstable'])} of the configurations"
        )
    if len(beyond):
        said.append(
            f"a bound that moved further than the margin (I = {_index(beyond)}) was called stable in "
            f"{_at_most(beyond['stable'])}"
        )
    if len(margin):
        noise = NOISES.get(str(margin.sort_values("wrong", kind="stable")["noise"].iloc[-1]))
        said.append(
            f"a bound that moved by exactly the margin was called stable in {_at_most(margin['stable'])} and unstable "
            f"in {_at_most(margin['unstable'])}"
            + (f" (most often under {noise})" if margin["wrong"].max() > 0 else "")
        )
    return f"Error rates: in simulations of {name_design(nearest)}, {'; '.join(said)}. {worst_case(rates)}"


def _truths(rates: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Split the rates: bounds that are constant, that move by exactly the margin, and that move further."""
    index, margin = rates["index"], rates["margin"]
    return rates[index == 0], rates[index == margin], rates[index > margin]


def _of(rates: pd.DataFrame, design: tuple[int, int]) -> pd.DataFrame:
    return rates[(rates["n"] == design[0]) & (rates["n_seeds"] == design[1])]


def _index(rows: pd.DataFrame) -> str:
    return enumerate_words(f"{value:.3g}" for value in sorted(rows["index"].unique()))


def _share(share: float) -> str:
    """Write a share with three places; a dash if this design was not simulated."""
    return "–" if math.isnan(share) else show(share) if share in (0.0, 1.0) else f"{share:.3f}".lstrip("0")


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _at_most(shares: pd.Series) -> str:
    """Write "none" or "up to 8 %": the largest share over kinds of noise."""
    largest = float(shares.max())
    return "none" if largest == 0 else f"up to {_percent(largest)}"
