"""`tracekit range-test`: which learning rates lower the loss."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli.options import DataDir, Json
from tracekit.cli.output import print_json, print_table


def range_test(
    optimizer: Annotated[str, typer.Option(help="Optimizer that has a learning rate.")],
    dataset: Annotated[str, typer.Option(help="Data set.")] = "digits",
    data_dir: DataDir = None,
    model: Annotated[str, typer.Option(help="Model.")] = "small_cnn",
    batch_size: Annotated[int, typer.Option(help="Batch size.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of initial weights and order.")] = 0,
    lowest: Annotated[float, typer.Option(help="First learning rate.")] = 1e-7,
    highest: Annotated[float, typer.Option(help="Last learning rate.")] = 10.0,
    updates: Annotated[int, typer.Option(max=1_000_000, help="Updates between them.")] = 100,
    as_json: Json = False,
) -> None:
    """Train once with an exponentially growing learning rate, and suggest one from where the loss falls fastest."""
    from tracekit.data import load_dataset
    from tracekit.engine import build_model
    from tracekit.engine.range_test import learning_rate_range_test

    data = load_dataset(dataset, data_dir=data_dir)
    result = learning_rate_range_test(
        build_model(model, input_shape=data.input_shape, n_classes=len(data.classes), rng=seed),
        optimizer,
        data.train_images,
        data.train_labels,
        batch_size=batch_size,
        rng=seed,
        lowest=lowest,
        highest=highest,
        n_updates=updates,
    )
    if as_json:
        print_json(
            {
                "suggestion": result.suggestion,
                "diverged": result.diverged,
                "learning_rates": result.learning_rates.tolist(),
                "losses": result.losses.tolist(),
                "smoothed": result.smoothed.tolist(),
            }
        )
        return
    rows = list(zip(result.learning_rates.tolist(), result.smoothed.tolist(), strict=True))
    print_table(["learning rate", "smoothed loss"], rows[:: max(1, len(rows) // 20)])
    typer.echo(f"suggested learning rate: {result.suggestion:.2g}")
