"""The differentiable operations, by topic: ``ops.relu`` is the op that is registered as "relu".

The names come from :data:`tracekit.engine.tensor.OPS`, which also lists the topic modules, so that an op
is added by its definition alone.
"""

from __future__ import annotations

from tracekit.engine.tensor import OPS, Primitive


def __getattr__(name: str) -> Primitive:
    if not name.startswith("_") and name in OPS:
        return OPS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *OPS]
