"""Worker processes of a report: started before the slow imports, so that all processes import at the same time."""

from __future__ import annotations

import os

from tracekit.errors import ArgumentError, argument_sentence
from tracekit.traces import Experiment
from tracekit_analysis.tables.parallel import start_workers

#: Total number of updates below which starting another process takes longer than it saves.
_WORTH_A_PROCESS = 10_000


def prepare(experiment: Experiment, jobs: int | None) -> int:
    """Return the number of processes, and start those beside this one.

    Raises
    ------
    ArgumentError
        `jobs` is below 1.
    """
    if jobs is not None and jobs < 1:
        raise ArgumentError(
            argument_sentence("jobs", jobs, "must be at least 1", "leave it out for the default")
        )
    if jobs is None:
        updates = sum(run.step for run in experiment.runs)
        jobs = min(2, os.cpu_count() or 1) if updates > _WORTH_A_PROCESS else 1
    start_workers(jobs, "tracekit.report.build")
    return jobs
