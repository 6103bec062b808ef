"""Columns of the preset "full", which describe and decide nothing."""

from __future__ import annotations

import math

from tracekit_analysis.features.full_battery import FULL_COLUMNS, full_columns
from tracekit_analysis.features.registry import column_group
from tracekit_analysis.results import Side
from tracekit_analysis.statistics.extremes import block_extremes
from tracekit_analysis.statistics.regime import Regime
from tracekit_analysis.statistics.unit_root_extras import (
    dfgls,
    phillips_perron,
    variance_ratio,
    zivot_andrews,
)
from tracekit_analysis.tables.groups import Row

RATIO_LAGS = (2, 5, 20)


@column_group(
    "full",
    {
        "phillips_perron_pvalue": "Phillips-Perron p-value; null: unit root; unreliable under observation noise",
        "dfgls_pvalue": "DF-GLS p-value with the lags of ADF; null: unit root",
        "zivot_andrews_pvalue": "Zivot-Andrews p-value on at most 500 block means; null: unit root, no break",
    },
)
def _unit_roots(regime: Regime) -> Row:
    late = regime.late
    return {
        "phillips_perron_pvalue": phillips_perron(late).pvalue,
        "dfgls_pvalue": dfgls(late).pvalue,
        "zivot_andrews_pvalue": zivot_andrews(late).pvalue,
    }


def _ratio_meanings() -> dict[str, str]:
    return {
        name: meaning
        for lag in (*map(str, RATIO_LAGS), "epoch")
        for over in (["an epoch" if lag == "epoch" else f"{lag} values"])
        for name, meaning in {
            f"variance_ratio_{lag}": f"variance of changes over {over} against single ones; 1: random walk",
            f"variance_ratio_{lag}_pvalue": f"robust p-value; null: changes over {over} are a random walk's; "
            "unreliable under observation noise",
        }.items()
    }


@column_group("full", _ratio_meanings())
def _variance_ratios(regime: Regime) -> Row:
    row: Row = {}
    for name, lag in (*((str(lag), lag) for lag in RATIO_LAGS), ("epoch", regime.whole.points_per_epoch)):
        ratio = variance_ratio(regime.late, lags=lag) if lag is not None and lag >= 2 else None
        row[f"variance_ratio_{name}"] = ratio.ratio if ratio else math.nan
        row[f"variance_ratio_{name}_pvalue"] = ratio.pvalue if ratio else math.nan
    return row


def _extreme_meanings() -> dict[str, str]:
    return {
        f"{side}_gev_{name}": meaning
        for side, extreme in (("lower", "minima"), ("upper", "maxima"))
        for name, meaning in {
            "xi": f"shape of the extreme-value law of block {extreme}; above 0 is a heavy {side} tail",
            "sigma": f"scale of the extreme-value law of block {extreme}, in units of the series",
            "mu": f"location of the extreme-value law of block {extreme}, in units of the series",
        }.items()
    }


@column_group("full", _extreme_meanings())
def _extremes(regime: Regime) -> Row:
    row: Row = {}
    sides: tuple[Side, Side] = ("lower", "upper")
    for side in sides:
        extremes = block_extremes(regime.late, side=side)
        row |= {
            f"{side}_gev_xi": extremes.xi,
            f"{side}_gev_sigma": extremes.sigma,
            f"{side}_gev_mu": extremes.mu,
        }
    return row


@column_group("full", FULL_COLUMNS)
def _battery(regime: Regime) -> Row:
    return full_columns(regime.late)
