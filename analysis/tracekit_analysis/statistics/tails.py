"""Tail index of one series: Hill, moment and Pareto estimates, and a verdict on the tails.

Centre and scale are local, so that a falling loss or growing gradients do not count as heavy tails. Near alpha = 2
one cannot decide whether the variance is infinite; the verdict is then "unresolved".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import FloatArray, Record, Status
from tracekit_analysis.series.input import Series, as_series, unavailable
from tracekit_analysis.series.interleaving import interleaving_note
from tracekit_analysis.statistics.dependence import autocovariance, geyer_tau

SHARES = (0.01, 0.025, 0.05)
MIN_TAIL_LENGTH = 200
MIN_EXCEEDANCES = 10
MAX_ZEROS = 0.10
MAX_BLOCKS, MIN_BLOCK = 16, 250
MAX_NODES = 60
"""Maximum number of nodes of the posterior mean; more nodes only cost time."""
THIN = 0.1
"""Tail index xi below which a tail counts as thin (alpha above 10)."""

TailVerdict = Literal["thin", "power law, finite variance", "infinite variance", "unresolved", "not analysed"]


@dataclass(frozen=True, slots=True)
class TailIndex(Record):
    """Tail estimates of |x - local median| / local IQR, and the verdict."""

    verdict: TailVerdict
    """``thin``: the interval of xi ends below 0.1. ``infinite variance``: alpha below 2 at all three shares.
    ``power law, finite variance``: alpha above 2 at all of them and xi above 0. ``unresolved``: otherwise."""
    alpha_010: float
    """Hill estimate of the tail exponent from the largest 1 %; NaN below 10 values there."""
    alpha_010_ci_low: float
    """Lower end of its interval."""
    alpha_010_ci_high: float
    """Upper end of its interval; may be infinite."""
    alpha_025: float
    """Hill estimate from the largest 2.5 %."""
    alpha_025_ci_low: float
    """Lower end of its interval."""
    alpha_025_ci_high: float
    """Upper end of its interval; may be infinite."""
    alpha_050: float
    """Hill estimate from the largest 5 %."""
    alpha_050_ci_low: float
    """Lower end of its interval."""
    alpha_050_ci_high: float
    """Upper end of its interval; may be infinite."""
    xi: float
    """Moment estimate of the extreme value index from the largest 5 %: 1/alpha, 0 for exponential tails."""
    xi_ci_low: float
    """Lower end of its interval."""
    xi_ci_high: float
    """Upper end of its interval."""
    gpd_xi: float
    """Shape of a generalized Pareto distribution fitted to the excesses of the largest 5 %."""
    gpd_scale: float
    """Its scale, in local interquartile ranges."""
    gpd_threshold: float
    """The threshold of the excesses, in local interquartile ranges."""
    exceedance_tau: float
    """Correlation time of exceedances of that threshold, in values; its square root widens the intervals."""
    zeros: float
    """Share of values that are exactly zero; above 10 % they are left out."""
    level: float
    """Confidence level of all intervals."""
    n: int
    """Number of recorded values."""
    n_used: int
    """Number of values used."""
    status: Status
    """Whether the tail could be estimated."""
    reason: str
    """Why not, in one sentence; empty if it could."""
    notes: tuple[str, ...]
    """Warnings for the reader."""


def tail_index(x: ArrayLike | Series, *, level: float = 0.95) -> TailIndex:
    """Estimate the tail of a series, both sides together, and return a verdict.

    Values are centred by the median and scaled by the interquartile range of up to 16 blocks of at least
    250 values. Hill: ``alpha = k / sum log(z_(i) / z_(k+1))`` with interval ``alpha / (1 +- 1.96 s)``, s =
    sqrt(tau / k), tau the correlation time of exceedances. Assumes one channel: mixed channels of different
    scale look heavy-tailed, and a note warns if `detect_interleaving` finds them. Hill assumes a power law:
    it gives alpha = 6 for normal values and 2.7 for a stable distribution with alpha = 1.8 (k = 5 %, n =
    10,000). Never read it without `xi` and the verdict. Near alpha = 2 the verdict can be wrong too: stable
    noise with alpha = 1.8 is called a power law of finite variance in .08 (n = 10,000).

    Parameters
    ----------
    x : (n,) array-like
        Values in recorded order.
    level : float
        Confidence level.

    Returns
    -------
    TailIndex

    Raises
    ------
    AnalysisError
        If an argument cannot be used.

    References
    ----------
    Hill (1975), Ann. Statist. 3:1163; Dekkers, Einmahl and de Haan (1989), Ann. Statist. 17:1833; generalized
    Pareto fit: Zhang and Stephens (2009), Technometrics 51:316.
    """
    require_between("level", level, 0.0, 1.0)
    series = as_series(x)
    known: dict[str, Any] = {"verdict": "not analysed", "level": level, "zeros": series.zeros}
    refused = series.refusal(MIN_TAIL_LENGTH)
    if refused:
        return unavailable(TailIndex, series, refused, **known)
    values, notes = series.values, series.notes + interleaving_note(series)
    if series.zeros > MAX_ZEROS:
        values = values[values != 0.0]
        notes += (f"{series.zeros:.0%} of the values are exactly zero; the tail describes the others",)
    distance = standardised_distance(values) if values.size >= MIN_TAIL_LENGTH else None
    if distance is None:
        why = "too few values differ for a local interquartile range"
        return unavailable(TailIndex, series, ("inconclusive", why), **known)
    n = distance.size
    ordered = np.sort(distance)
    z = float(scipy.special.ndtri(0.5 + level / 2.0))
    estimates, tau = [], 1.0
    for share in SHARES:
        k = round(share * n)
        threshold = float(ordered[-k - 1]) if k >= MIN_EXCEEDANCES else 0.0
        if threshold <= 0.0 or ordered[-1] == threshold:
            estimates.append((math.nan, math.nan, math.nan))
            continue
        tau = max(1.0, geyer_tau(autocovariance((distance > threshold).astype(np.float64))))
        estimates.append(_hill(ordered[-k:], threshold, z * math.sqrt(tau / k)))
    k = round(SHARES[-1] * n)
    threshold, excesses = float(ordered[-k - 1]), ordered[-k:] - ordered[-k - 1]
    if threshold <= 0.0 or np.count_nonzero(excesses > 0.0) < MIN_EXCEEDANCES:
        return unavailable(
            TailIndex, series, ("inconclusive", "the largest values are tied or zero"), **known
        )
    xi, xi_se = _moment(ordered[-k:], threshold)
    half = z * xi_se * math.sqrt(tau)
    gpd_xi, gpd_scale = pareto_fit(excesses[excesses > 0.0])
    return TailIndex(
        verdict=_verdict(estimates, xi - half, xi + half),
        alpha_010=estimates[0][0],
        alpha_010_ci_low=estimates[0][1],
        alpha_010_ci_high=estimates[0][2],
        alpha_025=estimates[1][0],
        alpha_025_ci_low=estimates[1][1],
        alpha_025_ci_high=estimates[1][2],
        alpha_050=estimates[2][0],
        alpha_050_ci_low=estimates[2][1],
        alpha_050_ci_high=estimates[2][2],
        xi=xi,
        xi_ci_low=xi - half,
        xi_ci_high=xi + half,
        gpd_xi=gpd_xi,
        gpd_scale=gpd_scale,
        gpd_threshold=threshold,
        exceedance_tau=tau,
        zeros=series.zeros,
        level=level,
        n=series.n,
        n_used=n,
        status=series.status,
        reason=series.reason,
        notes=notes,
    )


def standardised_distance(values: FloatArray) -> FloatArray | None:
    """Return |x - local median| / local IQR over equal blocks; None if an IQR is 0."""
    n_blocks = max(1, min(MAX_BLOCKS, values.size // MIN_BLOCK))
    parts = []
    for block in np.array_split(values, n_blocks):
        lower, median, upper = np.quantile(block, [0.25, 0.5, 0.75])
        if not upper > lower:
            return None
        parts.append(np.abs(block - median) / (upper - lower))
    return np.concatenate(parts)


def pareto_fit(excesses: FloatArray) -> tuple[float, float]:
    """Return shape xi and scale of a generalized Pareto distribution: the posterior mean of Zhang and Stephens.

    Unlike the maximum likelihood estimate it exists for every sample of positive excesses.
    """
    ordered = np.sort(excesses)
    n = ordered.size
    m = min(20 + int(math.sqrt(n)), MAX_NODES)
    quartile = float(ordered[int(n / 4 + 0.5) - 1])
    theta = 1.0 / ordered[-1] + (1.0 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3.0 * quartile)
    shape = np.log1p(-theta[:, None] * ordered).mean(axis=1)
    likelihood = n * (np.log(-theta / shape) - shape - 1.0)
    weights = scipy.special.softmax(likelihood)
    best = float(theta @ weights)
    xi = float(np.log1p(-best * ordered).mean())
    return xi, -xi / best


def _hill(largest: FloatArray, threshold: float, relative_half: float) -> tuple[float, float, float]:
    """Return Hill's alpha and its interval."""
    alpha = 1.0 / float(np.log(largest / threshold).mean())
    high = alpha / (1.0 - relative_half) if relative_half < 1.0 else math.inf
    return alpha, alpha / (1.0 + relative_half), high


