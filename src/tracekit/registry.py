"""Named tables of definitions: one entry in one file is all that an addition takes.

A topic module decorates its definitions; the package that owns the table lists its topic modules
explicitly and imports them when the table is first read. There is no scanning of folders and no
dependence on import order: a duplicate name is an error, a missing one lists the known names.
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
        What an entry is, as error messages say it ("optimizer").
    modules : sequence of str
        Full names of the modules that hold definitions; imported at the first look-up.
    """

    def __init__(self, kind: str, modules: Sequence[str] = ()) -> None:
        self.kind = kind
        self._modules = tuple(modules)
        self._loaded = False
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> Entry:
        """Put an entry into the table and return it; ValueError if the name is taken."""
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
