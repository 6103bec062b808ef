"""Notes of one row of `characterize`: what the results behind it say in words, each once, in a stable order."""

from __future__ import annotations

from collections.abc import Iterable

from tracekit_analysis.results import Record


def row_notes(results: Iterable[tuple[str, Record]], *, own: Iterable[str], reason: str) -> list[str]:
    """Return the notes of all results, each once, and why some of them have no numbers.

    Parameters
    ----------
    results : iterable of (str, Record)
        Results in the order in which they were made, each behind the topic of its notes; an empty topic lets them
        speak for themselves.
    own : iterable of str
        Notes of the series itself, which come first and belong to no topic.
    reason : str
        Why the series as a whole has a status other than ``ok``; results that give the same reason add nothing.
    """
    topics: dict[str, list[str]] = {note: [""] for note in own}
    for topic, result in results:
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
