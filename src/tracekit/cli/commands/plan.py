"""`tracekit plan`: compute how many seeds and updates an answer needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli.answers import answer
from tracekit.cli.command import command
from tracekit.cli.options import Json, Level, Overwrite, TableFile
from tracekit.cli.output import check_output


@command(
    "plan",
    summary="Compute how many seeds and updates an answer needs.",
    examples=(
        "tracekit plan",
        "tracekit plan --margin 1 --margin 1.5",
        "tracekit plan --effect 1.5 --family 2 --power 0.9",
    ),
)
def plan(
    effect: Annotated[
        list[float] | None,
        typer.Option(help="Difference to detect, in standard deviations between seeds; may be repeated."),
    ] = None,
    margin: Annotated[
        list[float] | None,
        typer.Option(help="Margin of equality, in standard deviations between seeds; may be repeated."),
    ] = None,
    index_margin: Annotated[
        list[float] | None,
        typer.Option(help="Margin of the stability index, in half-spreads; may be repeated."),
    ] = None,
    level: Level = 0.95,
    family: Annotated[
        int, typer.Option(help="Number of comparisons to correct for, such as the number of batch sizes.")
    ] = 4,
    power: Annotated[float, typer.Option(help="Wanted probability of getting the answer.")] = 0.8,
    correlation: Annotated[float, typer.Option(help="Correlation between runs that share a seed.")] = 0.5,
    tau: Annotated[float, typer.Option(help="Correlation time of the signal, in updates.")] = 1.0,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compute, before anything is trained, how many seeds and updates an answer needs."""
    check_output(out, overwrite=overwrite)
    import tracekit_analysis

    given = {"effects": effect, "margins": margin, "index_margins": index_margin}
    results = tracekit_analysis.plan(
        family=family,
        power=power,
        alpha=round(1.0 - level, 12),
        correlation=correlation,
        tau=tau,
        **{name: values for name, values in given.items() if values},  # type: ignore[arg-type]
    )
    answer(results, out, as_json=as_json, sentences=not as_json and out is None, columns=[])
