"""The report: verdicts, figures and methods of an experiment as one HTML file and one PDF."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit.report.build import ReportPaths, write_report

__all__ = ["ReportPaths", "write_report"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("tracekit.report.build"), name)
    raise AttributeError(f"module 'tracekit.report' has no attribute {name!r}")
