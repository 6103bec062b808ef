"""`tracekit list`: list the names that options take: optimizers, schedules, models, data sets, signals, runs."""

from __future__ import annotations

from typing import Any

from tracekit.cli.command import command, group
from tracekit.cli.options import Json, RunsPath
from tracekit.cli.output import print_json, print_table

group("list", summary="List optimizers, schedules, models, data sets, signals or runs.")


def _list(columns: dict[str, str], rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print all of each row as JSON, or some columns (key -> heading) as a table."""
    if as_json:
        print_json(rows)
    else:
        print_table(list(columns.values()), [[row[key] for key in columns] for row in rows])


@command(
    "list optimizers",
    examples=(
        "tracekit list optimizers",
        "tracekit list optimizers --json",
    ),
)
def list_optimizers(as_json: Json = False) -> None:
    """List optimizers, their update rules and defaults."""
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


@command(
    "list schedules",
    examples=("tracekit list schedules",),
)
def list_schedules(as_json: Json = False) -> None:
    """List learning-rate schedules and their settings."""
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


@command(
    "list models",
    examples=("tracekit list models",),
)
def list_models(as_json: Json = False) -> None:
    """List models of the embedded engine."""
    from tracekit.engine import MODELS

    rows = [
        {"name": name, "summary": (build.__doc__ or "").strip().splitlines()[0]}
        for name, build in MODELS.items()
    ]
    _list({"name": "name", "summary": "what it is"}, rows, as_json)


@command(
    "list datasets",
    examples=("tracekit list datasets",),
)
def list_datasets(as_json: Json = False) -> None:
    """List data sets."""
    from tracekit.data import DATASETS

    rows = [
        {"name": name, "summary": (load.__doc__ or "").strip().splitlines()[0]}
        for name, load in DATASETS.items()
    ]
    _list({"name": "name", "summary": "what it is"}, rows, as_json)


@command(
    "list signals",
    examples=(
        "tracekit list signals",
        "tracekit list signals --json",
    ),
)
def list_signals(as_json: Json = False) -> None:
    """List signals that a run can record."""
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
    # For people one row per definition; its fields are the last word of the recorded names.
    print_table(
        ["name", "cost", "preset", "what it is", "fields"],
        [
            (entry.name, entry.cost, entry.preset, entry.summary, ", ".join(entry.fields))
            for entry in SIGNALS.values()
        ],
    )


@command(
    "list runs",
    examples=("tracekit list runs runs/first",),
)
def list_runs(path: RunsPath, as_json: Json = False) -> None:
    """List the runs of an experiment, with how they ended."""
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
