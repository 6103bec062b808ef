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
Level = Annotated[float, typer.Option(help="Confidence level of the intervals.")]

#: The scalar that Ando, Fukuhara & Takefuji plotted. A statistic of the fixed probe batch is a poor default: it
#: varies little from step to step, and in units of that small spread every training looks unstable.
DEFAULT_SIGNAL = "train/first_logit"
