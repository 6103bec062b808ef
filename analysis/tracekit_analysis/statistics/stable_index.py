"""Stable tail index by block sums, for comparison with the deep-learning literature that reports it.

It assumes independent values of a symmetric stable distribution. For data with finite variance it also gives values
below 2: Laplace 1.78, t3 1.77, t5 1.89, Gaussian AR(0.9) 1.24, eight interleaved Gaussian layers 1.45. Use
`tracekit_analysis.statistics.tails` for statements about tails.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, column_group
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.series.interleaving import interleaving_note
from tracekit_analysis.statistics.prewhitening import ar_order, ar_residuals

MIN_STABLE_LENGTH = 400
SHORT_BLOCK = 10
MAX_DISAGREEMENT = 0.1


@dataclass(frozen=True, slots=True)
class StableAlpha(Record):
    """Block-sum estimates of a stable index, and those of Gaussian data with the same spectrum."""

    alpha_10: float
    """Estimate with blocks of 10 values."""
    alpha_root: float
    """Estimate with blocks of sqrt(n) values."""
    scales_agree: bool
    """Whether the two differ by less than 0.1, as they do under a stable distribution."""
    surrogate_10: float
    """`alpha_10` of one Gaussian surrogate with the same spectrum; about 2 where the method applies."""
    surrogate_root: float
    """`alpha_root` of that surrogate."""
    order: int
    """Order of the autoregression whose residuals were used."""
    zeros: float
    """Share of values that are exactly zero and were removed."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the estimates could be computed."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def stable_alpha(x: ArrayLike | Series, *, rng: np.random.Generator | int = 0) -> StableAlpha:
    """Estimate the index of a stable distribution from block sums of the prewhitened, centred, nonzero values.

    ``1 / alpha = (mean log|block sum of m| - mean log|x|) / log m`` for m = 10 and m = sqrt(n). Trust it only
    if `scales_agree` and both surrogate values are close to 2; even then the data may follow a t distribution.
    A note warns if `detect_interleaving` finds several channels: eight Gaussian ones give 1.45.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    rng : Generator or int
        Source of the surrogate's phases, or a seed for one.

    Returns
    -------
    StableAlpha

    Raises
    ------
    AnalysisError
        If `x` is not a one-dimensional array of numbers.

    References
    ----------
    Mohammadi, Mohammadpour and Ogata (2015), Metrika 78:549; its use: Simsekli, Sagun and Gurbuzbalaban
    (2019), ICML.
    """
    series = as_series(x)
    known = {"zeros": series.zeros}
    refused = series.refusal(MIN_STABLE_LENGTH)
    if refused is None:
        nonzero = series.values[series.values != 0.0]
        if nonzero.size < MIN_STABLE_LENGTH or nonzero.min() == nonzero.max():
            refused = (
                "inconclusive",
                f"{nonzero.size} values other than zero; {MIN_STABLE_LENGTH} that vary are needed",
            )
    if refused:
        return unavailable(StableAlpha, series, refused, **known)
    order = ar_order(nonzero)
    residuals = ar_residuals(nonzero, order)
    surrogate = _surrogate(nonzero, np.random.default_rng(rng))
    whitened = ar_residuals(surrogate, ar_order(surrogate))
    root = math.isqrt(residuals.size)
    found = [block_sum_alpha(part, m) for part in (residuals, whitened) for m in (SHORT_BLOCK, root)]
    if any(math.isnan(alpha) for alpha in found):
        why = "block sums do not grow with the block length, so there is no stable index"
        return unavailable(StableAlpha, series, ("inconclusive", why), **known)
    notes = series.notes + interleaving_note(series)
    if series.zeros > 0.0:
        notes += (f"{series.zeros:.0%} of the values are exactly zero and were removed",)
    return StableAlpha(
        alpha_10=found[0],
        alpha_root=found[1],
        scales_agree=abs(found[0] - found[1]) < MAX_DISAGREEMENT,
        surrogate_10=found[2],
        surrogate_root=found[3],
        order=order,
        zeros=series.zeros,
        n=series.n,
        n_used=residuals.size,
        status=series.status,
        reason=series.reason,
        notes=notes,
    )


def block_sum_alpha(values: FloatArray, m: int) -> float:
    """Return log m / (mean log|block sum of m values| - mean log|value|); NaN if that is not positive."""
    used = values[: values.size // m * m]
    sums = np.abs(used.reshape(-1, m).sum(axis=1))
    single = np.abs(used)
    sums, single = sums[sums > 0.0], single[single > 0.0]
    if not sums.size or not single.size:
        return math.nan
    growth = float(np.log(sums).mean() - np.log(single).mean())
    return math.log(m) / growth if growth > 0.0 else math.nan


def _surrogate(values: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return Gaussian noise with the periodogram of `values`: the same amplitudes, independent phases."""
    n = values.size
    amplitude = np.abs(scipy.fft.rfft(values - values.mean()))
    phases = np.exp(2j * math.pi * rng.random(amplitude.size))
    return np.asarray(scipy.fft.irfft(amplitude * phases, n))


@column_group(
    "full",
    "tails-and-events.md#stable-index-by-block-sums",
    {
        "stable_alpha_10": "block-sum stable index, blocks of 10; for comparison with the literature only",
        "stable_alpha_root": "block-sum stable index, blocks of sqrt(n); for comparison with the literature only",
        "stable_alpha_agrees": "True if the stable indices at both block lengths differ by less than 0.1",
        "stable_alpha_surrogate": "block-sum stable index of Gaussian noise with this spectrum, blocks of 10; about 2",
    },
)
def stable_index_columns(series: Series) -> Cells:
    """Compute the stable index columns."""
    stable = stable_alpha(series)
    values = {
        "stable_alpha_10": stable.alpha_10,
        "stable_alpha_root": stable.alpha_root,
        "stable_alpha_agrees": stable.scales_agree,
        "stable_alpha_surrogate": stable.surrogate_10,
    }
    return Cells(values, (("stable index", stable),))
