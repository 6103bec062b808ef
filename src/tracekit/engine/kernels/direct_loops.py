"""Convolution of images of one or three channels with 3x3 kernels, pixel by pixel, for machines that have numba.

The innermost loops run over the output's channels, whose values lie side by side; everything else that they use is
held in registers. They are compiled for several numbers of these channels, of which the compiler makes loops without
a remainder, and for any number. Products and sums may be taken in one go, which rounds once in place of twice.

Loading this module loads numba, and the first call of each function compiles it, once per machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from tracekit.engine.arrays import Array

_loops: Any = njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
_inlined: Any = njit(nogil=True, inline="always", error_model="numpy")


@_inlined
def _at_least(x: Any, low: Any) -> Any:
    """Return max(x, low); NaN stays NaN."""
    return x if not x <= low else low


@_inlined
def _frame(image: Array, padding: int, framed: Array) -> None:
    """Copy an image into a frame whose border is zero already."""
    height, width, channels = image.shape
    lines = image.reshape(height, width * channels)
    for y in range(height):
        source, target = lines[y], framed[padding + y, padding * channels :]
        for t in range(source.size):
            target[t] = source[t]


@_inlined
def _six(line: Array, start: int) -> Any:
    part = line[start : start + 6]
    return part[0], part[1], part[2], part[3], part[4], part[5]


@_inlined
def _correlate_gray(framed: Array, kernel: Array, bias: Array, low: float, out: Array, channels: int) -> None:
    height, width, _ = out.shape
    for row in range(height):
        a, b, c = framed[row], framed[row + 1], framed[row + 2]
        line = out[row]
        x = 0
        while x + 4 <= width:
            a0, a1, a2, a3, a4, a5 = _six(a, x)
            b0, b1, b2, b3, b4, b5 = _six(b, x)
            c0, c1, c2, c3, c4, c5 = _six(c, x)
            for k in range(channels):
                k0, k1, k2 = kernel[0, k], kernel[1, k], kernel[2, k]
                k3, k4, k5 = kernel[3, k], kernel[4, k], kernel[5, k]
                k6, k7, k8 = kernel[6, k], kernel[7, k], kernel[8, k]
                p = (
                    (a0 * k0 + a1 * k1 + a2 * k2)
                    + (b0 * k3 + b1 * k4 + b2 * k5)
                    + (c0 * k6 + c1 * k7 + c2 * k8)
                )
                q = (
                    (a1 * k0 + a2 * k1 + a3 * k2)
                    + (b1 * k3 + b2 * k4 + b3 * k5)
                    + (c1 * k6 + c2 * k7 + c3 * k8)
                )
                r = (
                    (a2 * k0 + a3 * k1 + a4 * k2)
                    + (b2 * k3 + b3 * k4 + b4 * k5)
                    + (c2 * k6 + c3 * k7 + c4 * k8)
                )
                s = (
                    (a3 * k0 + a4 * k1 + a5 * k2)
                    + (b3 * k3 + b4 * k4 + b5 * k5)
                    + (c3 * k6 + c4 * k7 + c5 * k8)
                )
                line[x, k] = _at_least(p + bias[k], low)
                line[x + 1, k] = _at_least(q + bias[k], low)
                line[x + 2, k] = _at_least(r + bias[k], low)
                line[x + 3, k] = _at_least(s + bias[k], low)
            x += 4
        while x < width:
            for k in range(channels):
                p = a[x] * kernel[0, k] + a[x + 1] * kernel[1, k] + a[x + 2] * kernel[2, k]
                p += b[x] * kernel[3, k] + b[x + 1] * kernel[4, k] + b[x + 2] * kernel[5, k]
                p += c[x] * kernel[6, k] + c[x + 1] * kernel[7, k] + c[x + 2] * kernel[8, k]
                line[x, k] = _at_least(p + bias[k], low)
            x += 1


@_inlined
def _nine(line: Array, start: int) -> Any:
    part = line[start : start + 9]
    return part[0], part[1], part[2], part[3], part[4], part[5], part[6], part[7], part[8]


@_inlined
def _add_color(source: Array, kernel: Array, out: Array, channels: int) -> None:
    """Add to a line of outputs what one line of the image brings, by one line of the kernel."""
    width = len(out)
    x = 0
    while x + 4 <= width:
        s0, s1, s2, s3, s4, s5, s6, s7, s8 = _nine(source, 3 * x)
        s9, s10, s11, s12, s13, s14, s15, s16, s17 = _nine(source, 3 * x + 9)
        for k in range(channels):
            k0, k1, k2, k3, k4 = kernel[0, k], kernel[1, k], kernel[2, k], kernel[3, k], kernel[4, k]
            k5, k6, k7, k8 = kernel[5, k], kernel[6, k], kernel[7, k], kernel[8, k]
            p = s0 * k0 + s1 * k1 + s2 * k2 + s3 * k3 + s4 * k4 + s5 * k5 + s6 * k6 + s7 * k7 + s8 * k8
            q = s3 * k0 + s4 * k1 + s5 * k2 + s6 * k3 + s7 * k4 + s8 * k5 + s9 * k6 + s10 * k7 + s11 * k8
            r = s6 * k0 + s7 * k1 + s8 * k2 + s9 * k3 + s10 * k4 + s11 * k5 + s12 * k6 + s13 * k7 + s14 * k8
            s = (
                s9 * k0
                + s10 * k1
                + s11 * k2
                + s12 * k3
                + s13 * k4
                + s14 * k5
                + s15 * k6
                + s16 * k7
                + s17 * k8
            )
            out[x, k] += p
            out[x + 1, k] += q
            out[x + 2, k] += r
            out[x + 3, k] += s
        x += 4
    while x < width:
        for t in range(9):
            for k in range(channels):
                out[x, k] += source[3 * x + t] * kernel[t, k]
        x += 1


@_inlined
def _correlate_color(
    framed: Array, kernel: Array, bias: Array, low: float, out: Array, channels: int
) -> None:
    height, width, _ = out.shape
    for row in range(height):
        line = out[row]
        for x in range(width):
            for k in range(channels):
                line[x, k] = bias[k]
        for i in range(3):
            _add_color(framed[row + i], kernel[9 * i : 9 * (i + 1)], line, channels)
        flat = line.reshape(-1)
        for i in range(flat.size):
            flat[i] = _at_least(flat[i], low)


@_loops
def correlate(images: Array, padding: int, kernel: Array, bias: Array, rectify: bool, out: Array) -> None:
    """Correlate images of one or three channels with a kernel of (9 x channels, out_channels)."""
    n, height, width, channels = images.shape
    low = np.float32(0) if rectify else np.float32(-np.inf)
    framed = np.zeros((height + 2 * padding, (width + 2 * padding) * channels), np.float32)
    for image in range(n):
        _frame(images[image], padding, framed)
        if channels == 1:
            _correlate_gray(framed, kernel, bias, low, out[image], out.shape[3])
        elif out.shape[3] == 32:
            _correlate_color(framed, kernel, bias, low, out[image], 32)
        else:
            _correlate_color(framed, kernel, bias, low, out[image], out.shape[3])


@_inlined
def _products_gray(a: Array, b: Array, c: Array, received: Array, sums: Array, channels: int) -> None:
    """Add three lines' products with the gradients of a line of outputs, at each of nine positions."""
    width = len(received)
    x = 0
    while x + 4 <= width:
        a0, a1, a2, a3, a4, a5 = _six(a, x)
        b0, b1, b2, b3, b4, b5 = _six(b, x)
        c0, c1, c2, c3, c4, c5 = _six(c, x)
        for k in range(channels):
            p, q, r, s = received[x, k], received[x + 1, k], received[x + 2, k], received[x + 3, k]
            sums[0, k] += a0 * p + a1 * q + a2 * r + a3 * s
            sums[1, k] += a1 * p + a2 * q + a3 * r + a4 * s
            sums[2, k] += a2 * p + a3 * q + a4 * r + a5 * s
            sums[3, k] += b0 * p + b1 * q + b2 * r + b3 * s
            sums[4, k] += b1 * p + b2 * q + b3 * r + b4 * s
            sums[5, k] += b2 * p + b3 * q + b4 * r + b5 * s
            sums[6, k] += c0 * p + c1 * q + c2 * r + c3 * s
            sums[7, k] += c1 * p + c2 * q + c3 * r + c4 * s
            sums[8, k] += c2 * p + c3 * q + c4 * r + c5 * s
        x += 4
    while x < width:
        for t in range(3):
            for k in range(channels):
                sums[t, k] += a[x + t] * received[x, k]
                sums[3 + t, k] += b[x + t] * received[x, k]
                sums[6 + t, k] += c[x + t] * received[x, k]
        x += 1


