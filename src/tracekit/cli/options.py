"""Arguments and options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from tracekit.cli import completion
from tracekit.settings import RECORDING, SWEEP, Setting

RunsPath = Annotated[
    Path,
    typer.Argument(
        metavar="RUNS",
        help="Folder that `tracekit run` wrote, or the folder of one run in it.",
        autocompletion=completion.folders,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing output.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the data set's files (default: $TRACEKIT_DATA_DIR, then the cache folder).",
        autocompletion=completion.folders,
    ),
]
TableFile = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write every column to a .csv, .parquet or .tex file.")
]
DecidingSignal = Annotated[
    str, typer.Option("--signal", help="Signal to judge.", autocompletion=completion.signals)
]
Margin = Annotated[
    float, typer.Option(help="Movement of the bound that still counts as stable, in lower half-spreads.")
]
EquivalenceMargin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        help="Largest difference that counts as equal, in standard deviations between seeds (default: 1).",
    ),
]
Match = Annotated[
    str | None,
    typer.Option(
        "--match",
        help="How to treat runs of different lengths: equal (refuse them), updates or epochs (cut to the shortest), "
        "none (compare them as they are) (default: equal).",
        autocompletion=completion.matches,
    ),
]
Sentences = Annotated[
    bool, typer.Option("--sentences", help="Print one sentence per result, with method and uncertainty.")
]
By = Annotated[
    list[str] | None,
    typer.Option(
        help="Column that tells configurations apart; may be repeated (default: what varies between runs).",
    ),
]
Level = Annotated[float, typer.Option(help="Confidence level of the intervals.")]

#: The scalar that Ando, Fukuhara & Takefuji plotted. A statistic of the fixed probe batch is a poor default: it
#: varies little from step to step, and in units of that small spread every training looks unstable.
DEFAULT_SIGNAL = "train/first_logit"

Function = TypeVar("Function", bound=Callable[..., Any])


def with_settings(function: Function) -> Function:
    """Give a command an option for every setting of a sweep, in place of its ``**options``.

    The options stand in help where the first parameter that only a keyword can give stands.
    """
    signature = inspect.signature(function, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    ahead = [one for one in own if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    settings = [_option(setting) for setting in (*SWEEP.values(), *RECORDING.values())]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*ahead, *settings)]
    vars(function)["__signature__"] = signature.replace(parameters=[*parameters, *own[len(ahead) :]])
    return function


def _option(setting: Setting) -> inspect.Parameter:
    """Make the option of a setting; its environment variable comes with its name."""
    flag = setting.type is bool
    option = typer.Option(
        setting.flag,
        help=setting.option_help,
        metavar=setting.metavar,
        autocompletion=getattr(completion, setting.completes) if setting.completes else None,
    )
    return inspect.Parameter(
        setting.parameter,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if flag else None,
        annotation=Annotated[bool if flag else setting.type | None, option],
    )
