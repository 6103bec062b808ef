"""The trace table: its columns, their types and meanings, and the version that files carry."""

from __future__ import annotations

import pyarrow as pa

#: Of what is written now; older versions are read too. docs/format.md says what each version added.
SCHEMA_VERSION = 2

#: Keys of the metadata that every part carries.
VERSION_KEY = "tracekit_schema_version"
RUN_KEY = "tracekit_run_id"
#: Unit by signal, as a JSON object; from version 2 on.
UNITS_KEY = "tracekit_units"

_COLUMNS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("run", pa.dictionary(pa.int32(), pa.string()), "name of the run, unique in its experiment"),
    (
        "step",
        pa.int64(),
        "number of the update, from 1; values belong to the parameters before it, of eval/ signals after it",
    ),
    ("epoch", pa.int32(), "pass over the training set in which the update lies, from 1"),
    ("signal", pa.dictionary(pa.int32(), pa.string()), "name of the recorded quantity, e.g. train/loss"),
    ("layer", pa.dictionary(pa.int32(), pa.string()), "parameter tensor or layer; null where none applies"),
    ("index", pa.int32(), "position inside a vector-valued signal; null for a scalar"),
    ("value", pa.float64(), "the value; NaN and infinities are data and are kept"),
)

TABLE_SCHEMA = pa.schema(
    [pa.field(name, kind, metadata={"description": text}) for name, kind, text in _COLUMNS],
    metadata={VERSION_KEY: str(SCHEMA_VERSION)},
)

#: Ways a run can end, and the one in which it has not. A run whose process was killed stays "running".
STATUSES = ("running", "finished", "diverged", "interrupted", "failed")
#: Those of runs that are complete: there is nothing to resume.
ENDED_STATUSES = ("finished", "diverged")