@_inlined
def _products_color(line: Array, received: Array, sums: Array, channels: int) -> None:
    """Add a line's products with the gradients of a line of outputs, at each of nine positions."""
    width = len(received)
    x = 0
    while x + 4 <= width:
        s0, s1, s2, s3, s4, s5, s6, s7, s8 = _nine(line, 3 * x)
        s9, s10, s11, s12, s13, s14, s15, s16, s17 = _nine(line, 3 * x + 9)
        for k in range(channels):
            p, q, r, s = received[x, k], received[x + 1, k], received[x + 2, k], received[x + 3, k]
            sums[0, k] += s0 * p + s3 * q + s6 * r + s9 * s
            sums[1, k] += s1 * p + s4 * q + s7 * r + s10 * s
            sums[2, k] += s2 * p + s5 * q + s8 * r + s11 * s
            sums[3, k] += s3 * p + s6 * q + s9 * r + s12 * s
            sums[4, k] += s4 * p + s7 * q + s10 * r + s13 * s
            sums[5, k] += s5 * p + s8 * q + s11 * r + s14 * s
            sums[6, k] += s6 * p + s9 * q + s12 * r + s15 * s
            sums[7, k] += s7 * p + s10 * q + s13 * r + s16 * s
            sums[8, k] += s8 * p + s11 * q + s14 * r + s17 * s
        x += 4
    while x < width:
        for t in range(9):
            for k in range(channels):
                sums[t, k] += line[3 * x + t] * received[x, k]
        x += 1


