"""`tracekit calibrate`: measure the error rates of tests and labels for a number of updates, seeds and a margin."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracekit.cli.command import command
from tracekit.cli.options import Json, Level, Margin, Overwrite
from tracekit.cli.output import check_output, frame_records, give_out, print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

PICTURES = (".svg", ".png", ".pdf")
SHARES = ("stable", "unstable", "inconclusive", "wrong", "covered")
SHOWN = ("LFQ lower", "LFQ upper", "level", "scale", "stable", "unstable", "I covered")


@command(
    "calibrate",
    summary="Measure how often tests and labels err for your design.",
    examples=(
        "tracekit calibrate --updates 600 --seeds 10 --margin 0.3",
        "tracekit calibrate --updates 600 --seeds 10 --jobs 2 -o rates.csv -o rates.svg",
    ),
)
def calibrate(
    updates: Annotated[
        int, typer.Option("--updates", "-n", min=8, help="Recorded values per series.")
    ] = 1000,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds per configuration.")] = 5,
    margin: Margin = 0.2,
    level: Level = 0.95,
    process: Annotated[
        list[str] | None,
        typer.Option(help="Process to simulate for the tests; may be repeated (default: all)."),
    ] = None,
    noise: Annotated[
        list[str] | None,
        typer.Option(
            help="Noise to simulate for the labels; may be repeated (default: iid, AR.5, AR.9, t2 and GARCH)."
        ),
    ] = None,
    runs: Annotated[
        int, typer.Option(min=1, help="Simulated series per process, for bounds, level, spread and index.")
    ] = 300,
    battery: Annotated[
        int,
        typer.Option(
            min=0,
            help="How many of these series to use for the slow statistics too: unit roots, peaks, breaks, memory, "
            "tails.",
        ),
    ] = 0,
    cells: Annotated[
        int, typer.Option(min=1, help="Simulated configurations per row of the label table.")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes; the rates do not depend on it.")] = 1,
    out: Annotated[
        list[Path] | None,
        typer.Option(
            "--out",
            "-o",
            help="Write all rates to a .csv, .parquet or .tex file, or draw them as .svg, .png or .pdf.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Measure size, power and coverage on simulated series for your number of updates and seeds, and your margin."""
    files = out or []
    for path in files:
        check_output(path, overwrite=overwrite, also=PICTURES)
    import tracekit_analysis
    from tracekit_analysis.calibration.calibrating import NOISES
    from tracekit_analysis.calibration.processes import PROCESSES
    from tracekit_analysis.errors import require_choice

    processes = [
        name for name in PROCESSES if name != "divergent"
    ]  # a series that diverges is cut, not tested
    for name in process or ():
        require_choice("process", name, processes)  # now, not after the labels
    progress = tracekit_analysis.progress_bar() if sys.stderr.isatty() else None
    labels = tracekit_analysis.calibrate(
        updates, seeds, margin, noises=noise or NOISES, n_cells=cells, level=level, seed=seed, jobs=jobs,
        progress=progress,
    )  # fmt: skip
    rates = tracekit_analysis.calibration.error_rates(
        process or processes, updates, margin=margin, runs=runs, costly_runs=battery, seed=seed, jobs=jobs,
        progress=progress,
    )  # fmt: skip
    for path in files:
        if path.suffix in PICTURES:
            _draw(rates, labels, path)
        else:
            give_out(long_table(rates, labels), path, as_json=False, columns=())
    if as_json:
        print_json({"series": frame_records(rates), "cells": frame_records(labels)})
    elif not files:
        _print(rates, labels)


def long_table(rates: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    """Join the rates of single series and of configurations into one table, one row per rate."""
    import pandas as pd

    n, n_seeds, margin = labels[["n", "n_seeds", "margin"]].iloc[0]
    series = rates.drop(columns="n").assign(part="series").rename(columns={"mean": "rate"})
    cells = labels.rename(columns={"noise": "process", "index": "true_index", "n_cells": "runs"}).melt(
        ["process", "movement", "true_index", "runs"], list(SHARES), var_name="quantity", value_name="rate"
    )
    cells = cells.assign(part="cell", se=(cells["rate"] * (1.0 - cells["rate"]) / cells["runs"]) ** 0.5)
    order = ["part", "process", "movement", "true_index", "quantity", "rate", "se", "runs"]
    table = pd.concat([series.reindex(columns=order), cells[order]], ignore_index=True)
    return table.assign(n=int(n), n_seeds=int(n_seeds), margin=margin)


def _print(rates: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Print a table of the tests, one of the slow statistics if they were measured, and one of the labels."""
    from tracekit_analysis.calibration.processes import PROCESSES

    n, n_seeds, margin = labels[["n", "n_seeds", "margin"]].iloc[0]
    wide = rates.pivot(index="process", columns="quantity", values="mean")
    rows = [
        (name, PROCESSES[name].title, *(wide.loc[name, quantity] for quantity in SHOWN))
        for name in rates["process"].unique()
    ]
    typer.echo(
        f"One series of {n:.0f} values: share that a test rejects at .05, share with each label at margin "
        f"{margin:g}, and share whose interval holds the true index; {rates['runs'].max()} series per process."
    )
    print_table(("process", "what it is", *SHOWN), rows)
    others = rates[~rates["quantity"].isin(SHOWN)]
    if set(others["quantity"]) != {"warned"}:
        more = ["process", "quantity", "mean", "se", "runs"]
        typer.echo("\nThe slow statistics: mean over series; most are shares rejected.")
        print_table(more, others[more].itertuples(index=False, name=None))
    columns = ["noise", "movement", "index", *SHARES]
    typer.echo(
        f"\nConfigurations of {n_seeds:.0f} seeds: share with each label; wrong: share whose label contradicts the "
        f"truth; covered: share whose interval holds the true index; {labels['n_cells'].iloc[0]} configurations per "
        "row."
    )
    print_table(columns, labels[columns].itertuples(index=False, name=None))


def _draw(rates: pd.DataFrame, labels: pd.DataFrame, path: Path) -> None:
    """Draw all rates into one picture; the same numbers give the same bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    from tracekit.traces.files import make_folder, write_whole
    from tracekit_analysis.calibration.pictures import draw_calibration

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
    with matplotlib.rc_context({"svg.hashsalt": "tracekit", "svg.fonttype": "none", "font.size": 8.0}):
        figure = draw_calibration(rates, labels, Figure(figsize=(11.0, 9.0), layout="constrained"))
        make_folder(path.parent)
        write_whole(
            path,
            lambda temporary: figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=undated),
        )
    typer.echo(f"picture in {path}", err=True)
