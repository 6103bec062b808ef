"""Commands that answer about one configuration at a time, and before any is trained: `analyze`, `label`, `plan`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from tracekit.cli.options import (
    DEFAULT_SIGNAL,
    DecidingSignal,
    Json,
    Level,
    Margin,
    Overwrite,
    RunsPath,
    Sentences,
    TableFile,
)
from tracekit.cli.output import check_output, give_out

if TYPE_CHECKING:
    import pandas as pd


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
    unit: Annotated[
        str,
        typer.Option(
            help="Half-spread that is the unit: of the signal's own series, or of the cross_section of the probe "
            "batch's logits, whose recorded quantile is then judged."
        ),
    ] = "series",
    side: Annotated[str, typer.Option(help="Bound that is judged: lower or upper.")] = "lower",
    margin: Margin = 0.2,
    level: Level = 0.95,
    sentences: Sentences = False,
    jobs: Annotated[int, typer.Option(help="Worker processes; they do not change the result.")] = 1,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Label each (optimizer, batch size) cell stable, unstable, inconclusive or diverged, and say how sure that is."""
    check_output(out, overwrite=overwrite)
    one_form(as_json=as_json, sentences=sentences)
    import tracekit_analysis

    frame = _read(path, [signal, *_recorded_quantiles(path, side)])
    by = cell_columns(frame)
    labels = tracekit_analysis.label(
        frame, by=by, signal=signal, unit=cast(Any, unit), side=cast(Any, side), margin=margin, level=level,
        jobs=jobs,
    )  # fmt: skip
    shown = [*by, "label", "index", "ci_low", "ci_high", "n_seeds", "jitter_label", "spectrum"]
    if (labels["jitter_label"] == "not analysed").all():
        shown.remove("jitter_label")
    answer(
        labels, out, as_json=as_json, sentences=sentences, columns=[*shown, "reason"],
        latex=[*shown, "tails", "breaks", "spikes"],
    )  # fmt: skip
    _say_what_is_missing(path)


def plan(
    effect: Annotated[
        list[float] | None,
        typer.Option(help="Difference in between-seed standard deviations; may be repeated."),
    ] = None,
    margin: Annotated[
        list[float] | None,
        typer.Option(help="Margin of sameness, in between-seed standard deviations; may be repeated."),
    ] = None,
    index_margin: Annotated[
        list[float] | None,
        typer.Option(help="Margin of the stability index, in half-spreads; may be repeated."),
    ] = None,
    level: Level = 0.95,
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


def _read(path: RunsPath, signals: str | list[str] | None) -> pd.DataFrame:
    from tracekit.traces import read

    return read(path, signals=signals)


def _recorded_quantiles(path: Path, side: str) -> list[str]:
    """Return the signals of the probe batch's cross-section, if every run has recorded them."""
    from tracekit.traces import open_experiment, signal_names
    from tracekit_analysis.statistics.cross_section import CROSS_SECTION, quantiles

    names = quantiles(CROSS_SECTION, "upper" if side == "upper" else "lower")
    recorded = [set(signal_names(run)) for run in open_experiment(path).runs]
    return list(names) if recorded and all(set(names) <= known for known in recorded if known) else []


def cell_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns of a cell: the learning rate too where an optimizer was run at several."""
    cell = ["optimizer", "batch_size"]
    if "learning_rate" not in frame.columns:
        return cell
    rates = frame.groupby(cell, observed=True)["learning_rate"].nunique()
    return [*cell, "learning_rate"] if (rates > 1).any() else cell


def _say_what_is_missing(path: Path) -> None:
    """Name the runs that did not end, with the cause, and the way to go on with them."""
    from tracekit.traces import open_experiment

    stopped = [run for run in open_experiment(path).runs if run.status not in ("finished", "diverged")]
    if not stopped:
        return
    causes = {run.reason for run in stopped if run.reason}
    counts = {
        status: sum(run.status == status for run in stopped)
        for status in ("failed", "interrupted", "running")
    }
    words = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    why = f": {'; '.join(sorted(causes))}" if causes else ""
    typer.echo(
        f"Not counted are runs that did not end ({words}{why}); `tracekit resume {path}` goes on with them.",
        err=True,
    )


def one_form(*, as_json: bool, sentences: bool) -> None:
    """Refuse two forms of one answer on stdout."""
    from tracekit.errors import ArgumentError

    if as_json and sentences:
        raise ArgumentError(
            "give --sentences or --json, not both; every object of the JSON has its `sentence`."
        )


def answer(
    results: pd.DataFrame,
    out: Path | None,
    *,
    as_json: bool,
    sentences: bool,
    columns: Sequence[str],
    latex: Sequence[str] | None = None,
) -> None:
    """Give results out as asked: to a file (LaTeX may have fewer columns), and as JSON, sentences or a table."""
    if out is not None:
        whole = latex is None or out.suffix != ".tex"
        give_out(results if whole else results[list(latex or ())], out, as_json=False, columns=columns)
    if sentences:
        from tracekit_analysis import sentences as worded

        for sentence in worded(results):
            typer.echo(sentence)
    elif as_json or out is None:
        give_out(results, None, as_json=as_json, columns=columns)
