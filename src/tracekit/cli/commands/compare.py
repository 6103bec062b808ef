"""`tracekit compare`: whether optimizers differ, and in what."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.answers import answer, one_form
from tracekit.cli.command import command
from tracekit.cli.options import (
    DEFAULT_SIGNAL,
    By,
    EquivalenceMargin,
    Json,
    Level,
    Match,
    Overwrite,
    RunsPath,
    Sentences,
    TableFile,
)
from tracekit.cli.output import check_output
from tracekit.cli.questions import QUESTIONS

if TYPE_CHECKING:
    import pandas as pd

#: Questions about how well runs did.
PERFORMANCE = ("rank", "target", "profile")
DEFAULT_PERFORMANCE = "eval/loss"
#: Recorded at every update, so that a run which diverged before its first evaluation is there as well.
WITNESS = "train/loss"

#: Question -> columns of the table for people, after those of the cell.
SHOWN = {
    "features": (
        "level_a", "level_b", "feature", "answer", "estimate", "ci_low", "ci_high", "unit", "pvalue_adjusted",
        "effect_size", "n_seeds",
    ),
    "interaction": (
        "feature", "answer", "estimate", "pvalue_adjusted", "effect_size", "detectable_effect", "n_seeds",
    ),
    "identify": (
        "role", "level_a", "level_b", "answer", "estimate", "ci_low", "ci_high", "pvalue_adjusted", "n_seeds",
    ),
    "rank": (
        "entry", "rank_best", "rank_worst", "tied_with", "estimate", "ci_low", "ci_high", "pvalue_adjusted", "n_seeds",
    ),
    "target": ("estimate", "ci_low", "ci_high", "unit", "share_reached", "n_reached", "n_diverged", "n_seeds"),
    "profile": ("optimizer", "threshold", "estimate", "ci_low", "ci_high", "n_seeds"),
}  # fmt: skip


@command(
    "compare",
    summary="Say whether optimizers differ.",
    examples=(
        "tracekit compare runs/first",
        "tracekit compare runs/first --feature lower_index --feature tau_int --margin 1.5 --sentences",
        "tracekit compare runs/first --match updates",
        "tracekit compare runs/first --what interaction",
        "tracekit compare runs/first --what identify",
        "tracekit compare runs/first --what rank --signal eval/accuracy --metric anytime",
        "tracekit compare runs/first --what target --target 0.5",
        "tracekit compare runs/first --what profile -o profile.csv",
    ),
)
def compare(
    path: RunsPath,
    what: Annotated[
        str,
        typer.Option(
            help="Question: features (do optimizers differ, and in what), interaction (does that depend on the batch "
            "size), identify (can the optimizer be told from one run), rank (which is best, with ties), target (how "
            "soon a value is reached), profile (share of runs at least as good as a threshold).",
            autocompletion=completion.questions,
        ),
    ] = "features",
    signal: Annotated[
        str | None,
        typer.Option(
            help=f"Signal that is judged (default: {DEFAULT_SIGNAL}; for rank, target and profile "
            f"{DEFAULT_PERFORMANCE}).",
            autocompletion=completion.signals,
        ),
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="Statistic to compare; may be repeated (default: those of the method)."),
    ] = None,
    metric: Annotated[
        str | None, typer.Option(help="What is ranked: final, anytime or best value (default: final).")
    ] = None,
    target: Annotated[float | None, typer.Option(help="Value of the signal to be reached.")] = None,
    better: Annotated[
        str | None,
        typer.Option(help="Whether lower or higher values are better (default: higher for an accuracy)."),
    ] = None,
    pairing: Annotated[
        str | None,
        typer.Option(help="Whether runs of one seed are pairs: auto, paired or unpaired (default: auto)."),
    ] = None,
    match: Match = None,
    by: By = None,
    margin: EquivalenceMargin = None,
    level: Level = 0.95,
    sentences: Sentences = False,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say whether optimizers differ at each batch size: different, equivalent or unresolved, and in what.

    Where an optimizer was run at several learning rates, optimizers are compared at each rate if all were run at the
    same ones; otherwise every optimizer at a rate is an entry of its own. With --by the first column is compared
    within the others.
    """
    given = {
        "feature": feature or None,
        "metric": metric,
        "target": target,
        "better": better,
        "pairing": pairing,
        "match": match,
        "margin": margin,
    }
    options = _options(what, given, sentences=sentences)
    check_output(out, overwrite=overwrite)
    one_form(as_json=as_json, sentences=sentences)
    if what in PERFORMANCE:
        results = _performed(path, what, signal or DEFAULT_PERFORMANCE, level, by or None, options)
    else:
        results = _featured(path, what, signal or DEFAULT_SIGNAL, level, by or None, options)
    printed = not (as_json or sentences or out is not None)
    if printed and what == "features":
        from tracekit_analysis import compare_headline

        typer.echo(f"{compare_headline(results)}\n")
    first = SHOWN[what][0]
    cell = [str(name) for name in results.columns[: results.columns.get_loc(first)]]
    if what == "features":  # the table begins with the feature, people with the pair
        cell = [name for name in cell if name != "feature"]
    answer(results, out, as_json=as_json, sentences=sentences, columns=[*cell, *SHOWN[what]])
    if printed:
        from tracekit_analysis.comparisons.headline import evidence_lines

        typer.echo("".join(f"\n{line}" for line in evidence_lines(results)))


