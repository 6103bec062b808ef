"""`tracekit show`: show an experiment's settings, runs and signals."""

from __future__ import annotations

import textwrap
from typing import Any

import typer

from tracekit.cli.command import command
from tracekit.cli.options import Json, RunsPath
from tracekit.cli.output import count, print_json, print_table, shown


@command(
    "show",
    summary="Show an experiment's settings, runs and signals.",
    examples=(
        "tracekit show runs/first",
        "tracekit show runs/first/adam-lr0.001-b50-s0",
    ),
)
def show(path: RunsPath, as_json: Json = False) -> None:
    """Show an experiment: its settings, its runs by status, its signals."""
    from tracekit.traces import open_experiment, signal_names

    experiment = open_experiment(path)
    statuses: dict[str, int] = {}
    for run in experiment.runs:
        statuses[run.status] = statuses.get(run.status, 0) + 1
    signals = sorted({name for run in experiment.runs for name in signal_names(run)})
    content = {
        "name": experiment.name,
        "n_runs": len(experiment.runs),
        "statuses": statuses,
        "updates": sum(run.step for run in experiment.runs),
        "seconds": sum(run.seconds for run in experiment.runs),
        "signals": signals,
        "record": experiment.record,
    }
    if as_json:
        print_json(content)
        return
    counted = ", ".join(f"{number} {status}" for status, number in statuses.items())
    typer.echo(f"{experiment.name}: {count(len(experiment.runs), 'run')} ({counted})")
    settings = dict(experiment.record.get("configuration", {}))
    recording = settings.get("recording") or {}
    if recording and not recording.get("preset") and not recording.get("signals"):
        settings["recording"] = recording | {"preset": "standard"}
    print_table(
        ["setting", "value"],
        [(key, _setting(value)) for key, value in settings.items() if value not in (None, {}, [])],
    )
    if len(experiment.runs) == 1:
        print_table(
            ["made by", ""], [(key, _setting(value)) for key, value in experiment.runs[0].meta.items()]
        )
    stems = sorted({name.rpartition("/")[0] or name for name in signals})
    typer.echo(
        f"{count(len(signals), 'signal')}: "
        + textwrap.fill(
            ", ".join(_stem(stem, signals) for stem in stems),
            100,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
    )


def _stem(stem: str, signals: list[str]) -> str:
    """Write the signals that share a stem: "probe/logits/{mean,q05,std}"."""
    fields = [name.removeprefix(f"{stem}/") for name in signals if name.rpartition("/")[0] == stem]
    return (
        stem
        if not fields
        else f"{stem}/{fields[0]}"
        if len(fields) == 1
        else f"{stem}/{{{','.join(fields)}}}"
    )


def _setting(value: Any) -> str:
    """Write a setting as in a file of settings; leave out what is not set."""
    if value is None:
        return "none"
    if isinstance(value, dict):
        return ", ".join(
            f"{key}={_setting(item)}" for key, item in value.items() if item not in (None, {}, [])
        )
    if isinstance(value, list):
        separator = "; " if any(isinstance(item, dict) for item in value) else ", "
        return separator.join(_setting(item) for item in value)
    return shown(value)
