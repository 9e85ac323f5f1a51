"""Gaussian blur in float32, which image libraries offer for 8 bits only."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from igcli.records import Array

TRUNCATE = 4
"""Radius of the kernel in standard deviations."""


class Blur:
    """Blurs one image, with its edges mirrored, so that they do not darken, or zeros around it.

    By Fourier transforms of the image next to its mirror images, or zeros. Matrix products would be
    faster on an idle machine and ten times slower beside a network that keeps all cores busy.
    """

    def __init__(self, image: Array, *, edges: Literal["mirror", "zero"] = "mirror") -> None:
        """Transform the image, once for any number of blurs.

        Args:
            image: Float32 (H, W, C).
            edges: Continuation of the image beyond its edges.

        Raises:
            ValueError: The image does not have three axes.
        """
        if image.ndim != 3:
            raise ValueError(
                f"only images (H, W, C) can be blurred, got an array of shape {image.shape}"
            )
        self._image = image
        self._wraps = edges == "mirror"
        extended = np.pad(image, [(0, side) for side in image.shape[:2]] + [(0, 0)])
        if self._wraps:
            extended = np.concatenate([image, image[::-1]])
            extended = np.concatenate([extended, extended[:, ::-1]], 1)
        self._spectrum = np.fft.rfft2(extended, axes=(0, 1))

    def by(self, sigma: float) -> Array:
        """Return the image blurred with a standard deviation of `sigma` pixels; 0 returns it as is.

        Returns:
            Float32 (H, W, C).
        """
        if sigma <= 0:
            return self._image
        height, width = self._image.shape[:2]
        down = np.fft.fft(_kernel(2 * height, sigma, wraps=self._wraps)).real.astype(np.float32)
        across = np.fft.rfft(_kernel(2 * width, sigma, wraps=self._wraps)).real.astype(np.float32)
        spectrum = self._spectrum * (down[:, None] * across)[..., None]
        blurred = np.fft.irfft2(spectrum, (2 * height, 2 * width), axes=(0, 1))
        return np.ascontiguousarray(blurred[:height, :width], np.float32)


def _kernel(size: int, sigma: float, *, wraps: bool) -> npt.NDArray[np.float64]:
    """Return the kernel around index 0 of a circle of `size` pixels, summing to one.

    If half the circle is zeros and must not wrap, offsets that reach beyond them are left out.
    """
    radius = int(TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    used = slice(None) if wraps else np.abs(offsets) < size // 2
    return np.bincount(offsets[used] % size, weights[used], size).astype(np.float64)
