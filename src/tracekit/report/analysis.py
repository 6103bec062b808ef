"""The report's one call into `tracekit_analysis`: characterize once, label from what that gave."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from threadpoolctl import threadpool_limits

from tracekit.errors import ArgumentError
from tracekit.report.material import PAPER_SIGNAL, Settings
from tracekit_analysis import AnalysisError, characterize, label_from_features

#: Signals whose statistics are tabulated, besides the deciding one.
CHARACTERIZED = (PAPER_SIGNAL, "train/loss")


def analyse(
    traces: pd.DataFrame, *, by: Sequence[str], replicate: str, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute a row a series and a row a cell; no rows where the signals to judge are not recorded."""
    chosen = traces[traces["signal"].isin([settings.signal, *CHARACTERIZED])]
    unlabelled = pd.DataFrame(columns=[*by, "label", "index", "ci_low", "ci_high", "n_seeds", "reason"])
    if chosen.empty:
        return pd.DataFrame(columns=["run", *by, "signal"]), unlabelled
    try:
        # Regressions on a few columns: threads cost fifty times what they gain when the cores are busy.
        with threadpool_limits(1, user_api="blas"):
            features = characterize(chosen)
        if not (features["signal"] == settings.signal).any():
            return features, unlabelled
        labels = label_from_features(
            features,
            tuple(by),
            signal=settings.signal,
            replicate=replicate,
            margin=settings.margin,
            level=settings.level,
        )
    except AnalysisError as error:
        raise ArgumentError(str(error)) from error
    return features, labels
