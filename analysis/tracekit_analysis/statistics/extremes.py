"""Block minima (maxima) and their extreme-value distribution: a description, not a test of stability.

Minima fall with the number of values, more slowly for dependent values. The bound of a series is a quantile
(`stability_index`), not a minimum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import bad_argument, require_choice
from tracekit_analysis.results import FloatArray, Record, Side, Status
from tracekit_analysis.series.input import Series, as_series

MIN_EXTREME_BLOCKS = 30
MAX_EXTREME_BLOCKS = 200
MAX_SHAPE = 5.0
MAX_SEARCH = 2000


@dataclass(frozen=True, slots=True)
class BlockExtremes(Record):
    """Generalised extreme-value distribution of the block minima or maxima of one series."""

    side: Side
    """``lower``: minima, whose negatives were fitted; ``upper``: maxima."""
    xi: float
    """Shape: above 0, a heavy tail with finite moments of order below 1 / xi; 0, exponential; below 0, an end point."""
    sigma: float
    """Scale, in units of the series."""
    mu: float
    """Location, in units of the series and in its direction."""
    nll: float
    """Negative log-likelihood at the fit."""
    n_blocks: int
    """Number of blocks."""
    block_length: int
    """Values in a block."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values in the blocks."""
    status: Status
    """Whether the distribution could be fitted."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def block_extremes(
    x: ArrayLike | Series, *, side: Side = "lower", block_length: int | Literal["auto"] = "auto"
) -> BlockExtremes:
    """Fit the generalised extreme-value distribution to block minima (maxima) by maximum likelihood.

    ``P(M <= z) = exp(-(1 + xi (z - mu) / sigma)^(-1 / xi))`` for maxima; minima are fitted as maxima of ``-x``.
    L-moments give the start of the fit. Dependence between values is ignored (extremal index 1), so mu holds for
    blocks of this length only.

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    side : {"lower", "upper"}
        Minima or maxima.
    block_length : int or "auto"
        Number of values per block; "auto" makes about sqrt(n) blocks, from 30 to 200. At least 30 blocks are
        needed; a length of 1 takes the values themselves as maxima.

    Returns
    -------
    BlockExtremes

    Raises
    ------
    AnalysisError
        If an argument cannot be used. Data that cannot be used give a status and NaN instead.

    References
    ----------
    Coles (2001), An Introduction to Statistical Modeling of Extreme Values, ch. 3; Hosking (1990), J. R.
    Statist. Soc. B 52:105.
    """
    require_choice("side", side, ("lower", "upper"))
    if not isinstance(block_length, str) and (block_length < 1 or int(block_length) != block_length):
        raise bad_argument("block_length", block_length, "must be a whole number of at least 1 or 'auto'")
    if isinstance(block_length, str):
        require_choice("block_length", block_length, ("auto",))
    series = as_series(x)
    refused = series.refusal(MIN_EXTREME_BLOCKS)
    n = series.n_used
    if isinstance(block_length, str):
        blocks = min(max(round(math.sqrt(n)), MIN_EXTREME_BLOCKS), MAX_EXTREME_BLOCKS)
        length = max(n // blocks, 1)
    else:
        length = int(block_length)
    m = n // length
    if refused is None and m < MIN_EXTREME_BLOCKS:
        refused = ("inconclusive", f"{m} blocks; at least {MIN_EXTREME_BLOCKS} are needed")
    if refused:
        return _no_fit(series, side, length, *refused)
    values = series.values if side == "upper" else -series.values
    maxima = values[: m * length].reshape(m, length).max(axis=1)
    fit = _fit(maxima)
    if fit is None:
        return _no_fit(series, side, length, "inconclusive", "the block extremes have no spread to fit")
    xi, mu, sigma, nll = fit
    return BlockExtremes(
        side=side,
        xi=xi,
        sigma=sigma * series.scale,
        mu=mu * series.scale if side == "upper" else -mu * series.scale,
        nll=nll + m * math.log(series.scale),
        n_blocks=m,
        block_length=length,
        n=series.n,
        n_used=m * length,
        status=series.status,
        reason=series.reason,
        notes=series.notes,
    )


def _fit(maxima: FloatArray) -> tuple[float, float, float, float] | None:
    """Return xi, mu, sigma and the negative log-likelihood; None if the maxima hardly vary or the fit fails."""
    centre, spread = float(np.median(maxima)), float(scipy.stats.iqr(maxima))
    if spread <= 0.0:
        return None
    scaled = (maxima - centre) / spread
    found = scipy.optimize.minimize(
        _negative_log_likelihood,
        _l_moment_start(scaled),
        args=(scaled,),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": MAX_SEARCH, "maxfev": MAX_SEARCH},
    )
    if not found.success or not math.isfinite(found.fun):
        return None
    xi, location, scale = (float(part) for part in found.x)
    return xi, centre + location * spread, scale * spread, float(found.fun) + maxima.size * math.log(spread)


def _negative_log_likelihood(parameters: FloatArray, maxima: FloatArray) -> float:
    """Return the negative log-likelihood of shape xi, location and scale; infinite where it is not defined."""
    xi, location, scale = parameters
    if scale <= 0.0 or not -1.0 <= xi <= MAX_SHAPE:  # below -1 the likelihood has no maximum
        return math.inf
    z = (maxima - location) / scale
    if abs(xi) < 1e-8:
        exponent = z
    else:
        inside = 1.0 + xi * z
        if inside.min() <= 0.0:
            return math.inf
        exponent = np.log(inside) / xi
    if exponent.min() < -700.0:
        return math.inf
    return float(maxima.size * math.log(scale) + (1.0 + xi) * exponent.sum() + np.exp(-exponent).sum())


def _l_moment_start(maxima: FloatArray) -> tuple[float, float, float]:
    """Return shape xi, location and scale from the first three L-moments (Hosking 1985)."""
    ordered = np.sort(maxima)
    n = ordered.size
    rank = np.arange(n)
    b0 = ordered.mean()
    b1 = float(np.sum(rank * ordered)) / (n * (n - 1))
    b2 = float(np.sum(rank * (rank - 1) * ordered)) / (n * (n - 1) * (n - 2))
    l2 = 2.0 * b1 - b0
    skewness = (6.0 * b2 - 6.0 * b1 + b0) / l2
    z = 2.0 / (3.0 + skewness) - math.log(2.0) / math.log(3.0)
    c = 7.8590 * z + 2.9554 * z * z
    if abs(c) < 1e-6:
        c = 1e-6
    gamma = float(scipy.special.gamma(1.0 + c))
    scale = l2 * c / ((1.0 - 2.0**-c) * gamma)
    start = (-c, float(b0 - scale * (1.0 - gamma) / c), float(scale))
    if math.isfinite(_negative_log_likelihood(np.array(start), maxima)):
        return start
    gumbel = l2 / math.log(2.0)  # its support contains all values, unlike that of the start above
    return 0.0, float(b0 - np.euler_gamma * gumbel), float(gumbel)


def _no_fit(series: Series, side: Side, length: int, status: Status, reason: str) -> BlockExtremes:
    if series.status == "divergent":
        status, reason = series.status, series.reason
    nan = math.nan
    return BlockExtremes(side, nan, nan, nan, nan, 0, length, series.n, 0, status, reason, series.notes)


def _extreme_columns() -> dict[str, Column]:
    return {
        f"{side}_gev_{name}": column
        for side, extreme in (("lower", "minima"), ("upper", "maxima"))
        for name, column in {
            "xi": Column(
                f"shape of the extreme-value law of block {extreme}; above 0 is a heavy {side} tail"
            ),
            "sigma": Column(f"scale of the extreme-value law of block {extreme}", "units of the series"),
            "mu": Column(f"location of the extreme-value law of block {extreme}", "units of the series"),
        }.items()
    }


@column_group("full", "bounds.md#block-extremes", _extreme_columns())
def extreme_columns(series: Series) -> Cells:
    """Compute the block-extreme columns."""
    sides: tuple[Side, Side] = ("lower", "upper")
    found = {side: block_extremes(series, side=side) for side in sides}
    values = {
        f"{side}_gev_{name}": getattr(extremes, name)
        for side, extremes in found.items()
        for name in ("xi", "sigma", "mu")
    }
    return Cells(values, tuple((f"{side} extremes", extremes) for side, extremes in found.items()))
