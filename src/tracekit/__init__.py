"""tracekit: make, keep, characterize and show neural-network training traces.

Public names load their modules at first use, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit import plot
    from tracekit.experiment import Sweep, resume_sweep, run_sweep
    from tracekit.report import write_report
    from tracekit.traces import open_experiment, read

__version__ = "0.1.0"

_HOMES = {
    "Sweep": "tracekit.experiment",
    "open_experiment": "tracekit.traces",
    "read": "tracekit.traces",
    "resume_sweep": "tracekit.experiment",
    "run_sweep": "tracekit.experiment",
    "write_report": "tracekit.report",
}

__all__ = [
    "Sweep",
    "__version__",
    "open_experiment",
    "plot",
    "read",
    "resume_sweep",
    "run_sweep",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name == "plot":
        return importlib.import_module("tracekit.plot")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'tracekit' has no attribute {name!r}")
