"""`tracekit range-test`: suggest a learning rate from a short training."""

from __future__ import annotations

from typing import Annotated

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import DataDir, Json
from tracekit.cli.output import count, print_json, print_table


@command(
    "range-test",
    summary="Suggest a learning rate.",
    examples=(
        "tracekit range-test --optimizer adam",
        "tracekit range-test --optimizer sgd --model mlp --batch-size 50 --seeds 5",
    ),
)
def range_test(
    optimizer: Annotated[
        str, typer.Option(help="Optimizer that has a learning rate.", autocompletion=completion.optimizers)
    ],
    dataset: Annotated[str, typer.Option(help="Data set.", autocompletion=completion.datasets)] = "digits",
    data_dir: DataDir = None,
    model: Annotated[str, typer.Option(help="Model.", autocompletion=completion.models)] = "small_cnn",
    batch_size: Annotated[int, typer.Option(help="Batch size.")] = 100,
    seeds: Annotated[
        int,
        typer.Option(
            min=1,
            max=1000,
            help="Number of trainings, each with its own initial weights and order of images.",
        ),
    ] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first training.")] = 0,
    lowest: Annotated[float, typer.Option(help="Learning rate at the first update.")] = 1e-7,
    highest: Annotated[float, typer.Option(help="Learning rate at the last update.")] = 10.0,
    updates: Annotated[int, typer.Option(max=1_000_000, help="Number of updates.")] = 100,
    as_json: Json = False,
) -> None:
    """Train briefly with an exponentially growing learning rate, and suggest the rate at which the loss falls fastest.

    The suggestion is the median over the seeds; the lowest and highest suggestion show how much it varies.
    """
    import statistics

    from tracekit.data import load_dataset
    from tracekit.engine import build_model
    from tracekit.engine.training.learning_rate_range import learning_rate_range_test

    data = load_dataset(dataset, data_dir=data_dir)
    results = [
        learning_rate_range_test(
            build_model(model, input_shape=data.input_shape, n_classes=len(data.classes), rng=number),
            optimizer,
            data.train_images,
            data.train_labels,
            batch_size=batch_size,
            rng=number,
            lowest=lowest,
            highest=highest,
            n_updates=updates,
        )
        for number in range(seed, seed + seeds)
    ]
    suggestions = [result.suggestion for result in results]
    if as_json:
        print_json(
            {
                "suggestion": statistics.median(suggestions),
                "lowest_suggestion": min(suggestions),
                "highest_suggestion": max(suggestions),
                "seeds": [
                    {
                        "seed": number,
                        "suggestion": result.suggestion,
                        "diverged": result.diverged,
                        "learning_rates": result.learning_rates.tolist(),
                        "losses": result.losses.tolist(),
                        "smoothed": result.smoothed.tolist(),
                    }
                    for number, result in enumerate(results, start=seed)
                ],
            }
        )
        return
    longest = max((result.learning_rates for result in results), key=len)
    rows = [
        (rate, *(result.smoothed[k] if k < len(result.smoothed) else None for result in results))
        for k, rate in enumerate(longest)
    ]
    names = [f"loss, seed {number}" for number in range(seed, seed + seeds)]
    print_table(
        ["learning rate", *names], rows[:: max(1, len(rows) // 20)], title="Smoothed training loss, nats"
    )
    spread = (
        f"{count(seeds, 'seed')}, from {min(suggestions):.2g} to {max(suggestions):.2g}"
        if seeds > 1
        else "one seed: its variation is unknown; --seeds 3 measures it"
    )
    typer.echo(f"suggested learning rate: {statistics.median(suggestions):.2g} ({spread})")