def _moment(largest: FloatArray, threshold: float) -> tuple[float, float]:
    """Return the moment estimate of xi and its asymptotic standard error."""
    logs = np.log(largest / threshold)
    first, second = float(logs.mean()), float(np.mean(logs * logs))
    g = first + 1.0 - 0.5 / (1.0 - first * first / second)
    variance = 1.0 + g * g
    if g < 0.0:
        variance = (1 - g) ** 2 * (1 - 2 * g) * (1 - g + 6 * g * g) / ((1 - 3 * g) * (1 - 4 * g))
    return g, math.sqrt(variance / largest.size)


def _verdict(estimates: list[tuple[float, float, float]], xi_low: float, xi_high: float) -> TailVerdict:
    """Return the verdict from the intervals of alpha at all shares and of xi."""
    known = [estimate for estimate in estimates if not math.isnan(estimate[0])]
    if xi_high < THIN:
        return "thin"
    if len(known) < 2:
        return "unresolved"
    if all(high < 2.0 for _, _, high in known):
        return "infinite variance"
    if xi_low > 0.0 and all(low > 2.0 for _, low, _ in known):
        return "power law, finite variance"
    return "unresolved"


@column_group(
    "standard",
    "tails-and-events.md#tail-index",
    {
        "tail": "verdict: thin; power law, finite variance; infinite variance; unresolved; not analysed",
        "tail_alpha": "Hill tail exponent from the largest 5% of local deviations; read it with `tail`",
        "tail_alpha_ci_low": "lower end of the 95% interval of the Hill exponent at 5%",
        "tail_alpha_ci_high": "upper end of the 95% interval of the Hill exponent at 5%",
        "tail_alpha_010": "Hill tail exponent from the largest 1%",
        "tail_xi": "moment estimate of the extreme value index; 0 for exponential tails",
        "tail_xi_ci_low": "lower end of the 95% interval of the extreme value index",
        "tail_xi_ci_high": "upper end of the 95% interval of the extreme value index",
        "tail_gpd_xi": "shape of the generalized Pareto law of the largest 5%",
        "zeros": Column("share of values that are exactly zero", method="input.md#accepted-series"),
    },
)
def tail_columns(series: Series) -> Cells:
    """Compute the tail columns."""
    tail = tail_index(series)
    values = {
        "tail": tail.verdict,
        "tail_alpha": tail.alpha_050,
        "tail_alpha_ci_low": tail.alpha_050_ci_low,
        "tail_alpha_ci_high": tail.alpha_050_ci_high,
        "tail_alpha_010": tail.alpha_010,
        "tail_xi": tail.xi,
        "tail_xi_ci_low": tail.xi_ci_low,
        "tail_xi_ci_high": tail.xi_ci_high,
        "tail_gpd_xi": tail.gpd_xi,
        "zeros": tail.zeros,
    }
    return Cells(values, (("tails", tail),))
