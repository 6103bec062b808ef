"""Regime of a series: the part after its transient, with the tests that several analyses share, each computed once."""

from __future__ import annotations

import math
from functools import cached_property

from tracekit_analysis.columns import Cells, Column, column_group
from tracekit_analysis.series.input import Series
from tracekit_analysis.statistics.constancy import (
    MIN_TEST_LENGTH,
    ConstancyTest,
    kpss_cosine,
    lfq_test,
    scale_lfq,
)
from tracekit_analysis.statistics.transient import BurnIn, burn_in

MAX_TRANSIENT = 0.25
"""Largest share of a series that may count as its transient; movement after that belongs to its history."""


class Regime:
    """Late part of a series: after its transient, or the whole series if the transient exceeds a quarter.

    The cut is where the level looks constant afterwards, so a large limit would hide the movement that the
    stability index must find. Measured at n = 1000, margin 0.2, one series (P(stable) / P(unstable)):

    ========================================  =========  =========  =========
    limit on the cut                          0          0.25       0.5
    ========================================  =========  =========  =========
    no transient                              .99 / .00  .98 / .00  .98 / .00
    start-up 5 sd, decay over .05 of the run  .00 / .57  .90 / .01  .90 / .01
    level break at half, index 1/3            .00 / .72  .00 / .72  .43 / .02
    ========================================  =========  =========  =========

    Parameters
    ----------
    whole : Series
        The series as recorded.
    alpha : float
        Level of the search for the transient.
    remove_burn_in : bool
        False keeps the whole series.
    """

    def __init__(self, whole: Series, *, alpha: float = 0.05, remove_burn_in: bool = True) -> None:
        self.whole = whole
        self.burn_in: BurnIn | None = burn_in(whole, alpha=alpha) if remove_burn_in else None

    @property
    def never_settles(self) -> bool:
        """Whether the level still moves after each cut up to one half ("still transient")."""
        return self.burn_in is not None and not self.burn_in.settled

    @property
    def settled(self) -> bool:
        """Whether there is no transient, or it ends within the first quarter."""
        if self.burn_in is None:
            return True
        return self.burn_in.settled and not self.burn_in.level_fraction > MAX_TRANSIENT

    @property
    def start(self) -> int:
        """Number of usable values cut off as transient."""
        if self.burn_in is None or not self.settled:
            return 0
        if self.burn_in.fraction <= MAX_TRANSIENT:
            return self.burn_in.start
        # MSER alone may cut more, because it follows single large values of heavy-tailed series.
        return round(self.burn_in.level_fraction * self.whole.n_used)

    @cached_property
    def late(self) -> Series:
        """Part of the series that analyses use."""
        return self.whole.since(self.start)

    @cached_property
    def lfq_lower(self) -> ConstancyTest:
        """Test of a constant lower bound."""
        return lfq_test(self.late)

    @cached_property
    def lfq_upper(self) -> ConstancyTest:
        """Test of a constant upper bound."""
        return lfq_test(self.late, side="upper")

    @cached_property
    def level(self) -> ConstancyTest:
        """Test of a constant level."""
        return kpss_cosine(self.late)

    @cached_property
    def scale(self) -> ConstancyTest:
        """Test of a constant spread."""
        return scale_lfq(self.late)

    @property
    def confirmatory(self) -> tuple[ConstancyTest, ...]:
        """Family of tests that Holm's correction covers."""
        return self.lfq_lower, self.lfq_upper, self.level, self.scale


@column_group(
    "minimal",
    "input.md#accepted-series",
    {
        "n": "number of recorded values",
        "n_used": "number of values analysed: finite, and after the burn-in",
        "status": "ok, inconclusive (also below 50 values), degenerate (constant) or divergent",
        "reason": "why the status is not ok, in one sentence",
        "n_missing": "non-finite values and steps missing from the schedule",
        "ties": "share of values that repeat an earlier one exactly",
        "burn_in": Column("values cut off as initial transient", method="input.md#initial-transient"),
        "settled": Column(
            "False if a transient takes more than a quarter; the whole series is then used",
            method="input.md#initial-transient",
        ),
        "settles_at": Column(
            "share of the series after which its level is constant; missing if never",
            method="input.md#initial-transient",
        ),
        "notes": "warnings of all statistics in the row, and why some are missing, joined by semicolons",
    },
    takes_regime=True,
)
def state_columns(regime: Regime) -> Cells:
    """Compute the state columns."""
    whole = regime.whole
    refused = regime.late.refusal(MIN_TEST_LENGTH)
    return Cells(
        {
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
    )
