"""What the results behind one row of `characterize` say in words, without repetition and in a stable order."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tracekit_analysis.results import Record

TOPICS = {
    "ArchTest": "bursts",
    "BlockExtremes": "{side} extremes",
    "ChangePoints": "change points",
    "ConstancyTest": "",
    "Interleaving": "",
    "LjungBox": "Ljung-Box",
    "LongMemory": "memory",
    "NyquistTest": "period 2",
    "PeakTest": "peaks",
    "Spectrum": "spectrum",
    "StabilityIndex": "{side} bound",
    "StableAlpha": "stable index",
    "TailIndex": "tails",
    "TrendTest": "level trend",
    "WhitenessTest": "whiteness",
}
"""Name of a result in a note, where its class's is not good enough; empty: its notes speak for themselves."""
NAMES = {
    "adf": "ADF",
    "dfgls": "DF-GLS",
    "kpss": "KPSS",
    "phillips_perron": "Phillips-Perron",
    "zivot_andrews": "Zivot-Andrews",
}
"""The same for results that several tests share."""


def row_notes(results: Iterable[Record], *, own: Iterable[str], reason: str) -> list[str]:
    """Return the notes of all results, each once, and why some of them have no numbers.

    Parameters
    ----------
    results : iterable of Record
        Results in the order in which they were made.
    own : iterable of str
        Notes of the series itself, which come first and belong to no topic.
    reason : str
        Why the series as a whole has a status other than ``ok``; results that give the same reason add nothing.
    """
    topics: dict[str, list[str]] = {note: [""] for note in own}
    for result in results:
        if type(result).__name__ == "Stationarity":  # repeats the notes of the tests behind it
            continue
        topic = _topic(result)
        found = list(getattr(result, "notes", ()))
        why = getattr(result, "reason", "")
        if why and why != reason and getattr(result, "status", "ok") != "ok":
            found.append(f"not analysed: {why}" if topic else why)
        for note in found:
            named = topics.setdefault(note, [])
            if topic not in named:
                named.append(topic)
    return [
        (note if "" in named else f"{', '.join(named)}: {note}").replace("; ", ", ")
        for note, named in topics.items()
    ]


def _topic(result: Record) -> str:
    """Return what the notes of a result are about."""
    kind = type(result).__name__
    if kind == "UnitRootTest":
        return NAMES[str(getattr(result, "name"))]  # noqa: B009 - not a field of every record
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()
    return TOPICS.get(kind, words).format(side=getattr(result, "side", ""))
