"""`tracekit label`: which configurations are stable, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from tracekit.cli.answers import answer, one_form, read_store, say_what_is_missing
from tracekit.cli.command import command
from tracekit.cli.options import (
    DEFAULT_SIGNAL,
    By,
    DecidingSignal,
    Json,
    Level,
    Margin,
    Overwrite,
    RunsPath,
    Sentences,
    TableFile,
)
from tracekit.cli.output import check_output


@command(
    "label",
    summary="Say which configurations are stable, and how sure that is.",
    examples=(
        "tracekit label runs/first",
        "tracekit label runs/first --signal train/loss --margin 0.3",
        "tracekit label runs/first -o labels.csv",
    ),
)
def label(
    path: RunsPath,
    signal: DecidingSignal = DEFAULT_SIGNAL,
    unit: Annotated[
        str,
        typer.Option(
            help="Half-spread to measure in: that of the signal's own series, or of the cross_section of the probe "
            "batch's logits, whose recorded quantile is then judged."
        ),
    ] = "series",
    side: Annotated[str, typer.Option(help="Bound that is judged: lower or upper.")] = "lower",
    margin: Margin = 0.2,
    by: By = None,
    level: Level = 0.95,
    sentences: Sentences = False,
    jobs: Annotated[int, typer.Option(help="Worker processes; they do not change the result.")] = 1,
    out: TableFile = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Label each configuration stable, unstable, inconclusive or diverged, and say how sure that is."""
    check_output(out, overwrite=overwrite)
    one_form(as_json=as_json, sentences=sentences)
    import tracekit_analysis

    frame = read_store(path, [signal, *_recorded_quantiles(path, side)])
    labels = tracekit_analysis.label(
        frame, by=by or None, signal=signal, unit=cast(Any, unit), side=cast(Any, side), margin=margin, level=level,
        jobs=jobs,
    )  # fmt: skip
    cell = [str(name) for name in labels.columns[: labels.columns.get_loc("label")]]
    shown = [*cell, "label", "index", "ci_low", "ci_high", "n_seeds", "jitter_label", "spectrum"]
    if (labels["jitter_label"] == "not analysed").all():
        shown.remove("jitter_label")
    answer(
        labels, out, as_json=as_json, sentences=sentences, columns=[*shown, "reason"],
        latex=[*shown, "tails", "breaks", "spikes"],
    )  # fmt: skip
    say_what_is_missing(path)


def _recorded_quantiles(path: Path, side: str) -> list[str]:
    """Return the signals of the probe batch's cross-section, if every run has recorded them."""
    from tracekit.traces import open_experiment, signal_names
    from tracekit_analysis.features.probe_batch import CROSS_SECTION, quantiles

    names = quantiles(CROSS_SECTION, "upper" if side == "upper" else "lower")
    recorded = [set(signal_names(run)) for run in open_experiment(path).runs]
    return list(names) if recorded and all(set(names) <= known for known in recorded if known) else []
