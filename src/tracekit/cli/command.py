"""Registration of commands: `command` enters a function into the command tree, with its summary and examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Command:
    """One command; its function's parameters are the options, and its docstring is the help."""

    name: str
    """Words after ``tracekit``: "label", "list signals"."""
    function: Callable[..., Any]
    summary: str
    """One line for the list of commands."""
    examples: tuple[str, ...]
    """Command lines to copy."""


COMMANDS: dict[str, Command] = {}
"""Commands by name, in the order in which their modules were imported."""
GROUPS: dict[str, str] = {}
"""Groups of commands by name, with their summaries."""


def command(
    name: str, *, summary: str = "", examples: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Enter the decorated function into the command tree; the default summary is its docstring."""

    def enter(function: Function) -> Function:
        if name in COMMANDS:
            raise ValueError(f"command {name!r} is defined twice; names must be unique.")
        COMMANDS[name] = Command(name, function, summary, examples)
        return function

    return enter


def group(name: str, *, summary: str) -> None:
    """Register a group whose commands are called ``tracekit NAME COMMAND``."""
    GROUPS[name] = summary
