"""`tracekit run`: train and record a sweep."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracekit.cli.options import DataDir, Overwrite

if TYPE_CHECKING:
    from tracekit.traces import Experiment


def run(
    out: Annotated[Path, typer.Option(help="Folder of the experiment; created.")],
    config: Annotated[
        Path | None, typer.Option(help="TOML file with the settings below; options given here win over it.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Data set (default: digits).")] = None,
    data_dir: DataDir = None,
    model: Annotated[str | None, typer.Option(help="Model (default: small_cnn).")] = None,
    optimizer: Annotated[
        list[str] | None,
        typer.Option(help="Optimizer, e.g. adam or adam:learning_rate=0.01,beta1=0.8; may be repeated."),
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
        str | None, typer.Option(help="Learning-rate schedule, e.g. cosine:warmup=100 (default: constant).")
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
            help="Signals to record: minimal, standard, full (default: standard, none with --signal)."
        ),
    ] = None,
    signal: Annotated[
        list[str] | None, typer.Option(help="Signal to record beside the preset's; may be repeated.")
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
        int | None, typer.Option(help="Images in the fixed probe batch (default: 32).")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Worker processes (default: all processors).")] = None,
    threads: Annotated[int, typer.Option(help="BLAS threads of each worker.")] = 1,
    flush_seconds: Annotated[
        float, typer.Option(help="How much of each run a sudden end of the process may cost.")
    ] = 5.0,
    overwrite: Overwrite = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train every optimizer x batch size x seed and record the traces.

    Example: tracekit run --optimizer sgd --optimizer adam --batch-size 50 --batch-size 100 --seeds 5
    --updates 600 --out runs/first
    """
    from tracekit.cli.progress import SweepProgress
    from tracekit.errors import ArgumentError
    from tracekit.experiment import Sweep, run_sweep

    if seeds is not None and seed:
        raise ArgumentError("give --seeds or --seed, not both.")
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
        "seeds": seeds if seeds is not None else (seed or None),
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
    if config is None and "optimizers" not in given:
        raise ArgumentError(
            "nothing to train: give --optimizer, for example --optimizer adam, or --config FILE."
        )
    if learning_rate is not None and "optimizers" not in given:
        raise ArgumentError(
            "--learning-rate goes with --optimizer; set the rates of a --config file in the file."
        )
    sweep = Sweep.from_toml(config, **given) if config is not None else Sweep(**given)
    n_runs = len(sweep.named_runs())
    with SweepProgress(n_runs, quiet=quiet) as progress:
        experiment = run_sweep(
            sweep,
            out,
            data_dir=data_dir,
            jobs=jobs,
            threads=threads,
            flush_seconds=flush_seconds,
            overwrite=overwrite,
            progress=progress,
        )
    report_outcome(experiment, out, progress.failures, quiet=quiet)


def report_outcome(experiment: Experiment, out: Path, failures: dict[str, str], *, quiet: bool) -> None:
    """Name the runs that did not finish, say what to do next, and exit with 3 if a run failed.

    A run can fail without a trace in the store, where the store cannot be written to.
    """
    for entry in experiment.runs:
        if entry.status != "finished" and entry.name not in failures:
            typer.echo(f"{entry.name}: {entry.status} ({entry.reason})", err=True)
    for name, reason in failures.items():
        typer.echo(f"{name}: failed ({reason})", err=True)
    if not quiet:
        typer.echo(
            f"{len(experiment.runs)} runs in {out}; "
            f"next: {shlex.join(['tracekit', 'report', str(out), '-o', f'reports/{experiment.name}'])}"
        )
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
    from tracekit.errors import ArgumentError, bad_argument

    name, equals, when = text.partition("=")
    if not equals:
        raise ArgumentError(bad_argument("record", text, "must read SIGNAL=WHEN, such as 'sample=every 5'"))
    return name.strip(), when.strip()
