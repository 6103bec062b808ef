"""Command tree of `tracekit`, with examples, environment variables and the wording of wrong usage."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_command

from tracekit.cli import EXIT_USAGE
from tracekit.cli.command import COMMANDS, GROUPS

#: Modules of `tracekit.cli.commands`, in the order in which help lists their commands.
MODULES = (
    "init",
    "run",
    "watch",
    "resume",
    "doctor",
    "range_test",
    "show",
    "analyze",
    "label",
    "compare",
    "claims",
    "plan",
    "calibrate",
    "report",
    "list",
    "data",
)

#: First commands to try, printed below the list of commands.
EXAMPLES = (
    "tracekit run --optimizer sgd --optimizer adam --seeds 5 --updates 600 --out runs/first",
    "tracekit label runs/first",
    "tracekit report runs/first -o reports/first",
)

app = typer.Typer(
    name="tracekit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help is twice as fast, and is laid out as it was written
)


def _version(wanted: bool) -> None:
    if wanted:
        from tracekit import __version__

        typer.echo(f"tracekit {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Record neural-network training traces, and tell which configurations are stable and how certain that is.

    Every option of a command can also be set by an environment variable, TRACEKIT_COMMAND_OPTION, such as
    TRACEKIT_RUN_SEEDS=5. The command line overrides the variable, and the variable overrides a file of settings.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 a run of the sweep failed, 130 interrupted.
    """


def _enter_commands() -> None:
    groups = {}
    for module in MODULES:
        importlib.import_module(f"tracekit.cli.commands.{module}")
    for entry in COMMANDS.values():
        home, _, name = entry.name.rpartition(" ")
        if home and home not in groups:
            groups[home] = typer.Typer(help=GROUPS[home], no_args_is_help=True)
            app.add_typer(groups[home], name=home)
        (groups[home] if home else app).command(name)(entry.function)


_enter_commands()

#: Error of wrong usage; typer bundles click and exports no name for it.
_UsageError: Any = typer.BadParameter.__mro__[1]


def command_tree() -> Any:
    """Build the tree of commands, each with its examples and the environment variables of its options."""
    root = get_command(app)
    _furnish(root, ())
    return root


def _furnish(command: Any, path: tuple[str, ...]) -> None:
    name = " ".join(path)
    entry = COMMANDS.get(name)
    summary = GROUPS.get(name, entry.summary if entry else "")
    examples = entry.examples if entry else () if path else EXAMPLES
    if summary:
        command.short_help = summary
    if examples:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in examples)
    for parameter in command.params:
        if path and parameter.param_type_name == "option" and parameter.name != "help":
            option = next(name for name in parameter.opts if name.startswith("--"))[2:]
            parameter.envvar = "_".join(["TRACEKIT", *path, option]).replace("-", "_").upper()
            parameter.show_envvar = False  # `tracekit --help` states the rule once
    for child, inner in getattr(command, "commands", {}).items():
        _furnish(inner, (*path, child))


def execute(words: Sequence[str]) -> int:
    """Run a command line and return its exit code; print wrong usage as one sentence on stderr."""
    try:
        code = command_tree().main(list(words), prog_name="tracekit", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.ctx.get_help(), err=True)
        else:
            print(f"Error: {_worded(error)}", file=sys.stderr)
        return EXIT_USAGE
    return code if isinstance(code, int) else 0


def _worded(error: Any) -> str:
    """Word wrong usage in one sentence, with the closest existing option."""
    sentence = " ".join(error.format_message().split())
    sentence = (sentence[:1].lower() + sentence[1:]).rstrip(".")
    if error.ctx is None:
        return f"{sentence}."
    option = getattr(error, "option_name", None)
    if option is not None:
        known = [name for parameter in error.ctx.command.params for name in parameter.opts]
        close = difflib.get_close_matches(option, known, n=1)
        sentence = f"no such option {option}" + (f"; did you mean {close[0]}?" if close else "")
    elif getattr(getattr(error, "param", None), "multiple", False):
        sentence += "; repeat the option for each value"
    joint = " " if sentence.endswith("?") else "; "
    shown = "lists the commands" if hasattr(error.ctx.command, "commands") else "shows the usage"
    return f"{sentence}{joint}`{error.ctx.command_path} --help` {shown}."
