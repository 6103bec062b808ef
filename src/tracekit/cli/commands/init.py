"""`tracekit init`: a commented file of settings, which `tracekit run FILE` runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import Json, Overwrite
from tracekit.cli.output import print_json
from tracekit.settings import RECORDING, SWEEP, Setting

if TYPE_CHECKING:
    from tracekit.experiment import Sweep

TEMPLATE = """\
# Settings of a sweep: every optimizer x batch size x seed is trained and recorded.
#
#     tracekit run {file}                  # records into runs/{stem}
#     tracekit label runs/{stem}
#
# Lines that are commented out show the defaults. Options of `tracekit run`, and environment variables such as
# TRACEKIT_RUN_SEEDS, win over this file.

{sweep}

{optimizers}
[recording]
{recording}
"""


@command(
    "init",
    summary="Write a commented file of settings to start from.",
    examples=(
        "tracekit init",
        "tracekit init cosine.toml --optimizer adam --optimizer lion",
    ),
)
def init(
    file: Annotated[Path, typer.Argument(help="File to write.")] = Path("experiment.toml"),
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            help="Optimizer, as for `tracekit run`; may be repeated (default: sgd, adam).",
            autocompletion=completion.optimizers,
        ),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a commented file of settings to start from; `tracekit run FILE` runs it."""
    from tracekit.errors import ArgumentError, OutputExistsError, argument_sentence
    from tracekit.experiment import Sweep
    from tracekit.traces.files import make_folder, write_whole

    if file.suffix != ".toml":
        raise ArgumentError(argument_sentence("file", str(file), "must end in .toml"))
    if file.exists() and not overwrite:
        raise OutputExistsError(f"{file} exists; choose another file or pass --overwrite.")
    given: dict[str, Any] = {"optimizers": optimizer or ["sgd", "adam"]}
    # The name stands in a comment: a line break in it would end the comment.
    text = TEMPLATE.format(
        file=shlex.quote(str(file)).replace("\n", " "),
        stem=shlex.quote(file.stem).replace("\n", " "),
        sweep=_settings([setting for name, setting in SWEEP.items() if name != "optimizers"]),
        optimizers=_optimizers(Sweep(**given)),
        recording=_settings(RECORDING.values(), inside="recording."),
    )
    make_folder(file.parent)
    write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    command = shlex.join(["tracekit", "run", str(file)])
    if as_json:
        print_json({"file": str(file), "next": command})
    else:
        typer.echo(f"settings in {file}; next: {command}")


def _settings(settings: Iterable[Setting], inside: str = "") -> str:
    """Write a line for each setting: first those in force, then, as comments, the others, tables last."""
    in_force: list[str] = []
    defaults: list[str] = []
    tables: list[str] = []
    for setting in settings:
        comment = f"  # {setting.file_comment}"
        if isinstance(setting.shown, dict):
            tables.append(f"\n# {f'[{inside}{setting.name}]':<26}{comment}")
            tables += [f"# {key} = {_value(value)}" for key, value in setting.shown.items()]
        elif setting.in_force:
            in_force.append(f"{f'{setting.name} = {_value(setting.shown)}':<28}{comment}")
        else:
            defaults.append(f"{f'# {setting.name} = {_value(setting.shown)}':<28}{comment}")
    return "\n".join([*in_force, "", *defaults, *tables])


def _optimizers(sweep: Sweep) -> str:
    """Write resolved optimizers as TOML tables, every setting with its value."""
    head = f"{'[[optimizers]]':<28}  # {SWEEP['optimizers'].file_comment}\n"
    return "\n".join(
        head + "".join(f"{key} = {_value(value)}\n" for key, value in optimizer.items())
        for optimizer in sweep.optimizers
    )


def _value(value: Any) -> str:
    """Write a name, a number, a flag or a list as TOML does, which is as JSON does."""
    return json.dumps(value)
