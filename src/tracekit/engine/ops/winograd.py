"""Convolution with 3x3 kernels by Winograd's minimal filtering F(4x4, 3x3): a quarter of the multiplications.

Sixteen output pixels, a tile of 4x4, depend on a patch of 6x6 input pixels. There are linear maps A, B and G
(Lavin and Gray, CVPR 2016) by which the tile is ``Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`` for a patch d and a kernel g: 36
multiplications in place of 144. Summed over the input channels, the elementwise products of all tiles are 36
products of matrices, (tiles, channels) by (channels, out_channels). The gradients are the transposed maps: with
``U = A dY Aᵀ`` of a tile's gradient, patches get ``B [U (G g Gᵀ)ᵀ] Bᵀ``, added up where they overlap, and the
kernel ``Gᵀ [Σ (Bᵀ d B)ᵀ U] G``.

Results differ from those of the other way by less than 2e-5 of the largest value: this is for float32 only.

A few images at a time are worked on, so that all that lies between reading the input and writing the output
stays in a processor's cache. The maps are the compiled loops of :mod:`tracekit.engine.ops.winograd_loops`; in
NumPy they would cost more than the multiplications that they save.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tracekit.engine import parallel
from tracekit.engine.compiled import compiled
from tracekit.engine.memory import empty, scratch
from tracekit.engine.tape import Array

#: Elements of a transformed array at a time: two of them fill a second-level cache of 1 MiB.
_ELEMENTS_AT_ONCE = 2**17

_LOOPS = "tracekit.engine.ops.winograd_loops"

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
    """G g Gᵀ of a kernel: (out_channels, channels, 3, 3) to (36, channels, out_channels)."""
    out_channels, channels = weight.shape[:2]
    kernel = _G_TWICE @ weight.transpose(2, 3, 1, 0).reshape(9, -1)
    return kernel.astype(np.float32).reshape(36, channels, out_channels)


def correlate(x: Array, kernel: Array, bias: Array | None, padding: int) -> Array:
    """Correlate images with a transformed kernel; other shapes as in :func:`tracekit.engine.ops.conv2d`."""
    maps = compiled(_LOOPS)
    n, height, width, channels = x.shape
    out_channels = kernel.shape[2]
    x = np.ascontiguousarray(x)
    added = np.zeros(out_channels, np.float32) if bias is None else bias
    value = empty((n, height + 2 * padding - 2, width + 2 * padding - 2, out_channels), np.float32)
    n_tiles = _count_tiles(value.shape)
    n_at_once = _n_at_once(n_tiles * max(channels, out_channels))
    parts = _parts(n, n_at_once)

    def work(number: int) -> None:
        for images in parallel.pieces(parts[number], n_at_once):
            tiles = (36, (images.stop - images.start) * n_tiles)
            patches, products = (
                scratch("patches", (*tiles, channels)),
                scratch("tiles", (*tiles, out_channels)),
            )
            maps.patches(x[images], padding, patches)
            np.matmul(patches, kernel, out=products)
            maps.tiles(products, added, value[images])

    parallel.run(work, len(parts))
    return value


def gradients(
    x: Array, kernel: Array, g: Array, padding: int, *, of_x: bool = True
) -> tuple[Array, Array, Array]:
    """Return the gradients at the images (empty unless `of_x`), the kernel and the bias, given the output's."""
    maps = compiled(_LOOPS)
    channels, out_channels = kernel.shape[1:]
    g = np.ascontiguousarray(g)
    turned = np.ascontiguousarray(kernel.swapaxes(1, 2))
    gradient_of_x = empty(x.shape if of_x else (0,), np.float32)
    n_tiles = _count_tiles(g.shape)
    n_at_once = _n_at_once(n_tiles * max(channels, out_channels))
    parts = _parts(len(x), n_at_once)
    kernels = np.zeros((len(parts), 36, channels, out_channels), np.float32)
    biases = np.zeros((len(parts), out_channels), np.float32)

    def work(number: int) -> None:
        product = scratch("kernel", kernels[number].shape)
        for images in parallel.pieces(parts[number], n_at_once):
            tiles = (36, (images.stop - images.start) * n_tiles)
            patches, products = (
                scratch("patches", (*tiles, channels)),
                scratch("tiles", (*tiles, out_channels)),
            )
            maps.patches(x[images], padding, patches)
            maps.tiles_transposed(g[images], products)
            np.matmul(patches.swapaxes(1, 2), products, out=product)
            kernels[number] += product
            rows = g[images].reshape(-1, out_channels)
            biases[number] += np.ones(len(rows), np.float32) @ rows
            if of_x:
                np.matmul(products, turned, out=patches)
                maps.patches_transposed(patches, padding, gradient_of_x[images])

    parallel.run(work, len(parts))
    of_weight = _G_TWICE.T @ kernels.sum(axis=0, dtype=np.float64).reshape(36, -1)
    of_weight = of_weight.reshape(3, 3, channels, out_channels).transpose(3, 2, 0, 1)
    return gradient_of_x, of_weight.astype(np.float32), biases.sum(axis=0)


def _n_at_once(elements: int) -> int:
    """Images at a time, of which each has that many elements at each of the 36 positions."""
    return max(1, _ELEMENTS_AT_ONCE // (36 * elements))


def _parts(n: int, n_at_once: int) -> list[slice]:
    return parallel.cut(n, min(parallel.N_PARTS, -(-n // n_at_once)))


def _count_tiles(shape: Sequence[int]) -> int:
    return -(-shape[1] // 4) * -(-shape[2] // 4)
