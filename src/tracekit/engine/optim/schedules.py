"""Learning-rate schedules: factors on the learning rate as functions of the progress of the training."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tracekit.engine.optim.settings import Count, Fraction, Positive, check_settings
from tracekit.errors import ArgumentError, argument_sentence, unknown_name
from tracekit.registry import Registry

#: Share of the training that is done, in [0, 1] -> factor on the learning rate.
Curve = Callable[[float], float]
CurveFunction = TypeVar("CurveFunction", bound=Callable[..., Curve])


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """Definition of a named schedule."""

    name: str
    curve: Callable[..., Curve]  #: settings -> curve

    @property
    def defaults(self) -> dict[str, Any]:
        """Settings with their default values, `warmup` included."""
        own = {name: p.default for name, p in inspect.signature(self.curve).parameters.items()}
        return own | {"warmup": 0}

    @property
    def summary(self) -> str:
        """First line of the definition's docstring."""
        return (inspect.getdoc(self.curve) or "").splitlines()[0]

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Complete settings with the defaults and check them; raise the same errors as an optimizer's `resolve`."""
        defaults = self.defaults
        for name in settings:
            if name not in defaults:
                raise unknown_name(f"setting of the schedule {self.name}", name, defaults)
        resolved = {**defaults, **settings}
        own = {name: value for name, value in resolved.items() if name != "warmup"}
        check_settings(self.curve, own, defaults)
        check_settings(_warmup_setting, {"warmup": resolved["warmup"]}, defaults)
        return resolved


def _warmup_setting(warmup: Count = 0) -> None:
    """Declare the setting that every schedule takes."""


SCHEDULES: Registry[ScheduleDefinition] = Registry("schedule")


def _schedule(curve: CurveFunction) -> CurveFunction:
    SCHEDULES.add(curve.__name__, ScheduleDefinition(curve.__name__, curve))
    return curve


def build_schedule(name: str, n_updates: int, **settings: Any) -> Callable[[int], float]:
    """Build a named schedule for a training of known length.

    Parameters
    ----------
    name : str
        A name in `SCHEDULES`.
    n_updates : int
        Length of the training.
    **settings
        The schedule's own settings, and ``warmup``: the number of updates in which the factor first rises in equal
        steps to the curve's first value; the curve then spans the remaining updates.

    Returns
    -------
    callable
        Number of the update (from 1) -> factor on the learning rate.

    Raises
    ------
    UnknownNameError, ArgumentError
        Unknown name or setting, or a warm-up that is longer than the training.
    """
    definition = SCHEDULES[name]
    resolved = definition.resolve(settings)
    warmup = int(resolved.pop("warmup"))
    if warmup >= n_updates:
        raise ArgumentError(
            argument_sentence(
                "warmup", warmup, f"must be shorter than the training (={n_updates} updates)", "shorten it"
            )
        )
    curve = definition.curve(**resolved)
    span = max(1, n_updates - warmup - 1)

    def factor(update: int) -> float:
        if update <= warmup:
            return curve(0.0) * update / (warmup + 1)
        return curve(min(1.0, (update - warmup - 1) / span))

    return factor


@_schedule
def constant() -> Curve:
    """Constant factor 1: the learning rate does not change."""
    return lambda progress: 1.0


@_schedule
def linear(final: Fraction = 0.0) -> Curve:
    """Straight line from 1 to `final`."""
    return lambda progress: 1.0 + (final - 1.0) * progress


@_schedule
def cosine(final: Fraction = 0.0) -> Curve:
    """Half a cosine from 1 to `final` (Loshchilov & Hutter 2017, without restarts)."""
    return lambda progress: final + (1.0 - final) * 0.5 * (1.0 + math.cos(math.pi * progress))


@_schedule
def step(factor: Fraction = 0.1, first: Fraction = 0.5, second: Fraction = 0.75) -> Curve:
    """Multiply by `factor` after the share `first` of the training, and again after `second`."""
    return lambda progress: factor ** ((progress >= first) + (progress >= second))


@_schedule
def one_cycle(start: Positive = 0.04, peak: Fraction = 0.3, final: Positive = 4e-6) -> Curve:
    """Half a cosine up from `start` to 1 at the share `peak`, half a cosine down to `final` (Smith 2018)."""

    def between(low: float, high: float, share: float) -> float:
        return high + (low - high) * 0.5 * (1.0 + math.cos(math.pi * share))

    def curve(progress: float) -> float:
        if progress < peak:
            return between(start, 1.0, progress / peak)
        return between(1.0, final, (progress - peak) / (1.0 - peak))

    return curve
