"""`tracekit resume`: continue a sweep that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import DEFAULT_SIGNAL, DataDir, Json, Quiet


@command(
    "resume",
    summary="Continue a sweep that was stopped.",
    examples=(
        "tracekit resume runs/first",
        "tracekit resume runs/first --failed",
    ),
)
def resume(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="RUNS", help="Folder that `tracekit run` wrote.", autocompletion=completion.folders
        ),
    ],
    data_dir: DataDir = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes (default: all processors).")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads per worker (default: as when the experiment was begun).")
    ] = None,
    flush_seconds: Annotated[
        float,
        typer.Option(help="Write to disk every this many seconds; a killed process loses at most that much."),
    ] = 5.0,
    failed: Annotated[bool, typer.Option("--failed", help="Also train failed runs again.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Continue an experiment that was stopped; its traces become those of an experiment that was never stopped."""
    from tracekit.cli.commands.run import report_outcome
    from tracekit.cli.progress import SweepProgress
    from tracekit.cli.sweep_status import planned_runs
    from tracekit.experiment import resume_sweep, unfinished_runs
    from tracekit.traces import open_experiment

    unfinished = unfinished_runs(path, failed=failed)
    if not unfinished:
        if as_json:
            report_outcome(open_experiment(path), path, {}, quiet=quiet, as_json=True)
        else:
            typer.echo(f"{path} has no unfinished runs.")
        return
    runs = {name: config for name, config in planned_runs(path).items() if name in unfinished}
    with SweepProgress(runs, path, signal=DEFAULT_SIGNAL, quiet=quiet) as progress:
        experiment = resume_sweep(
            path,
            data_dir=data_dir,
            jobs=jobs,
            threads=threads,
            flush_seconds=flush_seconds,
            failed=failed,
            progress=progress,
        )
    report_outcome(experiment, path, progress.failures, quiet=quiet, as_json=as_json)
