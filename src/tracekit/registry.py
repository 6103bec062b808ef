"""Registry: a named table of definitions, such as optimizers or signals; adding one takes one entry in one file.

A topic module decorates its definitions. The package that owns the table lists its topic modules and imports
them when the table is first read. No folder is scanned, and the order of imports does not matter: a duplicate
name is an error, and the error for an unknown name lists the known ones.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from tracekit.errors import unknown_name

Entry = TypeVar("Entry")


class Registry(Mapping[str, Entry], Generic[Entry]):
    """A read-only mapping from names to entries, filled by decorators in listed modules.

    Parameters
    ----------
    kind : str
        The kind of entry, as error messages call it ("optimizer").
    modules : sequence of str
        Full names of the modules that hold definitions; they are imported at the first look-up.
    """

    def __init__(self, kind: str, modules: Sequence[str] = ()) -> None:
        self.kind = kind
        self._modules = tuple(modules)
        self._loaded = False
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> Entry:
        """Add an entry to the table and return it; raise ValueError if the name is taken."""
        if name in self._entries:
            raise ValueError(f"{self.kind} {name!r} is defined twice; names must be unique.")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> Entry:
        self._load()
        try:
            return self._entries[name]
        except KeyError:
            listing = f"tracekit list {self.kind.replace(' ', '')}s"
            raise unknown_name(self.kind, name, self._entries, listing=listing) from None

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        self._load()
        return len(self._entries)

    def _load(self) -> None:
        if not self._loaded:
            self._loaded = True
            for module in self._modules:
                importlib.import_module(module)
