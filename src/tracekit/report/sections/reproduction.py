"""Reproduction section: commands, configuration, versions, and a fingerprint of the recorded data."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from tracekit.report.document import Block, CodeBlock, Column, Heading, Table, count, paragraph, show, words
from tracekit.report.material.material import Material
from tracekit.report.sections import section
from tracekit.traces import Experiment


@section("reproduction", title="Reproduction", order=90)
def reproduction(material: Material) -> list[Block]:
    """List what another person needs to reproduce the traces and the report."""
    experiment, settings = material.experiment, material.settings
    blocks: list[Block] = []
    command = experiment.record.get("command")
    if command:
        blocks.append(CodeBlock(_one_line(command), "Command that made the traces."))
    else:
        blocks.append(
            paragraph("The store does not name the command that made it; the traces were imported or copied.")
        )
    report = ["tracekit", "report", experiment.path.name, "--signal", settings.signal]
    report += ["--margin", f"{settings.margin:g}", "--level", f"{settings.level:g}", "-o", "report"]
    blocks.append(
        CodeBlock(
            shlex.join(report),
            "Command that makes this report, in the folder that holds the experiment's folder.",
        )
    )
    facts = {
        "experiment": experiment.name,
        "created": experiment.record.get("created"),
        "tracekit that recorded": experiment.record.get("tracekit_version"),
        "runs": _statuses(experiment),
        "seeds": _seeds(experiment),
        "updates in the longest run": int(material.last_step),
        "time of all runs together": _duration(sum(run.seconds for run in experiment.runs)),
        "SHA-256 of the traces": fingerprint(experiment),
    }
    blocks.append(_settings(facts, "The experiment, and a fingerprint of the recorded values."))
    configuration = experiment.record.get("configuration") or {}
    if configuration:
        blocks += [
            Heading("Resolved configuration"),
            _settings(dict(_flat(configuration)), "Configuration after defaults were filled in."),
        ]
    circumstances = _circumstances(experiment)
    if circumstances:
        blocks += [
            Heading("Versions and processor"),
            _settings(circumstances, "Environment that the runs recorded; one value where all runs agree."),
        ]
    return blocks


def fingerprint(experiment: Experiment) -> str:
    """Return the SHA-256 of every part of every run, with the runs' names, in the order of names."""
    total = hashlib.sha256()
    for run in sorted(experiment.runs, key=lambda run: run.name):
        for part in run.parts:
            with part.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            total.update(f"{run.name}/{part.name} {digest}\n".encode("utf-8", "backslashreplace"))
    return total.hexdigest()


def _one_line(command: Any) -> str:
    return command if isinstance(command, str) else " ".join(str(part) for part in command)


def _statuses(experiment: Experiment) -> str:
    statuses = Counter(run.status for run in experiment.runs)
    return f"{len(experiment.runs)}: " + ", ".join(f"{n} {status}" for status, n in sorted(statuses.items()))


def _seeds(experiment: Experiment) -> str | None:
    seeds = dict.fromkeys(run.attributes["seed"] for run in experiment.runs if "seed" in run.attributes)
    return ", ".join(show(seed) for seed in sorted(seeds, key=str)) or None


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.1f} s" if minutes < 2 else f"{minutes:.1f} min"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield nested settings under dotted names; a list of tables gives one setting per entry."""
    for name, value in settings.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{path}.")
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            for position, entry in enumerate(value):
                yield f"{path}[{position}]", _entry(entry)
        else:
            yield path, value


def _entry(settings: Mapping[str, Any]) -> str:
    """Write one optimizer's settings as text: "adam: learning_rate 0.001, beta1 0.9"."""
    rest = ", ".join(
        f"{name} {_written(value)}"
        for name, value in settings.items()
        if name != "name" and value is not None
    )
    return f"{settings['name']}: {rest}" if "name" in settings else rest


def _circumstances(experiment: Experiment) -> dict[str, str]:
    seen: dict[str, Counter[str]] = {}
    for run in experiment.runs:
        for name, value in _flat(run.meta):
            if value is not None:
                seen.setdefault(name, Counter())[_written(value)] += 1
    total = len(experiment.runs)
    return {
        name: "; ".join(
            value if times == total else f"{value} ({count(times, 'run')})"
            for value, times in values.most_common()
        )
        for name, values in seen.items()
    }


def _written(value: Any) -> str:
    if isinstance(value, list) and value and not any(isinstance(part, (list, Mapping)) for part in value):
        return ", ".join(_written(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=False)


def _settings(values: Mapping[str, Any], caption: str) -> Table:
    rows = tuple((words(name), words(_written(value))) for name, value in values.items() if value is not None)
    return Table((Column("item"), Column("value")), rows, caption, sortable=False)
