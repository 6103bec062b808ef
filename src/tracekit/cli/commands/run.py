"""`tracekit run`: train and record a sweep."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli import completion
from tracekit.cli.command import command
from tracekit.cli.options import DEFAULT_SIGNAL, DataDir, Json, Overwrite, Quiet
from tracekit.cli.output import by_reason, count, print_json

if TYPE_CHECKING:
    from tracekit.traces import Experiment


@command(
    "run",
    summary="Train and record a sweep.",
    examples=(
        "tracekit run --optimizer adam --seeds 5 --updates 600 --out runs/adam",
        "tracekit run --optimizer sgd:learning_rate=0.05 --optimizer adam --batch-size 50 --out runs/two",
        "tracekit run experiment.toml",
        "tracekit run experiment.toml --seeds 10 --out runs/ten",
        "TRACEKIT_RUN_JOBS=2 tracekit run experiment.toml --preset full --out runs/full",
    ),
)
def run(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE", help="TOML file of settings, see `tracekit init`; options win over it."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder of the experiment; created (default: runs/ and the name of FILE).",
            autocompletion=completion.folders,
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The same as FILE.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set (default: digits).", autocompletion=completion.datasets)
    ] = None,
    data_dir: DataDir = None,
    model: Annotated[
        str | None, typer.Option(help="Model (default: small_cnn).", autocompletion=completion.models)
    ] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(
            help="Optimizer, e.g. adam or adam:learning_rate=0.01,beta1=0.8; may be repeated.",
            autocompletion=completion.optimizers,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of every optimizer that does not name its own.")
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option(help="Batch size; may be repeated (default: 100).")
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of seeds: 0, 1, ... (default: 1).")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="A certain seed; may be repeated.")] = None,
    updates: Annotated[int | None, typer.Option(help="Length of each run in updates.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Length of each run in epochs (default: 1).")] = None,
    sampling: Annotated[
        str | None, typer.Option(help="reshuffle, fixed_batches or with_replacement (default: reshuffle).")
    ] = None,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="Keep the last, smaller batch of an epoch.")
    ] = False,
    reduction: Annotated[
        str | None, typer.Option(help="How sample gradients combine: mean or sum (default: mean).")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share of the target spread over all classes (default: 0).")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(
            help="Learning-rate schedule, e.g. cosine:warmup=100 (default: constant).",
            autocompletion=completion.schedules,
        ),
    ] = None,
    information_decay: Annotated[
        str | None,
        typer.Option(
            help="Lower the rate as information about the labels stops growing: off, global, layer."
        ),
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="float32 or float64 (default: float32).")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Signals to record: minimal, standard, full (default: standard, none with --signal).",
            autocompletion=completion.presets,
        ),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            help="Signal to record beside the preset's; may be repeated.", autocompletion=completion.signals
        ),
    ] = None,
    every: Annotated[
        int | None, typer.Option(help="Record every this many updates; 1 or odd (default: 1).")
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIGNAL=WHEN",
            help="When to record a signal or a cost, e.g. 'sample=every 5', 'curvature=log 9'; may be repeated.",
        ),
    ] = None,
    allow_aliasing: Annotated[
        bool, typer.Option("--allow-aliasing", help="Let strides share a factor with the epoch.")
    ] = False,
    sample: Annotated[
        list[int] | None, typer.Option(help="Batch position for signals of chosen samples; may be repeated.")
    ] = None,
    unit: Annotated[
        list[int] | None, typer.Option(help="Penultimate unit for signals of chosen units; may be repeated.")
    ] = None,
    probe_size: Annotated[
        int | None,
        typer.Option(help="Images in the fixed probe batch (default: 32); 0: none, and no signals of it."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes (default: all processors).")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads of each worker (default: its share of the processors).")
    ] = None,
    flush_seconds: Annotated[
        float, typer.Option(help="How much of each run a sudden end of the process may cost.")
    ] = 5.0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Train every optimizer x batch size x seed and record the traces.

    Settings come from FILE, from environment variables (TRACEKIT_RUN_SEEDS=5; several values are separated by
    spaces) and from options; options win over the environment, and the environment over FILE. Ctrl-C stops after the
    current update, and `tracekit resume` goes on to the same values.
    """
    from tracekit.cli.progress import SweepProgress
    from tracekit.engine.warm_up import SECONDS, is_ahead
    from tracekit.errors import ArgumentError
    from tracekit.experiment import Sweep, run_sweep

    if file is not None and config is not None:
        raise ArgumentError("give FILE or --config, not both.")
    file = file or config
    seeds, seed = _one_of(context, "seeds", seeds, "seed", seed or None)
    updates, epochs = _one_of(context, "updates", updates, "epochs", epochs)
    recording = {
        "preset": preset,
        "signals": signal or None,
        "every": every,
        "schedules": dict(_schedule(text) for text in record) if record else None,
        "allow_aliasing": allow_aliasing or None,
        "probe_size": probe_size,
        "samples": sample or None,
        "units": unit or None,
    }
    given: dict[str, Any] = {
        "dataset": dataset,
        "model": model,
        "optimizers": [_with_rate(text, learning_rate) for text in optimizer or []] or None,
        "batch_sizes": batch_size or None,
        "seeds": seeds if seeds is not None else seed,
        "updates": updates,
        "epochs": epochs,
        "sampling": sampling,
        "drop_last": False if keep_last else None,
        "reduction": reduction,
        "label_smoothing": label_smoothing,
        "schedule": schedule,
        "information_decay": information_decay,
        "dtype": dtype,
        "recording": {key: value for key, value in recording.items() if value is not None} or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if file is None and "optimizers" not in given:
        raise ArgumentError(
            "nothing to train: give --optimizer, for example --optimizer adam, or a file (`tracekit init` writes one)."
        )
    if learning_rate is not None and "optimizers" not in given:
        raise ArgumentError("--learning-rate goes with --optimizer; set the rates of a file in the file.")
    sweep = Sweep.from_toml(file, **given) if file is not None else Sweep(**given)
    if out is None and file is None:
        raise ArgumentError("no place for the traces: give --out, for example --out runs/mine.")
    folder = out if out is not None else Path("runs") / Path(str(file)).stem
    if not quiet and not is_ahead():
        typer.echo(f"compiling the engine's loops, once on this machine: about {SECONDS} seconds", err=True)
    with SweepProgress(dict(sweep.named_runs()), folder, signal=DEFAULT_SIGNAL, quiet=quiet) as progress:
        experiment = run_sweep(
            sweep,
            folder,
            data_dir=data_dir,
            jobs=jobs,
            threads=threads,
            flush_seconds=flush_seconds,
            overwrite=overwrite,
            progress=progress,
        )
    report_outcome(experiment, folder, progress.failures, quiet=quiet, as_json=as_json)


def _one_of(context: typer.Context, first: str, value: Any, second: str, other: Any) -> tuple[Any, Any]:
    """Keep one of two settings that exclude each other: what an option says against the environment."""
    from tracekit.errors import ArgumentError

    if value is None or other is None:
        return value, other
    sources = [context.get_parameter_source(name) for name in (first, second)]
    from_environment = [source is not None and source.name == "ENVIRONMENT" for source in sources]
    if from_environment == [True, False]:
        return None, other
    if from_environment == [False, True]:
        return value, None
    raise ArgumentError(f"give --{first} or --{second}, not both.")


def report_outcome(
    experiment: Experiment, out: Path, failures: dict[str, str], *, quiet: bool, as_json: bool
) -> None:
    """Name the runs that did not finish, say what to do next, and exit with 3 if a run failed.

    A run can fail without a trace in the store, where the store cannot be written to.
    """
    unfinished = [
        (entry.name, entry.status, entry.reason or "no reason")
        for entry in experiment.runs
        if entry.status != "finished" and entry.name not in failures
    ]
    for line in by_reason([*unfinished, *((name, "failed", reason) for name, reason in failures.items())]):
        typer.echo(line, err=True)
    next_command = shlex.join(["tracekit", "report", str(out), "-o", f"reports/{experiment.name}"])
    if as_json:
        runs = [
            {
                "run": entry.name,
                **entry.attributes,
                "status": entry.status,
                "step": entry.step,
                "reason": entry.reason,
            }
            for entry in experiment.runs
        ]
        print_json(
            {"folder": str(out), "n_runs": len(runs), "runs": runs, "failed": failures, "next": next_command}
        )
    elif not quiet:
        typer.echo(f"{count(len(experiment.runs), 'run')} in {out}; next: {next_command}")
    if failures or any(entry.status == "failed" for entry in experiment.runs):
        from tracekit.cli import EXIT_FAILED_RUNS

        raise typer.Exit(EXIT_FAILED_RUNS)


def _with_rate(optimizer: str, learning_rate: float | None) -> str:
    """Put the common learning rate into the text of an optimizer that names none."""
    if learning_rate is None or "learning_rate=" in optimizer:
        return optimizer
    return f"{optimizer}{',' if ':' in optimizer else ':'}learning_rate={learning_rate}"


def _schedule(text: str) -> tuple[str, str]:
    """Part SIGNAL=WHEN."""
    from tracekit.errors import ArgumentError, argument_sentence

    name, equals, when = text.partition("=")
    if not equals:
        raise ArgumentError(
            argument_sentence("record", text, "must read SIGNAL=WHEN, such as 'sample=every 5'")
        )
    return name.strip(), when.strip()
