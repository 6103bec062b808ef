"""Gathering of the report's material: one pass that reads and characterizes each run once, then labels cells."""

from __future__ import annotations

import pandas as pd

from tracekit.errors import ArgumentError, unknown_name
from tracekit.report.material.digest import RunDigest, Wanted, digest_run, stack
from tracekit.report.material.labels import from_labels
from tracekit.report.material.material import (
    CHARACTERIZED_SIGNALS,
    DEFAULT_SIGNAL,
    DRAWN_SIGNALS,
    LAYER_SIGNALS,
    PERFORMANCE_SIGNALS,
    Material,
    Settings,
    design,
    fill_design,
    last_step,
)
from tracekit.traces import Experiment
from tracekit_analysis import AnalysisError, label_from_features
from tracekit_analysis.tables.parallel import map_in_order

#: Largest number of values that all drawn series keep together: about 1.1 MB of the page.
ROOM = 200_000


def gather(experiment: Experiment, settings: Settings, *, jobs: int = 1) -> Material:
    """Read a store and analyse it once, for all sections.

    Parameters
    ----------
    experiment : Experiment
        An opened store.
    settings : Settings
        Deciding signal, margin and level.
    jobs : int
        Number of processes. The result does not depend on it.

    Raises
    ------
    StoreError
        A part of a run cannot be read.
    UnknownNameError
        The caller chose the deciding signal, and no run has it.
    """
    wanted = _wanted(experiment, settings)
    try:
        digests = _digest(experiment, wanted, jobs)
        known = frozenset().union(*(digest.signals for digest in digests.values()))
        if settings.signal not in known and settings.signal != DEFAULT_SIGNAL:
            raise unknown_name("signal", settings.signal, known)
        found, cells = design(experiment, settings.by)
        by = found.by
        features = fill_design(stack([digest.features for digest in digests.values()]), experiment.runs)
        labels = pd.DataFrame(columns=[*by, "label", "index", "ci_low", "ci_high", "n_seeds", "reason"])
        crossed = stack([digest.cross_section for digest in digests.values()])
        if settings.signal in known:
            labels = label_from_features(
                features,
                by,
                signal=settings.signal,
                cross_sections=fill_design(crossed, experiment.runs) if len(crossed) else None,
                replicate=found.replicate,
                margin=settings.margin,
                level=settings.level,
            )
    except AnalysisError as error:
        raise ArgumentError(str(error)) from error
    return Material(
        experiment=experiment,
        settings=settings,
        by=by,
        replicate=found.replicate,
        cells=cells,
        digests=digests,
        features=features,
        labels=labels,
        verdicts=from_labels(labels, by),
    )


def _wanted(experiment: Experiment, settings: Settings) -> Wanted:
    drawn = tuple(dict.fromkeys([settings.signal, *DRAWN_SIGNALS]))
    longest = last_step(experiment)
    return Wanted(
        judged=settings.signal,
        characterized=tuple(dict.fromkeys([settings.signal, *CHARACTERIZED_SIGNALS])),
        drawn=drawn,
        layered=LAYER_SIGNALS,
        performance=PERFORMANCE_SIGNALS,
        last_step=longest,
        points=max(200, ROOM // (len(experiment.runs) * len(drawn))),
        segment=int(min(128, max(32, longest // 8))),
    )


def _digest(experiment: Experiment, wanted: Wanted, jobs: int) -> dict[str, RunDigest]:
    found = map_in_order(digest_run, ((run, wanted) for run in experiment.runs), jobs=jobs)
    return {run.name: digest for run, digest in zip(experiment.runs, found, strict=True)}
