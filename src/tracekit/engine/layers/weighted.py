"""Linear, convolution and embedding layers: layers with a learned matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike

from tracekit.engine.initializers import Initializer, he_normal, zeros
from tracekit.engine.layers.activations import ReLU
from tracekit.engine.layers.layer import Layer
from tracekit.engine.ops.arrangement import embedding
from tracekit.engine.ops.convolution import conv2d
from tracekit.engine.ops.linear_algebra import linear
from tracekit.engine.tensor import Tensor, TensorLike


class _WeightedLayer(Layer):
    """A layer with a weight and perhaps a bias."""

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        rng: np.random.Generator | int,
        dtype: DTypeLike,
        initializer: Initializer,
        bias: bool,
    ) -> None:
        self.weight = Tensor(initializer(shape, rng, dtype), requires_grad=True, name="weight")
        self.bias: Tensor | None = None
        if bias:
            self.bias = Tensor(zeros(shape[:1], dtype=dtype), requires_grad=True, name="bias")

    def parameters(self) -> dict[str, Tensor]:
        """Return "weight" and, if there is one, "bias"."""
        return {"weight": self.weight} | ({} if self.bias is None else {"bias": self.bias})

    def kinds(self) -> dict[str, str]:
        """Return the parameters' own names."""
        return {name: name for name in self.parameters()}


class Linear(_WeightedLayer):
    """Affine map x Wᵀ + b of the rows of a matrix.

    Parameters
    ----------
    in_features, out_features : int
        Length of a row before and after.
    rng : Generator or int
        Draws the initial weight, of shape (out_features, in_features).
    dtype : dtype
        float32 or float64.
    initializer : callable
        One of :mod:`tracekit.engine.initializers`; the bias starts at zero.
    bias : bool
        Whether there is a bias, of shape (out_features,).

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit.engine import Linear
    >>> layer = Linear(4, 3, rng=0)
    >>> output = layer(np.ones((2, 4), np.float32))
    >>> output.sum().backward()
    >>> output.shape, layer.weight.grad.shape
    ((2, 3), (3, 4))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator | int,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ) -> None:
        shape = (out_features, in_features)
        super().__init__(shape, rng=rng, dtype=dtype, initializer=initializer, bias=bias)

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return linear(x, self.weight, self.bias)


class Conv2d(_WeightedLayer):
    """Convolution of channels-last images with square kernels.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels before and after.
    kernel : int
        Side of the kernel, pixels.
    stride, padding : int
        As in :func:`tracekit.engine.ops.conv2d`.
    rng : Generator or int
        Draws the initial weight, of shape (out_channels, in_channels, kernel, kernel).
    dtype : dtype
        float32 or float64.
    initializer : callable
        One of :mod:`tracekit.engine.initializers`; the bias starts at zero.
    bias : bool
        Whether there is a bias, of shape (out_channels,).

    Examples
    --------
    >>> import numpy as np
    >>> from tracekit.engine import Conv2d
    >>> images = np.zeros((2, 8, 8, 3))
    >>> Conv2d(3, 16, 3, padding=1, rng=0, dtype=images.dtype)(images).shape
    (2, 8, 8, 16)
    >>> Conv2d(3, 16, 3, padding=1, stride=2, rng=0, dtype=images.dtype)(images).shape
    (2, 4, 4, 16)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        rng: np.random.Generator | int,
        stride: int = 1,
        padding: int = 0,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = he_normal,
        bias: bool = True,
    ) -> None:
        shape = (out_channels, in_channels, kernel, kernel)
        super().__init__(shape, rng=rng, dtype=dtype, initializer=initializer, bias=bias)
        self.stride = stride
        self.padding = padding

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding)

    def together_with(self, following: Layer) -> Callable[[Tensor], Tensor] | None:
        """Rectify what a ReLU would while it is in the cache."""
        return self._rectified if type(following) is ReLU else None

    def _rectified(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight, self.bias, stride=self.stride, padding=self.padding, rectify=True)


class Embedding(Layer):
    """Rows of a table, looked up by integers; as the first layer of a model it takes the place of its input.

    Since no tensor holds integers, captures of a forward pass do not see its calls.

    Parameters
    ----------
    n_entries, n_features : int
        Rows of the table and their length.
    rng : Generator or int
        Draws the initial table, standard normal as in PyTorch.
    dtype : dtype
        float32 or float64.
    """

    def __init__(
        self,
        n_entries: int,
        n_features: int,
        *,
        rng: np.random.Generator | int,
        dtype: DTypeLike = np.float32,
    ) -> None:
        table = np.random.default_rng(rng).standard_normal((n_entries, n_features)).astype(dtype)
        self.weight = Tensor(table, requires_grad=True, name="weight")

    def parameters(self) -> dict[str, Tensor]:
        """Return "weight", the table."""
        return {"weight": self.weight}

    def kinds(self) -> dict[str, str]:
        """Return that the table is an "embedding"."""
        return {"weight": "embedding"}

    def _forward(self, x: Tensor, training: bool, rng: np.random.Generator | None) -> Tensor:
        return self(x)

    def __call__(
        self, x: TensorLike, *, training: bool = False, rng: np.random.Generator | None = None
    ) -> Tensor:
        """Look the rows up.

        Parameters
        ----------
        x : (...) of int
            Which rows.
        training, rng
            Make no difference.
        """
        return embedding(self.weight, x.data if isinstance(x, Tensor) else x)
