"""Recording plan of a run: signals with schedules that suit the run's length and its epochs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from tracekit.engine.derivatives.persample import PerSampleError
from tracekit.engine.layers import Sequential
from tracekit.errors import ArgumentError, argument_sentence, unknown_name
from tracekit.record.curvature import check_per_sample
from tracekit.record.schedule import Phrase, Schedule, check_stride, next_stride
from tracekit.record.signal import Cost, Signal

EPOCH_END = "epoch end"


@dataclass(frozen=True, slots=True)
class Planned:
    """A signal and its schedule."""

    signal: Signal
    when: str  #: the schedule in words
    due: Schedule  #: of signals of cost "epoch", asked at no update


def _never(step: int) -> bool:
    return False


def check_schedules(signals: Sequence[Signal], schedules: Mapping[str, str]) -> None:
    """Raise unless each key is a recorded signal or a cost, and each value a schedule in words.

    Raises
    ------
    UnknownNameError, ArgumentError
        A key that names nothing recorded, or a signal that is recorded when an epoch ends; a schedule that
        cannot be read.
    """
    for key, text in schedules.items():
        meant = [entry for entry in signals if entry.cost == key or entry.is_recorded_as(key)]
        if not meant and key not in get_args(Cost):
            names = {name for entry in signals for name in (entry.name, *entry.names)}
            raise unknown_name("recorded signal", key, names | set(get_args(Cost)))
        if any(entry.cost == "epoch" for entry in meant) or key == "epoch":
            need = "cannot have a schedule, it is recorded whenever an epoch ends"
            raise ArgumentError(argument_sentence("schedules", key, need, "remove it"))
        Phrase(text)


def for_model(
    signals: Sequence[Signal], model: Sequential, image_shape: tuple[int, ...], *, named: Collection[str]
) -> tuple[list[Signal], str]:
    """Leave out the signals of per-sample gradients if the model has none, and return a note on it.

    Parameters
    ----------
    signals : sequence of Signal
    model : Sequential
    image_shape : tuple of int
    named : collection of str
        Names of the signals that were requested one by one, not as members of a preset; they are not left out.

    Returns
    -------
    signals : list of Signal
        Signals that can be recorded.
    note : str
        Sentence on what was left out and why; empty if nothing was.

    Raises
    ------
    ArgumentError
        One of `named` cannot be recorded.
    """
    wanting = [entry for entry in signals if "per-sample gradients" in entry.reads]
    if not wanting:
        return list(signals), ""
    try:
        check_per_sample(model, image_shape)
    except PerSampleError as error:
        cause = str(error).partition(";")[0]
        refused = [repr(entry.name) for entry in wanting if entry.name in named]
        if refused:
            raise ArgumentError(
                f"{', '.join(refused)} cannot be recorded with this model, because {cause}; leave "
                f"{'it' if len(refused) == 1 else 'them'} out, as the preset 'standard' does."
            ) from error
        names = ", ".join(entry.name for entry in wanting)
        return [
            entry for entry in signals if entry not in wanting
        ], f"Not recorded: {names}, because {cause}."
    return list(signals), ""


def plan(
    signals: Sequence[Signal],
    *,
    n_updates: int,
    updates_per_epoch: int,
    stride: int = 1,
    schedules: Mapping[str, str] | None = None,
    has_epochs: bool = True,
    allow_aliasing: bool = False,
) -> list[Planned]:
    """Give each signal its schedule.

    The first of these that exists: the signal's schedule in `schedules`, that of its cost, the schedule of its
    definition (whose stride is raised to `stride`, and until it suits the epoch), every `stride` updates.

    Parameters
    ----------
    signals : sequence of Signal
    n_updates : int
        Length of the run.
    updates_per_epoch : int
    stride : int
        Stride of all signals without another schedule.
    schedules : mapping of str to str, optional
        Schedule in words, by signal or by cost.
    has_epochs : bool
        Whether the order of the samples has the period of the epoch.
    allow_aliasing : bool
        Whether a stride may share a factor with the epoch.

    Raises
    ------
    ArgumentError
        A stride shares a factor with the epoch, in a run of more than one epoch; or a requested schedule has
        no update in the run.
    """
    given = dict(schedules or {})
    check_schedules(signals, given)
    period = updates_per_epoch if has_epochs and n_updates > updates_per_epoch and not allow_aliasing else 1
    planned = []
    known: dict[str, Schedule] = {}  # signals with the same schedule are recorded together
    for entry in signals:
        if entry.cost == "epoch":
            planned.append(Planned(entry, EPOCH_END, _never))
            continue
        own = [text for key, text in given.items() if key != entry.cost and entry.is_recorded_as(key)]
        by_cost = [given[entry.cost]] if entry.cost in given else []
        if own or by_cost or entry.schedule is None:
            phrase = Phrase([*own, *by_cost, f"every {stride}"][0]).for_length(n_updates)
            check_stride(phrase.stride or 1, period)
        else:
            phrase = Phrase(entry.schedule).for_length(n_updates)
            if phrase.stride is not None:
                phrase = Phrase(f"every {next_stride(max(phrase.stride, stride), period)}")
        due = known.setdefault(
            phrase.text, phrase.schedule(n_updates=n_updates, updates_per_epoch=updates_per_epoch)
        )
        if (own or by_cost) and not any(map(due, range(1, n_updates + 1))):
            raise ArgumentError(
                f"the schedule {phrase.text!r} records no value of {entry.name} in a run of {n_updates} updates; "
                f"choose updates from 1 to {n_updates}, or train longer."
            )
        planned.append(Planned(entry, phrase.text, due))
    return planned
