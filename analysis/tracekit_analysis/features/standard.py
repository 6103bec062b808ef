"""Which columns `characterize` gives: one group of columns per topic, each with its meaning in one line.

A new statistic adds one decorated function here, or in `extra_columns` if it describes and decides nothing;
the table, its documentation and the report read the groups.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator, Mapping
from types import ModuleType

from tracekit_analysis.features.notes import row_notes
from tracekit_analysis.features.registry import GROUPS, PRESETS, ColumnGroup, Preset, column_group
from tracekit_analysis.results import Side, collect_results
from tracekit_analysis.series.interleaving import detect_interleaving
from tracekit_analysis.statistics import changepoints, long_memory, peaks, spikes, tails, whiteness
from tracekit_analysis.statistics.bounds import stability_index, stability_label
from tracekit_analysis.statistics.constancy import MIN_TEST_LENGTH, lfq_test
from tracekit_analysis.statistics.dependence import autocorrelation_time
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.statistics.spectral import epoch_comb, periodogram
from tracekit_analysis.statistics.stationarity import judge
from tracekit_analysis.statistics.trend import mann_kendall
from tracekit_analysis.statistics.volatility import arch_test
from tracekit_analysis.tables.groups import Row


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
        "notes": "warnings of all statistics in the row, and why some are missing, joined by semicolons",
    },
)
def _state(regime: Regime) -> Row:
    whole = regime.whole
    refused = regime.late.refusal(MIN_TEST_LENGTH)
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
        "notes": "; ".join(whole.notes),
    }


@column_group(
    "minimal",
    {
        "tau_int": "integrated autocorrelation time, in values",
        "ess": "effective sample size: independent values worth as much for the mean, n_used / tau_int",
    },
)
def _dependence(regime: Regime) -> Row:
    dependence = autocorrelation_time(regime.late)
    return {"tau_int": dependence.tau_int, "ess": dependence.ess}


BOUND_COLUMNS: Mapping[str, str] = {
    "index": "stability index I: how far the {side} bound moves after the burn-in, in half-spreads",
    "index_ci_low": "lower end of the 95% interval of the {side} stability index",
    "index_ci_high": "upper end of the 95% interval of the {side} stability index",
    "label": "decision on the {side} bound of this one series at margin 0.2",
    "label_at_010": "decision on the {side} bound at margin 0.1",
    "label_at_040": "decision on the {side} bound at margin 0.4",
    "label_reason": "the decision on the {side} bound at margin 0.2 in one sentence",
    "lfq_pvalue": "LFQ p-value; null: the {side} bound is constant after the burn-in",
    "index_whole": "stability index of the {side} bound over the whole series, transient included",
    "lfq_pvalue_whole": "LFQ p-value for the {side} bound over the whole series, transient included",
    "drift": "Theil-Sen change of the {side} bound over the series, in half-spreads; negative is downwards",
    "drift_ci_low": "lower end of the 95% interval of the {side} bound's drift, in half-spreads",
    "drift_ci_high": "upper end of the 95% interval of the {side} bound's drift, in half-spreads",
    "trend_pvalue": "Mann-Kendall p-value; null: no monotone trend of the {side} bound over long blocks",
    "bound": "median over blocks of the {side} bound (its conditional quantile), in units of the series",
    "bound_variance": "variance of the {side} bound over blocks, sampling noise included, in squared units",
    "bound_variance_scaled": "variance of the {side} bound over blocks, in squared half-spreads",
    "bound_variance_excess": "variance of the {side} bound beyond sampling noise, in squared half-spreads",
    "theta": "signed unbiased estimate of the squared {side} stability index; the one to pool over seeds",
    "msb": "mean square between blocks of the {side} bound of sub-blocks, in squared units of the series",
    "msw": "mean square within blocks of the {side} bound of sub-blocks, in squared units of the series",
    "spread": "half-spread S, the distance from the {side} bound to the median, in units of the series",
    "tau": "quantile level of the {side} bound, counted from its own side",
    "tau_loc": "correlation time of crossings of the {side} bound, in values; at least 1",
    "n_blocks": "number of blocks m behind the {side} stability index",
    "blocks_k": "number of sub-blocks k per block behind the {side} stability index",
}


def _bound_meanings(side: Side) -> dict[str, str]:
    return {f"{side}_{name}": meaning.format(side=side) for name, meaning in BOUND_COLUMNS.items()}


def _bound(regime: Regime, side: Side) -> Row:
    lfq = regime.lfq_lower if side == "lower" else regime.lfq_upper
    index = stability_index(regime.late, side=side)
    label = stability_label(index, lfq=lfq)
    row = {
        "index": index.index,
        "index_ci_low": index.ci_low,
        "index_ci_high": index.ci_high,
        "label": label.label,
        "label_at_010": label.label_at_010,
        "label_at_040": label.label_at_040,
        "label_reason": label.reason,
        "lfq_pvalue": lfq.pvalue,
        "index_whole": index.index,
        "lfq_pvalue_whole": lfq.pvalue,
        "bound_variance_excess": index.theta,
    }
    if regime.start > 0:
        with collect_results():  # kept from the notes of the row, which are about what the transient leaves
            row["index_whole"] = stability_index(regime.whole, side=side).index
            row["lfq_pvalue_whole"] = lfq_test(regime.whole, side=side).pvalue
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
        "adf_pvalue": "augmented Dickey-Fuller p-value; null: unit root",
        "adf_lags": "lags in the augmented Dickey-Fuller regression",
        "kpss_cosine_pvalue": "p-value of the cosine KPSS test; null: the level is constant",
        "kpss_auto_pvalue": "KPSS p-value with automatic lag, only where ADF does not reject; null: stationary",
        "scale_lfq_pvalue": "p-value of the scale LFQ test; null: the spread is constant",
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
        "level_trend": "Theil-Sen change of the level over the series, in units of the series",
        "level_trend_pvalue": "Mann-Kendall p-value on long block means; null: no monotone trend of the level",
        "arch_pvalue": "McLeod-Li p-value on ranks; null: the size of the noise does not depend on its past",
    },
)
def _trend_and_bursts(regime: Regime) -> Row:
    trend = mann_kendall(regime.late)
    return {
        "level_trend": trend.slope,
        "level_trend_pvalue": trend.pvalue,
        "arch_pvalue": arch_test(regime.late).pvalue,
    }


@column_group(
    "standard",
    {
        "spectral_entropy": "spectral entropy over its mean for white noise; 1 is white, 0 a single line",
        "spectral_flatness": "spectral flatness over its mean for white noise; 1 is white, near 0 coloured",
        "points_per_epoch": "values per epoch; missing if unknown or unequal",
        "epoch_comb_pvalue": "p-value of the comb test; null: no line at the epoch frequency",
        "epoch_variance_ratio": "E Var(epoch mean) / Var(x): 1 for independent values, far below 1 for "
        "fixed batches in a new order each epoch, above 1 for a trend",
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


LABEL_TOPICS: tuple[ModuleType, ...] = (whiteness, peaks, long_memory, tails, spikes, changepoints)
"""What labels of cells rest on beside the bound: modules with a table ``COLUMNS`` of meanings and a function
``columns(series)`` that fills it."""


@column_group("standard", {name: text for topic in LABEL_TOPICS for name, text in topic.COLUMNS.items()})
def _label_topics(regime: Regime) -> Row:
    detect_interleaving(
        regime.late
    )  # for the notes: mixed channels look heavy-tailed, periodic and stationary
    return {name: cell for topic in LABEL_TOPICS for name, cell in topic.columns(regime.late).items()}


def groups_of(preset: Preset) -> Iterator[ColumnGroup]:
    """Yield the groups that a preset holds, in the order of the columns: what decides, then what describes."""
    wanted = PRESETS[: PRESETS.index(preset) + 1]
    if preset == "full":
        importlib.import_module("tracekit_analysis.features.full")
    return (group for name in wanted for group in GROUPS if group.preset == name)


def row_of(regime: Regime, preset: Preset) -> Row:
    """Compute all columns of one series; `notes` gathers what the results behind them say."""
    with collect_results() as results:
        row = {name: cell for group in groups_of(preset) for name, cell in group.compute(regime).items()}
    notes = regime.whole.notes
    if regime.late.refusal(MIN_TEST_LENGTH) is None:
        notes = tuple(row_notes(results, own=notes, reason=row["reason"]))
    return row | {"notes": "; ".join(notes)}


def describe_columns(preset: Preset = "standard") -> dict[str, str]:
    """Return the meaning of every column of `characterize`, by name, in order.

    Examples
    --------
    >>> from tracekit_analysis import describe_columns
    >>> describe_columns()["tau_int"]
    'integrated autocorrelation time, in values'
    >>> [name for name in describe_columns("minimal") if name.startswith("lower_drift")]
    ['lower_drift', 'lower_drift_ci_low', 'lower_drift_ci_high']
    """
    return {name: meaning for group in groups_of(preset) for name, meaning in group.columns.items()}
