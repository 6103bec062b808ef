"""The linear maps of :mod:`tracekit.engine.kernels.winograd` as compiled loops, for machines that have numba.

The innermost loops run over channels, whose values lie side by side; they are compiled once for any number of
channels and once for 32, of which the compiler makes loops without a remainder.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracekit.engine.arrays import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy")
_inlined: Any = njit(nogil=True, inline="always", error_model="numpy")

_2, _4, _5, _8 = (np.float32(number) for number in (2, 4, 5, 8))


@_inlined
def _patch_map(d0: Any, d1: Any, d2: Any, d3: Any, d4: Any, d5: Any) -> Any:
    even = d4 - d2
    odd = _2 * (d3 - d1)
    far_even = d4 - _4 * d2
    far_odd = d3 - _4 * d1
    return (
        _4 * (d0 - d2) + even,
        far_even + far_odd,
        far_even - far_odd,
        even + odd,
        even - odd,
        (d5 - d3) - _2 * odd,
    )


@_inlined
def _patch_map_transposed(v0: Any, v1: Any, v2: Any, v3: Any, v4: Any, v5: Any) -> Any:
    near_sum = v1 + v2
    far_sum = v3 + v4
    near = v2 - v1
    far = _2 * (v4 - v3)
    return (
        _4 * v0,
        _4 * (near + v5) + far,
        -_5 * v0 - _4 * near_sum - far_sum,
        -near - far - _5 * v5,
        v0 + near_sum + far_sum,
        v5,
    )


@_inlined
def _tile_map(m0: Any, m1: Any, m2: Any, m3: Any, m4: Any, m5: Any) -> Any:
    near_sum = m1 + m2
    near = m1 - m2
    far_sum = m3 + m4
    far = m3 - m4
    return (m0 + near_sum + far_sum, near + _2 * far, near_sum + _4 * far_sum, near + _8 * far + m5)


@_inlined
def _at_least(x: Any, low: Any) -> Any:
    """Return max(x, low); NaN stays NaN."""
    return x if not x <= low else low


@_inlined
def _tile_map_transposed(y0: Any, y1: Any, y2: Any, y3: Any) -> Any:
    even = y0 + y2
    odd = y1 + y3
    far_even = y0 + _4 * y2
    far_odd = _2 * y1 + _8 * y3
    return (y0, even + odd, even - odd, far_even + far_odd, far_even - far_odd, y3)


@_inlined
def _patch(source: Array, top: int, left: int, half: Array, tile: int, out: Array, channels: int) -> None:
    for i in range(6):
        line = source[top + i, left : left + 6]
        for c in range(channels):
            half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c], half[i, 4, c], half[i, 5, c] = (
                _patch_map(line[0, c], line[1, c], line[2, c], line[3, c], line[4, c], line[5, c])
            )
    for j in range(6):
        for c in range(channels):
            (
                out[j, tile, c],
                out[6 + j, tile, c],
                out[12 + j, tile, c],
                out[18 + j, tile, c],
                out[24 + j, tile, c],
                out[30 + j, tile, c],
            ) = _patch_map(
                half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c], half[4, j, c], half[5, j, c]
            )


@_inlined
def _cut_out(images: Array, image: int, top: int, left: int, out: Array, channels: int) -> None:
    """Copy a square with zeros where it reaches beyond the image."""
    _, height, width, _ = images.shape
    size = len(out)
    for i in range(size):
        y = top + i
        for j in range(size):
            x = left + j
            target = out[i, j]
            if 0 <= y < height and 0 <= x < width:
                # Slices, so that the loop's own index is one that cannot be negative.
                source = images[image, y, x]
                for c in range(channels):
                    target[c] = source[c]
            else:
                for c in range(channels):
                    target[c] = 0


@_inlined
def _patches_of(images: Array, padding: int, out: Array, channels: int) -> None:
    n, height, width, _ = images.shape
    rows = (height + 2 * padding + 1) // 4
    columns = (width + 2 * padding + 1) // 4
    # Copying an image into a frame of zeros costs less than asking of each tile whether it reaches beyond.
    framed = np.zeros((4 * rows + 2, 4 * columns + 2, channels), np.float32)
    lines, frame = images.reshape(-1, height, width * channels), framed.reshape(4 * rows + 2, -1)
    half = np.empty((6, 6, channels), np.float32)
    tile = 0
    for image in range(n):
        for y in range(height):
            source, target = lines[image, y], frame[padding + y, padding * channels :]
            for t in range(source.size):
                target[t] = source[t]
        for row in range(rows):
            for column in range(columns):
                _patch(framed, 4 * row, 4 * column, half, tile, out, channels)
                tile += 1


@_loops
def patches(images: Array, padding: int, out: Array) -> None:
    """Compute Bᵀ d B of every patch of some images: to (36, tiles, channels)."""
    channels = images.shape[3]
    if channels == 32:
        _patches_of(images, padding, out, 32)
    else:
        _patches_of(images, padding, out, channels)


@_inlined
def _tiles_of(transformed: Array, bias: Array, low: float, out: Array, channels: int) -> None:
    n, height, width, _ = out.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    half = np.empty((4, 6, channels), np.float32)
    border = np.empty((4, channels), np.float32)
    tile = 0
    for image in range(n):
        for row in range(rows):
            for column in range(columns):
                top, left = 4 * row, 4 * column
                for j in range(6):
                    for c in range(channels):
                        half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c] = _tile_map(
                            transformed[j, tile, c],
                            transformed[6 + j, tile, c],
                            transformed[12 + j, tile, c],
                            transformed[18 + j, tile, c],
                            transformed[24 + j, tile, c],
                            transformed[30 + j, tile, c],
                        )
                whole = left + 4 <= width
                for i in range(min(4, height - top)):
                    line = out[image, top + i, left : left + 4] if whole else border
                    for c in range(channels):
                        y0, y1, y2, y3 = _tile_map(
                            half[i, 0, c],
                            half[i, 1, c],
                            half[i, 2, c],
                            half[i, 3, c],
                            half[i, 4, c],
                            half[i, 5, c],
                        )
                        line[0, c] = _at_least(y0 + bias[c], low)
                        line[1, c] = _at_least(y1 + bias[c], low)
                        line[2, c] = _at_least(y2 + bias[c], low)
                        line[3, c] = _at_least(y3 + bias[c], low)
                    if not whole:
                        for j in range(width - left):
                            for c in range(channels):
                                out[image, top + i, left + j, c] = border[j, c]
                tile += 1


@_loops
def tiles(transformed: Array, bias: Array, low: float, out: Array) -> None:
    """Compute Aᵀ M A plus bias of every tile: to some of the images of (n, height, width, channels)."""
    channels = out.shape[3]
    if channels == 32:
        _tiles_of(transformed, bias, low, out, 32)
    else:
        _tiles_of(transformed, bias, low, out, channels)


@_inlined
def _tile_transposed(
    source: Array, top: int, left: int, half: Array, tile: int, out: Array, channels: int
) -> None:
    for i in range(4):
        for c in range(channels):
            half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c], half[i, 4, c], half[i, 5, c] = (
                _tile_map_transposed(
                    source[top + i, left, c],
                    source[top + i, left + 1, c],
                    source[top + i, left + 2, c],
                    source[top + i, left + 3, c],
                )
            )
    for j in range(6):
        for c in range(channels):
            (
                out[j, tile, c],
                out[6 + j, tile, c],
                out[12 + j, tile, c],
                out[18 + j, tile, c],
                out[24 + j, tile, c],
                out[30 + j, tile, c],
            ) = _tile_map_transposed(half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c])


@_inlined
def _tiles_transposed_of(gradient: Array, out: Array, channels: int) -> None:
    n, height, width, _ = gradient.shape
    rows, columns = (height + 3) // 4, (width + 3) // 4
    border = np.empty((4, 4, channels), np.float32)
    half = np.empty((4, 6, channels), np.float32)
    tile = 0
    for image in range(n):
        for row in range(rows):
            for column in range(columns):
                top, left = 4 * row, 4 * column
                if top + 4 <= height and left + 4 <= width:
                    _tile_transposed(gradient[image], top, left, half, tile, out, channels)
                else:
                    _cut_out(gradient, image, top, left, border, channels)
                    _tile_transposed(border, 0, 0, half, tile, out, channels)
                tile += 1


@_loops
def tiles_transposed(gradient: Array, out: Array) -> None:
    """Compute A dY Aᵀ of every tile of some images."""
    channels = gradient.shape[3]
    if channels == 32:
        _tiles_transposed_of(gradient, out, 32)
    else:
        _tiles_transposed_of(gradient, out, channels)


@_inlined
def _patch_transposed(
    transformed: Array, tile: int, half: Array, top: int, left: int, out: Array, channels: int
) -> None:
    for j in range(6):
        for c in range(channels):
            half[0, j, c], half[1, j, c], half[2, j, c], half[3, j, c], half[4, j, c], half[5, j, c] = (
                _patch_map_transposed(
                    transformed[j, tile, c],
                    transformed[6 + j, tile, c],
                    transformed[12 + j, tile, c],
                    transformed[18 + j, tile, c],
                    transformed[24 + j, tile, c],
                    transformed[30 + j, tile, c],
                )
            )
    for i in range(6):
        line = out[top + i, left : left + 6]
        for c in range(channels):
            d0, d1, d2, d3, d4, d5 = _patch_map_transposed(
                half[i, 0, c], half[i, 1, c], half[i, 2, c], half[i, 3, c], half[i, 4, c], half[i, 5, c]
            )
            line[0, c] += d0
            line[1, c] += d1
            line[2, c] += d2
            line[3, c] += d3
            line[4, c] += d4
            line[5, c] += d5


@_inlined
def _patches_transposed_of(transformed: Array, padding: int, out: Array, channels: int) -> None:
    n, height, width, _ = out.shape
    rows = (height + 2 * padding + 1) // 4
    columns = (width + 2 * padding + 1) // 4
    framed = np.empty((4 * rows + 2, 4 * columns + 2, channels), np.float32)
    lines, frame = out.reshape(-1, height, width * channels), framed.reshape(4 * rows + 2, -1)
    half = np.empty((6, 6, channels), np.float32)
    tile = 0
    for image in range(n):
        framed[:] = 0
        for row in range(rows):
            for column in range(columns):
                _patch_transposed(transformed, tile, half, 4 * row, 4 * column, framed, channels)
                tile += 1
        for y in range(height):
            source, target = frame[padding + y, padding * channels :], lines[image, y]
            for t in range(target.size):
                target[t] = source[t]


@_loops
def patches_transposed(transformed: Array, padding: int, out: Array) -> None:
    """Compute B V Bᵀ of every patch of some images, added up where patches overlap."""
    channels = out.shape[3]
    if channels == 32:
        _patches_transposed_of(transformed, padding, out, 32)
    else:
        _patches_transposed_of(transformed, padding, out, channels)
