"""Experiments: configure, run and resume sweeps of trainings."""

from tracekit.experiment.checkpointing import Interrupted
from tracekit.experiment.config import Recording, RunConfig, Sweep
from tracekit.experiment.execution import RunProgress
from tracekit.experiment.run import execute_run
from tracekit.experiment.sweep import resume_sweep, run_sweep, unfinished_runs

__all__ = [
    "Interrupted",
    "Recording",
    "RunConfig",
    "RunProgress",
    "Sweep",
    "execute_run",
    "resume_sweep",
    "run_sweep",
    "unfinished_runs",
]
