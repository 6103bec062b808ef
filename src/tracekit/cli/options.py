"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracekit.cli import completion

RunsPath = Annotated[
    Path,
    typer.Argument(
        metavar="RUNS",
        help="Folder that `tracekit run` wrote, or one run in it.",
        autocompletion=completion.folders,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the data set's files (default: $TRACEKIT_DATA_DIR, then the cache).",
        autocompletion=completion.folders,
    ),
]
TableFile = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write every column to a .csv, .parquet or .tex file.")
]
DecidingSignal = Annotated[
    str, typer.Option("--signal", help="Signal that is judged.", autocompletion=completion.signals)
]
Margin = Annotated[
    float, typer.Option(help="Movement of the bound that still counts as stable, in lower half-spreads.")
]
EquivalenceMargin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        help="Largest difference that counts as none, in standard deviations between seeds (default: 1).",
    ),
]
Match = Annotated[
    str | None,
    typer.Option(
        "--match",
        help="What to do about runs of different lengths: equal (refuse), updates or epochs (cut to the shortest), "
        "none (compare as they are) (default: equal).",
        autocompletion=completion.matches,
    ),
]
Sentences = Annotated[
    bool, typer.Option("--sentences", help="Print a sentence a result, with method and uncertainty.")
]
By = Annotated[
    list[str] | None,
    typer.Option(
        help="Column that tells configurations apart; may be repeated (default: what varies between runs).",
    ),
]
Level = Annotated[float, typer.Option(help="Confidence level of the intervals.")]

#: The scalar that Ando, Fukuhara & Takefuji plotted. A statistic of the fixed probe batch is a poor default: it has
#: hardly any noise from step to step, so that in units of its own spread every training looks unstable.
DEFAULT_SIGNAL = "train/first_logit"
