"""Commands that keep a store in order: `resume` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.options import DEFAULT_SIGNAL, DataDir, Json, Quiet, RunsPath
from tracekit.cli.output import count, print_json, print_table


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
        int | None, typer.Option(help="Threads of each worker (default: as the experiment was begun).")
    ] = None,
    flush_seconds: Annotated[
        float, typer.Option(help="How much of each run a sudden end of the process may cost.")
    ] = 5.0,
    failed: Annotated[bool, typer.Option("--failed", help="Try failed runs again, too.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Go on with an experiment that was stopped; the traces become those of one that never was."""
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
            typer.echo(f"{path} has nothing left to do.")
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


def doctor(
    path: RunsPath,
    set_aside: Annotated[
        bool, typer.Option("--quarantine", help="Move damaged files aside, so that the rest is readable.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every record, part, checksum and count of an experiment against its plan; exit code 1 if one is wrong."""
    from tracekit.traces.doctor import examine, not_begun, quarantine

    planned = _planned(path)
    findings = examine(path, planned=planned)
    waiting = not_begun([run for run in path.iterdir() if run.is_dir()], list(planned))
    moved = quarantine(findings) if set_aside else []
    if as_json:
        print_json(
            {
                "findings": [
                    {
                        "run": entry.run,
                        "path": str(entry.path),
                        "problem": entry.problem,
                        "loss": entry.loss,
                        "movable": entry.movable,
                    }
                    for entry in findings
                ],
                "moved": [str(target) for target in moved],
                "not_begun": waiting,
            }
        )
    elif findings:
        print_table(
            ["file", "problem", "lost"], [(entry.path, entry.problem, entry.loss) for entry in findings]
        )
        for target in moved:
            typer.echo(f"moved to {target}")
        if not set_aside and any(entry.movable for entry in findings):
            typer.echo("`tracekit doctor --quarantine` moves the damaged files aside; nothing is deleted.")
    else:
        typer.echo("nothing is wrong.")
    if waiting and not as_json:
        typer.echo(f"{count(len(waiting), 'planned run')} not begun yet; `tracekit resume {path}` goes on.")
    if findings:
        raise typer.Exit(1)


def _planned(path: Path) -> dict[str, dict[str, Any]]:
    """Configurations of the planned runs by name; none where there is no record of them that can be read."""
    from tracekit.cli.sweep_status import planned_runs
    from tracekit.errors import StoreError

    try:
        return {name: config.model_dump(mode="json") for name, config in planned_runs(path).items()}
    except StoreError:
        return {}  # the doctor says so itself
