"""Signals, schedules, and the recorder that writes them while a model trains."""

from tracekit.record.recorder import Recorder
from tracekit.record.schedule import Schedule, every
from tracekit.record.signal import SIGNALS, Signal, choose_signals, signal

__all__ = ["SIGNALS", "Recorder", "Schedule", "Signal", "choose_signals", "every", "signal"]
