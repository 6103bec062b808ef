"""Commands that show what there is: `list` and `show`."""

from __future__ import annotations

import textwrap
from typing import Any

import typer

from tracekit.cli.options import Json, RunsPath
from tracekit.cli.output import count, print_json, print_table, shown

listing = typer.Typer(help="List what there is to choose from.", no_args_is_help=True)


def _list(columns: dict[str, str], rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print rows as JSON whole, or as a table of the columns (key -> heading)."""
    if as_json:
        print_json(rows)
    else:
        print_table(list(columns.values()), [[row[key] for key in columns] for row in rows])


@listing.command("optimizers")
def list_optimizers(as_json: Json = False) -> None:
    """Optimizers, their update rules and defaults."""
    from tracekit.engine.optim import OPTIMIZERS

    rows = [
        {
            "name": entry.name,
            "family": entry.family,
            "summary": entry.summary,
            "rule": entry.rule,
            "state": entry.state,
            "defaults": entry.defaults,
            "default_settings": ", ".join(f"{key}={value}" for key, value in entry.defaults.items()),
            "source": entry.source,
            "verification": entry.verification,
        }
        for entry in OPTIMIZERS.values()
    ]
    headings = {"name": "name", "family": "family", "summary": "what it is", "default_settings": "defaults"}
    _list(headings, rows, as_json)


@listing.command("schedules")
def list_schedules(as_json: Json = False) -> None:
    """Learning-rate schedules and their settings."""
    from tracekit.engine.optim.schedules import SCHEDULES

    rows = [
        {
            "name": entry.name,
            "summary": entry.summary,
            "defaults": entry.defaults,
            "default_settings": ", ".join(f"{key}={value}" for key, value in entry.defaults.items()),
        }
        for entry in SCHEDULES.values()
    ]
    _list({"name": "name", "summary": "what it is", "default_settings": "defaults"}, rows, as_json)


@listing.command("models")
def list_models(as_json: Json = False) -> None:
    """Models of the embedded engine."""
    from tracekit.engine import MODELS

    rows = [
        {"name": name, "summary": (build.__doc__ or "").strip().splitlines()[0]}
        for name, build in MODELS.items()
    ]
    _list({"name": "name", "summary": "what it is"}, rows, as_json)


@listing.command("datasets")
def list_datasets(as_json: Json = False) -> None:
    """Data sets."""
    from tracekit.data import DATASETS

    rows = [
        {"name": name, "summary": (load.__doc__ or "").strip().splitlines()[0]}
        for name, load in DATASETS.items()
    ]
    _list({"name": "name", "summary": "what it is"}, rows, as_json)


@listing.command("signals")
def list_signals(as_json: Json = False) -> None:
    """Signals that a run can record."""
    from tracekit.record import SIGNALS

    rows = [
        {
            "name": name,
            "unit": entry.unit,
            "cost": entry.cost,
            "preset": entry.preset,
            "per": entry.per,
            "index": entry.index or None,
            "schedule": "epoch end" if entry.cost == "epoch" else entry.schedule or "every update",
            "reads": entry.reads,
            "summary": entry.summary,
            "source": entry.source,
            "cockpit": entry.cockpit or None,
            "precision": entry.precision,
        }
        for entry in SIGNALS.values()
        for name in entry.names
    ]
    if as_json:
        print_json(rows)
        return
    # For people a line a definition: its fields are the last word of the recorded names.
    print_table(
        ["name", "cost", "preset", "what it is", "fields"],
        [
            (entry.name, entry.cost, entry.preset, entry.summary, ", ".join(entry.fields))
            for entry in SIGNALS.values()
        ],
    )


@listing.command("runs")
def list_runs(path: RunsPath, as_json: Json = False) -> None:
    """Runs of an experiment, with how they ended."""
    from tracekit.traces import open_experiment

    rows = [
        {
            "run": run.name,
            **run.attributes,
            "status": run.status,
            "step": run.step,
            "seconds": run.seconds,
            "reason": run.reason,
        }
        for run in open_experiment(path).runs
    ]
    _list(
        {"run": "run", "status": "status", "step": "updates", "seconds": "seconds", "reason": "reason"},
        rows,
        as_json,
    )


def show(path: RunsPath, as_json: Json = False) -> None:
    """Show an experiment: its configuration, its runs by status, its signals."""
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
    """Write what is recorded under a stem: "probe/logits/{mean,q05,std}"."""
    fields = [name.removeprefix(f"{stem}/") for name in signals if name.rpartition("/")[0] == stem]
    return (
        stem
        if not fields
        else f"{stem}/{fields[0]}"
        if len(fields) == 1
        else f"{stem}/{{{','.join(fields)}}}"
    )


def _setting(value: Any) -> str:
    """Write a setting as the file of settings has it; what is not set is left out."""
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
