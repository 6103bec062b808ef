"""The statistics as a scikit-learn transformer: one row of numbers per series, for pipelines and models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from tracekit_analysis.columns import PRESETS, Preset
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.features.registry import describe_columns, row_of
from tracekit_analysis.series.input import as_series
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.tables.groups import Row
from tracekit_analysis.tables.parallel import map_in_order, require_jobs

LABEL_NUMBERS = {"stable": -1.0, "inconclusive": 0.0, "unstable": 1.0, "diverged": 2.0}
"""How labels become numbers: ordered by how far the bound moves."""
TASK_SERIES = 16


class TraceFeatures(TransformerMixin, BaseEstimator):
    """Turn series of equal length, one per row, into rows of the statistics of `characterize`.

    Nothing is learnt from the data: `fit` only checks them. A statistic that a series does not allow (too short,
    constant, divergent) is NaN, so put an imputer or a model that knows NaN behind. Columns of text are left out,
    but labels become numbers (stable -1, inconclusive 0, unstable 1, diverged 2) and flags 0 and 1.

    Parameters
    ----------
    preset : {"minimal", "standard", "full"}
        As for `characterize`.
    columns : sequence of str, optional
        Only these columns, in this order; default: all columns of the preset that are numbers.
    points_per_epoch : int, optional
        Values in one epoch, for the statistics that need it; every series starts with an epoch.
    jobs : int
        Processes to spread the series over; the result is the same for any number.

    Attributes
    ----------
    n_features_in_ : int
        Values per series seen in `fit`.
    feature_names_in_ : (n_features_in_,) ndarray of str
        Their names, if a table with names was given.

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit_analysis import TraceFeatures
    >>> series = np.random.default_rng(0).standard_normal((2, 300))
    >>> series[1] += np.linspace(0.0, 6.0, 300)
    >>> features = TraceFeatures(columns=["lower_label", "lower_drift"]).set_output(transform="pandas")
    >>> features.fit_transform(series).round(1)
       lower_label  lower_drift
    0         -1.0          0.0
    1          1.0          5.4
    """

    def __init__(
        self,
        *,
        preset: Preset = "minimal",
        columns: Sequence[str] | None = None,
        points_per_epoch: int | None = None,
        jobs: int = 1,
    ) -> None:
        self.preset = preset
        self.columns = columns
        self.points_per_epoch = points_per_epoch
        self.jobs = jobs

    def fit(self, X: Any, y: object = None) -> TraceFeatures:
        """Check parameters and data.

        Parameters
        ----------
        X : (n_series, n_values) array-like
            Series in recorded order, one per row; NaN and infinities are data.
        y : ignored
            For pipelines.

        Returns
        -------
        TraceFeatures

        Raises
        ------
        AnalysisError
            If a parameter cannot be used.
        """
        require_choice("preset", self.preset, PRESETS)
        require_jobs(self.jobs)
        known = numeric_columns(self.preset)
        for name in known if self.columns is None else self.columns:
            if name not in known:
                need = f"must be a column of numbers in preset {self.preset!r}"
                raise bad_argument("columns", name, need, "see `describe_columns`")
        if self.points_per_epoch is not None and self.points_per_epoch < 1:
            raise bad_argument("points_per_epoch", self.points_per_epoch, "must be at least 1")
        validate_data(self, X, dtype=np.float64, ensure_all_finite=False)
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Compute the statistics.

        Parameters
        ----------
        X : (n_series, n_values) array-like
            Series in recorded order, one per row, as many values as in `fit`.

        Returns
        -------
        (n_series, n_columns) ndarray
            One row per series.
        """
        check_is_fitted(self)
        values = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, reset=False)
        names = tuple(self.get_feature_names_out())
        tasks = (
            (values[first : first + TASK_SERIES], self.preset, self.points_per_epoch, names)
            for first in range(0, len(values), TASK_SERIES)
        )
        return np.concatenate(list(map_in_order(_rows, tasks, jobs=self.jobs)))

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of the columns; `input_features` is checked by none, since none carries over."""
        names = numeric_columns(self.preset) if self.columns is None else list(self.columns)
        return np.array(names, dtype=object)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_in_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.requires_fit = True
        return tags


def numeric_columns(preset: Preset) -> list[str]:
    """Return the columns of a preset that are numbers or become numbers."""
    row = row_of(Regime(as_series(np.resize([0.0, 1.0, 3.0, 2.0], 64))), preset)
    return [name for name in describe_columns(preset) if _is_number(row[name]) or _is_label(name)]


def _rows(
    values: NDArray[np.float64], preset: Preset, points_per_epoch: int | None, names: tuple[str, ...]
) -> NDArray[np.float64]:
    """Return the chosen statistics of each row of values."""
    epochs = None if points_per_epoch is None else np.arange(values.shape[1]) // points_per_epoch
    table = [row_of(Regime(as_series(series, epochs=epochs)), preset) for series in values]
    return np.array([[_number(row, name) for name in names] for row in table], dtype=np.float64)


def _number(row: Row, name: str) -> float:
    """Return a cell as a number."""
    cell = row[name]
    if _is_label(name):
        return LABEL_NUMBERS.get(str(cell), math.nan)
    return math.nan if cell is None or cell is pd.NA else float(cell)


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float, np.number, np.bool_)) and not isinstance(cell, str)


def _is_label(name: str) -> bool:
    return name.endswith(("_label", "_label_at_010", "_label_at_040"))
