"""Questions of `tracekit compare`; completion offers them without loading the command."""

from __future__ import annotations

#: Question -> options that it takes beside the signal, the level and those of the output.
QUESTIONS = {
    "features": ("margin", "pairing", "feature", "match"),
    "interaction": ("feature", "match"),
    "identify": ("pairing", "feature", "match"),
    "rank": ("metric", "better", "pairing", "match"),
    "target": ("target", "better"),
    "profile": ("metric", "better"),
}
