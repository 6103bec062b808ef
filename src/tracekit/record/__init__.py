"""Recording: signals, schedules, and the recorder that writes them while a model trains."""

from tracekit.record.observation import EpochObservation, Observation, Selection
from tracekit.record.plan import Planned, check_schedules, for_model, plan
from tracekit.record.recorder import Recorder
from tracekit.record.schedule import Phrase, Schedule, at, every, logarithmic, next_stride, per_epoch
from tracekit.record.signal import SIGNALS, Preset, Signal, choose_signals, signal

__all__ = [
    "SIGNALS",
    "EpochObservation",
    "Observation",
    "Phrase",
    "Planned",
    "Preset",
    "Recorder",
    "Schedule",
    "Selection",
    "Signal",
    "at",
    "check_schedules",
    "choose_signals",
    "every",
    "for_model",
    "logarithmic",
    "next_stride",
    "per_epoch",
    "plan",
    "signal",
]
