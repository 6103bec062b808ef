"""Perturbed arrays: they carry a derivative along one direction as an imaginary part, too small to change values.

For an analytic f, f(x + i h v) = f(x) + i h f'(x) v + O(h²). With h = 1e-30 the remainder is far below
rounding and nothing is subtracted, so that the derivative is as exact as f itself (Squire and Trapp, SIAM
Review 40(1), 1998). Ops also compare numbers and take maxima and absolute values, which for complex numbers
mean something else; :class:`PerturbedArray` gives them the meaning that they have on the real line, so that
ops need not know. Of kinks, such as that of ReLU, each number stays on its side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

if TYPE_CHECKING:
    from tracekit.engine.arrays import Array

LARGEST_STEPS: dict[np.dtype[Any], float] = {np.dtype(np.complex128): 1e-30, np.dtype(np.complex64): 1e-12}
"""Largest imaginary part that a perturbation starts from: its square is far below rounding, its products with
small derivatives are far above the smallest numbers."""

_perturbing: ContextVar[bool] = ContextVar("perturbing", default=False)


class PerturbedArray(np.ndarray[Any, np.dtype[Any]]):
    """A complex array that is ordered by its real parts, with functions continued from the real line."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **settings: Any) -> Any:
        """Compute on plain arrays: what is continued from the real line, or else the ufunc itself."""
        operands = [_plain(each) for each in inputs]
        targets = settings.pop("out", None)
        if targets is not None:
            settings["out"] = tuple(_plain(each) for each in targets)
        if settings.get("dtype") is not None:
            settings["dtype"] = _complex_if_float(settings["dtype"])
        name = ufunc.__name__ if method == "__call__" else ""
        if name in _CONTINUED:
            value = _CONTINUED[name](*operands)
            if targets is not None:
                np.copyto(settings["out"][0], value)
        else:
            if name in _COMPARISONS:
                operands = [np.real(each) for each in operands]
            value = getattr(ufunc, method)(*operands, **settings)
        return targets[0] if targets is not None else perturbed(value)

    def astype(self, dtype: Any, *arguments: Any, **settings: Any) -> Any:
        """Convert: to floating-point numbers with the derivative, to others without."""
        plain = self.view(np.ndarray)
        target = _complex_if_float(dtype)
        return perturbed((plain if target.kind == "c" else plain.real).astype(target, *arguments, **settings))

    def var(  # type: ignore[override]
        self,
        axis: int | tuple[int, ...] | None = None,
        dtype: None = None,
        out: None = None,
        ddof: float = 0,
        *,
        keepdims: bool = False,
    ) -> Any:
        """Mean of squares about the mean, and not, as of complex numbers, of squared moduli."""
        deviation = self - self.mean(axis, keepdims=True)
        total = (deviation * deviation).sum(axis, keepdims=keepdims)
        return total / (self.size / np.size(total) - ddof)

    def std(  # type: ignore[override]
        self,
        axis: int | tuple[int, ...] | None = None,
        dtype: None = None,
        out: None = None,
        ddof: float = 0,
        *,
        keepdims: bool = False,
    ) -> Any:
        """Root of :meth:`var`."""
        return np.sqrt(self.var(axis, ddof=ddof, keepdims=keepdims))


def perturbed(value: Any) -> Any:
    """Return a view of a complex array as a perturbed one; anything else as it is."""
    if isinstance(value, np.ndarray) and value.dtype in LARGEST_STEPS:
        return value.view(PerturbedArray)
    return value


@contextmanager
def perturbation() -> Iterator[None]:
    """Measure derivatives: let tensors hold perturbed arrays, which is an error elsewhere."""
    token = _perturbing.set(True)
    try:
        # Imaginary parts below the smallest numbers are negligible beside those that they are added to.
        with np.errstate(under="ignore"):
            yield
    finally:
        _perturbing.reset(token)


def is_perturbing() -> bool:
    """Return whether this is a measurement of derivatives, which layers that follow their inputs leave out."""
    return _perturbing.get()


def is_perturbation(array: Array) -> bool:
    """Return whether an array carries a derivative: whether it is complex, inside :func:`perturbation`."""
    return array.dtype in LARGEST_STEPS and _perturbing.get()


def _complex_if_float(dtype: DTypeLike) -> np.dtype[Any]:
    kind = np.dtype(dtype)
    if kind.kind != "f":
        return kind
    return np.dtype(np.complex64 if kind.itemsize <= 4 else np.complex128)


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, PerturbedArray) else value


def _larger(x: ArrayLike, y: ArrayLike) -> Array:
    """Take the larger real part with its derivative.

    If they tie, a constant wins over a perturbed operand, so that max(x, 0) has derivative 0 at 0; of two
    perturbed ones, the first wins, as in pooling windows.
    """
    x, y = _constant_last(x, y)
    is_behind = np.real(x) < np.real(y) if np.iscomplexobj(y) else np.real(x) <= np.real(y)
    return np.where(is_behind | np.isnan(np.real(y)), y, x)


def _smaller(x: ArrayLike, y: ArrayLike) -> Array:
    """Take the smaller real part; with a constant, the other one than :func:`_larger` if they tie."""
    x, y = _constant_last(x, y)
    return np.where((np.real(x) > np.real(y)) | np.isnan(np.real(y)), y, x)


def _constant_last(x: ArrayLike, y: ArrayLike) -> tuple[ArrayLike, ArrayLike]:
    return (y, x) if np.iscomplexobj(y) and not np.iscomplexobj(x) else (x, y)


def _clipped(x: Array, low: ArrayLike, high: ArrayLike) -> Array:
    return np.where(x.real < low, low, np.where(x.real > high, high, x))


_COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}

_CONTINUED: dict[str, Callable[..., Array]] = {
    # At 0 the side of x >= 0, as functions take it that are smooth there and computed from |x|.
    "absolute": lambda x: np.where(x.real < 0, -x, x),
    "sign": lambda x: np.sign(x.real),
    "maximum": _larger,
    "minimum": _smaller,
    "clip": _clipped,
}
