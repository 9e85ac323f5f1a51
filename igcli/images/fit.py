"""Fits an image to the size of a network's input."""

from typing import Literal

import numpy as np
from PIL import Image

from igcli.records import Pixels

Fit = Literal["crop", "squash", "pad"]
Resample = Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}


def fit(
    pixels: Pixels, size: tuple[int, int], *, how: Fit, resample: Resample = "bilinear"
) -> Pixels:
    """Resize an image to `size`; one of that size is returned unchanged.

    Args:
        pixels: uint8 (H, W, C), C being 3 or 1.
        size: Requested height and width, at least 1.
        how: "crop" fits the shorter side and cuts out the centre; "squash" ignores the aspect
            ratio; "pad" fits the longer side and fills the rest with black, which gets no
            attribution from a black baseline.
        resample: Filter of Pillow: all but "nearest" are antialiased, as in Keras's `load_img`;
            "area" is the mean of the covered area, "box" in Pillow and Keras.

    Returns:
        uint8 (height, width, C).
    """
    if pixels.shape[:2] == size:
        return pixels
    if how == "pad":
        return _pad(pixels, size, resample)
    return _resize(pixels, size, resample, centre=how == "crop")


def _resize(pixels: Pixels, size: tuple[int, int], resample: Resample, *, centre: bool) -> Pixels:
    """Resize the image, or its largest centred part with the aspect ratio of `size`."""
    height, width = pixels.shape[:2]
    rows, columns = float(height), float(width)
    if centre:
        rows, columns = (
            min(rows, width * size[0] / size[1]),
            min(columns, height * size[1] / size[0]),
        )
    top, left = (height - rows) / 2, (width - columns) / 2
    box = (left, top, left + columns, top + rows)
    image = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[:, :, 0])
    resized = np.asarray(image.resize((size[1], size[0]), _FILTERS[resample], box=box))
    return resized.reshape(*size, pixels.shape[2])


def _pad(pixels: Pixels, size: tuple[int, int], resample: Resample) -> Pixels:
    scale = min(size[0] / pixels.shape[0], size[1] / pixels.shape[1])
    height, width = (
        min(limit, max(1, round(scale * length)))
        for limit, length in zip(size, pixels.shape, strict=False)
    )
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    padded = np.zeros((*size, pixels.shape[2]), np.uint8)
    resized = _resize(pixels, (height, width), resample, centre=False)
    padded[top : top + height, left : left + width] = resized
    return padded