def _options(what: str, given: dict[str, Any], *, sentences: bool) -> dict[str, Any]:
    """Return the options that were given, if the question takes them."""
    from tracekit.errors import ArgumentError, argument_sentence

    if what not in QUESTIONS:
        known = ", ".join(repr(name) for name in QUESTIONS)
        raise ArgumentError(argument_sentence("what", what, f"must be one of {known}"))
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in QUESTIONS[what]:
            taken = ", ".join(f"--{other}" for other in QUESTIONS[what])
            raise ArgumentError(f"--{name} has no meaning with --what {what}, which takes {taken}.")
    if what == "target" and "target" not in options:
        raise ArgumentError("--what target needs --target, the value to be reached.")
    if what == "profile" and sentences:
        raise ArgumentError("--what profile has no sentences; leave out --sentences.")
    if options.get("better", "lower") not in ("lower", "higher"):
        raise ArgumentError(
            argument_sentence("better", options["better"], "must be one of 'lower', 'higher'")
        )
    return options


def _featured(
    path: Path, what: str, signal: str, level: float, by: list[str] | None, options: dict[str, Any]
) -> pd.DataFrame:
    """Answer a question about the statistics of series."""
    import tracekit_analysis
    from tracekit.traces import read

    frame = read(path, signals=signal)
    arguments: dict[str, Any] = {"signal": signal, "level": level, "by": by}
    arguments |= {"features" if name == "feature" else name: value for name, value in options.items()}
    if what == "interaction":
        return tracekit_analysis.interaction(frame, **arguments)
    if what == "identify":
        return tracekit_analysis.identifiability(frame, **arguments)
    return tracekit_analysis.compare(frame, **arguments)


def _performed(
    path: Path, what: str, signal: str, level: float, by: list[str] | None, options: dict[str, Any]
) -> pd.DataFrame:
    """Answer a question about how well runs did."""
    import tracekit_analysis
    from tracekit.traces import open_experiment, read, signal_names
    from tracekit_analysis.tables.configurations import configurations, entries

    recorded = {name for run in open_experiment(path).runs for name in signal_names(run)}
    frame = read(path, signals=[signal, *{WITNESS} & recorded - {signal}])
    lower = options.pop("better", "higher" if "accuracy" in signal else "lower") == "lower"
    if what == "rank":
        return tracekit_analysis.rank(
            frame, by=by, signal=signal, lower_is_better=lower, level=level, **options
        )
    if what == "target":
        frame, factor, at = entries(frame, configurations(frame, by=by))
        return tracekit_analysis.time_to_target(
            frame, options["target"], by=[factor, *at], signal=signal, lower_is_better=lower, level=level
        )
    frame, factor, _ = entries(frame, configurations(frame, by=by))
    runs = tracekit_analysis.performance(frame, signal=signal, lower_is_better=lower)
    return tracekit_analysis.performance_profile(
        runs, metric=options.get("metric", "final"), factor=factor, lower_is_better=lower, level=level
    )
