"""Units of recorded values, as axes and tables print them."""

from __future__ import annotations

#: By the part of a signal's name that says what was measured; the first that occurs in it counts.
_UNITS = (
    ("logits_grad", "logit gradient"),
    ("first_logit", "logit"),
    ("logits", "logit"),
    ("penultimate", "activation"),
    ("accuracy", "accuracy, share"),
    ("loss", "loss, nats"),
    ("norm", "Euclidean norm"),
)


def unit(signal: str) -> str:
    """Give the quantity and unit of a signal; its own name where that is all that is known."""
    return next((text for part, text in _UNITS if part in signal), signal)
