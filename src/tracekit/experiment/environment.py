"""Environment of a run: versions, git commit and processor; nothing that names a person or a machine."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tracekit.engine.kernels.compiled import are_used
from tracekit.errors import StoreError

_PACKAGES = (
    "tracekit",
    "numpy",
    "numba",
    "scipy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "arch",
    "statsmodels",
)


@cache
def describe() -> dict[str, Any]:
    """Return versions, git commit and processor, JSON-compatible."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
        "compiled": are_used(),
        "git": _git(),
        "processor": _processor(),
        "machine": platform.machine(),
        "system": platform.system(),
    }


def check_continuation(folder: Path, before: Mapping[str, Any]) -> list[str]:
    """Compare the environment in which a run began with the current one.

    Parameters
    ----------
    folder : Path
        The run's folder.
    before : mapping
        What `describe` returned when the run began.

    Returns
    -------
    list of str
        Packages that compute and have another version now: values may differ in the last digits.

    Raises
    ------
    StoreError
        The run was recorded with compiled loops and they are not used now, or the reverse: values would differ.
    """
    now = describe()
    if bool(before.get("compiled", now["compiled"])) != now["compiled"]:
        changed, way_out = (
            ("without compiled loops, which are used here", "set TRACEKIT_COMPILED=0")
            if now["compiled"]
            else (
                "with compiled loops, which are not used here",
                "install numba (`pip install tracekit[fast]`) and do not set TRACEKIT_COMPILED=0",
            )
        )
        raise StoreError(
            f"{folder} was recorded {changed}, and would continue with other values; {way_out}, or move the folder "
            "away to train the run again."
        )
    versions = before.get("versions", {})
    computing = ("numpy", "numba") if now["compiled"] else ("numpy",)
    return [
        f"{name} {now['versions'][name]} instead of {versions[name]}"
        for name in computing
        if versions.get(name) not in (None, now["versions"][name])
    ]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Return the commit of the working folder's repository, and whether it has uncommitted changes."""
    try:
        commit = _output("git", "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_output("git", "status", "--porcelain", "-uno"))}
    except (OSError, subprocess.SubprocessError):
        # No git, or no repository: no commit to name.
        return None


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
