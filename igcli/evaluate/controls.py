"""Controls: attributions made without the network, which a faithful method has to beat.

Source: Adebayo et al. 2018 (arXiv 1810.03292) for the comparison with an edge detector; Judd,
Durand and Torralba 2012 (MIT-CSAIL-TR-2012-001) for chance and the centre.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from igcli.integration.randomness import generator
from igcli.records import Array

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey image (ITU-R BT.601)."""

WIDTH = 0.25
"""Standard deviation of the Gaussian around the centre, as a share of the height and the width."""

Map = npt.NDArray[np.float64]


def _random(image: Array, seed: int) -> Map:
    """Return independent values, uniform in 0...1."""
    return generator(seed, image, "random attributions").random(image.shape[:2])


def _edges(image: Array, _seed: int) -> Map:
    """Return the magnitude of the Sobel gradient of the grey image, borders reflected.

    Grey is the luma of three channels, otherwise their mean.
    """
    values = image.astype(np.float64)
    grey = values @ np.array(LUMA) if image.shape[2] == 3 else values.mean(-1)
    magnitude: Map = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
    return magnitude


def _center(image: Array, _seed: int) -> Map:
    """Return a Gaussian around the centre, stretched to the shape of the image; 1 at the centre."""
    rows, columns = (
        np.exp(-0.5 * (((np.arange(size) + 0.5) / size - 0.5) / WIDTH) ** 2)
        for size in image.shape[:2]
    )
    gaussian: Map = rows[:, None] * columns
    return gaussian


_MAPS: dict[str, Callable[[Array, int], Map]] = {
    "random": _random,
    "edges": _edges,
    "center": _center,
}

CONTROLS = tuple(_MAPS)
"""Names of the controls."""


def attributions_of(name: str, image: Array, seed: int) -> Array:
    """Return the attributions of a control, float32 (H, W, C); none is negative.

    Each channel holds its share of the control's map: their sum over the channels is the map.

    Args:
        name: One of `CONTROLS`.
        image: Float32 (H, W, C), as the network saw it, in pixel space.
        seed: The run's seed; with the image's content, it determines the random control.
    """
    channels = image.shape[2]
    share = (_MAPS[name](image, seed) / channels).astype(np.float32)
    return np.repeat(share[..., None], channels, -1)
