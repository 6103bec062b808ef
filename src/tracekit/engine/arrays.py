"""Types of arrays and gradients that the whole engine shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Gradient: TypeAlias = Array | Callable[[], Array] | None
Backward: TypeAlias = Callable[[Array], Sequence[Gradient]]
