"""One series before and after its transient, with the tests that several analyses share, each run once."""

from __future__ import annotations

from functools import cached_property

from tracekit_analysis.cosine import ConstancyTest, kpss_cosine, lfq_test, scale_lfq
from tracekit_analysis.series import Series
from tracekit_analysis.transient import BurnIn, burn_in


class Regime:
    """The late part of a series: after its transient, or all of it if it never settles.

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
    def settled(self) -> bool:
        """False if the level still moves after every cut ("still transient")."""
        return self.burn_in is None or self.burn_in.settled

    @property
    def start(self) -> int:
        """Number of usable values cut off as transient."""
        return 0 if self.burn_in is None else self.burn_in.start

    @cached_property
    def late(self) -> Series:
        """The part that analyses use."""
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
        """The family over which Holm's correction runs."""
        return self.lfq_lower, self.lfq_upper, self.level, self.scale
