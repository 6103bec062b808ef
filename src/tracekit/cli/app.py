"""The command tree; each command's module does its heavy imports when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli import data, ranging, reading, report, run, statistics, upkeep

app = typer.Typer(
    name="tracekit",
    help="Record neural-network training traces, and say which configurations are stable and how sure that is.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 error, 2 wrong usage, 3 a run of the sweep failed, 130 interrupted.",
)

app.command("run")(run.run)
app.command("resume")(upkeep.resume)
app.command("doctor")(upkeep.doctor)
app.command("range-test")(ranging.range_test)
app.add_typer(reading.listing, name="list")
app.command("show")(reading.show)
app.command("analyze")(statistics.analyze)
app.command("label")(statistics.label)
app.command("compare")(statistics.compare)
app.command("claims")(statistics.claims)
app.command("plan")(statistics.plan)
app.command("report")(report.report)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from tracekit import __version__

        typer.echo(f"tracekit {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Record neural-network training traces, and say which configurations are stable and how sure that is."""
