"""Experiments: what to run, and running it."""

from tracekit.experiment.config import Recording, RunConfig, Sweep
from tracekit.experiment.run import execute_run
from tracekit.experiment.sweep import Interrupted, RunProgress, run_sweep

__all__ = ["Interrupted", "Recording", "RunConfig", "RunProgress", "Sweep", "execute_run", "run_sweep"]
