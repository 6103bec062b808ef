"""Direct convolution with 3x3 kernels of images of one or three channels, as in a network's first layer.

So few channels make products of matrices that are too narrow for BLAS, and windows that take longer to write than to
multiply. Here nothing is written but the result: in compiled loops only (:mod:`tracekit.engine.kernels.direct_loops`),
which give what the other way gives to the rounding of float32.
"""

from __future__ import annotations

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import compiled
from tracekit.engine.kernels.memory import empty

_LOOPS = "tracekit.engine.kernels.direct_loops"
#: Multiplications from which it pays: windows of a few small images are written once and kept for the way back.
_MANY = 2**21


def is_faster(x: Array, weight: Array, stride: int) -> bool:
    """Return whether this way is open, and shorter than the other one."""
    is_open = (
        type(x) is np.ndarray
        and x.dtype == weight.dtype == np.float32
        and weight.shape[2:] == (3, 3)
        and stride == 1
        and weight.shape[1] in (1, 3)
        and len(weight) >= 8
    )
    return is_open and 9 * x.size * len(weight) >= _MANY and compiled(_LOOPS) is not None


def correlate(x: Array, weight: Array, bias: Array | None, padding: int, *, rectify: bool) -> Array:
    """Correlate images with a kernel; as :func:`tracekit.engine.ops.conv2d`."""
    n, height, width, channels = x.shape
    loops = compiled(_LOOPS)
    x = np.ascontiguousarray(x)
    kernel = np.ascontiguousarray(weight.transpose(2, 3, 1, 0).reshape(9 * channels, -1))
    added = np.zeros(len(weight), np.float32) if bias is None else bias
    value = empty((n, height + 2 * padding - 2, width + 2 * padding - 2, len(weight)), np.float32)
    parts = parallel.cut(n, parallel.N_PARTS)

    def work(number: int) -> None:
        part = parts[number]
        loops.correlate(x[part], padding, kernel, added, rectify, value[part])

    parallel.run(work, len(parts))
    return value


def gradients_of_parameters(
    x: Array, g: Array, padding: int, *, rectified: Array | None
) -> tuple[Array, Array]:
    """Return the gradients at the kernel and the bias, given the output's; `rectified` is the output, if it was."""
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    channels, out_channels = x.shape[3], g.shape[3]
    loops = compiled(_LOOPS)
    value = np.empty((0, 0, 0, 0), np.float32) if rectified is None else rectified
    parts = parallel.cut(len(x), parallel.N_PARTS)
    kernels = np.zeros((len(parts), 9 * channels, out_channels), np.float32)
    biases = np.zeros((len(parts), out_channels), np.float32)

    def work(number: int) -> None:
        part = parts[number]
        loops.gradients(x[part], padding, g[part], value[part], kernels[number], biases[number])

    parallel.run(work, len(parts))
    of_weight = kernels.sum(axis=0).reshape(3, 3, channels, out_channels).transpose(3, 2, 0, 1)
    return np.ascontiguousarray(of_weight), biases.sum(axis=0)
