"""The two passes of :mod:`tracekit.engine.kernels.winograd` as compiled loops around BLAS, where numba is.

Loading this module loads numba, and the first call of each function compiles it, once per machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401 - what np.dot is compiled to call
from numba import njit

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import winograd_maps as maps

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")


@_loops
def correlate(
    images: Array,
    padding: int,
    kernel: Array,
    bias: Array,
    rectify: bool,
    n_at_once: int,
    space: Array,
    out: Array,
) -> None:
    """Correlate images with a transformed kernel of (36, channels, out_channels), a few images at a time."""
    _, channels, out_channels = kernel.shape
    n, height, width, _ = out.shape
    n_tiles = ((height + 3) // 4) * ((width + 3) // 4)
    low = np.float32(0) if rectify else np.float32(-np.inf)
    for start in range(0, n, n_at_once):
        stop = min(start + n_at_once, n)
        tiles = n_tiles * (stop - start)
        size = 36 * tiles * channels
        patches = space[:size].reshape(36, tiles, channels)
        products = space[size : size + 36 * tiles * out_channels].reshape(36, tiles, out_channels)
        maps.patches(images[start:stop], padding, patches)
        for position in range(36):
            np.dot(patches[position], kernel[position], products[position])
        maps.tiles(products, bias, low, out[start:stop])


@_loops
def gradients(
    images: Array,
    padding: int,
    turned: Array,
    gradient: Array,
    value: Array,
    n_at_once: int,
    space: Array,
    of_images: Array,
    of_kernel: Array,
    of_bias: Array,
) -> None:
    """Add to the gradients of a transformed kernel and of the bias, and write those of the images.

    Where `value` is not empty, it is the rectified output, and the gradient flows where it is positive. No
    gradients of the images are computed if there is no room for them.
    """
    _, out_channels, channels = turned.shape
    n, height, width, _ = gradient.shape
    n_tiles = ((height + 3) // 4) * ((width + 3) // 4)
    product = np.empty((channels, out_channels), np.float32)
    received = np.empty((n_at_once, height, width, out_channels), np.float32)
    for start in range(0, n, n_at_once):
        stop = min(start + n_at_once, n)
        tiles = n_tiles * (stop - start)
        size = 36 * tiles * channels
        patches = space[:size].reshape(36, tiles, channels)
        products = space[size : size + 36 * tiles * out_channels].reshape(36, tiles, out_channels)
        maps.patches(images[start:stop], padding, patches)
        if value.size > 0:
            _where_positive(gradient[start:stop], value[start:stop], received)
            maps.tiles_transposed(received[: stop - start], products)
        else:
            maps.tiles_transposed(gradient[start:stop], products)
        # The seventh row of A times itself: at this position stands the sum over a tile.
        for tile in range(tiles):
            for c in range(out_channels):
                of_bias[c] += products[7, tile, c]
        for position in range(36):
            np.dot(patches[position].T, products[position], product)
            for i in range(channels):
                for c in range(out_channels):
                    of_kernel[position, i, c] += product[i, c]
            if of_images.size > 0:
                np.dot(products[position], turned[position], patches[position])
        if of_images.size > 0:
            maps.patches_transposed(patches, padding, of_images[start:stop])


@_loops
def _where_positive(gradient: Array, value: Array, out: Array) -> None:
    received, sign, kept = gradient.reshape(-1), value.reshape(-1), out.reshape(-1)
    for i in range(received.size):
        kept[i] = received[i] if sign[i] > 0 else 0
