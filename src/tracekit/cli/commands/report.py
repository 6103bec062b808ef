"""`tracekit report`: write the HTML and PDF report of an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracekit.cli.command import command
from tracekit.cli.options import DEFAULT_SIGNAL, By, DecidingSignal, Json, Level, Margin, Overwrite, RunsPath
from tracekit.cli.output import print_json


@command(
    "report",
    summary="Write the HTML and PDF report.",
    examples=("tracekit report runs/first -o reports/first",),
)
def report(
    path: RunsPath,
    output: Annotated[
        Path, typer.Option("--out", "--output", "-o", help="Folder to write the report to; it is created.")
    ] = Path("reports"),
    signal: DecidingSignal = DEFAULT_SIGNAL,
    margin: Margin = 0.2,
    by: By = None,
    level: Level = 0.95,
    overwrite: Overwrite = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Worker processes; the report does not depend on it (default: 2 for large experiments).",
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
    as_json: Json = False,
) -> None:
    """Write report.html, report.pdf and their tables: verdicts first, then the evidence for them."""
    from tracekit.report.workers import prepare
    from tracekit.traces import open_experiment
    from tracekit_analysis.tables.parallel import collect_rarely

    collect_rarely()
    jobs = prepare(open_experiment(path), jobs)
    from tracekit.report import write_report  # takes seconds; the other process starts meanwhile

    paths = write_report(
        path, output, signal=signal, margin=margin, level=level, by=by or None, overwrite=overwrite, jobs=jobs
    )
    if as_json:
        print_json({name: str(getattr(paths, name)) for name in ("html", "pdf", "metrics", "labels")})
        return
    if quiet:
        return
    typer.echo(f"HTML report: {paths.html}")
    typer.echo(f"PDF report:  {paths.pdf}")
