"""Winograd convolution F(4x4, 3x3): 3x3 kernels with a quarter of the multiplications.

Sixteen output pixels, a tile of 4x4, depend on a patch of 6x6 input pixels. There are linear maps A, B and G
(Lavin and Gray, CVPR 2016) by which the tile is ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` for a patch d and a kernel g: 36
multiplications in place of 144. Summed over the input channels, the elementwise products of all tiles are 36
products of matrices, (tiles, channels) by (channels, out_channels). The gradients are the transposed maps: with
``U = A dY Aᵀ`` of a tile's gradient, patches get ``B [U (G g Gᵀ)ᵀ] Bᵀ``, added up where they overlap, and the
kernel ``Gᵀ [Σ (Bᵀ d B)ᵀ U] G``.

Results differ from those of the other way by less than 2e-5 of the largest value: this is for float32 only.

A few images at a time are worked on, so that all that lies between reading the input and writing the output
stays in a processor's cache. The maps are the compiled loops of :mod:`tracekit.engine.kernels.winograd_loops`; in
NumPy they would cost more than the multiplications that they save.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import compiled
from tracekit.engine.kernels.memory import empty, scratch

#: Elements of the transformed arrays at a time: 1 MiB of float32, the size of a second-level cache.
_ELEMENTS_AT_ONCE = 2**18

_LOOPS = "tracekit.engine.kernels.winograd_loops"

_G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
_G_TWICE = np.kron(_G, _G)


def is_faster(x: Array, weight: Array, stride: int) -> bool:
    """Return whether this way is open, and shorter than the other one."""
    return (
        type(x) is np.ndarray
        and x.dtype == weight.dtype == np.float32
        and weight.shape[2:] == (3, 3)
        and stride == 1
        and min(weight.shape[:2]) >= 8
        and x.size > 0
        and compiled(_LOOPS) is not None
    )


def transformed(weight: Array) -> Array:
    """Return G g Gᵀ of a kernel: (out_channels, channels, 3, 3) to (36, channels, out_channels)."""
    out_channels, channels = weight.shape[:2]
    kernel = _G_TWICE @ weight.transpose(2, 3, 1, 0).reshape(9, -1)
    return kernel.astype(np.float32).reshape(36, channels, out_channels)


def correlate(x: Array, kernel: Array, bias: Array | None, padding: int, *, rectify: bool) -> Array:
    """Correlate images with a transformed kernel; the rest is as in :func:`tracekit.engine.ops.conv2d`."""
    loops = compiled(_LOOPS)
    n, height, width, _ = x.shape
    out_channels = kernel.shape[2]
    x = np.ascontiguousarray(x)
    added = np.zeros(out_channels, np.float32) if bias is None else bias
    value = empty((n, height + 2 * padding - 2, width + 2 * padding - 2, out_channels), np.float32)
    n_at_once, space = _pieces(value.shape, kernel)
    parts = parallel.cut(n, min(parallel.N_PARTS, -(-n // n_at_once)))

    def work(number: int) -> None:
        part = parts[number]
        loops.correlate(
            x[part], padding, kernel, added, rectify, n_at_once, scratch("tiles", space), value[part]
        )

    parallel.run(work, len(parts))
    return value


def gradients(
    x: Array, kernel: Array, g: Array, padding: int, *, rectified: Array | None, of_x: bool = True
) -> tuple[Array, Array, Array]:
    """Return the gradients at the images (empty unless `of_x`), the kernel and the bias, given the output's.

    `rectified` is the output, if it was rectified.
    """
    loops = compiled(_LOOPS)
    x, g = np.ascontiguousarray(x), np.ascontiguousarray(g)
    turned = np.ascontiguousarray(kernel.swapaxes(1, 2))
    n_at_once, space = _pieces(g.shape, kernel)
    parts = parallel.cut(len(x), min(parallel.N_PARTS, -(-len(x) // n_at_once)))
    nothing = np.empty((0, 0, 0, 0), np.float32)
    gradient_of_x = empty(x.shape, np.float32) if of_x else nothing
    value = nothing if rectified is None else rectified
    kernels = np.zeros((len(parts), *kernel.shape), np.float32)
    biases = np.zeros((len(parts), kernel.shape[2]), np.float32)

    def work(number: int) -> None:
        part = parts[number]
        loops.gradients(
            x[part],
            padding,
            turned,
            g[part],
            value[part],
            n_at_once,
            scratch("tiles", space),
            gradient_of_x[part],
            kernels[number],
            biases[number],
        )

    parallel.run(work, len(parts))
    total = kernels[0] if len(parts) == 1 else kernels.sum(axis=0, dtype=np.float64)
    of_weight = _G_TWICE.T @ total.reshape(36, -1)
    of_weight = of_weight.reshape(3, 3, *kernel.shape[1:]).transpose(3, 2, 0, 1)
    of_bias = biases[0] if len(parts) == 1 else biases.sum(axis=0)
    return gradient_of_x, of_weight.astype(np.float32), of_bias


def _pieces(out_shape: Sequence[int], kernel: Array) -> tuple[int, tuple[int]]:
    """Return how many images are worked on at a time, and the elements that this takes."""
    n_tiles = -(-out_shape[1] // 4) * -(-out_shape[2] // 4)
    _, channels, out_channels = kernel.shape
    n_at_once = max(1, _ELEMENTS_AT_ONCE // (36 * n_tiles * (channels + out_channels)))
    n_at_once = min(n_at_once, out_shape[0])
    return n_at_once, (36 * n_at_once * n_tiles * (channels + out_channels),)
