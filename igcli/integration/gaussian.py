"""Gaussian blur in float32, which image libraries do for 8 bits alone."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from igcli.records import Array

REACH = 4
"""Where the kernel ends, in standard deviations."""


class Blur:
    """Blurs one image, its edges mirrored, so that nothing dark comes in, or with zeros around.

    By Fourier transforms of the image beside its mirror images, or zeros. Products of matrices
    would be faster on an idle machine and ten times slower beside a network that keeps all cores
    busy.
    """

    def __init__(self, image: Array, *, edges: Literal["mirror", "zero"] = "mirror") -> None:
        """Transform the image, once for any number of blurs.

        Args:
            image: Float32 (H, W, C).
            edges: What is seen beyond its edges.

        Raises:
            ValueError: The image has not three axes.
        """
        if image.ndim != 3:
            raise ValueError(
                f"only images (H, W, C) can be blurred, not arrays of shape {image.shape}"
            )
        self._image = image
        self._wraps = edges == "mirror"
        around = np.pad(image, [(0, side) for side in image.shape[:2]] + [(0, 0)])
        if self._wraps:
            around = np.concatenate([image, image[::-1]])
            around = np.concatenate([around, around[:, ::-1]], 1)
        self._spectrum = np.fft.rfft2(around, axes=(0, 1))

    def by(self, sigma: float) -> Array:
        """Return the image blurred by a Gaussian of `sigma` pixels; by 0 it is left as it is."""
        if sigma <= 0:
            return self._image
        height, width = self._image.shape[:2]
        down = np.fft.fft(_kernel(2 * height, sigma, wraps=self._wraps)).real.astype(np.float32)
        across = np.fft.rfft(_kernel(2 * width, sigma, wraps=self._wraps)).real.astype(np.float32)
        spectrum = self._spectrum * (down[:, None] * across)[..., None]
        whole = np.fft.irfft2(spectrum, (2 * height, 2 * width), axes=(0, 1))
        return np.ascontiguousarray(whole[:height, :width], np.float32)


def _kernel(size: int, sigma: float, *, wraps: bool) -> npt.NDArray[np.float64]:
    """Return the kernel around 0 of a circle of `size` pixels, summing to one.

    Where the circle is half zeros and must not wrap, what reaches beyond them falls on nothing.
    """
    radius = int(REACH * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    near = slice(None) if wraps else np.abs(offsets) < size // 2
    return np.bincount(offsets[near] % size, weights[near], size).astype(np.float64)
