"""Shell completion of the values of options; it runs while the user types, so each function imports little."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def _starting(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def optimizers(incomplete: str) -> list[str]:
    """List names of optimizers."""
    from tracekit.engine.optim import OPTIMIZERS

    return _starting(incomplete, OPTIMIZERS)


def schedules(incomplete: str) -> list[str]:
    """List names of learning-rate schedules."""
    from tracekit.engine.optim.schedules import SCHEDULES

    return _starting(incomplete, SCHEDULES)


def models(incomplete: str) -> list[str]:
    """List names of models."""
    from tracekit.engine import MODELS

    return _starting(incomplete, MODELS)


def datasets(incomplete: str) -> list[str]:
    """List names of data sets."""
    from tracekit.data import DATASETS

    return _starting(incomplete, DATASETS)


def signals(incomplete: str) -> list[str]:
    """List the names under which signals are recorded."""
    from tracekit.record import SIGNALS

    return _starting(incomplete, (name for entry in SIGNALS.values() for name in entry.names))


def presets(incomplete: str) -> list[str]:
    """List presets of signals and of statistics."""
    return _starting(incomplete, ("minimal", "standard", "full"))


def questions(incomplete: str) -> list[str]:
    """List questions of `tracekit compare`."""
    from tracekit.cli.questions import QUESTIONS

    return _starting(incomplete, QUESTIONS)


def matches(incomplete: str) -> list[str]:
    """List the values of --match."""
    return _starting(incomplete, ("equal", "updates", "epochs", "none"))


def folders(incomplete: str) -> list[str]:
    """List folders whose path starts with what was typed."""
    parent, _, stem = incomplete.rpartition("/")
    base = Path(parent or ("/" if incomplete.startswith("/") else "."))
    prefix = incomplete[: len(incomplete) - len(stem)]
    if not base.is_dir():
        return []
    return sorted(f"{prefix}{child.name}" for child in base.glob(f"{stem}*") if child.is_dir())
