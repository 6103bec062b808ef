"""Freedman-Lane permutation test of an interaction in a two-way layout."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tracekit_analysis.errors import bad_argument
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.seeds.arrangements import N_PERMUTATIONS, Randomness, as_seed, share_at_least
from tracekit_analysis.seeds.trimmed import magnitude


@dataclass(frozen=True, slots=True)
class FreedmanLane(Record):
    """Permutation test of an interaction in a two-way layout."""

    statistic: float
    """F of the interaction given the main effects and blocks."""
    pvalue: float
    """Share of permutations whose F is at least as large as the observed one."""
    partial_r_squared: float
    """Share of the additive model's residual sum of squares that the interaction explains."""
    df_interaction: int
    """Its degrees of freedom."""
    df_residual: int
    """Degrees of freedom of the residuals."""
    n_arrangements: int
    """Number of permutations, the observed order included."""
    status: Status
    """Whether the test could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""


def freedman_lane(
    y: ArrayLike,
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    block: Sequence[Hashable] | None = None,
    n_permutations: int = N_PERMUTATIONS,
    rng: Randomness = 0,
) -> FreedmanLane:
    """Test the interaction of two factors by permuting the residuals of the additive model.

    Null: the effects of the factors (and blocks) are additive, with exchangeable errors. Alternative: the effect
    of one depends on the level of the other. Cells may have unequal numbers of values, and may be missing.

    With 1 seed per cell no degrees of freedom remain for the error, with or without blocks, and there is no
    test. 2, 3 and 4 seeds per cell are tested here, with few degrees of freedom and little power. `interaction`
    reports a p-value from 5 seeds in the smallest cell on, and claims from 10.

    Parameters
    ----------
    y : (n,) array-like
        Finite values, on a scale on which effects are expected to be additive.
    first, second : (n,) sequences
        Levels of the factors.
    block : (n,) sequence, optional
        Blocks, such as the seeds that cells share.
    n_permutations : int
        Random permutations; ``p = (1 + #) / (B + 1)``.
    rng : int or Generator
        Seed.

    Returns
    -------
    FreedmanLane

    Raises
    ------
    AnalysisError
        If lengths differ or an argument cannot be used.

    References
    ----------
    Freedman and Lane (1983), J. Bus. Econ. Statist. 1:292; Winkler et al. (2014), NeuroImage 92:381.
    """
    values = np.asarray(y, dtype=np.float64)
    factors = [first, second] if block is None else [first, second, block]
    if values.ndim != 1 or any(len(factor) != values.size for factor in factors):
        raise bad_argument("y", f"array of shape {values.shape}", "must have one value per level given")
    if not values.size:
        return _no_test("there are no values")
    if not np.isfinite(values).all():
        return _no_test("a value is missing or infinite")
    values = values / magnitude(values)
    codes = [pd.factorize(pd.Series(list(factor), dtype=object), sort=False)[0] for factor in factors]
    dummies = [_dummies(code) for code in codes]
    both = _dummies(codes[0] * (int(codes[1].max(initial=0)) + 1) + codes[1])
    reduced = _basis(np.column_stack([np.ones((values.size, 1)), *dummies]))
    full = _basis(np.column_stack([reduced, both]))
    df1, df2 = full.shape[1] - reduced.shape[1], values.size - full.shape[1]
    if df1 < 1:
        return _no_test("there are too few cells for an interaction")
    if df2 < 1:
        return _no_test("no degrees of freedom are left for the error; more seeds are needed")
    residuals = values - reduced @ (reduced.T @ values)
    size = float(np.abs(residuals).max())
    if not size > 1e-12 * float(np.abs(values).max()):
        return _no_test("the main effects explain the values completely")
    residuals = residuals / size

    def statistics(draws: FloatArray) -> FloatArray:
        total = (draws**2).sum(axis=0)
        left_reduced = total - ((reduced.T @ draws) ** 2).sum(axis=0)
        left_full = np.maximum(total - ((full.T @ draws) ** 2).sum(axis=0), 1e-15 * total)
        return np.asarray((left_reduced - left_full) / df1 / (left_full / df2))

    generator = np.random.default_rng(as_seed(rng))
    orders = generator.random((values.size, n_permutations)).argsort(axis=0, kind="stable")
    observed = float(statistics(residuals[:, None])[0])
    pvalue = share_at_least(statistics(residuals[orders]), observed, exact=False)
    return FreedmanLane(
        statistic=observed,
        pvalue=pvalue,
        partial_r_squared=observed * df1 / (observed * df1 + df2),
        df_interaction=df1,
        df_residual=df2,
        n_arrangements=n_permutations + 1,
        status="ok",
        reason="",
    )


def _dummies(codes: NDArray[np.intp]) -> FloatArray:
    return np.asarray(codes[:, None] == np.unique(codes)[None, :], dtype=np.float64)


def _basis(design: FloatArray) -> FloatArray:
    """Return an orthonormal basis of the columns."""
    left, singular, _ = np.linalg.svd(design, full_matrices=False)
    return left[:, singular > 1e-9 * singular[0]]


def _no_test(reason: str) -> FreedmanLane:
    nan = math.nan
    return FreedmanLane(nan, nan, nan, 0, 0, 0, "inconclusive", reason)
