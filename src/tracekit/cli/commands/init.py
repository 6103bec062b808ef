"""`tracekit init`: a commented file of settings, which `tracekit run FILE` runs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import Json, Overwrite
from tracekit.cli.output import print_json

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

dataset = "digits"           # `tracekit list datasets`
model = "small_cnn"          # `tracekit list models`
batch_sizes = [50, 100]
seeds = 5                    # a number, or a list such as [0, 1, 2]; labels need 5, comparisons 10
updates = 600                # length of each run ...
# epochs = 1                 # ... or in passes over the training set

# sampling = "reshuffle"     # or "fixed_batches" (built once, their order shuffled), "with_replacement"
# drop_last = true           # leave out the last, smaller batch of an epoch
# reduction = "mean"         # or "sum": gradients summed over the batch
# label_smoothing = 0.0      # share of the target spread over all classes
# dtype = "float32"          # or "float64"
# information_decay = "off"  # or "global", "layer": lower the rate as information about the labels stops growing

# [schedule]                 # `tracekit list schedules`
# name = "cosine"
# warmup = 100

{optimizers}
[recording]
preset = "standard"          # "minimal", "standard" or "full"; `tracekit list signals`
# signals = ["noise/scale"]  # beside the preset's
# every = 1                  # record every this many updates; 1 or odd
# probe_size = 32            # images in the fixed probe batch; 0: none, and no signals of it
# samples = [0]              # batch positions for signals of chosen samples
# units = [0, 1]             # penultimate units for signals of chosen units; all by default
# allow_aliasing = false     # let strides share a factor with the epoch

# [recording.schedules]      # when to record a signal, or all signals of a cost
# sample = "every 5"
# curvature = "log 9"
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
    settings: dict[str, Any] = {"optimizers": optimizer or ["sgd", "adam"]}
    tables = _tables(Sweep(**settings))
    # The name stands in a comment: a line break in it would end the comment.
    text = TEMPLATE.format(
        file=shlex.quote(str(file)).replace("\n", " "),
        stem=shlex.quote(file.stem).replace("\n", " "),
        optimizers=tables,
    )
    make_folder(file.parent)
    write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    command = shlex.join(["tracekit", "run", str(file)])
    if as_json:
        print_json({"file": str(file), "next": command})
    else:
        typer.echo(f"settings in {file}; next: {command}")


def _tables(sweep: Sweep) -> str:
    """Write resolved optimizers as TOML tables, every setting with its value."""
    return "\n".join(
        "[[optimizers]]               # `tracekit list optimizers`\n"
        + "".join(f"{key} = {_value(value)}\n" for key, value in optimizer.items())
        for optimizer in sweep.optimizers
    )


def _value(value: Any) -> str:
    """Write a name, a number or a flag as TOML does, which is as JSON does."""
    return json.dumps(value)
