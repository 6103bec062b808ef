"""Compiled loops: whether they are used; they need numba, which is loaded at their first use."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from typing import Any

import numpy as np

from tracekit.engine.arrays import Array

_log = logging.getLogger("tracekit.engine")
_CONSEQUENCE = "convolutions take about three times as long in NumPy alone"


@functools.cache
def compiled(module: str) -> Any:
    """Load a module of compiled loops; None where they are not used, see :func:`are_used`.

    The first call of each loop compiles it, which takes seconds, and keeps the result on disk for the next
    process.
    """
    return importlib.import_module(module) if are_used() else None


def loops_for(*arrays: Array, module: str = "tracekit.engine.kernels.loops") -> Any:
    """Return a module of loops over contiguous float32, if there are any for arrays like these."""
    for array in arrays:
        if array.dtype != np.float32 or type(array) is not np.ndarray or not array.flags.c_contiguous:
            return None
    return compiled(module)


@functools.cache
def are_used() -> bool:
    """Return whether numba can be loaded and the environment variable TRACEKIT_COMPILED is not 0."""
    if os.environ.get("TRACEKIT_COMPILED", "1") == "0":
        return False
    try:
        importlib.import_module("numba")
    except ModuleNotFoundError:
        _log.warning("numba is not installed: %s; `pip install tracekit[fast]` adds it.", _CONSEQUENCE)
    except ImportError as error:
        _log.warning("numba cannot be loaded (%s): %s.", error, _CONSEQUENCE)
    else:
        return True
    return False
