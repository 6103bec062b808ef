"""`tracekit claims`: the reference paper's claims, evaluated on recorded runs."""

from __future__ import annotations

import re
from typing import Annotated, cast

import typer

from tracekit.cli.answers import answer, one_form
from tracekit.cli.command import command
from tracekit.cli.options import (
    DEFAULT_SIGNAL,
    By,
    DecidingSignal,
    EquivalenceMargin,
    Json,
    Level,
    Margin,
    Match,
    Overwrite,
    RunsPath,
    Sentences,
    TableFile,
)
from tracekit.cli.output import check_output


@command(
    "claims",
    summary="Check the reference paper's claims.",
    examples=(
        "tracekit claims runs/first --sentences",
        "tracekit claims runs/first --base sgd=0.1 --match updates",
    ),
)
def claims(
    path: RunsPath,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    base: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPTIMIZER=RATE",
            help="Learning rate that the claims are about; may be repeated (default: the smallest of each optimizer).",
        ),
    ] = None,
    match: Match = None,
    by: By = None,
    margin: EquivalenceMargin = None,
    index_margin: Margin = 0.2,
    level: Level = 0.95,
    sentences: Sentences = False,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Evaluate the reference paper's claims on recorded runs: supported, refuted or unresolved, with evidence."""
    check_output(out, overwrite=overwrite)
    one_form(as_json=as_json, sentences=sentences)
    rates = _rates(base)
    import tracekit_analysis
    from tracekit.traces import read

    given = {"match": match, "margin": margin, "base": rates, "by": by or None}
    results = tracekit_analysis.evaluate_claims(
        read(path, signals=signal),
        signal=signal,
        index_margin=index_margin,
        level=level,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    shown = ["claim", "part", "verdict", "estimate", "ci_low", "ci_high", "pvalue_adjusted", "n_seeds"]
    shown += ["family_size", "smallest_pvalue", "detectable_effect"]
    answer(results, out, as_json=as_json, sentences=sentences, columns=shown)


def _rates(base: list[str] | None) -> dict[str, float] | None:
    """Read "sgd=0.1"."""
    from tracekit.errors import ArgumentError, argument_sentence

    rates = {}
    for word in base or ():
        found = re.fullmatch(r"(.+)=([-+.\deE]+)", word)
        try:
            name, rate = cast("re.Match[str]", found).groups()
            rates[name] = float(rate)
        except (AttributeError, ValueError):
            raise ArgumentError(
                argument_sentence("base", word, "must be an optimizer and a rate, such as sgd=0.1")
            ) from None
    return rates or None
