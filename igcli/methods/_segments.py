"""Overlapping segments of an image at several scales, and sums over what is left of them.

Source: the segments of XRAI in PAIR's package saliency, with its constants; Felzenszwalb and
Huttenlocher 2004, "Efficient graph-based image segmentation", as in scikit-image.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from igcli.records import Array

SCALES = (50, 100, 150, 250, 500, 1200)
SIGMA = 0.8
MIN_SIZE = 150
"""Smallest segment, in pixels of the resized image."""

SIDE = 224
"""Side of the square that the image is resized to for segmentation: its parameters depend on it."""

RADIUS = 5
"""By how many pixels of the image itself each segment is dilated."""

Double = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.intp]


class Segments:
    """Segments as lists of pixels, and the number and sum of those that are not taken yet.

    Attributes:
        counts: Int (S,), the pixels of each segment that are not taken.
        sums: Float64 (S,), the sum of their values.
    """

    def __init__(self, segments: list[Pixels], values: Double) -> None:
        """Take all segments as they are.

        Args:
            segments: S arrays of indices into the values, each rising.
            values: Float64 (P,), a value for each pixel.
        """
        self._segments, self._values = segments, values
        self._is_taken = np.zeros(len(values), np.bool_)
        self.counts = np.array([len(pixels) for pixels in segments])
        self.sums = np.array([values[pixels].sum() for pixels in segments])
        # The segments of each pixel, one after the other in the order of the pixels.
        pixels = np.concatenate(segments)
        order = np.argsort(pixels, kind="stable")
        self._owners = np.repeat(np.arange(len(segments)), self.counts)[order]
        self._first = np.searchsorted(pixels[order], np.arange(len(values) + 1))

    def left_of(self, segment: int) -> Pixels:
        """Return the pixels of a segment that are not taken."""
        pixels = self._segments[segment]
        return pixels[~self._is_taken[pixels]]

    def take(self, pixels: Pixels) -> None:
        """Take pixels away from all segments."""
        self._is_taken[pixels] = True
        repeats = self._first[pixels + 1] - self._first[pixels]
        offsets = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        owners = self._owners[np.repeat(self._first[pixels], repeats) + offsets]
        size, values = len(self._segments), np.repeat(self._values[pixels], repeats)
        self.counts -= np.bincount(owners, minlength=size)
        self.sums -= np.bincount(owners, values, minlength=size)

    def rest(self) -> Pixels:
        """Return the pixels that are not taken, of any segment or none."""
        return np.flatnonzero(~self._is_taken)


def segments_of(image: Array) -> list[Pixels]:
    """Return the segments of an image (H, W, C) at all scales, as rising indices of pixels."""
    # Imported here because scikit-image is an extra, and every method is loaded to list them.
    from skimage.segmentation import felzenszwalb
    from skimage.transform import resize

    smallest, largest = float(image.min()), float(image.max())
    range_ = np.float32(largest - smallest or 1)
    normalised = (image - np.float32(smallest)) / range_ * 2 - 1
    size, shape = (SIDE, SIDE), image.shape[:2]
    # Zeros beyond the edges and cubic interpolation, as in PAIR's.
    enlarged = resize(
        normalised, size, order=3, mode="constant", preserve_range=True, anti_aliasing=True
    )
    segments: list[Pixels] = []
    for scale in SCALES:
        labels = felzenszwalb(enlarged, scale=scale, sigma=SIGMA, min_size=MIN_SIZE)
        back = resize(
            labels, shape, order=0, mode="constant", preserve_range=True, anti_aliasing=False
        )
        segments += _dilated(back.astype(np.intp))
    return segments


def _dilated(labels: Pixels) -> Iterator[Pixels]:
    """Yield the pixels within `RADIUS` of each label of a map (H, W)."""
    width = labels.shape[1]
    for label, box in enumerate(ndimage.find_objects(labels + 1)):
        if box is None:  # Lost where the image is smaller than the square.
            continue
        rows, columns = (slice(max(span.start - RADIUS, 0), span.stop + RADIUS) for span in box)
        inside = labels[rows, columns] == label
        near = ndimage.distance_transform_edt(~inside) <= RADIUS
        row, column = np.nonzero(near)
        yield (row + rows.start) * width + column + columns.start
