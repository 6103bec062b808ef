"""`tracekit data`: fetch and show data sets."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli import completion
from tracekit.cli.command import command, group
from tracekit.cli.options import DataDir, Json, Quiet
from tracekit.cli.output import print_json, print_table

group("data", summary="Fetch and show data sets.")


@command(
    "data fetch",
    examples=("tracekit data fetch cifar10",),
)
def fetch(
    name: Annotated[str, typer.Argument(help="Data set, e.g. cifar10.", autocompletion=completion.datasets)],
    data_dir: DataDir = None,
    url: Annotated[str | None, typer.Option(help="Address of a mirror of the official archive.")] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Download a data set, check its hash, and unpack it into the cache or --data-dir."""
    from tracekit.cli.download import DownloadBar
    from tracekit.data.fetching import fetch as download

    with DownloadBar(name, quiet=quiet) as bar:
        folder = download(name, destination=data_dir, url=url, progress=bar)
    if as_json:
        print_json({"name": name, "folder": str(folder)})
    else:
        typer.echo(f"{name} is in {folder}")


@command(
    "data show",
    examples=("tracekit data show digits",),
)
def show(
    name: Annotated[str, typer.Argument(help="Data set, e.g. digits.", autocompletion=completion.datasets)],
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Load a data set and show its sizes and fingerprint."""
    from tracekit.data import load_dataset

    dataset = load_dataset(name, data_dir=data_dir)
    content = {
        "name": dataset.name,
        "n_train": len(dataset.train_labels),
        "n_test": len(dataset.test_labels),
        "input_shape": list(dataset.input_shape),
        "classes": list(dataset.classes),
        "sha256": dataset.fingerprint(),
    }
    if as_json:
        print_json(content)
    else:
        print_table(
            ["", ""],
            [
                (key, ", ".join(map(str, value)) if isinstance(value, list) else value)
                for key, value in content.items()
            ],
        )
