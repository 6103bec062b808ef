"""`tracekit doctor`: find what is damaged or missing in recorded runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tracekit.cli.command import command
from tracekit.cli.options import Json, RunsPath
from tracekit.cli.output import count, print_json, print_table


@command(
    "doctor",
    summary="Find what is damaged or missing in recorded runs.",
    examples=(
        "tracekit doctor runs/first",
        "tracekit doctor runs/first --quarantine",
    ),
)
def doctor(
    path: RunsPath,
    set_aside: Annotated[
        bool, typer.Option("--quarantine", help="Move damaged files aside, so that the rest is readable.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check every record, part, checksum and count of an experiment against its plan; exit with 1 if one is wrong."""
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
            typer.echo(
                f"`tracekit doctor {path} --quarantine` moves the damaged files aside; it deletes nothing."
            )
    else:
        typer.echo("no problem found.")
    if waiting and not as_json:
        typer.echo(f"{count(len(waiting), 'planned run')} not begun yet; `tracekit resume {path}` continues.")
    if findings:
        raise typer.Exit(1)


def _planned(path: Path) -> dict[str, dict[str, Any]]:
    """Return the configurations of the planned runs by name; empty if their record cannot be read."""
    from tracekit.cli.sweep_status import planned_runs
    from tracekit.errors import StoreError

    try:
        return {name: config.model_dump(mode="json") for name, config in planned_runs(path).items()}
    except StoreError:
        return {}  # the doctor says so itself
