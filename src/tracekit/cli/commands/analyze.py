"""`tracekit analyze`: compute the statistics of every recorded series."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli.answers import read_store
from tracekit.cli.command import command
from tracekit.cli.options import Json, Overwrite, RunsPath, TableFile
from tracekit.cli.output import check_output, give_out


@command(
    "analyze",
    summary="Compute the statistics of every recorded series.",
    examples=(
        "tracekit analyze runs/first --signal train/loss",
        "tracekit analyze runs/first --preset full -o metrics.parquet",
    ),
)
def analyze(
    path: RunsPath,
    signal: Annotated[list[str] | None, typer.Option(help="Signal; may be repeated (default: all).")] = None,
    preset: Annotated[str, typer.Option(help="Columns to compute: minimal, standard or full.")] = "standard",
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Characterize every recorded series: bounds, stationarity, spectrum, dependence; one row per series."""
    check_output(out, overwrite=overwrite)
    frame = read_store(path, signal)
    from tracekit_analysis import characterize

    features = characterize(frame, preset=preset, jobs=jobs)  # type: ignore[arg-type]
    shown = ["run", "signal", "layer", "n", "stationarity", "lower_index", "lower_label", "tau_int", "status"]
    give_out(features, out, as_json=as_json, columns=[name for name in shown if name in features.columns])