@_inlined
def _receive(gradient: Array, value: Array, image: int, row: int, received: Array) -> None:
    """Copy a line of an output's gradient, without where the output is not positive if that was rectified."""
    source, target = gradient[image, row].reshape(-1), received.reshape(-1)
    if value.size > 0:
        sign = value[image, row].reshape(-1)
        for i in range(target.size):
            target[i] = source[i] if sign[i] > 0 else 0
    else:
        for i in range(target.size):
            target[i] = source[i]


@_inlined
def _add_up(received: Array, total: Array) -> None:
    for x in range(len(received)):
        for k in range(total.size):
            total[k] += received[x, k]


@_inlined
def _add(summed: Array, out: Array) -> None:
    source, target = summed.reshape(-1), out.reshape(-1)
    for i in range(target.size):
        target[i] += source[i]


@_loops
def gradients(
    images: Array, padding: int, gradient: Array, value: Array, of_kernel: Array, of_bias: Array
) -> None:
    """Add to the gradients of a kernel of (9 x channels, out_channels) and of the bias.

    Where `value` is not empty, it is the rectified output, and the gradient flows where it is positive.
    """
    n, height, width, channels = images.shape
    _, out_height, out_width, out_channels = gradient.shape
    framed = np.zeros((height + 2 * padding, (width + 2 * padding) * channels), np.float32)
    received = np.empty((out_width, out_channels), np.float32)
    for image in range(n):
        _frame(images[image], padding, framed)
        # Summed up image by image, so that rounding does not grow with all pixels of a batch.
        sums = np.zeros((9 * channels, out_channels), np.float32)
        total = np.zeros(out_channels, np.float32)
        for row in range(out_height):
            _receive(gradient, value, image, row, received)
            _add_up(received, total)
            if channels == 1:
                _products_gray(framed[row], framed[row + 1], framed[row + 2], received, sums, out_channels)
            else:
                for i in range(3):
                    here = sums[9 * i : 9 * (i + 1)]
                    if out_channels == 32:
                        _products_color(framed[row + i], received, here, 32)
                    else:
                        _products_color(framed[row + i], received, here, out_channels)
        _add(sums, of_kernel)
        _add(total, of_bias)
