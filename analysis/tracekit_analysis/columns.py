"""Which columns `characterize` gives: one group of columns per topic, each with its meaning in one line.

A new statistic adds one decorated function here; the table, its documentation and the report read the
groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tracekit_analysis.bounds import stability_index, stability_label
from tracekit_analysis.cosine import MIN_TEST_LENGTH, lfq_test
from tracekit_analysis.dependence import autocorrelation_time
from tracekit_analysis.regime import Regime
from tracekit_analysis.results import Side
from tracekit_analysis.spectral import epoch_comb, periodogram
from tracekit_analysis.stationarity import judge

Preset = Literal["minimal", "standard"]
PRESETS: tuple[Preset, ...] = ("minimal", "standard")
"""``minimal``: dependence, burn-in and both bounds. ``standard``: all; ADF makes it the slower one."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """Columns that one function computes together."""

    preset: Preset
    """Smallest preset that holds the group."""
    columns: Mapping[str, str]
    """Meaning of each column, by name."""
    compute: Callable[[Regime], Row]
    """Function of one series that returns exactly these columns."""


GROUPS: list[ColumnGroup] = []


def column_group(
    preset: Preset, columns: Mapping[str, str]
) -> Callable[[Callable[[Regime], Row]], Callable[[Regime], Row]]:
    """Add the decorated function to the table of column groups."""

    def register(compute: Callable[[Regime], Row]) -> Callable[[Regime], Row]:
        GROUPS.append(ColumnGroup(preset, columns, compute))
        return compute

    return register


def groups_of(preset: Preset) -> Iterator[ColumnGroup]:
    """Yield the groups that a preset holds, in the order of the columns."""
    wanted = PRESETS[: PRESETS.index(preset) + 1]
    return (group for group in GROUPS if group.preset in wanted)


def describe_columns(preset: Preset = "standard") -> dict[str, str]:
    """Return the meaning of every column of `characterize`, by name, in order."""
    return {name: meaning for group in groups_of(preset) for name, meaning in group.columns.items()}


@column_group(
    "minimal",
    {
        "n": "number of recorded values",
        "n_used": "number of values analysed: finite, and after the burn-in",
        "status": "ok, inconclusive (also below 50 values), degenerate (constant) or divergent",
        "reason": "why the status is not ok, in one sentence",
        "n_missing": "non-finite values and steps missing from the schedule",
        "ties": "share of values that repeat an earlier one exactly",
        "burn_in": "values cut off as initial transient",
        "settled": "False if a transient takes more than a quarter; the whole series is then used",
        "settles_at": "share of the series after which its level is constant; missing if never",
        "notes": "warnings, joined by semicolons",
    },
)
def _state(regime: Regime) -> Row:
    whole = regime.whole
    refused = regime.late.refusal(MIN_TEST_LENGTH)
    notes = [*whole.notes, *(note for test in regime.confirmatory for note in test.notes)]
    return {
        "n": whole.n,
        "n_used": regime.late.n_used,
        "status": refused[0] if refused else whole.status,
        "reason": refused[1] if refused else whole.reason,
        "n_missing": whole.n_missing,
        "ties": whole.ties,
        "burn_in": regime.start,
        "settled": regime.settled,
        "settles_at": math.nan if regime.burn_in is None else regime.burn_in.level_fraction,
        "notes": "; ".join(dict.fromkeys(notes)),
    }


@column_group(
    "minimal",
    {
        "tau_int": "integrated autocorrelation time, in values",
        "ess": "effective sample size n_used / tau_int",
    },
)
def _dependence(regime: Regime) -> Row:
    dependence = autocorrelation_time(regime.late)
    return {"tau_int": dependence.tau_int, "ess": dependence.ess}


BOUND_COLUMNS: Mapping[str, str] = {
    "index": "stability index I of the {side} bound after the burn-in, in half-spreads",
    "index_ci_low": "lower end of the 95% interval of I",
    "index_ci_high": "upper end of the 95% interval of I",
    "label": "decision on this one series at margin 0.2",
    "label_at_010": "decision at margin 0.1",
    "label_at_040": "decision at margin 0.4",
    "label_reason": "the decision at margin 0.2 in one sentence",
    "lfq_pvalue": "LFQ p-value for a constant {side} bound after the burn-in",
    "index_whole": "stability index over the whole series, transient included",
    "lfq_pvalue_whole": "LFQ p-value over the whole series, transient included",
    "drift": "Theil-Sen change of the bound over the series, in half-spreads",
    "drift_ci_low": "lower end of the 95% interval of the drift",
    "drift_ci_high": "upper end of the 95% interval of the drift",
    "trend_pvalue": "Mann-Kendall p-value of the bound over long blocks",
    "bound": "median over blocks of the {side} bound, in units of the series",
    "bound_variance": "variance of the block bounds, in squared units of the series",
    "bound_variance_scaled": "the same in squared half-spreads",
    "bound_variance_excess": "the same less sampling noise; equal to theta",
    "theta": "signed unbiased estimate of I squared",
    "msb": "mean square of sub-block bounds between blocks",
    "msw": "mean square of sub-block bounds within blocks",
    "spread": "half-spread S, in units of the series",
    "tau": "quantile level of the bound",
    "tau_loc": "correlation time of bound crossings, in values",
    "n_blocks": "number of blocks m",
    "blocks_k": "number of sub-blocks k per block",
}


def _bound_meanings(side: Side) -> dict[str, str]:
    return {f"{side}_{name}": meaning.format(side=side) for name, meaning in BOUND_COLUMNS.items()}


def _bound(regime: Regime, side: Side) -> Row:
    lfq = regime.lfq_lower if side == "lower" else regime.lfq_upper
    index = stability_index(regime.late, side=side)
    label = stability_label(index, lfq=lfq)
    cut = regime.start > 0
    row = {
        "index": index.index,
        "index_ci_low": index.ci_low,
        "index_ci_high": index.ci_high,
        "label": label.label,
        "label_at_010": label.label_at_010,
        "label_at_040": label.label_at_040,
        "label_reason": label.reason,
        "lfq_pvalue": lfq.pvalue,
        "index_whole": stability_index(regime.whole, side=side).index if cut else index.index,
        "lfq_pvalue_whole": lfq_test(regime.whole, side=side).pvalue if cut else lfq.pvalue,
        "bound_variance_excess": index.theta,
    }
    row |= {name: getattr(index, name) for name in BOUND_COLUMNS if name not in row}
    return {f"{side}_{name}": row[name] for name in BOUND_COLUMNS}


@column_group("minimal", _bound_meanings("lower"))
def _lower_bound(regime: Regime) -> Row:
    return _bound(regime, "lower")


@column_group("minimal", _bound_meanings("upper"))
def _upper_bound(regime: Regime) -> Row:
    return _bound(regime, "upper")


@column_group(
    "standard",
    {
        "stationarity": "verdict: stationary, contradictory, unit-root-like, uninformative, still transient",
        "adf_pvalue": "ADF p-value; null: unit root",
        "adf_lags": "lags in the ADF regression",
        "kpss_cosine_pvalue": "p-value for a constant level",
        "kpss_auto_pvalue": "KPSS p-value, where ADF does not reject",
        "scale_lfq_pvalue": "p-value for a constant spread",
        "holm_rejections": "rejections among both bounds, level and spread after Holm's correction at 5%",
    },
)
def _stationarity(regime: Regime) -> Row:
    verdict = judge(regime)
    return {
        "stationarity": verdict.verdict,
        "adf_pvalue": verdict.adf_pvalue,
        "adf_lags": verdict.adf_lags,
        "kpss_cosine_pvalue": verdict.kpss_cosine_pvalue,
        "kpss_auto_pvalue": verdict.kpss_auto_pvalue,
        "scale_lfq_pvalue": verdict.scale_lfq_pvalue,
        "holm_rejections": verdict.n_rejected,
    }


@column_group(
    "standard",
    {
        "spectral_entropy": "spectral entropy over that of white noise; 1 is white",
        "spectral_flatness": "spectral flatness over that of white noise; 1 is white",
        "points_per_epoch": "values per epoch; missing if unknown or unequal",
        "epoch_comb_pvalue": "p-value of the comb test; null: no line at the epoch frequency",
        "epoch_variance_ratio": "VR(E): 1 for independent values, far below 1 for reshuffled fixed batches",
    },
)
def _spectrum(regime: Regime) -> Row:
    spectrum = periodogram(regime.late)
    length = regime.whole.points_per_epoch
    row = {
        "spectral_entropy": spectrum.entropy,
        "spectral_flatness": spectrum.flatness,
        "points_per_epoch": math.nan if length is None else length,
        "epoch_comb_pvalue": math.nan,
        "epoch_variance_ratio": math.nan,
    }
    if length is not None and length >= 2:
        whole_epochs = math.ceil(regime.start / length) * length
        comb = epoch_comb(regime.whole.since(whole_epochs), length)
        row |= {"epoch_comb_pvalue": comb.pvalue, "epoch_variance_ratio": comb.variance_ratio}
    return row
