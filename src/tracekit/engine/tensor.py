"""Tensor and ops: reverse-mode automatic differentiation of NumPy programs.

A :class:`Tensor` is an array that may remember how it was made (:mod:`tracekit.engine.tape`). An op is a
function on plain arrays, turned into one on tensors by :func:`primitive`. There are no second derivatives.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from tracekit.engine.arrays import Array, Backward
from tracekit.engine.perturbation import is_perturbation, perturbed
from tracekit.engine.tape import GradientError, Node, is_recording, propagate
from tracekit.engine.tape import no_grad as no_grad
from tracekit.errors import ArgumentError, ShapeError, argument_sentence
from tracekit.registry import Registry

if TYPE_CHECKING:
    from tracekit.engine.ops.cases import BuildCase

Axes: TypeAlias = int | tuple[int, ...] | None

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


class Tensor:
    """An array of float32 or float64 that gradients can be computed for.

    Parameters
    ----------
    data : array_like of float
        The values; an array is held as it is, not copied.
    requires_grad : bool
        Whether :meth:`backward` shall leave a gradient in ``grad``.
    name : str, optional
        What messages call it.

    Attributes
    ----------
    data : ndarray
        The values. Operations never write into it; optimizers do.
    grad : ndarray or None
        Sum of the gradients of all backward passes since it was last set to None. It is an array of its
        own, shared with nothing, for a tensor made by this constructor or after :meth:`retain_grad`.

    Examples
    --------
    >>> from tracekit.engine import Tensor
    >>> weights = Tensor([1.0, -2.0], requires_grad=True)
    >>> loss = (weights * weights).sum()
    >>> loss.backward()
    >>> loss.item(), weights.grad
    (5.0, array([ 2., -4.]))
    """

    __slots__ = ("__weakref__", "_node", "_retains_grad", "data", "grad", "name", "requires_grad")
    __array_ufunc__ = None  # makes `ndarray + Tensor` call Tensor.__radd__

    def __init__(self, data: ArrayLike, *, requires_grad: bool = False, name: str | None = None) -> None:
        self.data: Array = np.asarray(data)
        if self.data.dtype is not _FLOAT32 and self.data.dtype not in (_FLOAT32, _FLOAT64):
            if not is_perturbation(self.data):
                need = "must be float32 or float64"
                raise ArgumentError(
                    argument_sentence("data.dtype", str(self.data.dtype), need, "convert with .astype")
                )
            self.data = perturbed(self.data)
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self.name = name
        self._node: Node | None = None
        self._retains_grad = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the data."""
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the data and of the gradient."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    def item(self) -> float:
        """Return the only element as a Python float."""
        return float(self.data.item())

    def detach(self) -> Tensor:
        """Return a tensor on the same data that no gradient flows through."""
        return Tensor(self.data, name=self.name)

    def retain_grad(self) -> None:
        """Let a result keep its gradient in ``grad``, which only leaves do otherwise."""
        if not self.requires_grad:
            raise GradientError(
                f"retain_grad() needs a tensor that requires a gradient, and {self!r} does not."
            )
        self._retains_grad = True

    def backward(self, gradient: ArrayLike | None = None) -> None:
        """Add the gradients of this tensor to ``grad`` of all leaves that it was computed from.

        The tape is freed on the way: what the forward pass kept for this pass is released step by step,
        and a second backward pass through the same results is an error.

        Parameters
        ----------
        gradient : array_like, optional
            Gradient with respect to this tensor, in its shape; 1 if it has a single element.

        Raises
        ------
        GradientError
            If nothing it depends on requires a gradient, or its tape was freed by an earlier pass.
        ShapeError
            If `gradient` does not have the shape of this tensor.
        """
        if not self.requires_grad:
            raise GradientError(
                f"backward() needs a tensor computed from one with requires_grad=True outside no_grad(), "
                f"and {self!r} is not."
            )
        propagate(self, self._seed(gradient))

    def _seed(self, gradient: ArrayLike | None) -> Array:
        if gradient is None:
            if self.size != 1:
                raise ShapeError(
                    f"backward() of a tensor of shape {self.shape} needs a gradient of that shape; "
                    f"pass one, or reduce the tensor to one number first."
                )
            return np.ones(self.shape, self.dtype)
        seed = np.asarray(gradient, dtype=self.dtype)
        if seed.shape != self.shape:
            raise ShapeError(
                f"`gradient` of shape {seed.shape} must have the shape {self.shape} of the tensor."
            )
        return seed

    def __repr__(self) -> str:
        parts = [f"shape={self.shape}", f"dtype={self.dtype}"]
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        if self._node is not None:
            parts.append(f"op={self._node.op!r}")
        return f"Tensor({', '.join(parts)})"

    def __len__(self) -> int:
        return len(self.data)

    def __add__(self, other: TensorLike) -> Tensor:
        return OPS["add"](self, other)

    def __radd__(self, other: TensorLike) -> Tensor:
        return OPS["add"](other, self)

    def __sub__(self, other: TensorLike) -> Tensor:
        return OPS["subtract"](self, other)

    def __rsub__(self, other: TensorLike) -> Tensor:
        return OPS["subtract"](other, self)

    def __mul__(self, other: TensorLike) -> Tensor:
        return OPS["multiply"](self, other)

    def __rmul__(self, other: TensorLike) -> Tensor:
        return OPS["multiply"](other, self)

    def __truediv__(self, other: TensorLike) -> Tensor:
        return OPS["divide"](self, other)

    def __rtruediv__(self, other: TensorLike) -> Tensor:
        return OPS["divide"](other, self)

    def __matmul__(self, other: TensorLike) -> Tensor:
        return OPS["matmul"](self, other)

    def __rmatmul__(self, other: TensorLike) -> Tensor:
        return OPS["matmul"](other, self)

    def __neg__(self) -> Tensor:
        return OPS["negative"](self)

    def __abs__(self) -> Tensor:
        return OPS["abs"](self)

    def __pow__(self, exponent: float) -> Tensor:
        return OPS["power"](self, exponent)

    def __getitem__(self, key: Any) -> Tensor:
        return OPS["index"](self, key)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[position] for position in range(len(self)))

    def sum(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        """Sum over `axis`, or over all elements."""
        return OPS["sum"](self, axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        """Return the mean over `axis`, or over all elements."""
        return OPS["mean"](self, axis, keepdims=keepdims)

    def max(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        """Return the maximum over `axis`, or over all elements."""
        return OPS["max"](self, axis, keepdims=keepdims)

    def logsumexp(self, axis: Axes = None, *, keepdims: bool = False) -> Tensor:
        """Return the logarithm of the sum of exponentials over `axis`, or over all elements."""
        return OPS["logsumexp"](self, axis, keepdims=keepdims)

    def reshape(self, *shape: int) -> Tensor:
        """Return the elements in another shape; one length may be -1."""
        return OPS["reshape"](self, shape)

    def transpose(self, *axes: int) -> Tensor:
        """Permute the axes; reverse them if none are given."""
        return OPS["transpose"](self, axes or None)

    @property
    def T(self) -> Tensor:
        """The tensor with its axes reversed."""
        return OPS["transpose"](self)


TensorLike: TypeAlias = Tensor | ArrayLike


def as_tensor(x: TensorLike) -> Tensor:
    """Return `x` itself if it is a tensor, else a tensor on its data that requires no gradient."""
    return x if isinstance(x, Tensor) else Tensor(x)


class Primitive:
    """An op on tensors, made by :func:`primitive` from a function on arrays.

    Attributes
    ----------
    name : str
        Name in :data:`OPS`.
    function : callable
        The function on arrays, returning the value and its backward closure.
    cases : tuple of callables
        How the gradient check draws inputs and settings; see :mod:`tracekit.engine.ops.cases`.
    """

    def __init__(
        self, function: Callable[..., tuple[Array, Backward]], cases: Sequence[BuildCase] = ()
    ) -> None:
        functools.update_wrapper(self, function)
        self.name = function.__name__
        self.function = function
        self.cases = tuple(cases)
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
        # The operands come first, so a slice up to this position holds them all.
        self._n_operands = (
            None
            if inspect.Parameter.VAR_POSITIONAL in kinds
            else kinds.count(inspect.Parameter.POSITIONAL_ONLY)
        )

    def __call__(self, *arguments: Any, **settings: Any) -> Tensor:
        """Compute the value, and put it on the tape if an operand requires a gradient."""
        n_operands = len(arguments) if self._n_operands is None else self._n_operands
        operands = _operands(arguments[:n_operands])
        arrays = [None if operand is None else operand.data for operand in operands]
        value, backward = self.function(*arrays, *arguments[n_operands:], **settings)
        result = Tensor(value)
        if is_recording():
            parents = tuple([operand for operand in operands if operand is not None])
            for parent in parents:
                if parent.requires_grad:
                    result.requires_grad = True
                    result._node = Node(parents, backward, self.name)
                    break
        return result

    def __repr__(self) -> str:
        return f"<op {self.name}>"


_NUMBERS = (int, float, np.integer)


def _operands(arguments: Sequence[Any]) -> tuple[Tensor | None, ...]:
    """Make tensors of operands; numbers take the dtype of the arrays beside them."""
    for argument in arguments:
        if not isinstance(argument, Tensor):
            break
    else:
        return tuple(arguments)
    if not any(isinstance(argument, _NUMBERS) for argument in arguments):
        return tuple(None if argument is None else as_tensor(argument) for argument in arguments)
    tensors = [
        None if argument is None or isinstance(argument, _NUMBERS) else as_tensor(argument)
        for argument in arguments
    ]
    dtypes = [tensor.dtype for tensor in tensors if tensor is not None]
    dtype = np.result_type(*dtypes) if dtypes else np.dtype(np.float64)
    return tuple(
        Tensor(np.asarray(argument, dtype)) if isinstance(argument, _NUMBERS) else tensor
        for argument, tensor in zip(arguments, tensors, strict=True)
    )


OPS: Registry[Primitive] = Registry(
    "op",
    [
        "tracekit.engine.ops.arithmetic",
        "tracekit.engine.ops.elementwise",
        "tracekit.engine.ops.gaussian",
        "tracekit.engine.ops.linear_algebra",
        "tracekit.engine.ops.reductions",
        "tracekit.engine.ops.arrangement",
        "tracekit.engine.ops.convolution",
        "tracekit.engine.ops.pooling",
        "tracekit.engine.ops.normalization",
        "tracekit.engine.ops.regularization",
        "tracekit.engine.ops.losses",
    ],
)


def primitive(*, cases: Sequence[BuildCase]) -> Callable[[Callable[..., tuple[Array, Backward]]], Primitive]:
    """Turn a function on arrays into an op on tensors, and enter it into :data:`OPS` under its name.

    The function's positional-only parameters (or ``*arrays``) are its operands: tensors, arrays or
    numbers when the op is called, arrays inside; an optional operand may be None. All other parameters are
    settings and are passed on untouched. It returns ``(value, backward)``, where ``backward`` maps the
    gradient of the value to one gradient for each operand but None: an array in the shape of the operand or of
    what the operand was broadcast to, a function of no arguments that computes it and is called only if
    it is needed, or None for zero. Neither may write into its arguments.

    Parameters
    ----------
    cases : sequence of callables, not empty
        How to draw inputs for the gradient check (:mod:`tracekit.engine.ops.cases`); every test of ops
        picks them up.

    Examples
    --------
    >>> from tracekit.engine import Tensor, check_op, primitive
    >>> from tracekit.engine.ops.cases import elementwise
    >>> @primitive(cases=[elementwise()])
    ... def cube(x, /):
    ...     return x**3, lambda gradient: (3 * x**2 * gradient,)
    >>> cube(Tensor([2.0])).data
    array([8.])
    >>> check_op(cube, rng=0) < 1e-5
    True
    """
    if not cases:
        raise ArgumentError(argument_sentence("cases", cases, "must hold a case for the gradient check"))

    def register(function: Callable[..., tuple[Array, Backward]]) -> Primitive:
        return OPS.add(function.__name__, Primitive(function, cases))

    return register
