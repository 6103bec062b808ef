"""Decision on one bound of one series, by the stability index; and the columns of both bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.errors import require_between
from tracekit_analysis.results import Record, Side
from tracekit_analysis.statistics.bounds import (
    MARGIN,
    MARGINS,
    MIN_LABEL_LENGTH,
    Label,
    StabilityIndex,
    stability_index,
)
from tracekit_analysis.statistics.constancy import ConstancyTest, lfq_test
from tracekit_analysis.statistics.regime import Regime


@dataclass(frozen=True, slots=True)
class StabilityLabel(Record):
    """Three-way decision on one series: is the index below the margin, above it, or undecided."""

    label: Label
    """Decision at `margin`; ``diverged`` for a series that ran away."""
    reason: str
    """The decision in one plain sentence."""
    margin: float
    """Largest index that counts as stable, in half-spreads."""
    label_at_010: Label
    """Decision at margin 0.1."""
    label_at_020: Label
    """Decision at margin 0.2."""
    label_at_040: Label
    """Decision at margin 0.4."""
    index: float
    """The index that was judged."""
    ci_low: float
    """Lower end of its confidence interval."""
    ci_high: float
    """Upper end of its confidence interval."""


def stability_label(
    index: StabilityIndex, *, margin: float = MARGIN, lfq: ConstancyTest | None = None
) -> StabilityLabel:
    """Decide whether one series has a stable bound, from the interval of its index.

    Stable if the interval ends below `margin`, unstable if it starts above, otherwise inconclusive; also
    inconclusive below 200 values and wherever the index could not be computed.

    Parameters
    ----------
    index : StabilityIndex
        Result of `stability_index`.
    margin : float
        Largest index that counts as stable; 0.2 is a linear drift of 69 % of the half-spread.
    lfq : ConstancyTest, optional
        Result of `lfq_test` on the same series: a significant drift below the margin is then called
        immaterial in the reason.

    Returns
    -------
    StabilityLabel

    Raises
    ------
    AnalysisError
        If `margin` is not positive.
    """
    require_between("margin", margin, 0.0, math.inf)
    label = _decide(index, margin)
    at_010, at_020, at_040 = (_decide(index, other) for other in MARGINS)
    return StabilityLabel(
        label=label,
        reason=_reason(index, label, margin, lfq),
        margin=margin,
        label_at_010=at_010,
        label_at_020=at_020,
        label_at_040=at_040,
        index=index.index,
        ci_low=index.ci_low,
        ci_high=index.ci_high,
    )


def _decide(index: StabilityIndex, margin: float) -> Label:
    """Place the interval of the index against one margin."""
    if index.status == "divergent":
        return "diverged"
    if index.status != "ok" or index.n_used < MIN_LABEL_LENGTH:
        return "inconclusive"
    if index.ci_high < margin:
        return "stable"
    return "unstable" if index.ci_low > margin else "inconclusive"


def _reason(index: StabilityIndex, label: Label, margin: float, lfq: ConstancyTest | None) -> str:
    """Word the decision."""
    if index.status != "ok":
        return index.reason
    if index.n_used < MIN_LABEL_LENGTH:
        return f"{index.n_used} usable values; a label needs at least {MIN_LABEL_LENGTH}"
    interval = f"the {index.level:.0%} interval of the index, [{index.ci_low:.2f}, {index.ci_high:.2f}],"
    if label == "inconclusive":
        return f"{interval} contains the margin {margin:g}"
    if label == "unstable":
        return f"{interval} lies above the margin {margin:g}"
    if lfq is not None and lfq.pvalue < 1.0 - index.level:
        return f"drifting, immaterial: {interval} lies below the margin {margin:g}, LFQ p = {lfq.pvalue:.2g}"
    return f"{interval} lies below the margin {margin:g}"


def _bound_columns(side: Side) -> dict[str, Column]:
    columns = {
        "index": Column(
            f"stability index I: how far the {side} bound moves after the burn-in", "half-spreads"
        ),
        "index_ci_low": Column(f"lower end of the 95% interval of the {side} stability index"),
        "index_ci_high": Column(f"upper end of the 95% interval of the {side} stability index"),
        "label": Column(
            f"decision on the {side} bound of this one series at margin 0.2",
            method="bounds.md#decision-on-one-series",
        ),
        "label_at_010": Column(
            f"decision on the {side} bound at margin 0.1", method="bounds.md#decision-on-one-series"
        ),
        "label_at_040": Column(
            f"decision on the {side} bound at margin 0.4", method="bounds.md#decision-on-one-series"
        ),
        "label_reason": Column(
            f"the decision on the {side} bound at margin 0.2 in one sentence",
            method="bounds.md#decision-on-one-series",
        ),
        "lfq_pvalue": Column(
            f"LFQ p-value; null: the {side} bound is constant after the burn-in", method="bounds.md#lfq-test"
        ),
        "index_whole": Column(
            f"stability index of the {side} bound over the whole series, transient included"
        ),
        "lfq_pvalue_whole": Column(
            f"LFQ p-value for the {side} bound over the whole series, transient included",
            method="bounds.md#lfq-test",
        ),
        "drift": Column(
            f"Theil-Sen change of the {side} bound over the series, in half-spreads; negative is downwards",
            "half-spreads",
            method="bounds.md#drift",
        ),
        "drift_ci_low": Column(
            f"lower end of the 95% interval of the {side} bound's drift",
            "half-spreads",
            method="bounds.md#drift",
        ),
        "drift_ci_high": Column(
            f"upper end of the 95% interval of the {side} bound's drift",
            "half-spreads",
            method="bounds.md#drift",
        ),
        "trend_pvalue": Column(
            f"Mann-Kendall p-value; null: no monotone trend of the {side} bound over long blocks",
            method="bounds.md#drift",
        ),
        "bound": Column(
            f"median over blocks of the {side} bound (its conditional quantile)",
            "units of the series",
            method="bounds.md#drift",
        ),
        "bound_variance": Column(
            f"variance of the {side} bound over blocks, sampling noise included",
            "squared units",
            method="bounds.md#variance-of-the-bound",
        ),
        "bound_variance_scaled": Column(
            f"variance of the {side} bound over blocks",
            "squared half-spreads",
            method="bounds.md#variance-of-the-bound",
        ),
        "bound_variance_excess": Column(
            f"variance of the {side} bound beyond sampling noise",
            "squared half-spreads",
            method="bounds.md#variance-of-the-bound",
        ),
        "theta": Column(
            f"signed unbiased estimate of the squared {side} stability index; the one to pool over seeds"
        ),
        "msb": Column(
            f"mean square between blocks of the {side} bound of sub-blocks", "squared units of the series"
        ),
        "msw": Column(
            f"mean square within blocks of the {side} bound of sub-blocks", "squared units of the series"
        ),
        "spread": Column(
            f"half-spread S, the distance from the {side} bound to the median", "units of the series"
        ),
        "tau": Column(f"quantile level of the {side} bound, counted from its own side"),
        "tau_loc": Column(
            f"correlation time of crossings of the {side} bound, in values; at least 1", "values"
        ),
        "n_blocks": Column(f"number of blocks m behind the {side} stability index"),
        "blocks_k": Column(f"number of sub-blocks k per block behind the {side} stability index"),
    }
    return {f"{side}_{name}": column for name, column in columns.items()}


def _bound_cells(regime: Regime, side: Side) -> Cells:
    lfq = regime.lfq_lower if side == "lower" else regime.lfq_upper
    index = stability_index(regime.late, side=side)
    decision = stability_label(index, lfq=lfq)
    values = {
        "index": index.index,
        "index_ci_low": index.ci_low,
        "index_ci_high": index.ci_high,
        "label": decision.label,
        "label_at_010": decision.label_at_010,
        "label_at_040": decision.label_at_040,
        "label_reason": decision.reason,
        "lfq_pvalue": lfq.pvalue,
        "index_whole": index.index,
        "lfq_pvalue_whole": lfq.pvalue,
        "bound_variance_excess": index.theta,
    }
    if regime.start > 0:
        values["index_whole"] = stability_index(regime.whole, side=side).index
        values["lfq_pvalue_whole"] = lfq_test(regime.whole, side=side).pvalue
    names = [name.removeprefix(f"{side}_") for name in _bound_columns(side)]
    values |= {name: getattr(index, name) for name in names if name not in values}
    return Cells({f"{side}_{name}": values[name] for name in names}, (("", lfq), (f"{side} bound", index)))


@column_group("minimal", "bounds.md#stability-index", _bound_columns("lower"), takes_regime=True)
def lower_columns(regime: Regime) -> Cells:
    """Compute the lower-bound columns."""
    return _bound_cells(regime, "lower")


@column_group("minimal", "bounds.md#stability-index", _bound_columns("upper"), takes_regime=True)
def upper_columns(regime: Regime) -> Cells:
    """Compute the upper-bound columns."""
    return _bound_cells(regime, "upper")
