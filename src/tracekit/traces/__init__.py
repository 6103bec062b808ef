"""Trace store: folders of Parquet parts that runs write, read back as tidy frames."""

from tracekit.traces.buffer import Columns
from tracekit.traces.files import make_folder, write_json
from tracekit.traces.parts import Channel
from tracekit.traces.reader import Experiment, Run, open_experiment, read, signal_names
from tracekit.traces.schema import SCHEMA_VERSION, TABLE_SCHEMA
from tracekit.traces.writer import RunWriter

__all__ = [
    "SCHEMA_VERSION",
    "TABLE_SCHEMA",
    "Channel",
    "Columns",
    "Experiment",
    "Run",
    "RunWriter",
    "make_folder",
    "open_experiment",
    "read",
    "signal_names",
    "write_json",
]
