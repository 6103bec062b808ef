"""Memory pool for large arrays: memory of an earlier array is used again as soon as nothing refers to it.

A training step asks for the same arrays over and over. Fresh memory would cost the operating system as much time
as the arithmetic takes: each page is handed out and filled with zeros every time.

Whether anything refers to a block is read from CPython's reference counts. Other interpreters, and builds of CPython
without its global lock, count otherwise or not at all: there every array gets fresh memory.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.arrays import Array

_ALIGNMENT = 64  #: bytes of a cache line, and of the widest vectors that processors compute with
_SMALLEST = 2**20  #: bytes from which memory is worth keeping; the C library keeps what is smaller
_FORGOTTEN_AFTER = 1000  #: requests after which memory that nobody wanted again is given back


class _Block:
    """Memory that arrays are views of."""

    __slots__ = ("last_used", "owner", "start")

    def __init__(self, n_bytes: int) -> None:
        self.owner = np.empty(n_bytes + _ALIGNMENT, np.uint8)
        self.start = -self.owner.ctypes.data % _ALIGNMENT
        self.last_used = 0

    def references(self) -> int:
        """Count what refers to the memory: a fixed number, and one more for each array that is a view of it."""
        return sys.getrefcount(self.owner)

    def array(self, n_bytes: int, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        result: Array = self.owner[self.start : self.start + n_bytes].view(dtype).reshape(shape)
        return result


def _counts_references() -> bool:
    """Return whether the interpreter counts references exactly: CPython with its global lock does."""
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    return sys.implementation.name == "cpython" and hasattr(sys, "getrefcount") and locked


_POOLED = _counts_references()
_REFERENCES_IF_FREE = _Block(0).references() if _POOLED else 0


class _Pool:
    """Blocks by their size."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.blocks: dict[int, list[_Block]] = {}
        self.n_requests = 0

    def take(self, n_bytes: int, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        with self.lock:
            self.n_requests += 1
            blocks = self.blocks.setdefault(n_bytes, [])
            for block in blocks:
                if block.references() == _REFERENCES_IF_FREE:
                    break
            else:
                self._forget()
                block = _Block(n_bytes)
                blocks.append(block)
            block.last_used = self.n_requests
            return block.array(n_bytes, shape, dtype)

    def _forget(self) -> None:
        oldest = self.n_requests - _FORGOTTEN_AFTER
        for blocks in self.blocks.values():
            blocks[:] = [
                block
                for block in blocks
                if block.last_used > oldest or block.references() > _REFERENCES_IF_FREE
            ]


_pool = _Pool()


def empty(shape: Sequence[int], dtype: DTypeLike) -> Array:
    """Return an array of unspecified content, in memory of an array that is gone where there is some.

    Nothing has to be given back: memory is free when no array is left that shares it.
    """
    kind = np.dtype(dtype)
    n_bytes = math.prod(shape) * kind.itemsize
    return _pool.take(n_bytes, shape, kind) if _POOLED and n_bytes >= _SMALLEST else np.empty(shape, kind)


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.blocks: dict[str, tuple[int, _Block]] = {}


_scratch = _Scratch()


def scratch(name: str, shape: Sequence[int], dtype: DTypeLike = np.float32) -> Array:
    """Return this thread's array of that name, of unspecified content: valid until it is asked for again."""
    kind = np.dtype(dtype)
    n_bytes = math.prod(shape) * kind.itemsize
    size, block = _scratch.blocks.get(name, (-1, None))
    if block is None or size < n_bytes:
        block = _Block(n_bytes)
        _scratch.blocks[name] = n_bytes, block
    return block.array(n_bytes, shape, kind)
