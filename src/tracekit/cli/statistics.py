"""Commands that answer: `analyze`, `label`, `compare`, `claims`, `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracekit.cli.options import (
    DEFAULT_SIGNAL,
    DecidingSignal,
    Json,
    Level,
    Margin,
    Overwrite,
    RunsPath,
    TableFile,
)
from tracekit.cli.output import check_output, give_out

if TYPE_CHECKING:
    import pandas as pd

Sentences = Annotated[
    bool, typer.Option("--sentences", help="Print a sentence a result, with method and uncertainty.")
]


def analyze(
    path: RunsPath,
    signal: Annotated[list[str] | None, typer.Option(help="Signal; may be repeated (default: all).")] = None,
    preset: Annotated[str, typer.Option(help="Columns to compute: minimal, standard or full.")] = "standard",
    jobs: Annotated[int, typer.Option(help="Worker processes.")] = 1,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Characterize every recorded series: bounds, stationarity, spectrum, dependence; one row a series."""
    check_output(out, overwrite=overwrite)
    frame = _read(path, signal)
    from tracekit_analysis import characterize

    features = characterize(frame, preset=preset, jobs=jobs)  # type: ignore[arg-type]
    shown = ["run", "signal", "layer", "n", "stationarity", "lower_index", "lower_label", "tau_int", "status"]
    give_out(features, out, as_json=as_json, columns=[name for name in shown if name in features.columns])


def label(
    path: RunsPath,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    margin: Margin = 0.2,
    level: Level = 0.95,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Label each (optimizer, batch size) cell stable, unstable, inconclusive or diverged, and say how sure that is."""
    check_output(out, overwrite=overwrite)
    frame = _read(path, signal)
    import tracekit_analysis

    labels = tracekit_analysis.label(
        frame, by=["optimizer", "batch_size"], signal=signal, margin=margin, level=level
    )
    shown = ["optimizer", "batch_size", "label", "index", "ci_low", "ci_high", "n_seeds", "reason"]
    give_out(labels, out, as_json=as_json, columns=shown)


def compare(
    path: RunsPath,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    level: Level = 0.95,
    sentences: Sentences = False,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say whether optimizers differ at each batch size: different, equivalent or unresolved, and in what."""
    check_output(out, overwrite=overwrite)
    frame = _read(path, signal)
    import tracekit_analysis

    results = tracekit_analysis.compare(frame, signal=signal, level=level)
    shown = ["batch_size", "level_a", "level_b", "feature", "answer", "estimate", "ci_low", "ci_high"]
    shown += ["pvalue_adjusted", "effect_size", "n_seeds"]
    _answer(results, out, as_json=as_json, sentences=sentences, columns=shown)


def claims(
    path: RunsPath,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    level: Level = 0.95,
    sentences: Sentences = False,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Evaluate the reference paper's claims on recorded runs: supported, refuted or unresolved, with evidence."""
    check_output(out, overwrite=overwrite)
    frame = _read(path, signal)
    import tracekit_analysis

    results = tracekit_analysis.evaluate_claims(frame, signal=signal, level=level)
    shown = ["claim", "part", "verdict", "estimate", "ci_low", "ci_high", "pvalue_adjusted", "n_seeds"]
    _answer(results, out, as_json=as_json, sentences=sentences, columns=shown)


def plan(
    effect: Annotated[
        list[float] | None,
        typer.Option(help="Difference in between-seed standard deviations; may be repeated."),
    ] = None,
    family: Annotated[
        int, typer.Option(help="Number of comparisons that are corrected for, such as batch sizes.")
    ] = 4,
    power: Annotated[float, typer.Option(help="Wanted probability of the answer.")] = 0.8,
    correlation: Annotated[float, typer.Option(help="Correlation between runs that share a seed.")] = 0.5,
    tau: Annotated[float, typer.Option(help="Correlation time of the signal, in updates.")] = 1.0,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Say, before anything is trained, how many seeds and updates an answer needs."""
    check_output(out, overwrite=overwrite)
    import tracekit_analysis

    results = tracekit_analysis.plan(
        effects=effect or (0.5, 1.0, 1.5, 2.0), family=family, power=power, correlation=correlation, tau=tau
    )
    _answer(results, out, as_json=as_json, sentences=True, columns=[])


def _read(path: RunsPath, signals: str | list[str] | None) -> pd.DataFrame:
    from tracekit.traces import read

    return read(path, signals=signals)


def _answer(
    results: pd.DataFrame, out: Path | None, *, as_json: bool, sentences: bool, columns: list[str]
) -> None:
    """Give results out as asked: to a file, as JSON, as sentences, or as a table."""
    if not sentences or as_json or out is not None:
        give_out(results, out, as_json=as_json, columns=columns)
        return
    from tracekit_analysis import sentences as worded

    for sentence in worded(results):
        typer.echo(sentence)
