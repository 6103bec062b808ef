"""Memory pool for large arrays: memory of an earlier array is used again as soon as nothing refers to it.

A training step asks for the same arrays in every update. Fresh memory would cost the operating system as much time
as the arithmetic takes, because it maps every page and fills it with zeros.

The pool relies on CPython's reference counts (`sys.getrefcount`): a block is free when no array is a view of it. On
interpreters without them the pool is not used, and `empty` allocates with NumPy: the results are the same, and
training is slower.
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
_SMALLEST = 2**20  #: smallest size in bytes that the pool keeps; the C library keeps smaller blocks
_FORGOTTEN_AFTER = 1000  #: number of requests after which unused memory is returned to the system


def _counts_references() -> bool:
    """Return whether this interpreter has the reference counts that tell when a block is free."""
    return sys.implementation.name == "cpython" and hasattr(sys, "getrefcount")


_REUSES = _counts_references()


class _Block:
    """Memory that arrays are views of."""

    __slots__ = ("last_used", "owner", "start")

    def __init__(self, n_bytes: int) -> None:
        self.owner = np.empty(n_bytes + _ALIGNMENT, np.uint8)
        self.start = -self.owner.ctypes.data % _ALIGNMENT
        self.last_used = 0

    def references(self) -> int:
        """Return the number of references to the memory: a constant, plus one per array that is a view of it."""
        return sys.getrefcount(self.owner)

    def array(self, n_bytes: int, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
        result: Array = self.owner[self.start : self.start + n_bytes].view(dtype).reshape(shape)
        return result


_REFERENCES_IF_FREE = _Block(0).references() if _REUSES else 0


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
    """Return an array of unspecified content, in the memory of an earlier array if some is free.

    Nothing has to be given back: memory is free as soon as no array shares it.
    """
    kind = np.dtype(dtype)
    n_bytes = math.prod(shape) * kind.itemsize
    if n_bytes < _SMALLEST or not _REUSES:
        return np.empty(shape, kind)
    return _pool.take(n_bytes, shape, kind)


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.blocks: dict[str, tuple[int, _Block]] = {}


_scratch = _Scratch()


def scratch(name: str, shape: Sequence[int], dtype: DTypeLike = np.float32) -> Array:
    """Return this thread's array of that name, of unspecified content; it is valid until the next call."""
    kind = np.dtype(dtype)
    n_bytes = math.prod(shape) * kind.itemsize
    size, block = _scratch.blocks.get(name, (-1, None))
    if block is None or size < n_bytes:
        block = _Block(n_bytes)
        _scratch.blocks[name] = n_bytes, block
    return block.array(n_bytes, shape, kind)
