"""im2col: image windows as rows of a matrix, one piece at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tracekit.engine.arrays import Array
from tracekit.engine.kernels import parallel
from tracekit.engine.kernels.compiled import loops_for
from tracekit.engine.kernels.memory import scratch

_PIECE_ELEMENTS = 2**18
"""Elements of the matrix at a time: 1 MiB of float32, the size of a second-level cache."""


class Windows:
    """The windows of images that lie in frames of zeros.

    Parameters
    ----------
    images : (n, height, width, channels)
    frame : (height, width)
        Size of a frame.
    offset : (row, column)
        Where in the frame an image begins.
    kernel_shape : (height, width)
        Size of a window.
    stride : int
        Distance of the windows from each other.
    spacing : int
        Distance of an image's pixels from each other in the frame; those that find no room are left out.
    """

    def __init__(
        self,
        images: Array,
        frame: tuple[int, int],
        offset: tuple[int, int],
        kernel_shape: tuple[int, ...],
        *,
        stride: int = 1,
        spacing: int = 1,
    ) -> None:
        self.images = images
        self.size = math.prod(kernel_shape) * images.shape[3]  #: elements of a window
        lengths = zip(frame, kernel_shape, strict=True)
        #: (n, height, width) in windows
        self.shape = (len(images), *((length - size) // stride + 1 for length, size in lengths))
        self._frame, self._offset, self._kernel_shape = frame, offset, kernel_shape
        self._stride, self._spacing = stride, spacing
        self._n_at_once = max(1, _PIECE_ELEMENTS // max(1, math.prod(self.shape[1:]) * self.size))
        self._kept: Array | None = None

    def parts(self) -> list[slice]:
        """Cut the batch for threads; what belongs to which part does not depend on how many there are."""
        n_images = len(self.images)
        return parallel.cut(n_images, min(parallel.N_PARTS, -(-n_images // self._n_at_once)))

    def pieces(self, part: slice) -> Iterator[tuple[slice, Array]]:
        """Yield (images, matrix with each of their windows as a row), which the next one is written over."""
        n_at_once = min(self._n_at_once, part.stop - part.start)
        shape = (n_at_once, *self.shape[1:], *self._kernel_shape, self.images.shape[3])
        if len(self.images) <= self._n_at_once:
            # All of it is one piece, small enough to be kept for the backward pass.
            if self._kept is None:
                self._kept = np.empty(shape, self.images.dtype)
                self._write(self.images, self._kept)
            yield part, self._kept.reshape(-1, self.size)
            return
        columns = scratch("columns", shape, self.images.dtype)
        for images in parallel.pieces(part, n_at_once):
            target = columns[: images.stop - images.start]
            self._write(self.images[images], target)
            yield images, target.reshape(-1, self.size)

    def _write(self, images: Array, out: Array) -> None:
        (top, left), step = self._offset, self._spacing
        loops = loops_for(images) if step == 1 else None
        if loops is not None:
            lines = out.reshape(*out.shape[:4], out.shape[4] * out.shape[5])
            loops.columns(images, self._stride, top, left, self._kernel_shape[1], lines)
            return
        n, height, width, channels = images.shape
        frames = scratch("frames", (n, *self._frame, channels), images.dtype)
        frames[:] = 0
        # The slices reach the frame's end, which may leave room for one more pixel than there is.
        frames[:, top::step, left::step][:, :height, :width] = images
        image, row, pixel, element = frames.strides
        strides = (image, row * self._stride, pixel * self._stride, row, pixel, element)
        # Not sliding_window_view, which takes as long as the copy does where a piece is small.
        np.copyto(out, np.ndarray(out.shape, frames.dtype, frames.data, strides=strides))
